"""Turns a query's answer into a frame with exact types: decimals stay decimals, instants keep their zone."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from psycopg import Column, Cursor
from psycopg.adapt import AdaptersMap
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

_DTYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int2": pl.Int64(),
    "int4": pl.Int64(),
    "int8": pl.Int64(),
    "oid": pl.Int64(),
    "float4": pl.Float64(),
    "float8": pl.Float64(),
    "date": pl.Date(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "interval": pl.Duration("us"),
    "bytea": pl.Binary(),
}
_PRECISION = 38


def json_as_text(adapters: AdaptersMap) -> None:
    """Hands JSON over as its text: parsing would turn its numbers into floats."""
    adapters.register_loader("json", TextLoader)
    adapters.register_loader("jsonb", TextLoader)


def frame(cursor: Cursor[TupleRow]) -> pl.DataFrame:
    """All rows of the cursor's answer. Types that Polars has no word for come as text."""
    description = cursor.description or []
    rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(description)
    return pl.DataFrame([_series(column, cells, cursor) for column, cells in zip(description, columns, strict=True)])


def _series(column: Column, cells: Sequence[Any], cursor: Cursor[TupleRow]) -> pl.Series:
    known = cursor.adapters.types.get(column.type_code)
    kind = known.name if known else "text"
    if kind == "numeric":
        return pl.Series(column.name, cells, dtype=pl.Decimal(_PRECISION, _scale(column, cells)))
    if kind in _DTYPES:
        return pl.Series(column.name, cells, dtype=_DTYPES[kind])
    if known and known.array_oid == column.type_code:
        return pl.Series(column.name, cells, dtype=pl.List(_DTYPES.get(kind, pl.String())))
    texts = [None if cell is None else str(cell) for cell in cells]
    return pl.Series(column.name, texts, dtype=pl.String)


def _scale(column: Column, cells: Sequence[Decimal | None]) -> int:
    """The column's own scale; a computed one has none, then that of the finest value."""
    if column.scale is not None:
        return column.scale
    exponents = [cell.as_tuple().exponent for cell in cells if cell is not None]
    return max((-exponent for exponent in exponents if isinstance(exponent, int)), default=0)
