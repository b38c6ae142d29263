"""From a contract to the PostgreSQL table that keeps it. What Dagster shows of it is in `assets.metadata`."""

from collections.abc import Sequence

from centra_assets.entities.contract import Contract, one_line, sql_type
from centra_assets.storage.tables import Column, Follower, Table


def table_from(contract: type[Contract], *, schema: str, follows: Sequence[Follower] = ()) -> Table:
    """The table of a contract: columns in the contract's order, its key, its descriptions.

    What follows the table reads it by day, so those columns have an index; `_partition` has one anyway.
    """
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
    own = {column.name for column in columns}
    return Table(
        name=contract.table,
        columns=tuple(columns),
        key=tuple(contract.primary_key()),
        description=one_line(contract.__doc__),
        schema=schema,
        indexes=tuple((name,) for name in sorted({follower.column for follower in follows} & own)),
        follows=tuple(follows),
    )
