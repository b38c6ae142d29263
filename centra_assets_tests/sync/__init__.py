"""Hints followed, sweeps, reconciliation: against the sandbox over HTTP and a real PostgreSQL."""
