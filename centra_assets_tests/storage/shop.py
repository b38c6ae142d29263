"""Two small tables, parent and child, and rows for them. Makes data for the storage tests; asserts nothing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from centra_assets.storage.tables import Column, Table
from centra_assets.storage.warehouse import TableBatch

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)

ORDERS = Table(
    name="orders",
    columns=(
        Column("number", "bigint", nullable=False, description="Order number."),
        Column("status", "text", description="Status."),
        Column("grand_total", "numeric(19,4)", description="What the customer pays."),
    ),
    key=("number",),
    description="One row per order.",
)
LINES = Table(
    name="order_lines",
    columns=(
        Column("line_id", "bigint", nullable=False, description="Line."),
        Column("order_number", "bigint", nullable=False, description="Its order."),
        Column("quantity", "bigint", description="Units."),
    ),
    key=("line_id",),
    description="One row per line.",
)

_INSTANT = pl.Datetime("us", "UTC")
_CARRIED = {"_record_id": pl.String, "_partition": pl.String, "_source_updated_at": _INSTANT, "_fetched_at": _INSTANT}
_DTYPES = {"bigint": pl.Int64, "text": pl.String, "numeric(19,4)": pl.Decimal(19, 4), "jsonb": pl.String}


def batch(table: Table, rows: Iterable[Mapping[str, Any]]) -> TableBatch:
    """A batch from plain rows; what a row leaves out is null."""
    schema = {column.name: _DTYPES[column.type] for column in table.columns} | _CARRIED
    return TableBatch(table, pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema))


def order(
    number: int, status: str = "PENDING", total: str = "10", *, partition: str = "2025-03-01", minutes: int = 0
) -> dict[str, Any]:
    """One order's row, fetched `minutes` after noon."""
    return {
        "number": number,
        "status": status,
        "grand_total": Decimal(total),
        "_record_id": str(number),
        "_partition": partition,
        "_fetched_at": NOON + timedelta(minutes=minutes),
    }


def line(
    line_id: int, number: int, quantity: int = 1, *, partition: str = "2025-03-01", minutes: int = 0
) -> dict[str, Any]:
    """One line of an order, fetched with it."""
    return {
        "line_id": line_id,
        "order_number": number,
        "quantity": quantity,
        "_record_id": str(number),
        "_partition": partition,
        "_fetched_at": NOON + timedelta(minutes=minutes),
    }


def quarantined(*records: tuple[str, str, int], rule: str = "quantity") -> pl.DataFrame:
    """The frame of records set aside: (record id, partition, minutes after noon)."""
    rows = [(record, partition, NOON + timedelta(minutes=minutes)) for record, partition, minutes in records]
    frame = pl.DataFrame(
        rows, schema={"_record_id": pl.String, "_partition": pl.String, "_fetched_at": _INSTANT}, orient="row"
    )
    return frame.with_columns(reasons=pl.lit(f'[{{"table": "order_lines", "rule": "{rule}", "rows": 1}}]'))
