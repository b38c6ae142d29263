"""The kinds of objects in the sandbox's world, one class per GraphQL type. How they are made lives beside it."""
