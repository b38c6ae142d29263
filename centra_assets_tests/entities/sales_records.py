"""Hand-made records of the sales families, what one of their rows says, and what a record costs to ask for."""

from decimal import Decimal
from typing import Any

from centra_assets.centra.complexity import cost
from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.pruning import Cuts, prune
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import Entity
from centra_assets.entities.parse import Parsed


def only(parsed_records: Parsed, table: str) -> dict[str, Any]:
    """The one row of a table."""
    rows = parsed_records.tables[table].to_dicts()
    assert len(rows) == 1, f"{table} has {len(rows)} rows"
    return rows[0]


def points_per_record(entity: Entity, operation: str, *, attributes: bool = False) -> int:
    """What one more record costs by Centra's rule, with or without the attributes."""
    schema = bundled_schema()
    asked = operation_named(parsed(entity.document_text()), operation)
    shape = shape_of(schema, asked)
    if not attributes:
        dropped = [(*shape.record_path, *path.split(".")) for path in entity.attribute_paths]
        asked = prune(schema, asked, Cuts(record_path=shape.record_path, dropped=dropped)).operation
    size = shape.size_variable or ""
    return cost(schema, asked, {size: 2}) - cost(schema, asked, {size: 1})


def amount(value: str) -> dict[str, Decimal]:
    """A MonetaryValue, its number written as given."""
    return {"value": Decimal(value)}


def total(value: str, currency: str = "SEK") -> dict[str, Any]:
    """A grand total, which says the currency."""
    return {"value": Decimal(value), "currency": {"code": currency}}


def order(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A plain direct-to-consumer order of 250 SEK, tax of 25 percent included."""
    return {
        "__typename": "DirectToConsumerOrder",
        "id": f"{number:032x}",
        "number": number,
        "status": "CONFIRMED",
        "createdAt": "2024-03-01T12:00:00+01:00",
        "updatedAt": "2024-03-02T12:00:00+01:00",
        "orderDate": "2024-03-01T12:00:00+01:00",
        "currencyBaseRate": 1,
        "isInternal": False,
        "isOnHold": False,
        "grandTotal": total("250"),
        "grandTotalNet": amount("200"),
        "totals": order_totals(),
        "store": {"id": 1},
        "market": {"id": 2},
        "customer": {"id": 4},
        "lines": [order_line(10 * number)],
        "discountsApplied": [],
        "paymentHistory": [],
    } | changes


def order_totals(**changes: Any) -> dict[str, Any]:
    """Totals of the plain order."""
    names = ("shipping", "handling", "discounts", "taxAdded", "taxDeducted")
    return (
        {"quantity": 2, "originalQuantity": 2, "cancelledQuantity": 0, "unexpeditedQuantity": 2}
        | {"lineValues": amount("250"), "taxIncluded": amount("50")}
        | {name: amount("0") for name in names}
        | changes
    )


def order_line(line_id: int = 10, typename: str = "ProductOrderLine", **changes: Any) -> dict[str, Any]:
    """A line of two units at 125 SEK."""
    return {
        "__typename": typename,
        "id": line_id,
        "productNumber": "P-1",
        "size": "M",
        "quantity": 2,
        "cancelledQuantity": 0,
        "returnedQuantity": 0,
        "shippedQuantity": 0,
        "taxPercent": 25,
        "discountPercent": 0,
        "unitOriginalPrice": amount("125"),
        "lineValue": amount("250"),
        "lineValueNet": amount("200"),
        "productSize": {"id": 7},
    } | changes


def payment(entry_id: int, entry_type: str, value: str, status: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
    """An entry of a payment history."""
    return {
        "id": entry_id,
        "entryType": entry_type,
        "status": status,
        "value": amount(value),
        "currencyBaseRate": 1,
        "createdAt": "2024-03-01T12:00:05+01:00",
    } | changes
