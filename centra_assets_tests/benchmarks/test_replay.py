"""The replay server's pages are right, and our contender lands what they hold. dlt's side runs with the benchmarks."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType, parse, validate

from benchmarks import corpus, plans, shop
from benchmarks.complexity import per_order
from benchmarks.database import OURS, held
from benchmarks.ours import days, fetch, store
from benchmarks.rendering import Renderer, Taxed
from benchmarks.replay import TOKEN, ReplayServer, serving
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.orders import ORDERS
from centra_assets.storage.lake import Lake

_ORDERS = 240
_START = datetime(2025, 1, 1, tzinfo=shop.ZONE)
_END = datetime(2026, 1, 1, tzinfo=shop.ZONE)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    patch = pytest.MonkeyPatch()
    patch.setattr(corpus, "CACHE", tmp_path_factory.mktemp("corpus"))
    yield corpus.prepare(_ORDERS)
    patch.undo()


@pytest.fixture(scope="module")
def server(prepared: Path) -> Iterator[ReplayServer]:
    with serving(prepared) as running:
        yield running


def _ask(url: str, **variables: Any) -> httpx.Response:
    body = {"query": corpus.document_text(), "operationName": corpus.OPERATION, "variables": variables}
    return httpx.post(url, json=body, headers={"authorization": f"Bearer {TOKEN}"})


def _connection(url: str, **variables: Any) -> dict[str, Any]:
    answer = json.loads(_ask(url, **variables).content, parse_float=Decimal)
    found: dict[str, Any] = answer["data"]["orderConnection"]
    return found


def _whole_range(**more: Any) -> dict[str, Any]:
    return {"from": _START.isoformat(), "to": _END.isoformat(), "first": 100, "after": None, **more}


def test_the_document_that_every_contender_sends_is_valid_and_asks_for_no_attributes() -> None:
    document = parse(corpus.document_text())
    assert validate(bundled_schema(), document) == []
    assert not set(ORDERS.attribute_paths) & set(corpus.document_text().split())


def test_following_the_cursor_gives_every_order_once_and_in_order(server: ReplayServer) -> None:
    numbers, after, sizes = [], None, []
    while True:
        page = _connection(server.url, **_whole_range(after=after))
        numbers += [edge["node"]["number"] for edge in page["edges"]]
        sizes.append(len(page["edges"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert numbers == list(range(1, _ORDERS + 1))
    assert sizes == [100, 100, 40]


def test_a_range_of_creation_holds_its_two_ends_and_nothing_outside(server: ReplayServer) -> None:
    start, end = shop.created_at(50, _ORDERS), shop.created_at(60, _ORDERS)
    page = _connection(server.url, **_whole_range(**{"from": start.isoformat(), "to": end.isoformat()}))
    created = [datetime.fromisoformat(edge["node"]["createdAt"]) for edge in page["edges"]]
    assert page["totalCount"] == len(created) == 12
    assert created == sorted(created) and created[0] == start and created[-1] == end
    outside = {"from": (_END + timedelta(days=1)).isoformat(), "to": (_END + timedelta(days=2)).isoformat()}
    empty = _connection(server.url, **_whole_range(**outside))
    assert (empty["totalCount"], empty["edges"], empty["pageInfo"]["hasNextPage"]) == (0, [], False)


def test_an_order_has_the_keys_that_its_type_selects_and_adds_up(server: ReplayServer) -> None:
    nodes = [edge["node"] for edge in _connection(server.url, **_whole_range())["edges"]]
    wholesale = next(node for node in nodes if node["__typename"] == "WholesaleOrder")
    assert "buyer" in wholesale and "customer" not in wholesale
    consumer = next(node for node in nodes if node["__typename"] == "DirectToConsumerOrder")
    assert "customer" in consumer and "buyer" not in consumer
    for node in nodes:
        totals = {name: amount["value"] for name, amount in node["totals"].items() if isinstance(amount, dict)}
        assert node["grandTotal"]["value"] == totals["lineValues"] + totals["shipping"] - totals["discounts"]
        assert totals["lineValues"] == sum(line["lineValue"]["value"] for line in node["lines"])
        assert node["grandTotalNet"]["value"] == node["grandTotal"]["value"] - totals["taxIncluded"]


def test_the_truth_is_what_the_pages_hold(prepared: Path, server: ReplayServer) -> None:
    page = _connection(server.url, **_whole_range(first=_ORDERS))
    nodes = [edge["node"] for edge in page["edges"]]
    truth = corpus.Corpus(prepared).truth
    assert truth.orders == _ORDERS and truth.order_lines == 3 * _ORDERS == sum(len(node["lines"]) for node in nodes)
    assert truth.payments == sum(len(node["paymentHistory"]) for node in nodes)
    assert truth.grand_total == sum(node["grandTotal"]["value"] for node in nodes) * 100


def test_a_page_says_what_it_cost_and_larger_pages_cost_more(server: ReplayServer) -> None:
    costs = [_ask(server.url, **_whole_range(first=first)).json()["extensions"]["complexity"] for first in (1, 11)]
    assert costs[1] - costs[0] == 10 * per_order(corpus.document_text())


def test_a_plan_refuses_what_its_buckets_do_not_hold_and_says_when_to_come_back(prepared: Path) -> None:
    with serving(prepared, plan="growth") as limited:
        refused = _ask(limited.url, **_whole_range(first=1_000_000))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 1_700_000_000
        assert limited.stats()["throttled"] == 1


def test_buckets_refill_at_a_constant_rate_and_never_beyond_their_quota() -> None:
    limiter = plans.Limiter("growth", now=0.0, hour_share=0.0)
    assert limiter.charge(0.0, 1_000) == pytest.approx(3600 / 5_000)
    assert limiter.charge(1.0, 1_000) == 0.0
    remaining = {(line["type"], line["intervalSeconds"]): line["remainingQuota"] for line in limiter.report(10_000.0)}
    assert remaining[("QUERY_COMPLEXITY", "ONE_HOUR")] == 30_000_000


def test_a_field_that_takes_a_tax_mode_prints_the_value_asked_for_with_its_digits() -> None:
    kind = bundled_schema().type_map["DirectToConsumerOrder"]
    assert isinstance(kind, GraphQLObjectType)
    document = parse("{ gross: grandTotal { value } net: grandTotal(includingTax: false) { value } number }")
    selection = document.definitions[0].selection_set  # type: ignore[attr-defined]
    order = {"grandTotal": Taxed(({"value": "12.50"}, {"value": "10.00"})), "number": 7}
    rendered = Renderer(bundled_schema()).object(kind, [selection])(order)
    assert rendered == '{"gross":{"value":12.50},"net":{"value":10.00},"number":7}'


@pytest.mark.slow
def test_our_contender_lands_what_the_pages_hold_and_changes_nothing_the_second_time(
    prepared: Path, server: ReplayServer, database_url: str, tmp_path: Path
) -> None:
    lake, keys = Lake(str(tmp_path)), days()
    changed = []
    for run in ("first", "second"):
        fetched = fetch(keys, url=server.url, token=TOKEN, database_url=database_url, lake=lake, run_id=run)
        stored = store(keys, database_url=database_url, lake=lake, run_id=run)
        changed.append([sum(counts[what] for counts in stored["tables"].values()) for what in ("inserted", "updated")])
        assert fetched["rows"] == _ORDERS and fetched["throttled"] == 0 and stored["quarantined"] == 0
        assert held(database_url, OURS) == corpus.Corpus(prepared).truth
    assert changed[0][0] > 8 * _ORDERS and changed[1] == [0, 0]
