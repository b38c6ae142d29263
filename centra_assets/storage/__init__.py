"""Where data rests: the Parquet lake and the PostgreSQL warehouse. Knows neither Centra's API nor Dagster."""
