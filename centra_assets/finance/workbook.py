"""Writes the frames of a month as one .xlsx, the same bytes for the same data. What they hold is decided before."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import dataframely as dy
import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from centra_assets.entities.contract import MONEY_SCALE, one_line
from centra_assets.finance import layout
from centra_assets.finance.errors import WorkbookRefusedError
from centra_assets.finance.figures import Figures
from centra_assets.finance.frames import cells
from centra_assets.finance.sheets import CONTROLS, DIFFERENCES, SHEETS, Sheet

# Row of the column headers, from 0, on every sheet with a table; rows of data follow it.
HEADER_ROW = 3
HOW_TO_READ = "How to read"
# A file that says when it was made could never be the same twice.
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a document property, written without a zone
_ROWS_PER_SHEET = 1_048_576
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write(figures: Figures, frames: Mapping[str, pd.DataFrame], *, about: Sequence[tuple[str, str]]) -> bytes:
    """The workbook's bytes. `frames` by sheet name, Controls among them; `about` are the lines that open the summary.

    Raises WorkbookRefusedError where a value or the number of rows does not fit into a spreadsheet.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, _OPTIONS) as book:
        book.set_properties({"title": f"Finance {figures.month.name}", "author": "centra_assets", "created": _CREATED})
        pages = _Pages(book, figures)
        pages.summary(frames, about)
        for sheet in SHEETS:
            pages.table(sheet, frames[sheet.name])
        pages.how_to_read()
    return content.getvalue()


