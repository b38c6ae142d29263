"""Cases of the rules of stock: rows that keep each, and rows that break it."""

from centra_assets_tests.checks.cases.case import Case, Rows
from centra_assets_tests.checks.evaluating import hours_later

LEVEL = {
    "physical_quantity": 5,
    "free_to_allocate_quantity": 7,
    "allocated_quantity": -2,
    "demand_quantity": 9,
    "available_now_quantity": -2,
    "available_quantity": 1,
    "incoming_quantity": 4,
    "linked_incoming_quantity": 1,
    "unlinked_incoming_quantity": 3,
}
LEDGER: Rows = {
    "stock_changes": [{"id": 1, "created_at": hours_later(-48)}, {"id": 2, "created_at": hours_later(-24)}],
    "stock_change_lines": [
        {"id": 1, "stock_change_id": 1, "product_size_id": 1, "warehouse_id": 1, "delivered_quantity": 7},
        {"id": 2, "stock_change_id": 2, "product_size_id": 1, "warehouse_id": 1, "delivered_quantity": -2},
    ],
    "products": [{"id": 1, "created_at": hours_later(-47)}, {"id": 2, "created_at": hours_later(-99)}],
    "product_sizes": [{"id": 1, "product_id": 1}, {"id": 2, "product_id": 2}],
    "stock_levels": [
        {"product_size_id": 1, "warehouse_id": 1, "physical_quantity": 5},
        # Of a product from before the ledger: nobody knows what it began with.
        {"product_size_id": 2, "warehouse_id": 1, "physical_quantity": 40},
    ],
}

STOCK_CASES: dict[str, Case] = {
    "stock_levels.physical_is_free_plus_allocated": (
        {"stock_levels": [{"product_size_id": 1, "warehouse_id": 1, **LEVEL}]},
        {"stock_levels": [{"product_size_id": 2, "warehouse_id": 1, **LEVEL, "allocated_quantity": -1}]},
        {"2/1"},
    ),
    "stock_levels.available_is_free_less_demand": (
        {"stock_levels": [{"product_size_id": 1, "warehouse_id": 1, **LEVEL}]},
        {
            "stock_levels": [
                {"product_size_id": 2, "warehouse_id": 1, **LEVEL, "available_now_quantity": 7},
                {"product_size_id": 3, "warehouse_id": 1, **LEVEL, "available_quantity": 2},
                {"product_size_id": 4, "warehouse_id": 1, **LEVEL, "linked_incoming_quantity": 0},
            ]
        },
        {"2/1", "3/1", "4/1"},
    ),
    "stock_levels.movements_explain_the_level": (
        LEDGER,
        {
            "stock_levels": [
                {"product_size_id": 1, "warehouse_id": 2, "physical_quantity": 4},
                {"product_size_id": 3, "warehouse_id": 1, "physical_quantity": 4},
            ],
            "product_sizes": [{"id": 3, "product_id": 1}],
            "stock_change_lines": [
                {"id": 3, "stock_change_id": 2, "product_size_id": 3, "warehouse_id": 1, "delivered_quantity": 3}
            ],
        },
        {"1/2", "3/1"},
    ),
}
