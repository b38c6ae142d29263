"""From a contract to the PostgreSQL table that keeps it. How Dagster shows the same contract is in `metadata`."""

from functools import cache

from centra_assets.entities.contract import Contract, one_line, sql_type
from centra_assets.storage.tables import Column, Table


@cache
def table_of(contract: type[Contract]) -> Table:
    """The core table of a contract: columns in the contract's order, its key, its descriptions."""
    columns = []
    for name, column in contract.columns().items():
        meta = column.metadata or {}
        columns.append(
            Column(
                name=name,
                type=sql_type(column),
                nullable=column.nullable and not column.primary_key,
                description=column.description or "",
                personal_data=bool(meta.get("personal_data")),
            )
        )
    return Table(
        name=contract.table,
        columns=tuple(columns),
        key=tuple(contract.primary_key()),
        description=one_line(contract.__doc__),
    )
