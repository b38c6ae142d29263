"""What returns say: positive amounts, their own day and rate, refunds on the day that they were paid."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from centra_assets.entities.returns import RETURNS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import amount, only, payment, total


def goods_back(return_id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "__typename": "DirectToConsumerReturn",
        "id": return_id,
        "returnStatus": "COMPLETED",
        "createdAt": "2024-05-10T23:30:00+02:00",
        "totalQuantity": 1,
        "returnedToStock": True,
        "currencyBaseRate": 2,
        "grandTotal": total("115", "EUR"),
        "grandTotalNet": amount("92"),
        "totals": {
            "lineValues": amount("125"),
            "shipping": amount("0"),
            "discounts": amount("0"),
            "returnCost": amount("10"),
            "taxIncluded": amount("23"),
        },
        "order": {"number": 1},
        "shipment": {"id": 3},
        "store": {"id": 1},
        "lines": [line(21)],
        "refundPaymentHistory": [],
    } | changes


def line(line_id: int, typename: str = "ProductOrderLine", sign: str = "") -> dict[str, Any]:
    return {
        "id": line_id,
        "quantity": 1,
        "lineValue": amount(f"{sign}125"),
        "lineValueNet": amount(f"{sign}100"),
        "orderLine": {"__typename": typename, "id": 7},
        "shipmentLine": {"id": 11},
    }


def test_a_return_has_its_own_day_and_the_orders_rate() -> None:
    header = only(read(RETURNS, goods_back()), "returns")
    assert header["business_date"] == date(2024, 5, 10)
    assert (header["grand_total"], header["grand_total_net"], header["tax_total"]) == (115, 92, 23)
    assert header["grand_total_base"] == 230


def test_amounts_are_positive_whichever_sign_centra_gives() -> None:
    negative = goods_back(
        grandTotal=total("-115", "EUR"),
        grandTotalNet=amount("-92"),
        totals={"lineValues": amount("-125"), "returnCost": amount("-10"), "taxIncluded": amount("-23")},
        lines=[line(21, sign="-")],
    )
    for record in (goods_back(), negative):
        parsed = read(RETURNS, record)
        header, row = only(parsed, "returns"), only(parsed, "return_lines")
        assert (header["grand_total"], header["line_values"], header["return_cost"]) == (115, 125, 10)
        assert (header["tax_included"], header["tax_total"]) == (23, 23)
        assert (row["line_value"], row["line_value_net"], row["tax_value"]) == (125, 100, 25)


def test_a_completed_return_is_not_a_refunded_one() -> None:
    header = only(read(RETURNS, goods_back()), "returns")
    assert (header["return_status"], header["refunded_amount"], header["last_refunded_at"]) == ("COMPLETED", 0, None)


def test_refunds_count_when_they_succeed_and_on_their_own_day() -> None:
    entries = [
        payment(1, "REFUND_REQUEST", "115", "PENDING"),
        payment(2, "REFUND", "100", createdAt="2024-06-01T23:30:00+00:00"),
        payment(3, "REFUND", "-15", createdAt="2024-06-03T10:00:00+02:00"),
        payment(4, "REFUND", "115", "FAILED"),
    ]
    parsed = read(RETURNS, goods_back(refundPaymentHistory=entries), goods_back(2, lines=[line(22)]))
    header = parsed.tables["returns"].sort("id").to_dicts()[0]
    assert header["refunded_amount"] == 115
    assert header["first_refunded_at"] == datetime(2024, 6, 1, 23, 30, tzinfo=UTC)
    assert header["last_refunded_at"] == datetime(2024, 6, 3, 8, tzinfo=UTC)
    refunds = parsed.tables["return_refunds"].sort("payment_id")
    assert refunds["direction"].to_list() == ["none", "out", "out", "none"]
    assert refunds["business_date"].to_list()[1] == date(2024, 6, 2)
    assert refunds["amount"].to_list() == [115, 100, 15, 115]


def test_a_token_that_may_not_read_payments_leaves_the_refunded_amount_unknown() -> None:
    header = only(read(RETURNS, goods_back(refundPaymentHistory=None)), "returns")
    assert header["refunded_amount"] is None


def test_lines_refer_to_shipment_and_order_and_count_a_bundle_once() -> None:
    lines = [line(1, "BundleOrderLine"), line(2, "BundleItemOrderLine")]
    rows = read(RETURNS, goods_back(lines=lines)).tables["return_lines"].sort("id")
    assert rows["counts_in_totals"].to_list() == [False, True]
    assert rows["shipment_line_id"].to_list() == [11, 11]


@pytest.mark.parametrize("changes", [{"totalQuantity": -1}, {"currencyBaseRate": -1}])
def test_a_return_that_breaks_a_promise_is_set_aside(changes: dict[str, Any]) -> None:
    parsed = read(RETURNS, goods_back(**changes))
    assert parsed.quarantined["_record_id"].to_list() == ["0"]
    assert parsed.tables["return_lines"].height == 0


def test_what_was_pruned_is_null_and_breaks_no_rule() -> None:
    parsed = read(RETURNS, {"id": 1, "createdAt": "2024-03-01T12:00:00+01:00", "lines": [{"id": 5}]})
    assert parsed.quarantined.height == 0
    assert only(parsed, "returns")["line_values"] is None
