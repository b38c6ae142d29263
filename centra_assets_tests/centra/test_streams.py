"""Streams over connections and lists: whole, in order, each record once."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Query
from centra_assets.centra.errors import NestedListCutError, PageDriftError, ResponseShapeError
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import Asked, Peer, answer

LIST = replace(ORDERS, operations=("OrderList",))


def orders(count: int) -> list[dict[str, Any]]:
    return [order(number) for number in range(1, count + 1)]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def read(client: BlockingClient, query: Query, *variables: dict[str, Any]) -> list[str]:
    return [record_id for _, page in client.stream(query, variables or ({},)) for record_id in page.ids]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35])
def test_a_connection_is_read_to_its_end_in_order(peer: Peer, client: BlockingClient, count: int) -> None:
    peer.reply = Shop(orders(count)).reply
    assert read(client, ORDERS) == numbers(count)
    assert len(peer.asked) == max(1, -(-count // 10))


@pytest.mark.parametrize("count", [0, 9, 10, 11, 20, 35])
def test_a_list_is_read_until_a_page_comes_back_short(peer: Peer, client: BlockingClient, count: int) -> None:
    peer.reply = Shop(orders(count)).reply
    assert read(client, LIST) == numbers(count)
    assert len(asked_for_records(peer)) == count // 10 + 1


def asked_for_records(peer: Peer) -> list[Asked]:
    """Without the requests that list ids alone."""
    return [asked for asked in peer.asked if "createdAt updatedAt" in asked.query]


def test_an_empty_slice_is_one_empty_page(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([]).reply
    [(place, page)] = client.stream(ORDERS, [{}])
    assert (place, page.ids, page.total_count) == (0, [], 0)
    assert page.fetched_at.tzinfo is not None


def test_a_page_of_one_timestamp_is_read_to_its_end(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([order(number, createdAt="2024-03-01T10:00:00+01:00") for number in range(1, 96)]).reply
    assert read(client, ORDERS) == numbers(95)


def test_payloads_are_what_centra_sent(peer: Peer, client: BlockingClient) -> None:
    body = (
        b'{"data":{"orderConnection":{"totalCount":1,"pageInfo":{"hasNextPage":false,"endCursor":"1"},"edges":['
        b'{"node":{"number":1,  "createdAt":"a","updatedAt":"b","currencyBaseRate":1.10}}'
        b']}},"extensions":{"complexity":7}}'
    )
    peer.reply = lambda asked: body
    [(_, page)] = client.stream(ORDERS, [{}])
    assert page.payloads == ['{"number":1,  "createdAt":"a","updatedAt":"b","currencyBaseRate":1.10}']
    assert (page.created_at, page.updated_at, page.complexity) == (["a"], ["b"], 7)


def test_slices_are_read_at_once_and_each_in_order(peer: Peer, client: BlockingClient) -> None:
    shops = {"a": Shop(orders(25)), "b": Shop(orders(3)), "c": Shop(orders(31))}
    peer.reply = lambda asked: shops[asked.variables["from"]].reply(asked)
    found: dict[int, list[str]] = {}
    for place, page in client.stream(ORDERS, [{"from": key} for key in shops]):
        found.setdefault(place, []).extend(page.ids)
    assert found == {0: numbers(25), 1: numbers(3), 2: numbers(31)}


def test_variables_that_the_operation_does_not_declare_are_not_sent(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop(orders(1)).reply
    read(client, ORDERS, {"from": "2024-01-01T00:00:00Z", "key": 7})
    assert peer.asked[0].variables == {"from": "2024-01-01T00:00:00Z", "first": 10, "after": None}


def test_a_record_that_moved_to_a_later_page_comes_once(peer: Peer, client: BlockingClient) -> None:
    shop = Shop([*orders(12), order(3), order(13)])
    peer.reply = shop.reply
    shop.connection = lambda start, end: {**Shop.connection(shop, start, end), "totalCount": 13}  # type: ignore[method-assign]
    assert read(client, ORDERS) == numbers(13)
    assert read(client, LIST) == numbers(13)


class Drifting(Shop):
    """Loses an order between two pages in the first `losses` readings."""

    def __init__(self, count: int, losses: int) -> None:
        super().__init__(orders(count))
        self.losses = losses
        self.readings = 0

    def connection(self, start: int, end: int) -> dict[str, Any]:
        self.readings += start == 0
        found = super().connection(start, end)
        if start and self.readings <= self.losses:
            found["edges"] = found["edges"][1:]
        return found


def test_what_drifted_away_between_two_pages_is_brought_by_a_second_reading(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Drifting(25, losses=1).reply
    found = read(client, ORDERS)
    assert sorted(found, key=int) == numbers(25)
    assert len(found) == 25


def test_records_that_are_missing_twice_are_an_error(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Drifting(25, losses=2).reply
    with pytest.raises(PageDriftError, match="25 records, its pages held 23"):
        read(client, ORDERS)


class Slipping(Shop):
    """A list that loses the row between two pages, for as many requests for records as it is told."""

    def __init__(self, count: int, requests: int) -> None:
        super().__init__(orders(count))
        self.left = requests

    def reply(self, asked: Asked) -> Any:
        limit, page = asked.variables["limit"], asked.variables["page"]
        is_listing = "createdAt updatedAt" not in asked.query
        slip = page - 1 if not is_listing and self.left > 0 else 0
        self.left -= not is_listing
        start = (page - 1) * limit + slip
        return answer({"orders": self.orders[start : start + limit]})


@pytest.mark.parametrize("requests", [0, 3, 100])
def test_what_slipped_between_two_pages_of_a_list_is_found_out_and_brought(
    peer: Peer, client: BlockingClient, requests: int
) -> None:
    peer.reply = Slipping(25, requests).reply
    found = read(client, LIST)
    # However long it goes on: the pages of a second reading end elsewhere.
    assert sorted(found, key=int) == numbers(25)
    assert (len(asked_for_records(peer)) > 3) is (requests > 0)


def test_a_list_of_one_page_costs_nothing_more(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Slipping(9, 0).reply
    assert read(client, LIST) == numbers(9)
    assert len(peer.asked) == 1


def test_what_is_listed_and_cannot_be_read_is_an_error(peer: Peer, client: BlockingClient) -> None:
    shop, hidden = Shop(orders(25)), Shop([order(number) for number in range(1, 26) if number != 13])
    peer.reply = lambda asked: (hidden if "createdAt updatedAt" in asked.query else shop).reply(asked)
    with pytest.raises(PageDriftError, match="1 records were listed"):
        read(client, LIST)


def test_rows_without_ids_are_read_as_often_as_it_takes(peer: Peer, client: BlockingClient) -> None:
    by_digest = replace(LIST, record_id="")
    shop = Shop(orders(25))
    readings: list[int] = []

    def reply(asked: Asked) -> Any:
        page = asked.variables["page"]
        readings.append(page)
        return answer({"orders": []}) if len(readings) == 2 else shop.reply(asked)

    peer.reply = reply
    found = [payload for _, page in client.stream(by_digest, [{}]) for payload in page.payloads]
    assert len(found) == len(set(found)) == 25


def test_orders_that_arrive_while_they_are_read_are_no_drift(peer: Peer, client: BlockingClient) -> None:
    shop = Shop(orders(15))

    def reply(asked: Asked) -> Any:
        found = shop.reply(asked)
        shop.orders.append(order(len(shop.orders) + 1)) if len(shop.orders) < 30 else None
        return found

    peer.reply = reply
    found = read(client, ORDERS)
    assert found == numbers(len(found))
    assert len(found) >= 15


@pytest.mark.parametrize("cursor", [None, "10"])
def test_a_cursor_that_leads_nowhere_is_an_error_and_no_endless_loop(
    peer: Peer, client: BlockingClient, cursor: str | None
) -> None:
    page = {"totalCount": 99, "pageInfo": {"hasNextPage": True, "endCursor": cursor}, "edges": [{"node": order(1)}]}
    peer.reply = lambda asked: answer({"orderConnection": page})
    with pytest.raises(ResponseShapeError):
        read(client, ORDERS)
    assert len(peer.asked) <= 3


def test_a_list_that_ignores_the_page_is_an_error_and_no_endless_loop(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: answer({"orders": orders(10)})
    with pytest.raises(ResponseShapeError):
        read(client, LIST)


def test_a_list_that_is_not_paged_is_refused_when_it_fills_its_limit(peer: Peer, client: BlockingClient) -> None:
    query = Query(text="query Stores { stores { id } }", operations=("Stores",))
    peer.reply = lambda asked: answer({"stores": [{"id": number} for number in range(19)]})
    assert len(read(client, query)) == 19
    peer.reply = lambda asked: answer({"stores": [{"id": number} for number in range(20)]})
    with pytest.raises(NestedListCutError):
        read(client, query)


def test_the_page_size_follows_from_the_quota(peer: Peer, make_client: MakeClient) -> None:
    peer.limits = [
        {"type": "QUERY_COMPLEXITY", "intervalSeconds": "TEN_SECONDS", "quota": 1000, "remainingQuota": 1000}
    ]
    prepared = make_client().prepare(replace(ORDERS, page_limit=200))
    assert prepared.page_size * prepared.record_cost <= 250 < (prepared.page_size + 2) * prepared.record_cost


def test_the_page_size_is_at_least_one(peer: Peer, make_client: MakeClient) -> None:
    peer.limits = [{"type": "QUERY_COMPLEXITY", "intervalSeconds": "TEN_SECONDS", "quota": 3, "remainingQuota": 3}]
    assert make_client().prepare(ORDERS).page_size == 1


def test_the_real_complexity_corrects_the_computed_one(peer: Peer, client: BlockingClient) -> None:
    shop = Shop(orders(25))
    peer.reply = lambda asked: {**shop.reply(asked), "extensions": {"complexity": 30 * asked.variables["first"]}}
    prepared = client.prepare(ORDERS)
    with client.measure() as stats:
        list(client.stream(prepared, [{}]))
    assert stats.complexity == 30 * 25
    computed = prepared.plan.base_cost + 10 * prepared.record_cost
    assert prepared.cost_factor == pytest.approx(300 / computed, rel=0.05)


def test_what_is_paid_for_follows_the_records_and_not_the_page_size(peer: Peer, client: BlockingClient) -> None:
    dear = replace(ORDERS, page_limit=1000)
    shop = Shop(orders(47))
    peer.reply = shop.reply
    assert client.prepare(dear).record_cost * 1000 > 3_000
    [*pages] = client.stream(dear, [{}])
    assert sum(len(page.ids) for _, page in pages) == 47
    assert [asked.variables["first"] for asked in peer.asked] == [20, 27]


def test_leaving_the_loop_early_stops_the_reading(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop(orders(2_000)).reply
    with closing(client.stream(ORDERS, [{}] * 3)) as pages:
        next(pages)
    asked = len(peer.asked)
    assert asked < 30
    # The client is as good as new.
    peer.reply = Shop(orders(5)).reply
    assert read(client, ORDERS) == numbers(5)


def test_a_slow_reader_slows_the_reading(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop(orders(1_000)).reply
    for taken, _ in enumerate(client.stream(ORDERS, [{}], concurrency=1), start=1):
        assert len(peer.asked) <= taken + 3


def test_a_measurement_sees_its_own_requests_only(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop(orders(25)).reply
    read(client, ORDERS)
    with client.measure() as stats:
        read(client, ORDERS)
    assert stats.requests == 3
    assert client.stats.requests >= 6
