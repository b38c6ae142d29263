"""Reads everything a workbook shows from one moment of the database. What is done with the rows is elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.entities.registry import ENTITIES
from centra_assets.finance.controls import Sums, compared, sums_of
from centra_assets.finance.month import Month
from centra_assets.finance.sheets import CONTROLS, SHEETS, Sheet
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.registry import core_table
from centra_assets.storage.warehouse import Warehouse

# What the statements read; the asset exists only where all of it is wired.
READS = (
    "orders",
    "order_lines",
    "order_discounts",
    "order_taxes",
    "payments",
    "returns",
    "return_refunds",
    "stores",
    "markets",
    "currencies",
)

_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CURRENCIES = "SELECT code, coalesce(decimal_digits, 2), is_base IS TRUE FROM core.currencies WHERE code IS NOT NULL"
_NEWEST = """
SELECT max(at) FROM (
  SELECT max(_loaded_at) AS at FROM core.orders WHERE business_date >= %(first)s AND business_date < %(following)s
  UNION ALL
  SELECT max(_loaded_at) FROM core.payments WHERE business_date >= %(first)s AND business_date < %(following)s
  UNION ALL
  SELECT max(_loaded_at) FROM core.returns WHERE business_date >= %(first)s AND business_date < %(following)s
) changes
"""
_STALE = """
SELECT count(DISTINCT partition) FROM ops.stale_partition WHERE asset = %(mart)s AND partition = ANY(%(days)s)
"""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """The rows of every sheet by its name, and what is needed to show them.

    `decimals` are those of each currency; `newest` is when a row of the month was last changed; `stale_days` are days
    on which marts/daily_sales is not up to date with what is shown here. `reserved` says why they are not final.
    """

    month: Month
    rows: Mapping[str, Sequence[Row]]
    decimals: Mapping[str, int]
    base_currency: str | None
    newest: datetime | None
    stale_days: int
    reserved: str = ""


def figures(warehouse: Warehouse, month: Month, *, reserved: str = "") -> Figures:
    """Everything of the month, as the database was at one moment. Raises storage's errors."""
    _prepare(warehouse)
    return warehouse.transact(lambda cursor: _read(cursor, month, reserved))


def core_sums(warehouse: Warehouse, month: Month) -> Sums:
    """The sums that the month's sheets must have, taken from core by another way than theirs."""
    _prepare(warehouse)
    return warehouse.transact(lambda cursor: _core_sums(cursor, month))


def _prepare(warehouse: Warehouse) -> None:
    # A shop without a single return has no such table yet; an empty one says the same.
    contracts = [contract for entity in ENTITIES for contract in entity.tables if contract.table in READS]
    warehouse.prepare([DAILY_SALES.table, *(core_table(contract) for contract in contracts)])


def _read(cursor: Cursor[TupleRow], month: Month, reserved: str) -> Figures:
    values = _values(month)
    cursor.execute(_ONE_MOMENT)
    rows: dict[str, Sequence[Row]] = {sheet.name: _rows(cursor, _of_orders(sheet), values) for sheet in SHEETS}
    rows[CONTROLS.name] = compared(sums_of(rows), _core_sums(cursor, month))
    known = cursor.execute(_CURRENCIES).fetchall()
    return Figures(
        month=month,
        rows=rows,
        decimals={code: digits for code, digits, _ in known},
        base_currency=next((code for code, _, is_base in sorted(known) if is_base), None),
        newest=_one(cursor, _NEWEST, values),
        stale_days=_one(cursor, _STALE, {**values, "mart": DAILY_SALES.asset}),
        reserved=reserved,
    )


def _core_sums(cursor: Cursor[TupleRow], month: Month) -> Sums:
    statement = _text("controls").replace("{mart}", f"\n{DAILY_SALES.statement}")
    found = _rows(cursor, statement, _values(month))
    return {
        (row["control"], row["currency"]): None if row["amount"] is None else Decimal(row["amount"]) for row in found
    }


def _of_orders(sheet: Sheet) -> str:
    return sheet.statement.replace("{finance_order}", f"finance_order AS MATERIALIZED (\n{_text('orders')})")


def _values(month: Month) -> dict[str, Any]:
    return {"first": month.first, "following": month.following, "days": month.days}


def _rows(cursor: Cursor[TupleRow], statement: str, values: Mapping[str, Any]) -> list[Row]:
    cursor.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _one(cursor: Cursor[TupleRow], statement: LiteralString, values: Mapping[str, Any]) -> Any:
    (row,) = cursor.execute(statement, values).fetchall()
    return row[0]


@cache
def _text(name: str) -> str:
    return (files(__package__ or "") / f"{name}.sql").read_text(encoding="utf-8")
