"""Centra commerce data as Dagster assets. Importing this package does no work; `definitions` wires everything."""
