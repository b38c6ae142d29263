"""Claims about stock levels."""

from centra_assets.entities.stock import STOCK
from centra_assets_tests.entities.products.reading import broken_rules, good, read, rows

LEVEL = {
    "physicalQuantity": 12,
    "freeToAllocateQuantity": 9,
    "allocatedQuantity": 3,
    "demandQuantity": 14,
    "unshippedQuantity": 17,
    "availableQuantity": -1,
    "availableNowQuantity": -5,
    "incomingQuantity": 6,
    "linkedIncomingQuantity": 2,
    "unlinkedIncomingQuantity": 4,
    "onDeliveryQuantity": 1,
    "productSize": {"id": 1200},
}


def test_all_quantities_are_kept_apart_and_available_ones_may_be_negative() -> None:
    levels = good(STOCK, LEVEL, partition="3")["stock_levels"]
    quantities = [name for name in levels.columns if name.endswith("_quantity")]
    assert rows(levels, "product_size_id", "warehouse_id") == [(1200, 3)]
    assert rows(levels, *quantities) == [(12, 9, 3, 14, 17, -1, -5, 6, 2, 4, 1)]


def test_the_same_size_in_another_warehouse_is_another_row() -> None:
    here, there = (good(STOCK, LEVEL, partition=warehouse)["stock_levels"] for warehouse in ("3", "4"))
    keys = rows(here, "product_size_id", "warehouse_id") + rows(there, "product_size_id", "warehouse_id")
    assert keys == [(1200, 3), (1200, 4)]


def test_a_negative_claim_is_set_aside() -> None:
    result = read(STOCK, {**LEVEL, "allocatedQuantity": -1}, {**LEVEL, "productSize": {"id": 1201}})
    assert broken_rules(result) == ["claims_are_not_negative"]
    assert result.tables["stock_levels"]["product_size_id"].to_list() == [1201]
