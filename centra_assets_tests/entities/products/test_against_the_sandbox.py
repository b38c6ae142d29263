"""Claims that the tables of the catalogue, displays, prices, stock and purchasing hold what Centra has, over HTTP."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import polars as pl
import pytest

from centra_assets.assets.extract import query_of
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.decode import Decoded, decode_records
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.displays import DISPLAYS
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.parse import Parsed, parse
from centra_assets.entities.prices import LOWEST_PRICES, PRICES
from centra_assets.entities.products import PRODUCT_VARIANT_DETAILS, PRODUCTS
from centra_assets.entities.purchasing import DELIVERIES, PURCHASE_ORDERS, SUPPLIERS
from centra_assets.entities.stock import STOCK
from centra_assets.entities.stock_changes import STOCK_CHANGES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.entities.reading import CONTEXT, PARTITION, RAW_SCHEMA

ENTITIES = {
    entity.name: entity
    for entity in (
        PRODUCTS,
        PRODUCT_VARIANT_DETAILS,
        DISPLAYS,
        PRICES,
        LOWEST_PRICES,
        STOCK,
        STOCK_CHANGES,
        SUPPLIERS,
        PURCHASE_ORDERS,
        DELIVERIES,
    )
}
TRUTH_TABLES = [
    (entity.name, contract.table)
    for entity in ENTITIES.values()
    for contract in entity.tables
    if not contract.table.startswith("product_variant_")
    and not contract.table.endswith(("_attributes", "_translations"))
]
# Tables of which the sandbox's truth says nothing: the world's objects and how many rows each must give.
COUNTED: list[tuple[str, str, str, Callable[[Any], int]]] = [
    ("products", "product_attributes", "Product", lambda node: _elements(node.attributes)),
    ("products", "product_translations", "Product", lambda node: _texts(node.translations)),
    (
        "product_variant_details",
        "product_variant_attributes",
        "ProductVariant",
        lambda node: _elements(node.attributes),
    ),
    ("product_variant_details", "product_variant_media", "ProductVariant", lambda node: len(node.media)),
    ("displays", "display_attributes", "Display", lambda node: _elements(node.attributes)),
    ("displays", "display_translations", "Display", lambda node: _texts(node.translations)),
]
Loaded = Callable[[str], Parsed]


@pytest.fixture(scope="module")
def loaded(sandbox: RunningSandbox) -> Iterator[Loaded]:
    """Reads an entity when a test first names it."""
    with connect(url=sandbox.url, token=sandbox.token) as client:
        yield cache(lambda name: load(client, sandbox, ENTITIES[name]))


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> dict[str, Any]:
    answer = httpx.get(f"{sandbox.admin_url}/truth", timeout=60)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def load(client: BlockingClient, sandbox: RunningSandbox, entity: Entity) -> Parsed:
    """Everything that Centra has of an entity, parsed in one go."""
    keys = partitions(sandbox, entity.axis)
    rows = [
        (record_id, None, payload, page.fetched_at, "backfill", keys[place])
        for place, page in client.stream(query_of(entity), [variables(entity.axis, key) for key in keys])
        for record_id, payload in zip(page.ids, page.payloads, strict=True)
    ]
    answer = response_type(bundled_schema(), entity.document_text(), entity.operations[0])

    def decode(payloads: pl.Series) -> Decoded:
        return decode_records(payloads, answer)

    return parse(entity, pl.DataFrame(rows, schema=RAW_SCHEMA, orient="row"), decode, CONTEXT)


def partitions(sandbox: RunningSandbox, axis: Axis) -> list[str]:
    """The keys that there are; the whole of time is one."""
    tables = {Axis.STORE: "Store", Axis.PRICELIST: "Pricelist", Axis.WAREHOUSE: "Warehouse"}
    if axis not in tables:
        return [PARTITION[axis]]
    return [str(node.id) for node in sandbox.world.tables[tables[axis]]]


def variables(axis: Axis, key: str) -> dict[str, Any]:
    if axis is Axis.NONE:
        return {}
    if axis in (Axis.DAY, Axis.MONTH):
        return {"from": "2000-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z"}
    return {"key": int(key)}


@pytest.mark.parametrize("name", ENTITIES)
def test_nothing_that_centra_says_is_set_aside(loaded: Loaded, name: str) -> None:
    assert loaded(name).records > 0
    assert loaded(name).quarantined["reasons"].to_list() == []


@pytest.mark.parametrize(("name", "table"), TRUTH_TABLES)
def test_counts_and_sums_equal_what_centra_has(loaded: Loaded, truth: dict[str, Any], name: str, table: str) -> None:
    frame = loaded(name).tables[table]
    assert frame.height == truth[table]["count"] > 0
    assert sums(frame, truth[table]["sums"]) == {
        column: {code: Decimal(amount) for code, amount in by_code.items()}
        for column, by_code in truth[table]["sums"].items()
    }


@pytest.mark.parametrize(("name", "table", "kind", "rows"), COUNTED, ids=[case[1] for case in COUNTED])
def test_attributes_translations_and_media_are_all_there(
    loaded: Loaded, sandbox: RunningSandbox, name: str, table: str, kind: str, rows: Callable[[Any], int]
) -> None:
    expected = sum(rows(node) for node in sandbox.world.tables[kind])
    assert loaded(name).tables[table].height == expected > 0


def test_stock_of_every_size_obeys_the_identities(loaded: Loaded) -> None:
    levels = loaded("stock").tables["stock_levels"]
    physical = pl.col("free_to_allocate_quantity") + pl.col("allocated_quantity")
    now = pl.col("free_to_allocate_quantity") - pl.col("demand_quantity")
    assert levels.filter(pl.col("physical_quantity") != physical).is_empty()
    assert levels.filter(pl.col("available_now_quantity") != now).is_empty()
    assert levels.filter(pl.col("available_quantity") != now + pl.col("unlinked_incoming_quantity")).is_empty()


def test_a_stock_change_longer_than_its_page_is_complete(loaded: Loaded, sandbox: RunningSandbox) -> None:
    longest = max(sandbox.world.tables["StockChange"], key=lambda change: len(change.lines))
    lines = loaded("stock_changes").tables["stock_change_lines"].filter(stock_change_id=longest.id)
    assert len(longest.lines) > 200
    assert set(lines["id"]) == {line.id for line in longest.lines}


def sums(frame: pl.DataFrame, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Decimal]]:
    """The frame's sums in the shape of the truth: by currency where the column is money."""
    currency = next((name for name in ("currency", "unit_cost_currency") if name in frame.columns), None)
    result: dict[str, dict[str, Decimal]] = {}
    for column in wanted:
        if frame.schema[column].is_integer():
            result[column] = {"": Decimal(frame[column].sum())}
            continue
        assert currency is not None
        by_code = frame.filter(pl.col(column).is_not_null()).group_by(currency).agg(pl.col(column).sum()).rows()
        result[column] = dict(by_code)
    return result


def _elements(attributes: Iterable[Any]) -> int:
    return sum(max(1, len(attribute.elements)) for attribute in attributes)


def _texts(translations: Iterable[Any]) -> int:
    # Centra leaves out what is not translated.
    return sum(1 for translation in translations for text in translation.fields if text.value)
