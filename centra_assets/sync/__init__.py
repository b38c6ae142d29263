"""Keeping raw and core as fresh as Centra: hints followed, sweeps, reconciliation. No asset is defined here."""
