"""Personal data: where it is, how it is masked, how a customer is forgotten. Knows nothing of Dagster; fetches nothing."""
