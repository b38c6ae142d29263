"""Which payments moved money, and how the taxes of an order add up."""

from decimal import Decimal

import pytest

from centra_assets.entities.orders import ORDERS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import (
    amount,
    only,
    order,
    order_line,
    order_totals,
    payment,
    total,
)


@pytest.mark.parametrize(
    ("entry_type", "status", "value", "signed"),
    [
        ("CAPTURE", "SUCCESS", "250", 250),
        ("CAPTURE_GIFT_CARD", "SUCCESS", "250", 250),
        ("MARKED_AS_PAID", "SUCCESS", "250", 250),
        ("REFUND", "SUCCESS", "100", -100),
        ("REFUND", "SUCCESS", "-100", -100),
        ("REFUND_GIFT_CARD", "SUCCESS", "100", -100),
        ("MARKED_AS_UNPAID", "SUCCESS", "250", -250),
        ("CAPTURE", "FAILED", "250", 0),
        ("CAPTURE", "PENDING", "250", 0),
        ("CAPTURE_REQUEST", "SUCCESS", "250", 0),
        ("AUTH", "SUCCESS", "250", 0),
        ("REFUND_REQUEST", "PENDING", "100", 0),
        ("CANCEL", "SUCCESS", "250", 0),
        ("A_TYPE_OF_NEXT_YEAR", "SUCCESS", "250", 0),
    ],
)
def test_only_a_successful_capture_refund_or_marking_moves_money(
    entry_type: str, status: str, value: str, signed: int
) -> None:
    entry = only(read(ORDERS, order(paymentHistory=[payment(1, entry_type, value, status)])), "payments")
    assert entry["signed_amount"] == signed
    assert entry["amount"] == abs(Decimal(value))
    assert entry["direction"] == {1: "in", -1: "out", 0: "none"}[(signed > 0) - (signed < 0)]


def test_an_entry_without_a_value_has_a_direction_and_no_amount() -> None:
    entry = only(read(ORDERS, order(paymentHistory=[payment(1, "CAPTURE", "0") | {"value": None}])), "payments")
    assert (entry["direction"], entry["amount"], entry["signed_amount"]) == ("in", None, None)


def test_what_the_merchant_holds_is_the_sum_of_signed_amounts() -> None:
    history = [
        payment(1, "AUTH", "250"),
        payment(2, "CAPTURE", "150"),
        payment(3, "CAPTURE", "100"),
        payment(4, "REFUND_REQUEST", "40", "PENDING"),
        payment(5, "REFUND", "40"),
    ]
    payments = read(ORDERS, order(paymentHistory=history)).tables["payments"]
    assert payments["signed_amount"].sum() == 210


def test_taxes_of_lines_are_summed_by_rate_without_bundle_parents_and_cancelled_lines() -> None:
    lines = [
        order_line(1),
        order_line(2, taxPercent=12, lineValue=amount("112"), lineValueNet=amount("100")),
        order_line(3, "BundleOrderLine"),
        order_line(4, "BundleItemOrderLine"),
        order_line(5, quantity=0, taxPercent=6, lineValue=amount("0"), lineValueNet=amount("0")),
    ]
    taxes = read(ORDERS, order(lines=lines)).tables["order_taxes"].sort("kind", "position").to_dicts()
    assert [(t["tax_percent"], t["net"], t["tax"], t["gross"]) for t in taxes if t["kind"] == "line"] == [
        (12, 100, 12, 112),
        (25, 400, 100, 500),
    ]


def test_lines_of_an_exempt_order_owe_no_tax_and_say_what_was_taken_out() -> None:
    exempt = order(
        grandTotal=total("200"),
        grandTotalNet=amount("200"),
        totals=order_totals(taxDeducted=amount("50"), taxIncluded=amount("0")),
    )
    taxes = read(ORDERS, exempt, order(2)).tables["order_taxes"].sort("order_number").to_dicts()
    lines = [(t["net"], t["tax"], t["gross"], t["tax_deducted"]) for t in taxes if t["kind"] == "line"]
    assert lines == [(200, 0, 200, 50), (200, 50, 250, None)]


def test_shipping_tax_on_top_and_inside_give_net_and_gross() -> None:
    on_top = order_totals(shipping=amount("40"), shippingTaxAdded=amount("10"), shippingTaxIncluded=amount("0"))
    inside = order_totals(shipping=amount("50"), shippingTaxIncluded=amount("10"))
    exported = order_totals(shipping=amount("50"), shippingTaxDeducted=amount("10"), shippingTaxIncluded=amount("0"))
    parsed = read(ORDERS, order(1, totals=on_top), order(2, totals=inside), order(3, totals=exported))
    shipping = [t for t in parsed.tables["order_taxes"].sort("order_number").to_dicts() if t["kind"] == "shipping"]
    assert [(t["net"], t["tax"], t["gross"]) for t in shipping] == [(40, 10, 50), (40, 10, 50), (40, 0, 40)]


def test_shipping_that_costs_nothing_has_no_tax_row() -> None:
    taxes = read(ORDERS, order()).tables["order_taxes"]
    assert taxes["kind"].to_list() == ["line", "total"]


def test_an_unreadable_net_value_leaves_the_tax_unknown_and_not_zero() -> None:
    lines = [order_line(1), order_line(2, lineValueNet=None)]
    taxes = read(ORDERS, order(lines=lines)).tables["order_taxes"].to_dicts()
    line = next(t for t in taxes if t["kind"] == "line")
    assert (line["gross"], line["net"], line["tax"]) == (500, None, None)


def test_the_total_is_the_headers_own_net_and_gross() -> None:
    record = order(
        grandTotal=total("108.88", "USD"),
        grandTotalNet=amount("100"),
        totals=order_totals(taxAdded=amount("8.88"), taxIncluded=amount("0")),
    )
    row = next(t for t in read(ORDERS, record).tables["order_taxes"].to_dicts() if t["kind"] == "total")
    assert (row["net"], row["tax"], row["gross"], row["currency"]) == (100, Decimal("8.88"), Decimal("108.88"), "USD")
    assert row["tax_added"] == Decimal("8.88")
