"""How cells look: number formats by currency, headers, widths, and text that no program takes for a formula."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from centra_assets.finance.errors import WorkbookRefusedError

# What spreadsheets take for the beginning of a formula when a cell is edited or the sheet is saved as CSV.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
NARROWEST, WIDEST = 9, 48
# A cell is a double, of which spreadsheets show and keep fifteen digits.
CELL = Context(prec=15)
DATE = "yyyy-mm-dd"
WHOLE = "#,##0"
PERCENT = '0.####"%"'


def amount_format(decimals: int) -> str:
    """The number format of amounts with so many decimals; negative ones keep their minus."""
    return WHOLE + (f".{'0' * decimals}" if decimals else "")


def heading(column: str) -> str:
    """A column's name as its header: `gross_base` is `Gross base`."""
    return column.replace("_", " ").capitalize()


def as_number(value: Decimal) -> Decimal:
    """The amount, if a spreadsheet keeps every digit of it; else WorkbookRefusedError, without the value."""
    if CELL.create_decimal(value) != value:
        raise WorkbookRefusedError("An amount has more digits than a spreadsheet keeps.")
    return value


def width(title: str, texts: Sequence[str]) -> int:
    """Characters that a column needs, within bounds; the header also holds the filter's arrow."""
    longest = max([len(title) + 3, *(len(text) + 1 for text in texts)])
    return max(NARROWEST, min(WIDEST, longest))


def shown(value: Any) -> str:
    """About what a value looks like, to measure it."""
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value or "")


@dataclass
class Formats:
    """The formats of one workbook, each made once. `book` is xlsxwriter's."""

    book: Any
    _made: dict[tuple[tuple[str, Any], ...], Any] = field(default_factory=dict)

    def of(self, **properties: Any) -> Any:
        """The format with these properties of xlsxwriter's."""
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self.book.add_format(properties)
        return self._made[key]

    def header(self) -> Any:
        """Of column headers."""
        return self.of(bold=True, text_wrap=True, valign="top", bottom=1, bg_color="#E7ECF2")

    def text(self, value: str, **properties: Any) -> Any:
        """Of a text; one that begins like a formula is marked as text for good."""
        if value.startswith(_FORMULA_SIGNS):
            properties["quote_prefix"] = True
        return self.of(**properties) if properties else None

    def amount(self, decimals: int, **properties: Any) -> Any:
        """Of an amount."""
        return self.of(num_format=amount_format(decimals), **properties)


def decimals_of(currency: str, known: Mapping[str, int]) -> int:
    """Decimals of a currency: the instance's own number, else what most currencies have."""
    return known.get(currency, 2)
