"""What every entity's document also asks: records by id, what changed, what exists. Over the sandbox, to the letter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse, print_ast, validate

from centra_assets.assets.queries import census_query, changes_query, lookup_query, query_of
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.documents import Query, operation_named, parsed
from centra_assets.centra.plans import choose
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.orders import ORDERS
from centra_assets.entities.promotions import CAMPAIGNS, VOUCHERS
from centra_assets.entities.registry import ENTITIES
from centra_assets.entities.registry import entity as entity_named
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.fixtures.sandbox import MakeSandbox

WINDOW = {"from": "1990-01-01T00:00:00+00:00", "to": "2190-01-01T00:00:00+00:00"}
KEYS = {Axis.STORE: "stores", Axis.PRICELIST: "pricelists", Axis.WAREHOUSE: "warehouses"}

WITHOUT_IDS = {"attribute_types", "lowest_prices"}
IN_ORDER = {
    "orders",
    "shipments",
    "invoices",
    "customers",
    "accounts",
    "products",
    "product_variant_details",
    "displays",
    "campaigns",
}
IN_ANY_ORDER = {"vouchers", "shipping_options", "purchase_orders"}

every_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
every_changing_entity = pytest.mark.parametrize("name", sorted(IN_ORDER | IN_ANY_ORDER))

Record = tuple[str, str]


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Iterator[BlockingClient]:
    with connect(url=sandbox.url, token=sandbox.token) as connected:
        yield connected


def derived(entity: Entity) -> dict[str, Query]:
    questions = {"lookup": lookup_query(entity), "changes": changes_query(entity), "census": census_query(entity)}
    return {name: query for name, query in questions.items() if query is not None}


def partitions(client: BlockingClient, entity: Entity) -> Sequence[Mapping[str, Any]]:
    """The variables of the entity's whole: its window, or its keys."""
    if entity.axis in (Axis.DAY, Axis.MONTH):
        return [WINDOW]
    if entity.axis in KEYS:
        answer = client.execute(f"{{ {KEYS[entity.axis]}(limit: 100) {{ id }} }}")
        return [{"key": row["id"]} for row in answer.data[KEYS[entity.axis]]]
    return [{}]


