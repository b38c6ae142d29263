"""Cases of the rules of shipments, returns and invoices: rows that keep each, and rows that break it."""

from typing import Any

from centra_assets_tests.checks.cases.case import CURRENCIES, Case
from centra_assets_tests.checks.evaluating import CONTRACTS, MOMENT

DOCUMENT = {"line_values": "100", "shipping": "10", "handling": "5", "discounts": "20", "tax_added": "7"}


def _document(table: str, lines: str, key: str, total: str, **parts: str) -> Case:
    sound = {"currency": "SEK", **DOCUMENT, **parts, "grand_total": total}
    cases = [
        {"id": 1, **sound},
        {"id": 2, **sound, "grand_total": f"{total}.02"},
        {"id": 3, **sound, "shipping": None},
        {"id": 4, **sound, "grand_total": f"{total}.99", "currency": "JPY"},
    ]
    off = [{"id": 5, **sound, "grand_total": f"{total}.02"}, {"id": 6, **sound, "grand_total": "1", "currency": "JPY"}]
    held = {column.name for column in CONTRACTS[table].columns().values()}
    kept = [{name: value for name, value in row.items() if name in held} for row in cases]
    broken = [{name: value for name, value in row.items() if name in held} for row in off]
    return (
        {table: kept, lines: [{"id": 1, key: 2}, {"id": 2, key: 2}], "currencies": CURRENCIES},
        {table: broken},
        {
            "5",
            "6",
        },
    )


def _left(number: int, *, paid: bool | None = True, left: bool | None = True) -> dict[str, Any]:
    """A shipment of the order of that number, with the order's number as its id."""
    return {"id": number, "order_number": number, "is_shipped": left, "is_paid": paid}


def _whole(number: int, status: str, **more: Any) -> dict[str, Any]:
    """An order of two units of which nothing is left to ship."""
    return {"number": number, "status": status, "quantity": 2, "unexpedited_quantity": 0, **more}


def _line(number: int, quantity: int = 2, *, counts: bool = True) -> dict[str, Any]:
    """The line of the order of that number."""
    return {"id": number, "order_number": number, "quantity": quantity, "counts_in_totals": counts}


