"""Lists stay in order while the shop lives: what was kept in order reads like what is sorted afresh."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from centra_assets_tests.sandbox.conftest import Caller

ASKED = {
    "orders": ("orderConnection", ("updatedAt_DESC", "createdAt_ASC", "id_ASC")),
    "shipments": ("shipmentConnection", ("updatedAt_ASC", "id_DESC")),
    "customers": ("customerConnection", ("updatedAt_DESC", "createdAt_DESC")),
}


@pytest.fixture
def caller(make_sandbox: Callable[..., Any], call: Callable[..., Caller]) -> Caller:
    return call(make_sandbox(own_world=True))


def read(caller: Caller) -> dict[str, list[str]]:
    found = {}
    for connection, sorts in ASKED.values():
        for sort in sorts:
            query = f"{{ {connection}(first: 100, sort: [{sort}]) {{ totalCount edges {{ node {{ id }} }} }} }}"
            answer = caller.data(query)[connection]
            found[sort + connection] = [answer["totalCount"], *(edge["node"]["id"] for edge in answer["edges"])]
    stock = "{ warehouses { stock(limit: 50, page: 2) { physicalQuantity productSize { id } } } }"
    by_quantity = "{ warehouses { stock(limit: 50, sort: [physicalQuantity_DESC]) { physicalQuantity } } }"
    return found | {"stock": caller.data(stock), "by quantity": caller.data(by_quantity)}


def test_what_was_kept_in_order_reads_like_what_is_sorted_afresh(caller):
    for _ in range(12):
        read(caller)
        caller.sandbox.clock.advance(600)
        steps = caller.admin("traffic", {"steps": 25})["steps"]
        assert any(step["changes"] for step in steps)
        kept = read(caller)
        caller.sandbox.instance.indexes.forget()
        assert read(caller) == kept


def test_what_is_deleted_is_in_no_list(caller):
    query = "{ shipmentConnection(first: 100, sort: [updatedAt_DESC]) { edges { node { id } } } }"
    caller.data(query)
    gone = []
    for _ in itertools.repeat(None, 200):
        caller.sandbox.clock.advance(3600)
        caller.admin("traffic", {"steps": 3})
        (step,) = caller.admin("traffic", {"steps": 1, "only": ["shipment deleted"]})["steps"]
        gone = [c["reference"] for c in step["changes"] if c["object_type"] == "Shipment"]
        if gone:
            break
    assert gone
    listed = [edge["node"]["id"] for edge in caller.data(query)["shipmentConnection"]["edges"]]
    assert listed
    assert gone[0] not in listed
    assert caller.data(f"{{ shipments(where: {{id: [{gone[0]}]}}) {{ id }} }}") == {"shipments": []}