def read(client: BlockingClient, query: Query, variables: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    return [
        record
        for _, page in client.stream(query, [variables])
        for record in zip(page.ids, page.updated_at, page.payloads, strict=True)
    ]


def test_which_entities_can_be_asked_what() -> None:
    assert {e.name for e in ENTITIES if lookup_query(e) is None} == WITHOUT_IDS
    changes = {e.name: query for e in ENTITIES if (query := changes_query(e)) is not None}
    assert {name for name, query in changes.items() if query.keyset} == IN_ORDER
    assert {name for name, query in changes.items() if not query.keyset} == IN_ANY_ORDER


@every_entity
def test_derived_documents_are_valid_and_ask_for_the_same_record(entity: Entity) -> None:
    base = response_type(bundled_schema(), entity.document_text(), entity.operations[0])
    for name, query in derived(entity).items():
        assert validate(bundled_schema(), parse(query.text)) == [], name
        assert query.operations
        for operation in query.operations:
            assert response_type(bundled_schema(), query.text, operation) == base, name


@every_entity
def test_every_way_of_asking_is_derived(entity: Entity) -> None:
    for name, query in derived(entity).items():
        assert len(query.operations) == len(entity.operations), name


@every_entity
def test_a_forgotten_narrowing_is_refused_and_not_read_as_no_filter(entity: Entity) -> None:
    for name, variable in (("lookup", "ids"), ("changes", "from")):
        query = derived(entity).get(name)
        for operation in query.operations if query else ():
            assert query is not None
            node = operation_named(parsed(query.text), operation)
            types = {d.variable.name.value: print_ast(d.type) for d in node.variable_definitions}
            assert types[variable].endswith("!")
            assert ("key" in types) is (entity.axis in KEYS)


@every_entity
def test_attributes_are_left_out_where_they_are_in_the_base_question(entity: Entity) -> None:
    for query in (lookup_query(entity, drop_paths=["x"]), changes_query(entity, drop_paths=["x"])):
        assert query is None or query.drop_paths == ["x"]


@every_entity
def test_a_census_costs_next_to_nothing(entity: Entity) -> None:
    census = choose(census_query(entity), bundled_schema(), {})
    base = choose(query_of(entity), bundled_schema(), {})
    if entity.name in WITHOUT_IDS:
        assert census.record_cost == base.record_cost
    else:
        # An object for the record, and one more where its id is another's.
        assert census.record_cost <= 1 + entity.record_id.count(".") or "stores" in census.text
        assert census.limited == ()


@pytest.mark.parametrize("name", sorted({entity.name for entity in ENTITIES} - WITHOUT_IDS))
def test_records_by_id_are_to_the_letter_those_of_the_base_question(name: str, client: BlockingClient) -> None:
    entity = entity_named(name)
    query = lookup_query(entity)
    assert query is not None
    found = 0
    for variables in partitions(client, entity)[:3]:
        base = {record_id: payload for record_id, _, payload in read(client, query_of(entity), variables)}
        wanted = list(base)[:: max(1, len(base) // 25)]
        key = {name: value for name, value in variables.items() if name == "key"}
        prepared = client.prepare(query)
        pages = [page for _, page in client.stream(prepared, [{**key, "ids": [*wanted, "999999999"]}])]
        records = {i: payload for page in pages for i, payload in zip(page.ids, page.payloads, strict=True)}
        assert records == {record_id: base[record_id] for record_id in wanted}
        found += len(records)
        allowed = prepared.record_cost * (len(wanted) + 1) + prepared.plan.base_cost * len(pages)
        assert sum(page.complexity for page in pages) <= allowed
    assert found > 0


@every_entity
def test_a_census_lists_exactly_what_exists(entity: Entity, client: BlockingClient) -> None:
    total = 0
    for variables in partitions(client, entity)[:3]:
        base = read(client, query_of(entity), variables)
        listed = read(client, census_query(entity), variables)
        assert sorted((i, at) for i, at, _ in listed) == sorted((i, at) for i, at, _ in base)
        total += len(listed)
    assert total > 0


@every_changing_entity
def test_what_changed_since_is_exactly_what_is_not_older(name: str, client: BlockingClient) -> None:
    entity = entity_named(name)
    query = changes_query(entity)
    assert query is not None
    for variables in partitions(client, entity)[:3]:
        base = {(i, at or "", payload) for i, at, payload in read(client, query_of(entity), variables)}
        instants = sorted(datetime.fromisoformat(at) for _, at, _ in base)
        since = instants[len(instants) // 2]
        key = {name: value for name, value in variables.items() if name == "key"}
        found = read(client, query, {**key, "from": since.isoformat()})
        assert set(found) == {record for record in base if datetime.fromisoformat(record[1]) >= since}
        assert len(found) == len(set(found))
        assert client.prepare(query).in_order is (name in IN_ORDER)
        if name in IN_ORDER:
            times = [datetime.fromisoformat(at or "") for _, at, _ in found]
            assert times == sorted(times)


def post(sandbox: RunningSandbox, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{sandbox.admin_url}/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_orders_that_change_between_two_pages_are_neither_lost_nor_make_others_be_lost(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = make_sandbox(own_world=True)
    query = changes_query(ORDERS)
    assert query is not None
    with connect(url=sandbox.url, token=sandbox.token) as client:
        every = [i for i, _, _ in read(client, census_query(ORDERS), WINDOW)]
        found: dict[str, str] = {}
        touched: list[str] = []
        # Small pages, so that the reading goes on long after the last change.
        pages = client.stream(replace(query, page_limit=10), [{"from": WINDOW["from"]}], concurrency=1)
        for number, (_, page) in enumerate(pages):
            found.update(zip(page.ids, page.payloads, strict=True))
            if number < 8:
                has_come, has_not = page.ids[0], next(i for i in every if i not in found)
                for wanted in (has_come, has_not):
                    comment = f"changed after page {number}"
                    post(sandbox, "records", type="Order", key=int(wanted), set={"otherComment": comment})
                    touched.append(wanted)
        truth = {i: payload for i, _, payload in read(client, query_of(ORDERS), WINDOW)}
    assert len(touched) >= 10
    assert set(found) == set(every)
    assert found == truth


@pytest.mark.parametrize("drift", [-1, 1])
def test_rows_that_slip_between_pages_of_a_list_are_all_there_in_the_end(
    make_sandbox: MakeSandbox, client: BlockingClient, drift: int
) -> None:
    slipping = make_sandbox()
    post(slipping, "faults", page_drift=drift)
    several_pages = 0
    with connect(url=slipping.url, token=slipping.token) as drifting:
        for name in ("stock", "prices", "newsletter_subscriptions", VOUCHERS.name, CAMPAIGNS.name):
            query = query_of(entity_named(name))
            for variables in partitions(client, entity_named(name))[:2]:
                expected = sorted(i for i, _, _ in read(client, query, variables))
                found = sorted(i for i, _, _ in read(drifting, query, variables))
                assert found == expected, name
                several_pages += len(expected) > query.page_limit
    assert several_pages > 0


@cache
def operations(text: str) -> list[str]:
    return [
        node.name.value for node in parse(text).definitions if isinstance(node, OperationDefinitionNode) and node.name
    ]


@every_entity
def test_completions_of_nested_lists_come_along(entity: Entity) -> None:
    for name, query in derived(entity).items():
        if name != "census":
            assert set(operations(query.text)) == {*query.operations, *entity.nested.values()}
