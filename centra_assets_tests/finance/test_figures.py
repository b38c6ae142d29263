"""What each sheet says of hand-made orders, to the last decimal."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from centra_assets.finance.controls import unequal
from centra_assets.finance.figures import Figures
from centra_assets.finance.sheets import (
    CONTROLS,
    DISCOUNTS,
    GIFT_CERTIFICATES,
    OPEN_DIFFERENCES,
    PAYMENTS,
    REFUNDS,
    SALES,
    VAT,
    Sheet,
)
from centra_assets_tests.entities.sales_records import amount, order, order_line, order_totals, payment, total
from centra_assets_tests.finance.books import DAY, EARLIER, MONTH, Books
from centra_assets_tests.marts.shop import noon


def sold(number: int, day: date = DAY, **changes: Any) -> dict[str, Any]:
    """The plain order of 250 SEK, 50 of it tax, on a day of the month."""
    return order(number, createdAt=noon(day), country={"code": "SE"}, **changes)


def rows(found: Figures, sheet: Sheet) -> list[dict[str, Any]]:
    """The rows of a sheet; all sums must be core's."""
    assert unequal(found.rows[CONTROLS.name]) == []
    return [dict(row) for row in found.rows[sheet.name]]


def only(found: Figures, sheet: Sheet) -> dict[str, Any]:
    (row,) = rows(found, sheet)
    return row


def test_sales_are_named_by_store_and_market_and_told_in_the_base_currency(books: Books) -> None:
    books.order(sold(1))
    books.order(
        sold(
            2,
            grandTotal=total("1000", "JPY"),
            grandTotalNet=amount("1000"),
            currencyBaseRate=Decimal("0.07"),
            totals=order_totals(lineValues=amount("1000"), taxIncluded=amount("0")),
            lines=[order_line(20, lineValue=amount("1000"), lineValueNet=amount("1000"), taxPercent=0)],
        )
    )
    yen, kronor = rows(books.figures(), SALES)
    assert (kronor["store_name"], kronor["market_name"], kronor["currency"]) == ("Web shop", "Sweden", "SEK")
    assert [kronor[name] for name in ("orders", "units", "gross", "tax", "net")] == [1, 2, 250, 50, 200]
    assert (yen["currency"], yen["gross"], yen["gross_base"]) == ("JPY", 1000, 70)


def test_a_month_has_its_own_orders_only(books: Books) -> None:
    for number, day in enumerate((MONTH.first - timedelta(days=1), MONTH.first, MONTH.following), 1):
        books.order(sold(number, day))
    assert only(books.figures(), SALES)["orders"] == 1


def test_cancelled_internal_and_waiting_orders_are_no_sales(books: Books) -> None:
    books.order(sold(1, status="CANCELLED"))
    books.order(sold(2, isInternal=True))
    books.order(sold(3, isWaitingForPayment=True))
    found = books.figures()
    assert rows(found, SALES) == []
    assert rows(found, VAT) == []
    waiting = only(found, OPEN_DIFFERENCES)
    assert (waiting["kind"], waiting["key"], waiting["amount"]) == ("waiting_for_payment", "3", 250)


def test_shipping_has_the_rate_of_the_goods_where_that_explains_its_tax(books: Books) -> None:
    totals = order_totals(
        shipping=amount("50"), shippingTaxIncluded=amount("10"), lineValues=amount("250"), taxIncluded=amount("60")
    )
    books.order(sold(1, totals=totals, grandTotal=total("300"), grandTotalNet=amount("240")))
    vat = only(books.figures(), VAT)
    assert (vat["country_code"], vat["tax_treatment"], vat["tax_percent"]) == ("SE", "included", 25)
    assert [vat[name] for name in ("goods_net", "shipping_net", "reductions_net", "net", "tax", "gross")] == [
        *(200, 40, 0),
        *(240, 60, 300),
    ]


