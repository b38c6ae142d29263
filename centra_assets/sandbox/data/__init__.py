"""The sandbox's world: a fashion retailer's objects, made from a seed. No HTTP and no GraphQL here."""
