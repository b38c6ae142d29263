"""Personal data: where it is, how it is masked, how a customer is forgotten. No Dagster here, and no fetching."""
