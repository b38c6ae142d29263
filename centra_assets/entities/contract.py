"""The vocabulary of table contracts: columns with a description, a source and a personal-data mark."""

from typing import Any, ClassVar

import dataframely as dy
import polars as pl

# Money keeps four decimals (unit prices of wholesale lists have them), rates eight. Never a float.
MONEY_PRECISION, MONEY_SCALE = 19, 4
RATE_PRECISION, RATE_SCALE = 19, 8

# The share of records that may be in quarantine where people book money by the table.
SHARE_OF_MONEY = 0.03


class Contract(dy.Schema):
    """A core table's promise. The subclass's docstring says what one row is and becomes the table's comment.

    Columns are `dataframely` columns made by the functions below. `@dy.rule()` methods are the row rules; a record
    with a row that breaks one is quarantined whole. The primary key is what `key=True` marks.
    """

    table: ClassVar[str]
    # The share of records that may be in quarantine; above it, nothing is computed from the entity.
    quarantine_blocks_above: ClassVar[float] = 0.05


def _metadata(source: str, personal_data: bool) -> dict[str, Any]:
    return {"source": source, "personal_data": personal_data}


def text(
    description: str, *, source: str = "", key: bool = False, nullable: bool = True, personal_data: bool = False
) -> dy.String:
    """Text as Centra gives it. `source` is the GraphQL path below the record, such as `totals.shipping`."""
    return dy.String(
        nullable=nullable and not key,
        primary_key=key,
        description=description,
        metadata=_metadata(source, personal_data),
    )


def whole(description: str, *, source: str = "", key: bool = False, nullable: bool = True) -> dy.Int64:
    """A whole number: an id or a quantity."""
    return dy.Int64(
        nullable=nullable and not key, primary_key=key, description=description, metadata=_metadata(source, False)
    )


def flag(description: str, *, source: str = "", nullable: bool = True) -> dy.Bool:
    """True or false; null where the token or the instance does not let us know."""
    return dy.Bool(nullable=nullable, description=description, metadata=_metadata(source, False))


def money(description: str, *, source: str = "", nullable: bool = True) -> dy.Decimal:
    """An amount in the row's `currency`, four decimals."""
    return dy.Decimal(
        MONEY_PRECISION,
        MONEY_SCALE,
        nullable=nullable,
        description=description,
        metadata=_metadata(source, False),
    )


def rate(description: str, *, source: str = "", nullable: bool = True) -> dy.Decimal:
    """A ratio or percentage, eight decimals; the description says which."""
    return dy.Decimal(
        RATE_PRECISION, RATE_SCALE, nullable=nullable, description=description, metadata=_metadata(source, False)
    )


def instant(description: str, *, source: str = "", nullable: bool = True, key: bool = False) -> dy.Datetime:
    """A moment, stored in UTC with microseconds."""
    return dy.Datetime(
        nullable=nullable and not key,
        primary_key=key,
        time_zone="UTC",
        time_unit="us",
        description=description,
        metadata=_metadata(source, False),
    )


def day(
    description: str, *, source: str = "", nullable: bool = True, key: bool = False, personal_data: bool = False
) -> dy.Date:
    """A calendar day without a zone; the description says whose calendar."""
    return dy.Date(
        nullable=nullable and not key,
        primary_key=key,
        description=description,
        metadata=_metadata(source, personal_data),
    )


def document(description: str, *, source: str = "", nullable: bool = True, personal_data: bool = False) -> dy.String:
    """A JSON document as text in the frame; `jsonb` in PostgreSQL."""
    return dy.String(
        nullable=nullable,
        description=description,
        metadata={**_metadata(source, personal_data), "json": True},
    )


def sql_type(column: dy.Column) -> str:
    """PostgreSQL's own spelling of a contract column's type, as `format_type` prints it."""
    match column.dtype:
        case pl.String():
            return "jsonb" if (column.metadata or {}).get("json") else "text"
        case pl.Int64():
            return "bigint"
        case pl.Boolean():
            return "boolean"
        case pl.Decimal() as decimal:
            return f"numeric({decimal.precision},{decimal.scale})"
        case pl.Datetime():
            return "timestamp with time zone"
        case pl.Date():
            return "date"
    raise TypeError(f"contracts have no columns of type {column.dtype}")


def one_line(text: str | None) -> str:
    """A docstring as one paragraph."""
    return " ".join((text or "").split())
