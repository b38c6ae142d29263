"""Alerts: what is wrong, told once to whom it concerns. Nothing of Dagster in here."""
