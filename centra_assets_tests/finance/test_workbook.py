"""The file: what an accountant's program makes of it, that it is the same twice, that nothing broken gets into it."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from centra_assets.assets.workbook_types import frame_type, gate
from centra_assets.finance.controls import sums_of
from centra_assets.finance.errors import WorkbookRefusedError, WorkbookUnreadableError
from centra_assets.finance.figures import Figures
from centra_assets.finance.frames import frame
from centra_assets.finance.layout import amount_format, as_number, heading
from centra_assets.finance.reread import rows_of
from centra_assets.finance.sheets import CONTROLS, DISCOUNTS, REFUNDS, SALES, SHEETS, Sheet
from centra_assets.finance.workbook import HEADER_ROW, HOW_TO_READ
from centra_assets_tests.finance.books import MONTH, exact, opened, summed, table, written

NOTHING: dict[str, list[dict[str, Any]]] = {sheet.name: [] for sheet in (*SHEETS, CONTROLS)}


def computed(**rows: list[dict[str, Any]]) -> Figures:
    """Figures of a month in which nothing happened but these rows."""
    decimals = {"SEK": 2, "JPY": 0, "KWD": 3}
    return Figures(MONTH, NOTHING | rows, decimals=decimals, base_currency="SEK", newest=None, stale_days=0)


def sales(currency: str = "SEK", gross: str = "125.00", tax: str = "25.00", **changes: Any) -> dict[str, Any]:
    """A row of the sales."""
    net = Decimal(gross) - Decimal(tax)
    amounts = {"gross": Decimal(gross), "tax": Decimal(tax), "net": net, "discount": Decimal(0), "shipping": Decimal(0)}
    base = {"gross_base": Decimal(gross), "tax_base": Decimal(tax), "net_base": net}
    names = {"store_id": 1, "store_name": "Web shop", "market_id": 2, "market_name": "Sweden"}
    return names | {"currency": currency, "orders": 1, "units": 2} | amounts | base | changes


def discount(name: str) -> dict[str, Any]:
    """A row of the discounts."""
    kind = {"kind": "voucher", "voucher_name": name, "currency": "SEK", "tax_treatment": "included"}
    return kind | {"orders": 1, "amount": Decimal("10")}


def test_numbers_are_numbers_in_the_decimals_of_their_currency() -> None:
    rows = [sales("JPY", "1000", "0"), sales("KWD", "12.345", "0"), sales("SEK", "125.5", "25.1")]
    page = opened(written(computed(sales=rows)))["Sales"]
    column = [cell.value for cell in page[HEADER_ROW + 1]].index("Gross") + 1
    cells = [page.cell(HEADER_ROW + 2 + place, column) for place in range(3)]
    assert [(cell.value, cell.number_format) for cell in cells] == [
        (1000, "#,##0"),
        (12.345, "#,##0.000"),
        (125.5, "#,##0.00"),
    ]


@pytest.mark.parametrize("value", ["0.01", "999999999999.99", "-123456789012.345", "1000000000000", "0.0001"])
def test_every_cent_survives_the_cell(value: str) -> None:
    (row,) = table(opened(written(computed(sales=[sales(gross=value, tax="0")]))), "Sales")
    assert exact(row["Gross"]) == Decimal(value)
    (again,) = rows_of(written(computed(sales=[sales(gross=value, tax="0")])))[SALES.name]
    assert again["gross"] == Decimal(value)


def test_an_amount_that_a_cell_cannot_hold_is_refused_without_being_told() -> None:
    with pytest.raises(WorkbookRefusedError) as refused:
        as_number(Decimal("99999999999999.9999"))
    assert "9999" not in str(refused.value)


def test_totals_are_formulas_whose_values_are_the_exact_sums() -> None:
    rows = [sales(market_id=n, gross="0.10", tax="0.02") for n in range(1, 31)] + [sales("JPY", "700", "0")]
    content = written(computed(sales=rows))
    formulas, values = (opened(content, values=values)["Sales"] for values in (False, True))
    headers = [cell.value for cell in formulas[HEADER_ROW + 1]]
    gross = headers.index("Gross") + 1
    found = {
        row[0].value: (formulas.cell(row[0].row, gross).value, values.cell(row[0].row, gross).value)
        for row in formulas.iter_rows(min_row=HEADER_ROW + 2)
        if str(row[0].value).startswith("Total")
    }
    assert found.pop("Total in base currency SEK") == (None, None)
    base, row = headers.index("Gross base") + 1, HEADER_ROW + 2 + len(rows) + 3
    assert formulas.cell(row, base).value == f"=SUM(M{HEADER_ROW + 2}:M{HEADER_ROW + 1 + len(rows)})"
    assert values.cell(row, base).value == 703
    assert {name: value for name, (_, value) in found.items()} == {"Total JPY": 700, "Total SEK": 3}
    for formula, _ in found.values():
        assert formula.startswith(f"=SUMIFS(H${HEADER_ROW + 2}:H${HEADER_ROW + 1 + len(rows)},")


def test_headers_are_frozen_and_filtered() -> None:
    book = opened(written(computed(sales=[sales()])))
    assert book.sheetnames == ["Summary", *[sheet.title for sheet in SHEETS], HOW_TO_READ]
    for sheet in SHEETS:
        page = book[sheet.title]
        assert page.freeze_panes == f"A{HEADER_ROW + 2}"
        assert page.auto_filter.ref.startswith(f"A{HEADER_ROW + 1}:")
        assert [cell.value for cell in page[HEADER_ROW + 1]] == [heading(name) for name in sheet.columns]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "http://x", "007"])
def test_text_is_never_taken_for_a_formula_a_link_or_a_number(name: str) -> None:
    page = opened(written(computed(discounts=[discount(name)])), values=False)["Discounts"]
    cell = page.cell(HEADER_ROW + 2, DISCOUNTS.columns.index("voucher_name") + 1)
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", name, None)
    # Spreadsheets keep it text when somebody edits the cell.
    assert cell.style.startswith("Normal")
    assert bool(cell.quotePrefix) == (name[0] in "=+-@\t")


def test_a_sum_of_which_a_part_is_unknown_is_not_known() -> None:
    rows = [sales(market_id=1), sales(market_id=2) | {"gross": None, "tax": None, "net": None}]
    page = opened(written(computed(sales=rows)))["Sales"]
    (total,) = [row for row in page.iter_rows(min_row=HEADER_ROW + 4, values_only=True) if row[0] == "Total SEK"]
    assert (total[SALES.columns.index("gross")], total[SALES.columns.index("orders")]) == ("not known", 2)


def test_more_rows_than_a_spreadsheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("centra_assets.finance.workbook._ROWS_PER_SHEET", 210)
    rows = [sales(market_id=n) for n in range(1, 10)]
    assert written(computed(sales=rows[:6]))
    with pytest.raises(WorkbookRefusedError, match="Sales has 9 rows"):
        written(computed(sales=rows))


def test_the_same_figures_are_the_same_bytes() -> None:
    figures = computed(sales=[sales(), sales("JPY", "100", "0")], discounts=[discount("=1+1")])
    assert written(figures) == written(figures)
    other = replace(figures, rows=figures.rows | {"sales": [sales(gross="125.01")]})
    assert written(figures) != written(other)


def test_a_month_without_sales_has_every_sheet_and_no_totals() -> None:
    content = written(computed())
    book = opened(content)
    assert all(table(book, sheet.title) == [] for sheet in SHEETS)
    assert rows_of(content) == {sheet.name: [] for sheet in SHEETS}


def test_a_reservation_stands_on_every_page() -> None:
    book = opened(written(replace(computed(), reserved="PROVISIONAL: the month is not over")))
    assert all("PROVISIONAL" in book[name]["A1"].value for name in book.sheetnames)


def test_every_column_of_every_sheet_is_explained() -> None:
    page = opened(written(computed()))[HOW_TO_READ]
    told = {(row[0], row[1]): row[2] for row in page.iter_rows(min_row=3, values_only=True)}
    for sheet in (*SHEETS, CONTROLS):
        assert all(told[sheet.title, heading(name)] for name in sheet.columns)


def test_what_is_read_back_sums_like_what_was_written() -> None:
    rows = [sales(market_id=n, gross=f"{n}.37", tax="0.07") for n in range(1, 20)]
    figures = computed(sales=rows, discounts=[discount("a"), discount("=b")])
    assert sums_of(rows_of(written(figures))) == sums_of(figures.rows)
    book = table(opened(written(figures)), "Sales")
    assert summed(book, "gross", "SEK") == sum(row["gross"] for row in rows)


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"text"])
def test_a_file_that_is_no_workbook_is_told_apart(content: bytes) -> None:
    with pytest.raises(WorkbookUnreadableError):
        rows_of(content)


def test_a_zip_without_our_sheets_is_no_workbook() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(WorkbookUnreadableError):
        rows_of(content.getvalue())


def test_a_workbook_that_somebody_saved_again_has_the_same_sums() -> None:
    amounts = ("78.29", "49587.15", "0.07", "123456789012.34", "1099.10")
    figures = computed(sales=[sales(market_id=n, gross=amount, tax="0.01") for n, amount in enumerate(amounts)])
    saved = io.BytesIO()
    opened(written(figures), values=False).save(saved)
    assert sums_of(rows_of(saved.getvalue())) == sums_of(figures.rows)


def test_a_workbook_whose_headers_somebody_changed_cannot_be_read() -> None:
    book, saved = opened(written(computed(sales=[sales()])), values=False), io.BytesIO()
    book["Sales"].cell(HEADER_ROW + 1, SALES.columns.index("gross") + 1).value = "Brutto"
    book.save(saved)
    with pytest.raises(WorkbookUnreadableError, match="Sales"):
        rows_of(saved.getvalue())


class TestGate:
    """A frame that breaks its type is refused, and nobody reads a row's value in the refusal."""

    def refused(self, sheet: Sheet, *rows: dict[str, Any]) -> str:
        with pytest.raises(WorkbookRefusedError) as refusal:
            gate(sheet, frame(sheet, rows))
        return str(refusal.value)

    def test_a_frame_that_keeps_its_type_passes_unchanged(self) -> None:
        made = frame(SALES, [sales(), sales("JPY", "100", "0", units=None, discount=None)])
        assert gate(SALES, made) is made

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"gross": 424242.5}, "gross"),
            ({"gross": "424242"}, "gross"),
            ({"gross": Decimal("4242.42424")}, "gross"),
            ({"gross": Decimal("NaN")}, "gross"),
            ({"currency": None}, "currency"),
            ({"store_name": 424242}, "store_name"),
            ({"tax": Decimal("4242.42")}, "net_and_tax_are_gross (1 rows)"),
            ({"orders": 0, "units": 424242}, "somebody_bought (1 rows)"),
            ({"gross": Decimal("4242e30")}, "gross"),
            ({"units": 42424242424242424242}, "units"),
            ({"units": "4242"}, "units"),
            ({"units": True}, "units"),
            ({"store_name": "4242\ud800"}, "store_name"),
        ],
    )
    def test_a_broken_row_is_refused_by_name_and_not_by_value(self, change: dict[str, Any], said: str) -> None:
        told = self.refused(SALES, sales(), sales("EUR") | change)
        assert said in told
        assert told.startswith("WORKBOOK_REFUSED: Sales")
        assert "4242" not in told

    def test_two_rows_of_one_key_are_refused(self) -> None:
        assert "primary_key (2 rows)" in self.refused(SALES, sales(), sales())

    def test_a_missing_and_an_unknown_column_are_refused(self) -> None:
        whole = frame(SALES, [sales()])
        for broken in (whole.drop(columns=["net"]), whole.assign(email="424242"), whole[whole.columns[::-1]]):
            with pytest.raises(WorkbookRefusedError) as refusal:
                gate(SALES, broken)
            assert "4242" not in str(refusal.value)

    def test_a_sum_that_is_not_cores_is_refused(self) -> None:
        control = {"control": "gross", "currency": "SEK", "in_workbook": Decimal("4242.42"), "in_core": Decimal("1")}
        told = self.refused(CONTROLS, control | {"difference": Decimal("4241.42")})
        assert "the_sums_are_equal (1 rows)" in told
        assert "4242" not in told

    def test_a_timestamp_is_no_day_and_a_negative_refund_no_refund(self) -> None:
        about = {"store_id": 1, "type": "REFUND", "payment_method": None, "order_is_cancelled": False}
        keys = {"payment_id": 1, "order_number": 1, "return_id": None, "currency": "SEK"}
        refund = about | keys | {"refund_date": MONTH.first, "order_date": None, "amount": Decimal("-1")}
        assert "amounts_are_positive" in self.refused(REFUNDS, refund)
        assert "refund_date" in self.refused(REFUNDS, refund | {"refund_date": "2024-01-01", "amount": Decimal("1")})
        assert "no_refund_is_before_its_order" in self.refused(
            REFUNDS, refund | {"amount": Decimal("1"), "order_date": MONTH.following}
        )

    def test_types_are_dagster_pandas_types_made_of_every_column(self) -> None:
        for sheet in (*SHEETS, CONTROLS):
            made = frame_type(sheet.contract)
            assert isinstance(made, dg.DagsterType)
            assert all(f"**{name}**" in str(made.description) for name in sheet.columns)
            assert "float" not in str(made.description)


def dates() -> Iterator[date]:
    """First days of months that follow each other."""
    month = MONTH
    for _ in range(14):
        yield month.first
        month = month.before()


def test_months_follow_each_other_over_a_years_end() -> None:
    firsts = list(dates())
    assert len({(first.year, first.month) for first in firsts}) == 14
    assert all(first.day == 1 for first in firsts)
    assert all(type(MONTH).of(first.isoformat()).before().following == first for first in firsts)


def test_amounts_have_the_decimals_they_should() -> None:
    assert [amount_format(decimals) for decimals in (0, 2, 3)] == ["#,##0", "#,##0.00", "#,##0.000"]
