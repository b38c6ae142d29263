"""Reads the tables of a written workbook back, cell by cell. Only for sums: it knows no formats and no formulas."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree import ElementTree

from centra_assets.finance.errors import WorkbookUnreadableError
from centra_assets.finance.layout import CELL, heading
from centra_assets.finance.sheets import SHEETS, Sheet

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_BROKEN = (zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError, ValueError, InvalidOperation)

Cells = Mapping[str, str]


def rows_of(content: bytes) -> dict[str, list[dict[str, Any]]]:
    """The rows of every sheet by its name, with `currency` and the columns that are summed. Empty amounts are None.

    Raises WorkbookUnreadableError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            texts, pages = _texts(book), _pages(book)
            return {sheet.name: _table(sheet, list(_rows(book, pages[sheet.title], texts))) for sheet in SHEETS}
    except _BROKEN as error:
        raise WorkbookUnreadableError(f"A workbook cannot be read back ({type(error).__name__}).") from None


def _table(sheet: Sheet, rows: Sequence[Cells]) -> list[dict[str, Any]]:
    """The rows between the header and the first empty row."""
    headings = {heading(name): name for name in sheet.columns}
    start = next((place for place, row in enumerate(rows) if set(headings) <= set(row.values())), None)
    if start is None:
        raise WorkbookUnreadableError(f"A workbook's sheet {sheet.title!r} has lost its header or some of its columns.")
    columns = {letter: headings[said] for letter, said in rows[start].items() if said in headings}
    numbers = {*sheet.money_columns(), *sheet.sums}
    found = []
    for row in rows[start + 1 :]:
        if not row:
            break
        values = {columns[letter]: value for letter, value in row.items() if letter in columns}
        amounts = {name: _amount(values[name]) if name in values else None for name in numbers}
        found.append({"currency": values["currency"], **amounts})
    return found


def _amount(written: str) -> Decimal:
    """The amount in a cell. Programs save the same double in up to 17 digits, the last two of which mean nothing."""
    return CELL.create_decimal(written)


def _rows(book: zipfile.ZipFile, path: str, texts: Sequence[str]) -> Iterator[Cells]:
    """Every row from the first on, empty ones too: column letter -> text or number as it is written."""
    following = 1
    for row in _xml(book, path).iter(f"{_MAIN}row"):
        number = int(row.attrib["r"])
        yield from ({} for _ in range(number - following))
        following = number + 1
        yield dict(_cells(row, texts))


def _cells(row: ElementTree.Element, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for cell in row.iter(f"{_MAIN}c"):
        letter = re.sub(r"\d", "", cell.attrib["r"])
        value = cell.find(f"{_MAIN}v")
        if cell.attrib.get("t") == "inlineStr":
            yield letter, _joined(cell)
        elif value is not None and value.text:
            yield letter, texts[int(value.text)] if cell.attrib.get("t") == "s" else value.text


def _texts(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    return [_joined(item) for item in _xml(book, "xl/sharedStrings.xml").iter(f"{_MAIN}si")]


def _joined(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in element.iter(f"{_MAIN}t"))


def _pages(book: zipfile.ZipFile) -> dict[str, str]:
    """The path of each sheet by its title."""
    targets = {item.attrib["Id"]: item.attrib["Target"] for item in _xml(book, "xl/_rels/workbook.xml.rels")}
    found = _xml(book, "xl/workbook.xml").iter(f"{_MAIN}sheet")
    return {item.attrib["name"]: f"xl/{targets[item.attrib[_RELATION]].removeprefix('/xl/')}" for item in found}


def _xml(book: zipfile.ZipFile, path: str) -> ElementTree.Element:
    # A file of our own folder; Python's expat refuses entities that grow without bound.
    return ElementTree.fromstring(book.read(path))  # noqa: S314
