"""Tables for analysis: what they promise, the SQL that computes them, how they stay fresh. Knows nothing of Dagster."""
