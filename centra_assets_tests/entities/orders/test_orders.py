"""What the header, the lines, the discounts and the addresses of orders say, whatever Centra sends."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from centra_assets.entities.model import TransformContext
from centra_assets.entities.orders import ORDERS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import amount, only, order, order_line, order_totals, total


def test_an_order_fills_its_header() -> None:
    header = only(read(ORDERS, order()), "orders")
    assert header["number"] == 1
    assert header["store_type"] == "DIRECT_TO_CONSUMER"
    assert (header["store_id"], header["market_id"], header["customer_id"]) == (1, 2, 4)
    assert header["created_at"] == datetime(2024, 3, 1, 11, tzinfo=UTC)
    assert (header["grand_total"], header["grand_total_net"], header["tax_total"]) == (250, 200, 50)
    assert header["account_id"] is None


def test_a_wholesale_order_names_account_and_buyer_and_its_dates() -> None:
    wholesale = order(
        __typename="WholesaleOrder",
        account={"id": "9007199254740993"},
        buyer={"id": 5},
        purchaseOrderNumber="PO 7",
        preferredShippingDate="2024-04-01",
    )
    header = only(read(ORDERS, wholesale), "orders")
    assert header["store_type"] == "WHOLESALE"
    assert (header["account_id"], header["buyer_id"]) == (9007199254740993, 5)
    assert header["preferred_shipping_date"] == date(2024, 4, 1)


@pytest.mark.parametrize(
    ("created_at", "time_zone", "expected"),
    [
        ("2024-03-01T23:30:00+01:00", "Europe/Stockholm", date(2024, 3, 1)),
        ("2024-03-01T23:30:00+01:00", "America/New_York", date(2024, 3, 1)),
        ("2024-03-01T00:30:00+01:00", "America/New_York", date(2024, 2, 29)),
        ("2024-03-31T22:30:00+00:00", "Europe/Stockholm", date(2024, 4, 1)),
        ("2024-03-30T22:30:00+00:00", "Europe/Stockholm", date(2024, 3, 30)),
        ("2024-10-27T22:30:00+00:00", "Europe/Stockholm", date(2024, 10, 27)),
    ],
)
def test_the_business_day_is_cut_in_the_merchants_time_zone(created_at: str, time_zone: str, expected: date) -> None:
    header = only(read(ORDERS, order(createdAt=created_at), context=TransformContext(ZoneInfo(time_zone))), "orders")
    assert header["business_date"] == expected


def test_amounts_are_read_exactly_and_never_through_floats() -> None:
    record = order(grandTotal=total("12345678901234.5678"), grandTotalNet=amount("0.1"))
    header = only(read(ORDERS, record), "orders")
    assert header["grand_total"] == Decimal("12345678901234.5678")
    assert header["tax_total"] == Decimal("12345678901234.4678")
    floats = {
        (table, column)
        for table, frame in read(ORDERS, record).tables.items()
        for column, dtype in frame.schema.items()
        if dtype.is_float()
    }
    assert floats == set()


@pytest.mark.parametrize(
    ("value", "base_rate", "expected"),
    [
        ("10", "11.12345678", "111.2346"),
        ("0.5", "0.0001", "0.0000"),
        ("1.5", "0.0001", "0.0002"),
        ("2.5", "0.0001", "0.0002"),
        ("0.0001", "0.49999999", "0.0000"),
        ("1000", "0.07061234", "70.6123"),
    ],
)
def test_base_amounts_follow_the_orders_own_rate_rounded_half_to_even(
    value: str, base_rate: str, expected: str
) -> None:
    record = order(grandTotal=total(value), currencyBaseRate=Decimal(base_rate))
    assert only(read(ORDERS, record), "orders")["grand_total_base"] == Decimal(expected)


def test_a_fully_cancelled_line_stays_with_no_quantity_and_no_unit_price() -> None:
    cancelled = order_line(quantity=0, cancelledQuantity=2, lineValue=amount("0"), lineValueNet=amount("0"))
    line = only(read(ORDERS, order(lines=[cancelled])), "order_lines")
    assert (line["quantity"], line["cancelled_quantity"], line["line_value"]) == (0, 2, 0)
    assert line["unit_price"] is None


def test_a_sale_price_lowers_the_line_and_is_no_discount_on_the_order() -> None:
    on_sale = order_line(unitOriginalPrice=amount("150"), discountPercent=Decimal("16.67"), hasAnyDiscount=True)
    parsed = read(ORDERS, order(lines=[on_sale]))
    line = only(parsed, "order_lines")
    assert (line["unit_price"], line["line_value"], line["price_reduction"]) == (125, 250, 50)
    assert parsed.tables["order_discounts"].height == 0


def test_a_bundle_is_counted_once_by_its_parts() -> None:
    lines = [
        order_line(1, "BundleOrderLine", quantity=1, productSize=None),
        order_line(2, "BundleItemOrderLine", quantity=1, lineValue=amount("150"), lineValueNet=amount("120")),
        order_line(3, "BundleItemOrderLine", quantity=1, lineValue=amount("100"), lineValueNet=amount("80")),
        order_line(4, "ProductOrderLine"),
    ]
    parsed = read(ORDERS, order(lines=lines), order(2, lines=[order_line(5, "BundleOrderLine")]))
    counted = parsed.tables["order_lines"].filter("counts_in_totals").sort("id")
    assert counted["line_type"].to_list() == ["bundle_item", "bundle_item", "product", "bundle"]
    assert counted.filter(pl.col("order_number") == 1)["line_value"].sum() == 500


def test_a_line_type_of_a_newer_centra_is_kept_and_counted() -> None:
    line = only(read(ORDERS, order(lines=[order_line(1, "SubscriptionOrderLine")])), "order_lines")
    assert (line["line_type"], line["counts_in_totals"]) == ("SubscriptionOrderLine", True)


def test_a_gift_certificate_that_pays_is_kept_apart_from_discounts() -> None:
    discounts = [
        {"__typename": "AppliedVoucherDiscount", "value": amount("30"), "code": "SPRING", "voucherMethod": "CODE"},
        {"__typename": "AppliedVoucherCredit", "value": amount("100"), "code": "GIFT"},
        {"__typename": "AppliedVoucherFreeShipping", "value": amount("49")},
        {"__typename": "AdminDiscount", "value": amount("5"), "date": "2024-03-01T12:00:00+01:00"},
    ]
    rows = read(ORDERS, order(discountsApplied=discounts)).tables["order_discounts"].sort("position")
    assert rows["kind"].to_list() == ["voucher", "credit", "free_shipping", "manual"]
    assert rows.filter("is_payment_like")["amount"].to_list() == [100]
    assert rows["voucher_code"].to_list() == ["SPRING", "GIFT", None, None]


def test_billing_and_shipping_addresses_stand_on_their_own() -> None:
    record = order(
        billingAddress={"firstName": "Åsa", "country": {"code": "SE"}, "state": None},
        shippingAddress={"firstName": "Bo", "country": {"code": "US"}, "state": {"code": "NY"}},
    )
    rows = read(ORDERS, record).tables["order_addresses"].sort("kind").to_dicts()
    assert [(row["kind"], row["first_name"], row["country_code"], row["state_code"]) for row in rows] == [
        ("billing", "Åsa", "SE", None),
        ("shipping", "Bo", "US", "NY"),
    ]
    assert read(ORDERS, order(billingAddress=None)).tables["order_addresses"].height == 0


@pytest.mark.parametrize("comment", ['say "value":12.50', "two\nlines", r"\N", "", "日本 \\ end", 'x"}],"lines":[{'])
def test_free_text_arrives_as_it_was_written(comment: str) -> None:
    parsed = read(ORDERS, order(otherComment=comment, lines=[order_line(comment=comment)]))
    assert only(parsed, "orders")["other_comment"] == comment
    assert only(parsed, "order_lines")["comment"] == comment


def test_what_was_pruned_is_null_and_breaks_no_rule() -> None:
    parsed = read(ORDERS, {"number": 7, "createdAt": "2024-03-01T12:00:00+01:00", "lines": [{"id": 1}]})
    assert parsed.quarantined.height == 0
    header, line = only(parsed, "orders"), only(parsed, "order_lines")
    assert {column for column, value in header.items() if value is not None and not column.startswith("_")} == {
        "number",
        "created_at",
        "business_date",
    }
    assert (line["order_number"], line["quantity"], line["counts_in_totals"]) == (7, None, True)


@pytest.mark.parametrize(
    ("record", "table", "rule"),
    [
        (order(lines=[order_line(quantity=-1)]), "order_lines", "quantities_are_not_negative"),
        (order(grandTotal=total("250", "kr")), "orders", "the_currency_is_a_three_letter_code"),
        (order(currencyBaseRate=0), "orders", "the_base_rate_is_positive"),
        (order(totals=order_totals(quantity=-2)), "orders", "quantities_are_not_negative"),
        (
            order(lines=[order_line(lineValueNet=amount("251"))]),
            "order_lines",
            "the_net_value_lies_between_zero_and_the_gross_value",
        ),
        (order(lines=[order_line(id=None)]), "order_lines", "id|nullability"),
    ],
)
def test_an_order_that_breaks_a_promise_is_set_aside_whole_and_the_others_go_on(
    record: dict[str, object], table: str, rule: str
) -> None:
    parsed = read(ORDERS, record, order(2))
    assert parsed.quarantined["_record_id"].to_list() == ["0"]
    assert f'"table":"{table}","rule":"{rule}"' in parsed.quarantined["reasons"].item()
    assert parsed.tables["orders"]["number"].to_list() == [2]
    assert parsed.tables["order_lines"]["order_number"].to_list() == [2]


@pytest.mark.parametrize(
    "changes",
    [
        {"createdAt": "2024-03-01 10:00:00"},
        {"lines": [order_line(lineValue={"value": "1,234.50"})]},
    ],
)
def test_an_unreadable_value_anywhere_in_an_order_sets_it_aside(changes: dict[str, Any]) -> None:
    parsed = read(ORDERS, order(1, **changes), order(2))
    assert parsed.tables["orders"]["number"].to_list() == [2]
    assert json.loads(parsed.quarantined["reasons"].item()) == [
        {"table": "raw/orders", "rule": "unreadable", "rows": 1}
    ]


def test_no_orders_give_every_table_with_its_columns() -> None:
    tables = read(ORDERS).tables
    assert {name: frame.height for name, frame in tables.items()} == {t.table: 0 for t in ORDERS.tables}
    for contract in ORDERS.tables:
        assert set(contract.column_names()) <= set(tables[contract.table].columns)


def test_custom_attributes_of_an_order_are_kept_whole() -> None:
    attribute = {
        "type": {"name": "gift_note", "isMapped": False, "isMulti": False},
        "elements": [{"key": "text", "kind": "INPUT", "value": "For you"}],
    }
    row = only(read(ORDERS, order(attributes=[attribute])), "order_attributes")
    assert (row["object_type"], row["object_id"], row["value"]) == ("Order", 1, "For you")
