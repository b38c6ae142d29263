"""From a contract to the PostgreSQL table that keeps it. How Dagster shows the same contract is in `metadata`."""

from functools import cache

import polars as pl

from centra_assets.entities.contract import Contract
from centra_assets.storage.tables import Column, Table


def _postgres_type(dtype: pl.DataType, json: bool) -> str:
    """PostgreSQL's own spelling of a contract column's type, as `format_type` prints it."""
    match dtype:
        case pl.String():
            return "jsonb" if json else "text"
        case pl.Int64():
            return "bigint"
        case pl.Boolean():
            return "boolean"
        case pl.Decimal():
            return f"numeric({dtype.precision},{dtype.scale})"
        case pl.Datetime():
            return "timestamp with time zone"
        case pl.Date():
            return "date"
    raise TypeError(f"contracts have no columns of type {dtype}")


@cache
def table_of(contract: type[Contract]) -> Table:
    """The core table of a contract: columns in the contract's order, its key, its descriptions."""
    columns = []
    for name, column in contract.columns().items():
        meta = column.metadata or {}
        columns.append(
            Column(
                name=name,
                type=_postgres_type(column.dtype, bool(meta.get("json"))),
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


def one_line(text: str | None) -> str:
    """A docstring as one paragraph."""
    return " ".join((text or "").split())