def test_a_rate_that_cannot_be_known_is_not_invented(books: Books) -> None:
    # Shipping of 12 percent tax on an order of 25: no rate of its goods explains it.
    totals = order_totals(
        shipping=amount("56"), shippingTaxIncluded=amount("6"), lineValues=amount("250"), taxIncluded=amount("56")
    )
    books.order(sold(1, totals=totals, grandTotal=total("306"), grandTotalNet=amount("250")))
    known, unknown = rows(books.figures(), VAT)
    assert (known["tax_percent"], known["net"], known["tax"]) == (25, 200, 50)
    assert (known["rate"], unknown["rate"], unknown["tax_percent"]) == ("25%", "not known", None)
    assert (unknown["shipping_net"], unknown["net"], unknown["tax"]) == (50, 50, 6)


def test_exempt_and_added_tax_orders_are_apart(books: Books) -> None:
    exempt = order_totals(taxIncluded=amount("0"), taxDeducted=amount("50"))
    books.order(sold(1, totals=exempt, grandTotal=total("200"), grandTotalNet=amount("200")))
    added = order_totals(lineValues=amount("200"), taxIncluded=amount("0"), taxAdded=amount("50"))
    books.order(sold(2, totals=added))
    books.order(sold(3))
    found = {row["tax_treatment"]: row for row in rows(books.figures(), VAT)}
    assert {kind: (row["tax_percent"], row["net"], row["tax"]) for kind, row in found.items()} == {
        "exempt": (0, 200, 0),
        "added": (25, 200, 50),
        "included": (25, 200, 50),
    }


def voucher(value: str, name: str = "WELCOME", typename: str = "AppliedVoucherDiscount") -> dict[str, Any]:
    return {"__typename": typename, "value": amount(value), "voucherName": name, "date": noon(DAY)}


def test_discounts_are_told_by_voucher_and_lower_the_tax_of_their_rate(books: Books) -> None:
    totals = order_totals(discounts=amount("25"), taxIncluded=amount("45"))
    for number in (1, 2):
        changed = {"totals": totals, "discountsApplied": [voucher("25")]}
        books.order(sold(number, grandTotal=total("225"), grandTotalNet=amount("180"), **changed))
    found = books.figures()
    discount = only(found, DISCOUNTS)
    assert [discount[name] for name in ("kind", "voucher_name", "orders", "amount")] == ["voucher", "WELCOME", 2, 50]
    vat = only(found, VAT)
    assert [vat[name] for name in ("tax_percent", "reductions_net", "net", "tax")] == [25, -40, 360, 90]


def test_a_certificate_sold_is_a_liability_and_used_a_payment(books: Books) -> None:
    for number, day in ((1, EARLIER.first), (2, DAY)):
        value = {"quantity": 1, "taxPercent": 0, "lineValue": amount("500"), "lineValueNet": amount("500")}
        totals = order_totals(quantity=1, lineValues=amount("500"), taxIncluded=amount("0"))
        lines = [order_line(10 * number, "GiftCertificateOrderLine", **value)]
        changed = {"lines": lines, "grandTotal": total("500"), "grandTotalNet": amount("500")}
        books.order(sold(number, day, totals=totals, **changed))
    used = order_totals(discounts=amount("100"), taxIncluded=amount("30"))
    credit = voucher("100", "Gift", "AppliedVoucherCredit")
    books.order(sold(3, totals=used, grandTotal=total("150"), grandTotalNet=amount("120"), discountsApplied=[credit]))
    found = books.figures()
    liability = only(found, GIFT_CERTIFICATES)
    names = ("balance_before", "sold", "used", "balance_after", "paid_with_tax")
    assert [liability[name] for name in names] == [500, 500, 100, 900, 100]
    assert only(found, SALES)["gross"] == 250
    assert rows(found, DISCOUNTS) == []
    assert sum(row["tax"] for row in rows(found, VAT)) == 50


def test_payments_are_told_by_method_and_means_on_their_own_day(books: Books) -> None:
    entries = [
        payment(1, "AUTH", "250", paymentMethod="klarna", createdAt=noon(DAY)),
        payment(2, "CAPTURE", "200", paymentMethod="klarna", createdAt=noon(DAY)),
        payment(3, "CAPTURE_GIFT_CARD", "50", paymentMethod="klarna", createdAt=noon(DAY)),
        payment(4, "REFUND", "30", paymentMethod="klarna", createdAt=noon(DAY)),
        payment(5, "REFUND", "20", paymentMethod="klarna", createdAt=noon(MONTH.following)),
    ]
    books.order(sold(1, EARLIER.first, paymentHistory=entries))
    found = books.figures()
    told = {row["means"]: [row[name] for name in ("captured", "refunded", "net")] for row in rows(found, PAYMENTS)}
    assert told == {"provider": [200, 30, 170], "gift_card": [50, 0, 50]}
    assert only(found, GIFT_CERTIFICATES)["external_cards_captured"] == 50