FULFILMENT_CASES: dict[str, Case] = {
    "order_lines.returned_within_shipped_within_ordered": (
        {
            "order_lines": [
                {"id": 1, "counts_in_totals": True, "quantity": 2, "shipped_quantity": 2, "returned_quantity": 2},
                {"id": 2, "counts_in_totals": False, "quantity": 1, "shipped_quantity": 9, "returned_quantity": 0},
            ]
        },
        {
            "order_lines": [
                {"id": 3, "counts_in_totals": True, "quantity": 2, "shipped_quantity": 1, "returned_quantity": 2},
                {"id": 4, "counts_in_totals": True, "quantity": 2, "shipped_quantity": 3, "returned_quantity": 0},
            ]
        },
        {"3", "4"},
    ),
    "shipment_lines.no_more_shipped_than_ordered": (
        {
            "order_lines": [{"id": 1, "quantity": 2}],
            "shipment_lines": [
                {"id": 1, "order_line_id": 1, "quantity": 1},
                {"id": 2, "order_line_id": 1, "quantity": 1},
            ],
        },
        {"shipment_lines": [{"id": 3, "order_line_id": 1, "quantity": 1}]},
        {"1"},
    ),
    "return_lines.no_more_returned_than_shipped": (
        {
            "shipment_lines": [{"id": 1, "quantity": 2}],
            "return_lines": [{"id": n, "shipment_line_id": 1, "quantity": 1} for n in (1, 2)],
        },
        {"return_lines": [{"id": 3, "shipment_line_id": 1, "quantity": 1}]},
        {"1"},
    ),
    "order_lines.shipped_is_what_left": (
        {
            "shipments": [{"id": 1, "is_shipped": True}, {"id": 2, "is_shipped": False}],
            "shipment_lines": [
                {"id": 1, "shipment_id": 1, "order_line_id": 1, "quantity": 1},
                {"id": 2, "shipment_id": 2, "order_line_id": 1, "quantity": 1},
            ],
            "order_lines": [
                {"id": 1, "counts_in_totals": True, "shipped_quantity": 1},
                {"id": 2, "counts_in_totals": False, "shipped_quantity": 1},
            ],
        },
        # A pre-order that counts as shipped.
        {"order_lines": [{"id": 3, "counts_in_totals": True, "shipped_quantity": 1}]},
        {"3"},
    ),
    "orders.completed_orders_have_nothing_left": (
        {
            "orders": [
                {"number": 1, "status": "SHIPPED", "unexpedited_quantity": 0},
                {"number": 2, "status": "PROCESSING", "unexpedited_quantity": 1},
            ]
        },
        {"orders": [{"number": 3, "status": "SHIPPED", "unexpedited_quantity": 1}]},
        {"3"},
    ),
    "orders.completed_orders_have_left": (
        {
            "orders": [
                {"number": 1, "status": "SHIPPED"},
                {"number": 2, "status": "CONFIRMED"},
                # Came from another system, and of all lines cancelled.
                {"number": 3, "status": "ARCHIVED"},
                {"number": 4, "status": "SHIPPED"},
            ],
            "order_lines": [
                _line(1),
                # A bundle's parent beside its parts, which no shipment has.
                {**_line(1, counts=False), "id": 11},
                _line(2),
                _line(3),
                _line(4, 0),
            ],
            "shipments": [_left(1), {**_left(1), "id": 11}],
            "shipment_lines": [
                {"id": 1, "shipment_id": 1, "order_line_id": 1, "quantity": 1},
                {"id": 2, "shipment_id": 11, "order_line_id": 1, "quantity": 1},
            ],
        },
        {
            # Without a shipment, with one that did not leave, with one that took a part.
            "orders": [{"number": number, "status": "SHIPPED"} for number in (5, 6, 7)],
            "order_lines": [_line(5), _line(6), _line(7)],
            "shipments": [_left(6, left=False), _left(7)],
            "shipment_lines": [
                {"id": 6, "shipment_id": 6, "order_line_id": 6, "quantity": 2},
                {"id": 7, "shipment_id": 7, "order_line_id": 7, "quantity": 1},
            ],
        },
        {"5", "6", "7"},
    ),
    "orders.orders_that_left_are_completed": (
        {
            "orders": [
                _whole(1, "SHIPPED"),
                _whole(2, "ARCHIVED"),
                _whole(3, "CANCELLED"),
                # All left, and not yet paid: Centra waits for it.
                _whole(4, "PROCESSING"),
                _whole(5, "CONFIRMED"),
                # Another shipment is under way.
                _whole(6, "PROCESSING", unexpedited_quantity=1),
                _whole(7, "PROCESSING", is_on_hold=True),
                _whole(8, "PROCESSING", is_waiting_for_payment=True),
                # Every line is cancelled.
                _whole(9, "CONFIRMED", quantity=0),
                # Shipments that are not held, and one of which the token does not tell.
                _whole(10, "CONFIRMED"),
                _whole(11, "CONFIRMED"),
            ],
            "shipments": [
                *[_left(number) for number in (1, 2, 3, 6, 7, 8)],
                _left(4, paid=False),
                _left(5, paid=None),
                _left(11, left=None),
            ],
        },
        {
            "orders": [
                _whole(21, "CONFIRMED"),
                _whole(22, "PROCESSING"),
                _whole(23, "PENDING"),
                _whole(24, "INCOMPLETE"),
            ],
            "shipments": [_left(21), _left(22), _left(23, paid=False), _left(24, paid=False)],
        },
        {"21", "22", "23", "24"},
    ),
    "shipments.cancelled_orders_ship_nothing": (
        {
            "orders": [{"number": 1, "status": "CANCELLED"}, {"number": 2, "status": "SHIPPED"}],
            "shipments": [
                {"id": 1, "order_number": 1, "is_shipped": False},
                {"id": 2, "order_number": 2, "is_shipped": True},
            ],
        },
        {"shipments": [{"id": 3, "order_number": 1, "is_shipped": True}]},
        {"3"},
    ),
    "shipments.shipped_says_when": (
        {"shipments": [{"id": 1, "is_shipped": True, "shipped_at": MOMENT}, {"id": 2, "is_shipped": False}]},
        {"shipments": [{"id": 3, "is_shipped": True}]},
        {"3"},
    ),
    "shipments.captured_within_its_total": (
        {
            "currencies": CURRENCIES,
            "shipments": [
                {"id": 1, "is_captured": True, "captured_value": "10", "grand_total": "10", "currency": "SEK"},
                {"id": 2, "is_captured": True, "captured_value": None, "grand_total": "10", "currency": "SEK"},
            ],
        },
        {
            "shipments": [
                {"id": 3, "is_captured": True, "captured_value": "10.02", "grand_total": "10", "currency": "SEK"}
            ]
        },
        {"3"},
    ),
    "orders.shipments_add_up": (
        {
            "currencies": CURRENCIES,
            "orders": [
                {"number": 1, "status": "SHIPPED", "grand_total": "30", "currency": "SEK"},
                {"number": 2, "status": "PROCESSING", "grand_total": "30", "currency": "SEK"},
                {"number": 3, "status": "ARCHIVED", "grand_total": "30", "currency": "SEK"},
            ],
            "shipments": [
                {"id": 1, "order_number": 1, "is_shipped": True, "grand_total": "10"},
                {"id": 2, "order_number": 1, "is_shipped": True, "grand_total": "20"},
                {"id": 3, "order_number": 2, "is_shipped": True, "grand_total": "20"},
                {"id": 4, "order_number": 3, "is_shipped": True, "grand_total": None},
            ],
        },
        {
            "orders": [{"number": 4, "status": "ARCHIVED", "grand_total": "30", "currency": "SEK"}],
            "shipments": [{"id": 5, "order_number": 4, "is_shipped": True, "grand_total": "20"}],
        },
        {"4"},
    ),
    "shipments.totals_add_up": _document("shipments", "shipment_lines", "shipment_id", "100", tax_deducted="2"),
    "returns.totals_add_up": _document("returns", "return_lines", "return_id", "96", tax_deducted="2", return_cost="4"),
    "invoices.totals_add_up": _document("invoices", "invoice_lines", "invoice_id", "97"),
    "returns.rate_is_the_orders": (
        {
            "orders": [{"number": 1, "currency_base_rate": "10.5"}],
            "returns": [{"id": 1, "order_number": 1, "currency_base_rate": "10.5"}],
        },
        {"returns": [{"id": 2, "order_number": 1, "currency_base_rate": "10.6"}]},
        {"2"},
    ),
}