class _Pages:
    """The workbook's sheets while they are written."""

    def __init__(self, book: Any, figures: Figures) -> None:
        self._book, self._figures = book, figures
        self._formats = layout.Formats(book)

    def summary(self, frames: Mapping[str, pd.DataFrame], about: Sequence[tuple[str, str]]) -> None:
        """What the workbook is, how far it can be relied on, what is in it, and the controls."""
        page = self._page(CONTROLS.title, f"Month-end workbook {self._figures.month.name}")
        page.set_column(0, 0, 34)
        page.set_column(1, 4, 20)
        row = 2
        for name, said in about:
            self._text(page, row, 0, name, bold=True)
            self._text(page, row, 1, said)
            row += 1
        row = self._list_of_sheets(page, row + 1, frames)
        self._text(page, row + 1, 0, one_line(CONTROLS.contract.__doc__), italic=True)
        self._rows(page, CONTROLS, cells(frames[CONTROLS.name]), row + 2)

    def _list_of_sheets(self, page: Any, row: int, frames: Mapping[str, pd.DataFrame]) -> int:
        self._text(page, row, 0, "Sheet", bold=True)
        self._text(page, row, 1, "Rows", bold=True)
        for sheet in SHEETS:
            row += 1
            page.write_url(row, 0, f"internal:'{sheet.title}'!A1", string=sheet.title)
            page.write_number(row, 1, len(frames[sheet.name]), self._formats.of(num_format=layout.WHOLE))
        return row + 1

    def table(self, sheet: Sheet, frame: pd.DataFrame) -> None:
        """A sheet's rows below a frozen header with filters, and the sums per currency below them."""
        rows = cells(frame)
        if len(rows) + HEADER_ROW + 200 > _ROWS_PER_SHEET:
            raise WorkbookRefusedError(f"{sheet.title} has {len(rows)} rows, more than a spreadsheet holds.")
        page = self._page(sheet.title, f"{sheet.title}, {self._figures.month.name}")
        self._text(page, 1, 0, one_line(sheet.contract.__doc__), italic=True)
        self._rows(page, sheet, rows, HEADER_ROW)
        last = HEADER_ROW + max(1, len(rows))
        page.freeze_panes(HEADER_ROW + 1, 0)
        page.autofilter(HEADER_ROW, 0, last, len(sheet.columns) - 1)
        page.repeat_rows(HEADER_ROW)
        for place, name in enumerate(sheet.columns):
            texts = [layout.shown(row[place]) for row in rows]
            page.set_column(place, place, layout.width(layout.heading(name), texts))
        if rows and sheet.sums:
            self._sums(page, sheet, rows)

    def how_to_read(self) -> None:
        """What every sheet, column and kind of difference means."""
        page = self._page(HOW_TO_READ, HOW_TO_READ)
        page.set_column(0, 1, 28)
        page.set_column(2, 2, 120)
        lines: list[tuple[str, str, str]] = []
        for sheet in (*SHEETS, CONTROLS):
            lines.append((sheet.title, "", one_line(sheet.contract.__doc__)))
            columns = sheet.contract.columns().items()
            lines += [(sheet.title, layout.heading(name), column.description or "") for name, column in columns]
        lines += [("Open differences", kind, meaning) for kind, meaning in DIFFERENCES.items()]
        for row, line in enumerate(lines, 2):
            for place, said in enumerate(line):
                self._text(page, row, place, said, **({"bold": True} if not line[1] else {}))

    def _page(self, title: str, heading: str) -> Any:
        page = self._book.add_worksheet(title)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_footer("&L&A&R&P / &N")
        reserved = self._figures.reserved
        self._text(page, 0, 0, f"{heading} - {reserved}" if reserved else heading, bold=True, font_size=14)
        return page

    def _rows(self, page: Any, sheet: Sheet, rows: Sequence[tuple[Any, ...]], header: int) -> None:
        currency = sheet.columns.index("currency")
        for place, name in enumerate(sheet.columns):
            page.write_string(header, place, layout.heading(name), self._formats.header())
        for row, values in enumerate(rows, header + 1):
            for place, (name, value) in enumerate(zip(sheet.columns, values, strict=True)):
                if value is not None:
                    self._cell(page, row, place, sheet, value, self._decimals(name, values[currency]))

    def _cell(self, page: Any, row: int, place: int, sheet: Sheet, value: Any, decimals: int) -> None:
        name = sheet.columns[place]
        column = sheet.contract.columns()[name]
        match value:
            case bool():
                page.write_boolean(row, place, value)
            case str():
                self._text(page, row, place, value)
            case int():
                # Ids and numbers of orders are no quantities: without separators they can be searched for.
                whole = "0" if name.endswith(("_id", "_number")) else layout.WHOLE
                page.write_number(row, place, value, self._formats.of(num_format=whole))
            case date():
                page.write_datetime(row, place, value, self._formats.of(num_format=layout.DATE))
            case Decimal() if isinstance(column, dy.Decimal) and column.scale != MONEY_SCALE:
                page.write_number(row, place, value, self._formats.of(num_format=layout.PERCENT))
            case Decimal():
                page.write_number(row, place, layout.as_number(value), self._formats.amount(decimals))
            case _:
                raise WorkbookRefusedError(f"A cell holds a {type(value).__name__}, which no sheet has.")

    def _sums(self, page: Any, sheet: Sheet, rows: Sequence[tuple[Any, ...]]) -> None:
        """A row per currency, each sum a formula over the table with its exact value beside it for who cannot count."""
        first, last = HEADER_ROW + 1, HEADER_ROW + len(rows)
        currency = sheet.columns.index("currency")
        bold = {"bold": True, "top": 1}
        codes = sorted({row[currency] for row in rows})
        self._base_sums(page, sheet, rows, last + 2 + len(codes))
        for row, code in enumerate(codes, last + 2):
            self._text(page, row, 0, f"Total {code}", **bold)
            self._text(page, row, currency, code, **bold)
            for name in sheet.sums:
                place = sheet.columns.index(name)
                values = [values[place] for values in rows if values[currency] == code]
                if any(value is None for value in values):
                    self._text(page, row, place, "not known", **bold)
                    continue
                column = xl_col_to_name(place)
                criterion = xl_rowcol_to_cell(row, currency, col_abs=True)
                names = xl_col_to_name(currency)
                formula = (
                    f"=SUMIFS({column}${first + 1}:{column}${last + 1},"
                    f"${names}${first + 1}:${names}${last + 1},{criterion})"
                )
                total = layout.as_number(sum(values, Decimal(0)))
                decimals = 0 if isinstance(values[0], int) else self._decimals(name, code)
                page.write_formula(row, place, formula, self._formats.amount(decimals, **bold), total)

    def _base_sums(self, page: Any, sheet: Sheet, rows: Sequence[tuple[Any, ...]], row: int) -> None:
        """Only amounts in the base currency can be summed over all currencies."""
        names = [name for name in sheet.sums if name.endswith("_base")]
        if not names:
            return
        bold = {"bold": True, "top": 1}
        self._text(page, row, 0, f"Total in base currency {self._figures.base_currency or ''}".rstrip(), **bold)
        for name in names:
            place = sheet.columns.index(name)
            values = [values[place] for values in rows]
            if any(value is None for value in values):
                self._text(page, row, place, "not known", **bold)
                continue
            column = xl_col_to_name(place)
            formula = f"=SUM({column}{HEADER_ROW + 2}:{column}{HEADER_ROW + 1 + len(rows)})"
            total = layout.as_number(sum(values, Decimal(0)))
            page.write_formula(row, place, formula, self._formats.amount(self._decimals(name, ""), **bold), total)

    def _decimals(self, column: str, currency: str) -> int:
        code = self._figures.base_currency or "" if column.endswith("_base") else currency
        return layout.decimals_of(code, self._figures.decimals)

    def _text(self, page: Any, row: int, place: int, value: str, **properties: Any) -> None:
        if page.write_string(row, place, value, self._formats.text(value, **properties)) != 0:
            raise WorkbookRefusedError("A text is longer than a spreadsheet's cell.")