def test_a_refund_of_an_earlier_months_order_is_in_the_refunds_month(books: Books) -> None:
    entry = payment(7, "REFUND", "-99.95", createdAt=noon(DAY), paymentMethod="adyen")
    books.order(sold(1, EARLIER.first, paymentHistory=[entry]))
    refund = only(books.figures(), REFUNDS)
    assert (refund["refund_date"], refund["order_date"], refund["order_number"]) == (DAY, EARLIER.first, 1)
    assert (refund["type"], refund["amount"]) == ("REFUND", Decimal("99.95"))
    assert rows(books.figures(EARLIER), REFUNDS) == []


def test_what_does_not_add_up_is_listed_with_its_key_and_amount(books: Books) -> None:
    books.order(sold(1, grandTotal=total("251"), grandTotalNet=amount("201")))
    books.order(sold(2, totals=order_totals(discounts=amount("25")), grandTotal=total("225")))
    books.order(sold(3, status="CANCELLED", paymentHistory=[payment(1, "CAPTURE", "250", createdAt=noon(DAY))]))
    books.order(sold(4, paymentHistory=[payment(2, "REFUND", "10", createdAt=noon(DAY))]))
    books.order(sold(5, grandTotal=total("250", "ABC")))
    found = {(row["kind"], row["key"]): row["amount"] for row in rows(books.figures(), OPEN_DIFFERENCES)}
    assert found == {
        ("cancelled_but_money_kept", "3"): 250,
        ("currency_unknown", "5"): 250,
        ("discounts_not_itemised", "2"): 25,
        ("refund_without_return", "2"): 10,
        ("totals_do_not_add_up", "1"): -1,
    }


def test_an_unknown_amount_leaves_its_sums_empty_and_is_named(books: Books) -> None:
    books.order(sold(1))
    books.order(sold(2, grandTotal={"currency": {"code": "SEK"}}, grandTotalNet=None))
    found = books.figures()
    sales = only(found, SALES)
    assert (sales["orders"], sales["gross"], sales["net"]) == (2, None, None)
    named = only(found, OPEN_DIFFERENCES)
    assert (named["kind"], named["key"]) == ("amount_unknown", "2")


def test_a_certificate_of_unknown_worth_leaves_its_sums_empty_and_is_named(books: Books) -> None:
    books.order(sold(1))
    used = order_totals(discounts=amount("100"), taxIncluded=amount("30"))
    credit = voucher("100", "Gift", "AppliedVoucherCredit") | {"value": None}
    books.order(sold(2, totals=used, grandTotal=total("150"), grandTotalNet=amount("120"), discountsApplied=[credit]))
    found = books.figures()
    sales = only(found, SALES)
    assert [sales[name] for name in ("orders", "units", "gross", "tax", "net", "discount")] == [2, 4, *[None] * 4]
    liability = only(found, GIFT_CERTIFICATES)
    assert (liability["used"], liability["paid_with_tax"], liability["balance_after"]) == (None, None, None)
    named = only(found, OPEN_DIFFERENCES)
    assert (named["kind"], named["key"]) == ("amount_unknown", "2")


def test_a_record_in_quarantine_is_an_open_difference(books: Books) -> None:
    books.warehouse.transact(
        lambda cursor: cursor.execute(
            "insert into ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, "
            "run_id) values ('orders', '77', %s, '[]', now(), now(), now(), 'test')",
            [DAY.isoformat()],
        )
    )
    aside = only(books.figures(), OPEN_DIFFERENCES)
    assert [aside[name] for name in ("kind", "subject", "key", "business_date", "amount")] == [
        *("quarantined_record", "orders", "77"),
        *(DAY, None),
    ]


def test_a_month_without_sales_has_no_rows(books: Books) -> None:
    books.order(sold(1, MONTH.following))
    assert [len(found) for found in books.figures().rows.values()] == [0] * 8
