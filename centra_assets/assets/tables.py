"""The PostgreSQL table of a core contract, with what follows it. How Dagster shows the contract is in `metadata`."""

from centra_assets.marts.registry import core_table as table_of

__all__ = ["table_of"]
