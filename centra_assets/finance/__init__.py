"""The month-end workbook: what its sheets promise, the SQL behind them, their layout. Knows nothing of Dagster."""
