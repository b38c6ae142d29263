"""What is removed after how long, in pieces that may stop anywhere. Knows Dagster's tables, but not Dagster itself."""
