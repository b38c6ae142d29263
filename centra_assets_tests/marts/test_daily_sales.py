"""The figures of daily_sales, rule by rule: what counts, on which day, with which sign and once."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from centra_assets_tests.entities.reading import CONTEXT
from centra_assets_tests.entities.returns.test_returns import goods_back
from centra_assets_tests.entities.sales_records import amount, order_line, order_totals, payment, total
from centra_assets_tests.entities.sales_records import order as plain_order
from centra_assets_tests.marts.shop import DAY, LATER, NEXT, Shop, figures, noon

SALES = ("orders", "units", "gross", "discount", "shipping", "tax", "net")


@pytest.fixture(autouse=True)
def promises_hold(shop: Shop) -> Iterator[None]:
    """Whatever a test sells, the mart agrees with core in the end."""
    yield
    shop.refresh()
    assert shop.broken() == {}


def order(number: int = 1, day: date = DAY, **changes: Any) -> dict[str, Any]:
    return plain_order(number, createdAt=noon(day), orderDate=noon(day), **changes)


def refunded(entry_id: int, value: str, day: date, kind: str = "REFUND", status: str = "SUCCESS") -> dict[str, Any]:
    return payment(entry_id, kind, value, status, createdAt=noon(day))


def test_orders_of_a_day_store_market_and_currency_are_one_row(shop: Shop) -> None:
    shop.order(order(1))
    shop.order(order(2))
    shop.order(order(3, market={"id": 5}))
    shop.order(order(4, store={"id": 6}))
    shop.order(order(5, grandTotal=total("250", "NOK")))
    shop.order(order(6, day=NEXT))
    shop.refresh()
    keys = [figures(row, "store_id", "market_id", "currency", "orders") for row in shop.rows(DAY)]
    assert keys == [[1, 2, "NOK", 1], [1, 2, "SEK", 2], [1, 5, "SEK", 1], [6, 2, "SEK", 1]]
    assert figures(shop.rows(DAY)[1], *SALES) == [2, 4, 500, 0, 0, 100, 400]
    assert figures(shop.sold(NEXT), *SALES) == [1, 2, 250, 0, 0, 50, 200]


def test_the_day_is_the_merchants(shop: Shop) -> None:
    late = datetime(DAY.year, DAY.month, DAY.day, 23, 59, tzinfo=CONTEXT.time_zone)
    shop.order(order(1) | {"createdAt": late.isoformat()})
    shop.order(order(2) | {"createdAt": (late + timedelta(minutes=2)).isoformat()})
    shop.refresh()
    assert [shop.sold(day)["orders"] for day in (DAY, NEXT)] == [1, 1]


def test_cancelled_waiting_and_internal_orders_are_no_sales_and_held_ones_are(shop: Shop) -> None:
    shop.order(order(1))
    shop.order(order(2, status="CANCELLED"))
    shop.order(order(3, isWaitingForPayment=True))
    shop.order(order(4, isInternal=True))
    shop.order(order(5, isOnHold=True))
    shop.order(order(6, status="CANCELLED", isWaitingForPayment=True))
    shop.refresh()
    told = figures(shop.sold(DAY), "orders", "cancelled_orders", "waiting_orders", "units", "gross")
    assert told == [2, 2, 1, 4, 500]


def test_an_order_that_is_paid_after_all_is_a_sale_of_its_own_day(shop: Shop) -> None:
    shop.order(order(1, isWaitingForPayment=True))
    shop.refresh()
    assert figures(shop.sold(DAY), "orders", "waiting_orders", "gross") == [0, 1, 0]
    shop.order(order(1))
    shop.refresh()
    assert figures(shop.sold(DAY), "orders", "waiting_orders", "gross") == [1, 0, 250]


def test_cancelled_units_leave_the_figures(shop: Shop) -> None:
    line = order_line(quantity=1, cancelledQuantity=1, lineValue=amount("125"), lineValueNet=amount("100"))
    less = order_totals(quantity=1, cancelledQuantity=1, lineValues=amount("125"), taxIncluded=amount("25"))
    shop.order(
        order(1, lines=[line], totals=less, grandTotal=total("125"), grandTotalNet=amount("100")),
    )
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [1, 1, 125, 0, 0, 25, 100]


def test_a_bundle_is_counted_once_and_by_its_parts(shop: Shop) -> None:
    parent = order_line(10, "BundleOrderLine", quantity=1)
    parts = [
        order_line(number, "BundleItemOrderLine", quantity=1, lineValue=amount("125"), lineValueNet=amount("100"))
        for number in (11, 12)
    ]
    shop.order(order(1, lines=[parent, *parts]))
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [1, 2, 250, 0, 0, 50, 200]


def test_a_sale_price_is_no_discount_and_a_voucher_is_taken_off_once(shop: Shop) -> None:
    shop.order(order(1, lines=[order_line(unitOriginalPrice=amount("200"), hasAnyDiscount=True)]))
    voucher = {"__typename": "AppliedVoucherDiscount", "value": amount("50"), "date": noon(DAY)}
    totals = order_totals(discounts=amount("50"), shipping=amount("25"), taxIncluded=amount("45"))
    shop.order(
        order(2, discountsApplied=[voucher], totals=totals, grandTotal=total("225"), grandTotalNet=amount("180"))
    )
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [2, 4, 475, 50, 25, 95, 380]


def test_a_gift_certificate_is_no_sale_when_it_is_bought(shop: Shop) -> None:
    certificate = order_line(
        10,
        "GiftCertificateOrderLine",
        quantity=1,
        taxPercent=0,
        unitOriginalPrice=amount("500"),
        lineValue=amount("500"),
        lineValueNet=amount("500"),
    )
    totals = order_totals(quantity=1, lineValues=amount("500"), taxIncluded=amount("0"))
    shop.order(order(1, lines=[certificate], totals=totals, grandTotal=total("500"), grandTotalNet=amount("500")))
    both = order_totals(quantity=3, lineValues=amount("750"))
    shop.order(
        order(
            2,
            lines=[certificate | {"id": 20}, order_line(21)],
            totals=both,
            grandTotal=total("750"),
            grandTotalNet=amount("700"),
        )
    )
    shop.refresh()
    row = shop.sold(DAY)
    assert figures(row, *SALES) == [2, 2, 250, 0, 0, 50, 200]
    assert figures(row, "gift_certificates_sold", "gift_certificates_used") == [1000, 0]


def test_a_gift_certificate_that_pays_is_neither_a_discount_nor_less_revenue(shop: Shop) -> None:
    credit = {"__typename": "AppliedVoucherCredit", "value": amount("100"), "date": noon(DAY)}
    voucher = {"__typename": "AppliedVoucherDiscount", "value": amount("50"), "date": noon(DAY)}
    totals = order_totals(discounts=amount("150"), taxIncluded=amount("20"))
    shop.order(
        order(
            1,
            discountsApplied=[credit, voucher],
            totals=totals,
            grandTotal=total("100"),
            grandTotalNet=amount("80"),
        )
    )
    shop.refresh()
    row = shop.sold(DAY)
    assert figures(row, *SALES) == [1, 2, 200, 50, 0, 40, 160]
    assert figures(row, "gift_certificates_sold", "gift_certificates_used") == [0, 100]


def test_an_order_that_a_gift_certificate_paid_whole_is_a_sale(shop: Shop) -> None:
    credit = {"__typename": "AppliedVoucherCredit", "value": amount("250"), "date": noon(DAY)}
    totals = order_totals(discounts=amount("250"), taxIncluded=amount("0"))
    shop.order(order(1, discountsApplied=[credit], totals=totals, grandTotal=total("0"), grandTotalNet=amount("0")))
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [1, 2, 250, 0, 0, 50, 200]


def test_where_tax_comes_on_top_shipping_and_discount_are_told_with_it(shop: Shop) -> None:
    voucher = {"__typename": "AppliedVoucherDiscount", "value": amount("20"), "date": noon(DAY)}
    totals = order_totals(
        lineValues=amount("200"),
        shipping=amount("10"),
        shippingTaxAdded=amount("1"),
        shippingTaxDeducted=amount("0"),
        shippingTaxIncluded=amount("0"),
        discounts=amount("20"),
        taxAdded=amount("46"),
        taxIncluded=amount("0"),
    )
    shop.order(
        order(1, discountsApplied=[voucher], totals=totals, grandTotal=total("236"), grandTotalNet=amount("190"))
    )
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [1, 2, 236, 25, 11, 46, 190]


def test_tax_that_the_buyer_does_not_owe_is_in_no_figure(shop: Shop) -> None:
    voucher = {"__typename": "AppliedVoucherDiscount", "value": amount("50"), "date": noon(DAY)}
    totals = order_totals(discounts=amount("50"), taxDeducted=amount("40"), taxIncluded=amount("0"))
    shop.order(
        order(1, discountsApplied=[voucher], totals=totals, grandTotal=total("160"), grandTotalNet=amount("160"))
    )
    shop.refresh()
    assert figures(shop.sold(DAY), *SALES) == [1, 2, 160, 40, 0, 0, 160]


def test_a_refund_is_positive_and_of_the_day_that_it_was_paid(shop: Shop) -> None:
    shop.order(order(1, paymentHistory=[payment(1, "CAPTURE", "250"), refunded(2, "-100", LATER)]))
    shop.refresh()
    assert figures(shop.sold(DAY), "orders", "gross", "refunds") == [1, 250, 0]
    assert figures(shop.sold(LATER), "orders", "gross", "refunds") == [0, 0, 100]


def test_a_refund_that_moves_leaves_its_old_day(shop: Shop) -> None:
    shop.order(order(1, paymentHistory=[refunded(2, "100", LATER)]))
    shop.refresh()
    shop.order(order(1, paymentHistory=[refunded(2, "100", NEXT)]))
    assert set(shop.stale()) == {NEXT.isoformat(), LATER.isoformat()}
    shop.refresh()
    assert shop.rows(LATER) == []
    assert shop.sold(NEXT)["refunds"] == 100


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("REFUND", "SUCCESS", 100),
        ("REFUND_GIFT_CARD", "SUCCESS", 100),
        ("REFUND", "FAILED", 0),
        ("REFUND_REQUEST", "PENDING", 0),
        ("MARKED_AS_UNPAID", "SUCCESS", 0),
    ],
)
def test_only_money_that_went_back_is_a_refund(shop: Shop, kind: str, status: str, told: int) -> None:
    shop.order(order(1, paymentHistory=[refunded(2, "100", DAY, kind, status)]))
    shop.refresh()
    assert shop.sold(DAY)["refunds"] == told


def test_an_order_cancelled_after_it_was_paid_tells_which_refunds_no_gross_stands_against(shop: Shop) -> None:
    paid = [payment(1, "CAPTURE", "250", createdAt=noon(DAY)), refunded(2, "250", LATER)]
    shop.order(order(1, paymentHistory=paid))
    shop.refresh()
    assert figures(shop.sold(LATER), "refunds", "refunds_of_cancelled_orders") == [250, 0]
    shop.order(order(1, status="CANCELLED", paymentHistory=paid))
    shop.refresh()
    assert figures(shop.sold(LATER), "refunds", "refunds_of_cancelled_orders") == [250, 250]
    assert figures(shop.sold(DAY), "orders", "cancelled_orders", "gross") == [0, 1, 0]


def test_an_order_that_turns_out_to_be_internal_takes_its_refunds_along(shop: Shop) -> None:
    paid = [refunded(2, "250", LATER)]
    shop.order(order(1, paymentHistory=paid))
    shop.refresh()
    shop.order(order(1, isInternal=True, paymentHistory=paid))
    shop.refresh()
    assert shop.rows(LATER) == shop.rows(DAY) == []


def test_a_refund_that_only_its_return_tells_of_counts_and_once_when_the_order_tells_too(shop: Shop) -> None:
    back = goods_back(createdAt=noon(NEXT), grandTotal=total("100"), refundPaymentHistory=[refunded(2, "100", LATER)])
    shop.goods_back(back)
    shop.refresh()
    assert figures(shop.sold(LATER), "store_id", "market_id", "currency", "refunds") == [1, 0, "SEK", 100]
    shop.order(order(1, paymentHistory=[refunded(2, "100", LATER)]))
    shop.refresh()
    assert figures(shop.sold(LATER), "store_id", "market_id", "currency", "refunds") == [1, 2, "SEK", 100]


def test_a_refund_that_the_order_still_calls_pending_counts_when_the_return_knows_better(shop: Shop) -> None:
    shop.order(order(1, paymentHistory=[refunded(2, "100", LATER, status="PENDING")]))
    shop.goods_back(
        goods_back(createdAt=noon(NEXT), grandTotal=total("100"), refundPaymentHistory=[refunded(2, "100", LATER)])
    )
    shop.refresh()
    assert figures(shop.sold(LATER), "market_id", "refunds") == [2, 100]


def test_what_is_not_known_of_one_order_is_not_known_of_the_day(shop: Shop) -> None:
    shop.order(order(1))
    shop.order(order(2, grandTotal={"value": None, "currency": {"code": "SEK"}}))
    shop.refresh()
    assert figures(shop.sold(DAY), "orders", "units", "gross", "tax", "net") == [2, 4, None, None, 400]


def test_what_a_gift_certificate_was_worth_may_be_unknown_and_so_is_what_it_paid(shop: Shop) -> None:
    credit = {"__typename": "AppliedVoucherCredit", "value": None, "date": noon(DAY)}
    totals = order_totals(discounts=amount("100"), taxIncluded=amount("30"))
    sums = {"totals": totals, "grandTotal": total("150"), "grandTotalNet": amount("120")}
    shop.order(order(1, discountsApplied=[credit], **sums))
    shop.refresh()
    row = shop.sold(DAY)
    assert figures(row, *SALES) == [1, 2, None, None, 0, None, None]
    assert figures(row, "gift_certificates_sold", "gift_certificates_used") == [0, None]


def test_amounts_are_exact_to_the_fourth_decimal(shop: Shop) -> None:
    for number in range(1, 4):
        shop.order(order(number, grandTotal=total("250.0001"), grandTotalNet=amount("200.0002")))
    shop.refresh()
    told = figures(shop.sold(DAY), "gross", "net", "tax")
    assert told == [Decimal("750.0003"), Decimal("600.0006"), Decimal("149.9997")]
