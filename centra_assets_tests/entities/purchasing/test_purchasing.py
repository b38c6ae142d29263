"""Claims about suppliers, purchase orders and deliveries."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from centra_assets.entities.contract import Contract
from centra_assets.entities.purchasing import DELIVERIES, PURCHASE_ORDERS, SUPPLIERS, contracts
from centra_assets_tests.entities.products.looking import broken_rules, good, rows
from centra_assets_tests.entities.reading import read

LINE: dict[str, Any] = {
    "quantity": 10,
    "linkedQuantity": 4,
    "unlinkedQuantity": 6,
    "unitCost": {"value": Decimal("12.5")},
    "customsType": "PERCENT",
    "customsPercent": Decimal("12.25"),
    "customsValue": {"value": Decimal("1.5313")},
    "product": {"id": 12},
    "productVariant": {"id": 120},
    "productSize": {"id": 1200},
}
PURCHASE_ORDER: dict[str, Any] = {
    "id": 8,
    "status": "CONFIRMED",
    "createdAt": "2024-01-15T10:00:00+0100",
    "updatedAt": "2024-01-16T10:00:00+0100",
    "ETA": "2024-07-01T00:00:00+0200",
    "totalQuantity": 20,
    "totalCost": {"value": Decimal("250")},
    "currency": {"code": "EUR"},
    "supplier": {"id": 2},
    "lines": [LINE, LINE],
}


def test_offsets_without_a_colon_are_read_as_instants() -> None:
    orders = good(PURCHASE_ORDERS, PURCHASE_ORDER)["purchase_orders"]
    created, eta = datetime(2024, 1, 15, 9, tzinfo=UTC), datetime(2024, 6, 30, 22, tzinfo=UTC)
    assert rows(orders, "id", "created_at", "eta", "requested_etd") == [(8, created, eta, None)]
    assert rows(orders, "supplier_id", "total_quantity", "total_cost", "currency") == [(2, 20, Decimal("250"), "EUR")]


def test_lines_without_ids_are_told_apart_by_their_place() -> None:
    lines = good(PURCHASE_ORDERS, PURCHASE_ORDER)["purchase_order_lines"]
    columns = (
        "purchase_order_id",
        "position",
        "product_size_id",
        "quantity",
        "unit_cost",
        "customs_percent",
        "currency",
    )
    assert rows(lines, *columns) == [
        (8, 1, 1200, 10, Decimal("12.5000"), Decimal("12.25000000"), "EUR"),
        (8, 2, 1200, 10, Decimal("12.5000"), Decimal("12.25000000"), "EUR"),
    ]


def test_a_delivery_names_the_stock_change_that_booked_it_in() -> None:
    delivery = {
        "id": 80,
        "number": "8-1",
        "createdAt": "2024-02-15T10:00:00+0100",
        "shippingCost": {"value": Decimal("100")},
        "otherCosts": {"value": 0},
        "currency": {"code": "EUR"},
        "purchaseOrder": {"id": 8},
        "stockChange": {"id": 5},
        "lines": [{**LINE, "landedCost": {"value": Decimal("19.0313")}}],
    }
    tables = good(DELIVERIES, delivery, {**delivery, "id": 81, "stockChange": None})
    columns = ("id", "purchase_order_id", "stock_change_id", "shipping_cost")
    assert rows(tables["deliveries"], *columns) == [(80, 8, 5, Decimal("100")), (81, 8, None, Decimal("100"))]
    assert rows(tables["delivery_lines"], "delivery_id", "position", "landed_cost") == [
        (80, 1, Decimal("19.0313")),
        (81, 1, Decimal("19.0313")),
    ]


def test_a_negative_quantity_sets_the_purchase_order_aside() -> None:
    result = read(PURCHASE_ORDERS, {**PURCHASE_ORDER, "lines": [LINE, {**LINE, "quantity": -1}]})
    assert broken_rules(result) == ["quantities_are_not_negative"]
    assert result.tables["purchase_order_lines"].is_empty()


def test_a_supplier_keeps_its_terms_and_its_contact() -> None:
    supplier = {
        "id": 2,
        "name": "Fábrica",
        "currency": {"code": "EUR"},
        "paymentTerms": {"id": 1, "description": "30 days"},
        "address": {"firstName": "Ana", "country": {"code": "PT"}},
    }
    columns = ("id", "name", "currency", "payment_terms", "first_name", "country_code")
    assert rows(good(SUPPLIERS, supplier)["suppliers"], *columns) == [(2, "Fábrica", "EUR", "30 days", "Ana", "PT")]


def test_the_contact_and_comments_are_marked_as_personal_data() -> None:
    def personal(contract: type[Contract]) -> set[str]:
        columns = contract.columns().items()
        return {name for name, column in columns if column.metadata and column.metadata["personal_data"]}

    assert {"first_name", "last_name", "email", "phone_number", "address1", "comment"} <= personal(contracts.Suppliers)
    assert personal(contracts.PurchaseOrders) == {"internal_comment", "external_comment"}
    assert personal(contracts.PurchaseOrderLines) == set()
