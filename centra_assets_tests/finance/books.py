"""A shop of hand-made records with its currencies, and its workbook read as a spreadsheet reads it. No Dagster."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl

from centra_assets.assets.tables import table_of
from centra_assets.assets.workbook_types import gate
from centra_assets.entities.reference import CURRENCIES, MARKETS, STORES
from centra_assets.finance.figures import Figures, figures
from centra_assets.finance.frames import frame
from centra_assets.finance.layout import heading
from centra_assets.finance.month import Month
from centra_assets.finance.sheets import CONTROLS, SHEETS
from centra_assets.finance.workbook import HEADER_ROW, write
from centra_assets.storage.warehouse import PartitionScope, TableBatch
from centra_assets_tests.entities.reading import CONTEXT, read
from centra_assets_tests.marts.shop import Shop

# A month that is over, whatever today is, and the one before it.
MONTH = Month.holding(datetime.now(CONTEXT.time_zone).date()).before().before()
EARLIER = MONTH.before()
DAY = MONTH.first + timedelta(days=11)

_CURRENCIES = (("SEK", 2, "1", True), ("JPY", 0, "0.07", False), ("KWD", 3, "33.5", False))


class Books(Shop):
    """Core of one database, with stores, markets and currencies of 0, 2 and 3 decimals."""

    def prepare(self) -> "Books":
        """Loads the reference data; two stores, one market."""
        self.reference(
            CURRENCIES,
            *[
                {
                    "id": place,
                    "code": code,
                    "decimalDigits": digits,
                    "denominator": 10**digits,
                    "currentBaseRate": Decimal(rate),
                    "isBase": is_base,
                }
                for place, (code, digits, rate, is_base) in enumerate(_CURRENCIES, 1)
            ],
        )
        self.reference(STORES, {"id": 1, "name": "Web shop"})
        self.reference(MARKETS, {"id": 2, "name": "Sweden", "store": {"id": 1}})
        return self

    def reference(self, entity: Any, *records: Mapping[str, Any]) -> None:
        """Records of an entity that is one snapshot."""
        parsed = read(entity, *[dict(record) for record in records])
        assert parsed.quarantined.is_empty(), parsed.quarantined["reasons"].to_list()
        self.warehouse.prepare([table_of(contract) for contract in entity.tables])
        batches = [
            TableBatch(
                table_of(contract), parsed.tables[contract.table].with_columns(_fetched_at=pl.lit(datetime.now(UTC)))
            )
            for contract in entity.tables
        ]
        self.warehouse.load(entity.name, batches, scope=PartitionScope(["all"]), run_id="test")

    def figures(self, month: Month = MONTH, **given: Any) -> Figures:
        """What the workbook of the month shows."""
        return figures(self.warehouse, month, **given)

    def workbook(self, month: Month = MONTH, **given: Any) -> bytes:
        """The workbook's bytes, through the gate."""
        return written(self.figures(month, **given))


def written(computed: Figures) -> bytes:
    """A workbook of these figures, through the gate."""
    frames = {sheet.name: gate(sheet, frame(sheet, computed.rows[sheet.name])) for sheet in (*SHEETS, CONTROLS)}
    return write(computed, frames, about=[("Month", computed.month.name)])


def opened(content: bytes, *, values: bool = True) -> Any:
    """The workbook, as a spreadsheet program opens it; with `values`, formulas show what is stored beside them."""
    return openpyxl.load_workbook(io.BytesIO(content), data_only=values)


def table(book: Any, title: str) -> list[dict[str, Any]]:
    """The rows of a sheet's table by its headers."""
    rows = list(book[title].iter_rows(min_row=HEADER_ROW + 1, values_only=True))
    headers, found = [name for name in rows[0] if name], []
    for row in rows[1:]:
        if not any(value is not None for value in row):
            break
        found.append(dict(zip(headers, row, strict=False)))
    return found


def exact(value: Any) -> Decimal:
    """What a spreadsheet's double says, digit by digit."""
    return Decimal(repr(value))


def summed(rows: Sequence[Mapping[str, Any]], column: str, currency: str) -> Decimal:
    """The sum of a column's cells in one currency."""
    cells = [row[heading(column)] for row in rows if row["Currency"] == currency]
    return sum((exact(cell) for cell in cells if cell is not None), Decimal(0))
