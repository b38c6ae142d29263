"""Centra's Integration API client: documents, budget, paging, errors. Knows neither Dagster nor our tables."""
