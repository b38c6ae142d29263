"""Which sums of the sheets must equal which sums of core. How core's are taken is in controls.sql."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from centra_assets.finance.sheets import DISCOUNTS, GIFT_CERTIFICATES, PAYMENTS, REFUNDS, SALES, VAT, Sheet

# By control and currency; None where a part is unknown, nothing where there is none.
Sums = Mapping[tuple[str, str], Decimal | None]

# Control -> the columns whose sum it is, each with its sign.
_OF_SHEETS: Mapping[str, Sequence[tuple[int, Sheet, str]]] = {
    "orders": [(1, SALES, "orders")],
    "units": [(1, SALES, "units")],
    "gross": [(1, SALES, "gross")],
    "net": [(1, SALES, "net")],
    "tax": [(1, SALES, "tax")],
    "discount": [(1, SALES, "discount")],
    "shipping": [(1, SALES, "shipping")],
    "vat_gross": [(1, VAT, "gross")],
    "vat_net": [(1, VAT, "net")],
    "vat_tax": [(1, VAT, "tax")],
    "grand_totals": [
        (1, SALES, "gross"),
        (1, GIFT_CERTIFICATES, "sold"),
        (-1, GIFT_CERTIFICATES, "paid_with_tax"),
    ],
    "discounts_and_certificates": [(1, DISCOUNTS, "amount"), (1, GIFT_CERTIFICATES, "used")],
    "gift_certificates_sold": [(1, GIFT_CERTIFICATES, "sold")],
    "gift_certificates_paid_with_tax": [(1, GIFT_CERTIFICATES, "paid_with_tax")],
    "payments": [(1, PAYMENTS, "net")],
    "refunds": [(1, REFUNDS, "amount")],
}


def sums_of(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Sums:
    """The sums of the sheets' rows, by sheet name; the same whether they come from SQL or out of a file."""
    sums: dict[tuple[str, str], Decimal | None] = {}
    for control, parts in _OF_SHEETS.items():
        for sign, sheet, column in parts:
            for row in rows[sheet.name]:
                place = (control, row["currency"])
                before, value = sums.get(place, Decimal(0)), row[column]
                sums[place] = None if before is None or value is None else before + sign * Decimal(value)
    return sums


def compared(workbook: Sums, core: Sums) -> list[dict[str, Any]]:
    """Rows of the contract Controls, by control and currency; a sum that one side does not have is zero there."""
    order = list(_OF_SHEETS)
    places = sorted({*workbook, *core}, key=lambda place: (order.index(place[0]), place[1]))
    rows = []
    for control, currency in places:
        ours = workbook.get((control, currency), Decimal(0))
        theirs = core.get((control, currency), Decimal(0))
        known = ours is not None and theirs is not None
        rows.append(
            {
                "control": control,
                "currency": currency,
                "in_workbook": ours,
                "in_core": theirs,
                "difference": ours - theirs if known else None,  # type: ignore[operator]
            }
        )
    return rows


def unequal(controls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Control and currency of the sums that differ."""
    return [f"{row['control']} {row['currency']}" for row in controls if row["in_workbook"] != row["in_core"]]
