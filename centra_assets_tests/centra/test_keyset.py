"""Reading along the time of change: nothing is lost, whatever moves meanwhile, and a page says how far it is safe."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import DocumentError, Query
from centra_assets.centra.errors import FilterMissingError, PageDriftError, SchemaMismatchError
from centra_assets.centra.paging import Page
from centra_assets.centra.rewriting import by_ids
from centra_assets.centra.schema import bundled_sdl
from centra_assets_tests.centra.changing import CHANGED, CHANGED_LIST, NOON, Changing, spread
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS
from centra_assets_tests.centra.peer import Asked, Peer, answer, denial

SINCE = {"from": NOON.isoformat()}
SECOND = timedelta(seconds=1)
both = pytest.mark.parametrize("query", [CHANGED, CHANGED_LIST], ids=["connection", "list"])

Seen = tuple[str, str, int]


def states(page: Page) -> Iterator[Seen]:
    """Id, time and state of the records of a page; a payload tells its state."""
    for record_id, at, payload in zip(page.ids, page.updated_at, page.payloads, strict=True):
        yield record_id, at or "", json.loads(payload)["isInternal"]


def read(client: BlockingClient, query: Query, variables: dict[str, str] | None = None) -> list[Seen]:
    return [state for _, page in client.stream(query, [variables or SINCE]) for state in states(page)]


@both
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 57])
def test_what_changed_is_read_in_order_and_once(peer: Peer, client: BlockingClient, query: Query, count: int) -> None:
    shop = Changing(spread(count))
    peer.reply = shop.reply
    assert read(client, query) == [shop.state(number) for number in range(1, count + 1)]


@both
def test_only_what_changed_since_then_is_read_the_instant_itself_included(
    peer: Peer, client: BlockingClient, query: Query
) -> None:
    shop = Changing(spread(30))
    peer.reply = shop.reply
    assert read(client, query, {"from": (NOON + 20 * SECOND).isoformat()}) == [shop.state(n) for n in range(21, 31)]


def test_a_moment_within_a_second_begins_with_that_second(peer: Peer, client: BlockingClient) -> None:
    shop = Changing({1: NOON, 2: NOON + timedelta(milliseconds=700), 3: NOON + SECOND})
    peer.reply = shop.reply
    assert read(client, CHANGED, {"from": (NOON + timedelta(milliseconds=500)).isoformat()}) == [
        shop.state(number) for number in (1, 2, 3)
    ]


def test_without_a_moment_nothing_is_asked(peer: Peer, client: BlockingClient) -> None:
    with pytest.raises(DocumentError):
        list(client.stream(CHANGED, [{}]))
    assert peer.asked == []


def test_a_quiet_hour_is_one_empty_page(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Changing(spread(30)).reply
    [(_, page)] = client.stream(CHANGED, [{"from": (NOON + timedelta(hours=1)).isoformat()}])
    assert page.ids == []
    assert len(peer.asked) == 1


@both
@pytest.mark.parametrize("is_to_inclusive", [True, False])
@pytest.mark.parametrize("later", [timedelta(0), SECOND, timedelta(milliseconds=400)])
def test_thousands_of_changes_at_one_instant_do_not_stop_the_reading(
    peer: Peer, make_client: MakeClient, query: Query, is_to_inclusive: bool, later: timedelta
) -> None:
    at_once = dict.fromkeys(range(4, 3004), NOON + 5 * SECOND)
    soon_after = dict.fromkeys(range(3004, 3504), NOON + 5 * SECOND + later)
    shop = Changing(spread(3) | at_once | soon_after | {4_000: NOON + timedelta(hours=1)}, is_to_inclusive)
    peer.reply = shop.reply
    found = read(make_client(), replace(query, page_limit=200))
    assert found == [shop.state(number) for number in shop.changed]
    # Rows of one instant are asked for twice at most, and listed once more where Centra does not count them.
    assert len(peer.asked) <= 3 * 3_504 / 200 + 10


@both
@pytest.mark.parametrize("seed", range(5))
def test_what_changes_while_it_is_read_is_met_again_and_costs_no_other_record(
    peer: Peer, make_client: MakeClient, query: Query, seed: int
) -> None:
    random = Random(seed)
    # Several orders in a second, so that pages end in the midst of one.
    shop = Changing({number: NOON + (number // 7) * SECOND for number in range(1, 151)})
    rounds = iter(range(12))

    def then(shop: Changing) -> None:
        for moment in [next(rounds, None)]:
            if moment is not None:
                for number in random.sample(sorted(shop.changed), 9):
                    shop.change(number, NOON + timedelta(minutes=30) + moment // 2 * SECOND)

    shop.then = then
    peer.reply = shop.reply
    found = read(make_client(), query)
    assert next(rounds, None) is None
    assert {shop.state(number) for number in shop.changed} <= set(found)
    assert len(set(found)) == len(found)
    assert [at for _, at, _ in found] == sorted(at for _, at, _ in found)


@both
def test_what_changes_while_a_crowded_instant_is_read_costs_no_other_record(
    peer: Peer, make_client: MakeClient, query: Query
) -> None:
    shop = Changing(dict.fromkeys(range(1, 301), NOON + 5 * SECOND))
    leaving = iter(range(1, 300, 7))

    def then(shop: Changing) -> None:
        number = next(leaving, None)
        if number is not None:
            shop.change(number, NOON + timedelta(minutes=30))

    shop.then = then
    peer.reply = shop.reply
    found = read(make_client(), query)
    assert next(leaving, None) is None
    assert {shop.state(number) for number in shop.changed} <= set(found)
    assert [at for _, at, _ in found] == sorted(at for _, at, _ in found)


def test_a_second_change_within_the_second_is_met_again(peer: Peer, client: BlockingClient) -> None:
    shop = Changing(spread(25))
    shop.then = lambda shop: shop.change(10, shop.changed[10]) if 10 not in shop.states else None
    peer.reply = shop.reply
    found = read(client, CHANGED)
    assert [state for number, _, state in found if number == "10"] == [0, 1]
    assert len(found) == 26


@both
def test_whoever_stops_after_any_page_has_all_that_changed_before_its_last_instant(
    peer: Peer, make_client: MakeClient, query: Query
) -> None:
    shop = Changing({number: NOON + (number % 31 // 10) * SECOND for number in range(1, 121)})
    peer.reply = shop.reply
    had: set[str] = set()
    pages = 0
    for _, page in make_client().stream(query, [SINCE]):
        pages += 1
        had.update(page.ids)
        told = datetime.fromisoformat(page.updated_at[-1] or "")
        assert {str(number) for number, at in shop.changed.items() if at < told} <= had
        assert told >= NOON
    assert pages >= 12
    assert had == {str(number) for number in shop.changed}


def test_a_page_of_one_record_gets_to_the_end(peer: Peer, client: BlockingClient) -> None:
    shop = Changing(spread(4) | dict.fromkeys(range(5, 9), NOON + 9 * SECOND))
    peer.reply = shop.reply
    assert read(client, replace(CHANGED, page_limit=1)) == [shop.state(number) for number in range(1, 9)]


def test_dear_records_are_paid_for_by_what_changed(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Changing(spread(47)).reply
    assert len(read(client, replace(CHANGED, page_limit=1000))) == 47
    # The record at the frontier is asked for again.
    assert [asked.variables["first"] for asked in peer.asked] == [20, 28]


def test_records_in_another_order_are_an_error(peer: Peer, client: BlockingClient) -> None:
    rows = [{"number": number, "updatedAt": f"2024-03-01T12:00:{number:02}+00:00"} for number in (1, 3, 2)]
    page = {"totalCount": 3, "pageInfo": {"hasNextPage": False}, "edges": [{"node": row} for row in rows]}
    peer.reply = lambda asked: answer({"orderConnection": page})
    with pytest.raises(PageDriftError, match="not in order"):
        read(client, CHANGED)


def test_records_that_vanish_behind_the_last_page_are_an_error(peer: Peer, client: BlockingClient) -> None:
    shop = Changing(spread(30))
    # As a filter would make them that Centra applies to what it loaded, and not to what it counted.
    shop.then = lambda shop: shop.forget(range(11, 16))
    peer.reply = shop.reply
    with pytest.raises(PageDriftError, match="at least 21 records were left, and Centra counts 16"):
        read(client, CHANGED)


@both
def test_without_the_sort_order_all_is_read_and_it_says_so(peer: Peer, client: BlockingClient, query: Query) -> None:
    peer.sdl = bundled_sdl().replace("  updatedAt_ASC # inferred\n  updatedAt_DESC # inferred\n", "")
    shop = Changing(spread(25))
    peer.reply = shop.reply
    prepared = client.prepare(query)
    assert not prepared.in_order
    assert {str(number) for number in shop.changed} == {
        i for _, page in client.stream(prepared, [SINCE]) for i in page.ids
    }
    assert "updatedAt_ASC" not in peer.asked[0].query
    assert client.prepare(ORDERS).in_order is False


def test_without_a_tie_break_the_order_still_serves(peer: Peer, client: BlockingClient) -> None:
    peer.sdl = (
        bundled_sdl()
        .replace("enum OrderSort {", "enum OrderSort {\n  none_ASC")
        .replace("  orderDate_DESC # inferred\n  id_ASC # inferred\n  id_DESC # inferred\n", "  orderDate_DESC\n")
    )
    peer.reply = Changing(spread(25)).reply
    prepared = client.prepare(CHANGED)
    assert prepared.in_order
    assert len([i for _, page in client.stream(prepared, [SINCE]) for i in page.ids]) == 25
    assert "sort:[updatedAt_ASC]" in peer.asked[0].query


def test_a_time_of_change_that_may_not_be_read_gives_up_the_order_and_not_the_records(
    peer: Peer, client: BlockingClient
) -> None:
    shop = Changing(spread(25))

    def reply(asked: Asked) -> object:
        if "updatedAt " in asked.query.split("{edges", 1)[-1]:
            return denial("Order.updatedAt:read", ["orderConnection", "edges", "node", "updatedAt"])
        return shop.reply(asked)

    peer.reply = reply
    prepared = client.prepare(CHANGED)
    assert prepared.in_order
    assert len([i for _, page in client.stream(prepared, [SINCE]) for i in page.ids]) == 25
    assert not prepared.in_order


@pytest.mark.parametrize(
    ("query", "lacking"), [(CHANGED, "updatedAt: DateRange"), (by_ids(ORDERS, "number"), "number: [Int!]")]
)
def test_without_its_filter_nothing_is_asked(peer: Peer, client: BlockingClient, query: Query, lacking: str) -> None:
    before, behind = bundled_sdl().split("input OrderFilter {")
    peer.sdl = before + "input OrderFilter {" + behind.replace(f"  {lacking}\n", "", 1)
    with pytest.raises(FilterMissingError, match="where"):
        client.prepare(query)
    assert peer.asked == []


def test_a_base_question_without_its_window_is_a_mismatch_as_before(peer: Peer, client: BlockingClient) -> None:
    before, behind = bundled_sdl().split("input OrderFilter {")
    peer.sdl = before + "input OrderFilter {" + behind.replace("  createdAt: DateRange\n", "", 1)
    with pytest.raises(SchemaMismatchError) as caught:
        client.prepare(ORDERS)
    assert not isinstance(caught.value, FilterMissingError)
