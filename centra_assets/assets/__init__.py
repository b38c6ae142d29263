"""From entities to Dagster assets: extraction into the lake, loading into core, and the factories around both."""
