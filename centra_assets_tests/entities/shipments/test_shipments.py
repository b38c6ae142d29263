"""What shipments say: flags with their times, shares of the order, lines that refer to order lines."""

from datetime import date
from typing import Any

import pytest

from centra_assets.entities.shipments import SHIPMENTS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import amount, only, total


def shipment(shipment_id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "__typename": "DirectToConsumerShipment",
        "id": shipment_id,
        "number": "39790-1",
        "createdAt": "2024-03-01T12:00:00+01:00",
        "updatedAt": "2024-03-01T12:00:00+01:00",
        "isGoodToGo": True,
        "isPaid": True,
        "isCaptured": False,
        "isShipped": False,
        "numberOfPackages": 0,
        "currencyBaseRate": 2,
        "grandTotal": total("250", "EUR"),
        "grandTotalNet": amount("200"),
        "order": {"number": 39790},
        "store": {"id": 1},
        "customer": {"id": 4},
        "totals": {"quantity": 2, "lineValues": amount("250"), "shipping": amount("0")},
        "lines": [line(11)],
    } | changes


def line(line_id: int, typename: str = "ProductOrderLine", **changes: Any) -> dict[str, Any]:
    return {
        "id": line_id,
        "quantity": 2,
        "returnedQuantity": 1,
        "invoicedQuantity": 0,
        "lineValue": amount("250"),
        "lineValueNet": amount("200"),
        "orderLine": {"__typename": typename, "id": 7},
    } | changes


def test_a_shipment_belongs_to_its_order_and_carries_its_own_rate() -> None:
    header = only(read(SHIPMENTS, shipment()), "shipments")
    assert (header["number"], header["order_number"], header["customer_id"]) == ("39790-1", 39790, 4)
    assert (header["grand_total"], header["tax_total"], header["grand_total_base"]) == (250, 50, 500)
    assert header["store_type"] == "DIRECT_TO_CONSUMER"


def test_paid_is_not_captured_and_unshipped_has_no_shipping_day() -> None:
    header = only(read(SHIPMENTS, shipment()), "shipments")
    assert (header["is_paid"], header["is_captured"], header["is_shipped"]) == (True, False, False)
    assert header["shipped_date"] is None


def test_the_day_of_shipping_is_cut_in_the_merchants_time_zone() -> None:
    late = shipment(isShipped=True, shippedAt="2024-03-31T23:30:00+00:00")
    assert only(read(SHIPMENTS, late), "shipments")["shipped_date"] == date(2024, 4, 1)


def test_lines_refer_to_order_lines_and_count_a_bundle_once() -> None:
    lines = [line(1, "BundleOrderLine"), line(2, "BundleItemOrderLine"), line(3)]
    rows = read(SHIPMENTS, shipment(lines=lines)).tables["shipment_lines"].sort("id")
    assert rows["counts_in_totals"].to_list() == [False, True, True]
    assert rows["order_line_id"].to_list() == [7, 7, 7]
    assert rows["shipment_id"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("quantity", ["quantity", "returnedQuantity", "invoicedQuantity"])
def test_a_shipment_with_a_negative_quantity_is_set_aside(quantity: str) -> None:
    parsed = read(SHIPMENTS, shipment(lines=[line(1, **{quantity: -1})]), shipment(2, lines=[line(2)]))
    assert parsed.quarantined["_record_id"].to_list() == ["0"]
    assert parsed.tables["shipment_lines"]["shipment_id"].to_list() == [2]


def test_what_was_pruned_is_null_and_breaks_no_rule() -> None:
    parsed = read(SHIPMENTS, {"id": 1, "createdAt": "2024-03-01T12:00:00+01:00", "lines": [{"id": 5}]})
    assert parsed.quarantined.height == 0
    assert only(parsed, "shipments")["grand_total"] is None
    assert only(parsed, "shipment_lines")["order_line_id"] is None
