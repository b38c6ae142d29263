"""Claims about stock levels."""

import pytest

from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.errors import PermissionDeniedError, ResponseShapeError, SchemaMismatchError
from centra_assets.centra.pruning import Cuts, prune
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.stock import STOCK
from centra_assets_tests.entities.products.looking import broken_rules, good, page_reader, rows
from centra_assets_tests.entities.reading import read

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


def test_stock_of_a_page_is_told_apart_by_size_although_it_has_no_id() -> None:
    reader = page_reader(STOCK)
    body = b'{"data": {"warehouses": [{"stock": [{"productSize": {"id": 1200}}, {"productSize": {"id": 1201}}]}]}}'
    assert reader.split(reader.decoder.decode(body).data).ids == ["1200", "1201"]


def test_stock_whose_size_may_not_be_read_is_refused_and_not_guessed() -> None:
    reader = page_reader(STOCK)
    body = b'{"data": {"warehouses": [{"stock": [{"productSize": null}]}]}}'
    with pytest.raises(ResponseShapeError):
        reader.split(reader.decoder.decode(body).data)


def test_the_size_of_a_stock_level_is_never_pruned() -> None:
    denied = {"ProductSize.id": "ProductSize:read"}
    operation = operation_named(parsed(STOCK.document_text()), STOCK.operations[0])
    way = shape_of(bundled_schema(), operation).record_path
    with pytest.raises((SchemaMismatchError, PermissionDeniedError)):
        prune(bundled_schema(), operation, Cuts(way, STOCK.record_id, denied))
