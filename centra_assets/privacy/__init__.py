"""Personal data: where it is, how it is masked, how a person is forgotten. No Dagster here, and no fetching."""
