"""Claims about every document of the catalogue, displays, prices, stock and purchasing."""

import polars as pl
import pytest
from graphql import parse as parse_document
from graphql import validate

from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.displays import DISPLAYS
from centra_assets.entities.model import CARRIED_COLUMNS, Entity
from centra_assets.entities.prices import LOWEST_PRICES, PRICES
from centra_assets.entities.products import PRODUCT_VARIANT_DETAILS, PRODUCTS
from centra_assets.entities.purchasing import DELIVERIES, PURCHASE_ORDERS, SUPPLIERS
from centra_assets.entities.stock import STOCK
from centra_assets.entities.stock_changes import STOCK_CHANGES
from centra_assets_tests.entities.products.looking import good, points_per_record
from centra_assets_tests.entities.reading import read

# Points per record; the numbers that docs/data-model-catalogue.md gives.
POINTS = {
    PRODUCTS.name: (PRODUCTS, 720),
    PRODUCT_VARIANT_DETAILS.name: (PRODUCT_VARIANT_DETAILS, 251),
    DISPLAYS.name: (DISPLAYS, 335),
    PRICES.name: (PRICES, 7),
    LOWEST_PRICES.name: (LOWEST_PRICES, 15),
    STOCK.name: (STOCK, 22),
    STOCK_CHANGES.name: (STOCK_CHANGES, 63),
    SUPPLIERS.name: (SUPPLIERS, 7),
    PURCHASE_ORDERS.name: (PURCHASE_ORDERS, 67),
    DELIVERIES.name: (DELIVERIES, 79),
}
every_entity = pytest.mark.parametrize(("entity", "points"), POINTS.values(), ids=POINTS)

# The least that a record can hold: ids, below which everything is missing or may not be read.
BARE = {
    PRODUCTS.name: {
        "id": 1,
        "media": [{"id": 2}],
        "bundle": {"id": 3, "sections": [{"id": 4, "productVariants": [{"id": 5}]}]},
        "attributes": [{}],
        "variants": [{"id": 5, "productSizes": [{"id": 6}]}],
    },
    PRODUCT_VARIANT_DETAILS.name: {"id": 1, "media": [{"id": 2}], "attributes": [{}]},
    DISPLAYS.name: {
        "id": 1,
        "tags": ["new"],
        "attributes": [{}],
        "categories": [{"id": 2}],
        "markets": [{"id": 3}],
        "displayItems": [{"id": 4}],
        "media": [{"id": 5}],
        "related": [{"id": 6}],
    },
    PRICES.name: {"id": 1},
    LOWEST_PRICES.name: {"productVariant": {"id": 1}},
    STOCK.name: {"productSize": {"id": 1}},
    STOCK_CHANGES.name: {"id": 1, "lines": [{"id": 2}]},
    SUPPLIERS.name: {"id": 1},
    PURCHASE_ORDERS.name: {"id": 1, "lines": [{}]},
    DELIVERIES.name: {"id": 1, "lines": [{}]},
}
# These need the permission to read languages.
MAY_BE_EMPTY = {"product_translations", "product_variant_translations", "display_translations"}


@every_entity
def test_documents_are_valid_against_the_schema(entity: Entity, points: int) -> None:
    assert validate(bundled_schema(), parse_document(entity.document_text())) == []


@every_entity
def test_every_operation_asks_for_the_same_record(entity: Entity, points: int) -> None:
    types = [response_type(bundled_schema(), entity.document_text(), name).dtype for name in entity.operations]
    assert all(dtype == types[0] for dtype in types)


@every_entity
def test_completions_ask_for_the_same_elements_as_the_record(entity: Entity, points: int) -> None:
    record = response_type(bundled_schema(), entity.document_text(), entity.operations[0]).dtype
    for path, operation in entity.nested.items():
        fields = {field.name: field.dtype for field in record.fields}
        element = response_type(bundled_schema(), entity.document_text(), operation).dtype
        assert fields[path] == pl.List(element)


@every_entity
def test_a_record_costs_what_the_documentation_says(entity: Entity, points: int) -> None:
    for operation in entity.operations:
        assert points_per_record(entity, operation, key=1) == points


@every_entity
def test_missing_fields_and_permissions_never_refuse_a_record(entity: Entity, points: int) -> None:
    tables = good(entity, BARE[entity.name])
    empty = {name for name, frame in tables.items() if frame.is_empty()}
    assert empty <= MAY_BE_EMPTY


@every_entity
def test_no_records_still_give_every_table_with_its_columns(entity: Entity, points: int) -> None:
    tables = read(entity).tables
    assert {contract.table for contract in entity.tables} == set(tables)
    for contract in entity.tables:
        assert set(tables[contract.table].columns) == {*contract.column_names(), *CARRIED_COLUMNS}
        assert tables[contract.table].is_empty()


def test_details_of_variants_are_dearer_than_variants_with_their_sizes() -> None:
    nested = points_per_record(PRODUCTS, PRODUCTS.nested["variants"], id=1)
    apart = points_per_record(PRODUCT_VARIANT_DETAILS, PRODUCT_VARIANT_DETAILS.operations[0])
    whole_product, of_variants = points_per_record(PRODUCTS, PRODUCTS.operations[0]), 10 * nested
    assert (nested, whole_product - of_variants) == (34, 380)
    below_the_product = whole_product + 10 * (apart - 1)
    at_the_root = whole_product - of_variants + 3 * (nested + apart - 1)
    assert (below_the_product, whole_product + 3 * apart, at_the_root) == (3220, 1473, 1232)
