"""Every object of the world against the schema: no field that must be there is missing, every value is of its type."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
)

from centra_assets.sandbox.data.money import Money, Taxed
from centra_assets.sandbox.data.nodes.base import Node
from centra_assets.sandbox.data.world import World, build_world

SCHEMA = build_schema((files("centra_assets") / "centra" / "schema.graphql").read_text(encoding="utf-8"))
SCALARS: dict[str, type] = {
    "Int": int,
    "Int64": int,
    "Float": Decimal,
    "String": str,
    "Boolean": bool,
    "Date": date,
    "DateTimeTz": datetime,
}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=3, scale=0.03, now=datetime(2031, 4, 2, 9, 30, tzinfo=UTC))


def every_node(world: World) -> Iterator[Node]:
    seen: set[int] = set()
    waiting: list[Any] = [node for table in world.tables.values() for node in table]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        for name in fields_of(node):
            value = getattr(node, name, None)
            waiting.extend(v for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, Node))


def fields_of(node: Node) -> dict[str, GraphQLField]:
    kind = SCHEMA.type_map[node.typename]
    assert isinstance(kind, GraphQLObjectType), f"{node.typename} is no object type of the schema"
    return kind.fields


def complaint(value: Any, kind: Any, taxed: bool) -> str | None:
    if isinstance(kind, GraphQLNonNull):
        return "is missing" if value is None else complaint(value, kind.of_type, taxed)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        if not isinstance(value, Sequence) or isinstance(value, str):
            return f"is no list: {type(value).__name__}"
        return next((found for item in value if (found := complaint(item, kind.of_type, taxed))), None)
    if isinstance(kind, GraphQLEnumType):
        return None if value in kind.values else f"{value!r} is no {kind.name}"
    if isinstance(kind, GraphQLScalarType):
        wanted = SCALARS[kind.name]
        exact = type(value) is wanted
        aware = kind.name != "DateTimeTz" or (exact and value.tzinfo is not None and value.microsecond == 0)
        return None if exact and aware else f"{value!r} is no {kind.name}"
    if kind.name == "MonetaryValue":
        return None if isinstance(value, Taxed if taxed else Money) else f"{value!r} is no money"
    return None if fits(value, kind) else f"{getattr(value, 'typename', value)!r} is no {kind.name}"


def fits(value: Any, kind: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType) -> bool:
    if not isinstance(value, Node):
        return False
    own = SCHEMA.type_map[value.typename]
    return own is kind or (not isinstance(kind, GraphQLObjectType) and SCHEMA.is_sub_type(kind, own))  # type: ignore[arg-type]


def test_every_value_is_of_the_schemas_type_and_none_that_is_required_is_missing(world: World) -> None:
    complaints: dict[str, str] = {}
    kinds: set[str] = set()
    for node in every_node(world):
        kinds.add(node.typename)
        for name, field in fields_of(node).items():
            if name == "displayConnection":  # a list here; the server makes a connection of it
                continue
            found = complaint(getattr(node, name, None), field.type, "includingTax" in field.args)
            if found:
                complaints.setdefault(f"{node.typename}.{name}", found)
    assert complaints == {}
    assert {"BundleItemOrderLine", "AppliedVoucherCredit", "AttributeImageElement", "WholesaleInvoice"} <= kinds


def test_every_field_of_the_schema_has_a_place_on_its_object(world: World) -> None:
    without = {
        f"{node.typename}.{name}" for node in every_node(world) for name in fields_of(node) if not hasattr(node, name)
    }
    assert without == set()


def test_tables_hold_their_objects_by_key_and_in_order(world: World) -> None:
    order = next(iter(world.tables["Order"]))
    assert world.tables["Order"].get(order.number) is order
    assert world.tables["Order"].get(order.id) is order
    for name in ("Order", "Shipment", "Customer", "Product", "StockChange", "PaymentHistoryEntry"):
        keys = [node.number if name == "Order" else node.id for node in world.tables[name]]
        assert keys == sorted(set(keys)), name
    numbers = [order.createdAt for order in world.tables["Order"]]
    assert numbers == sorted(numbers)


def test_an_object_that_left_its_table_is_gone_and_its_key_is_not_given_again() -> None:
    world = build_world(seed=1, scale=0.01, now=datetime(2030, 1, 1, tzinfo=UTC), months=2)
    brands = world.tables["Brand"]
    last = brands.rows()[-1]
    brands.remove(last.id)
    assert brands.get(last.id) is None
    assert last not in list(brands)
    assert brands.take_id() > last.id
    with pytest.raises(ValueError, match="is there already"):
        brands.add(brands.rows()[0])


def test_an_objects_text_names_it_and_shows_nobody(world: World) -> None:
    customer = next(iter(world.tables["Customer"]))
    assert repr(customer) == f"<Customer {customer.id}>"
    assert customer.email not in repr(next(iter(world.tables["Order"])))
