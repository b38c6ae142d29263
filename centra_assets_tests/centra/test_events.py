"""Centra's event queue as the client sees it: listeners, reading, confirming, and what is said where there is none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any

import httpx
import pytest
from graphql import parse, validate

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.errors import ResponseShapeError, TransportError
from centra_assets.centra.events import DOCUMENTS, EventQueue, EventsUnavailableError
from centra_assets.centra.schema import bundled_schema
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.centra.peer import Asked, Peer, answer, denial
from centra_assets_tests.fixtures.sandbox import MakeSandbox

Connected = Callable[..., BlockingClient]


@pytest.fixture
def running(make_sandbox: MakeSandbox) -> RunningSandbox:
    return make_sandbox(own_world=True, scale=0.02)


@pytest.fixture
def connected(running: RunningSandbox) -> Iterator[Connected]:
    """Clients of the sandbox, with its own token or with one minted for the purpose."""
    with ExitStack() as open_clients:

        def make(**wanted: Any) -> BlockingClient:
            token = admin(running, "tokens", **wanted)["token"] if wanted else running.token
            return open_clients.enter_context(connect(url=running.url, token=token))

        yield make


def admin(running: RunningSandbox, path: str, **order: Any) -> Any:
    answered = httpx.post(f"{running.admin_url}/{path}", json=order, timeout=30)
    answered.raise_for_status()
    return answered.json()


def touch(running: RunningSandbox, orders: int) -> list[str]:
    """Changes so many orders, one after the other; returns their numbers."""
    numbers = [order.number for order in running.world.orders.rows()[:orders]]
    for number in numbers:
        admin(running, "records", type="Order", key=number, set={"otherComment": "seen"})
    return [str(number) for number in numbers]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_fits_the_schema(document: str) -> None:
    assert validate(bundled_schema(), parse(document)) == []


def test_events_come_oldest_first_and_again_until_they_are_confirmed(
    running: RunningSandbox, connected: Connected
) -> None:
    queue = EventQueue(connected(), confirm_batch=2)
    queue.listen({"Order": None})
    numbers = touch(running, 5)
    events = queue.read(200)
    assert [event.reference for event in events] == numbers
    assert {(event.object_type, event.change_type) for event in events} == {("Order", "UPDATED")}
    assert all(event.created_at.tzinfo and event.store_id and event.market_id for event in events)
    assert queue.read(3) == events[:3]
    queue.confirm([event.id for event in events[:3]])
    assert queue.read(200) == events[3:]
    # Seen twice, confirmed twice: no error.
    queue.confirm([event.id for event in events])
    assert queue.read(200) == []


def test_listening_adds_and_twice_is_once(connected: Connected) -> None:
    queue = EventQueue(connected())
    assert queue.listeners() == []
    (order,) = queue.listen({"Order": ["CREATED"]})
    assert not order.is_whole
    (order,) = queue.listen({"Order": None})
    assert order.is_whole
    assert queue.listen({"Order": None, "Country": None})[0] == order
    assert queue.listeners()[1].is_whole
    assert [listener.object_type for listener in queue.unlisten({"Order": None})] == ["Country"]


def test_an_instance_tells_which_types_it_has_events_of(connected: Connected) -> None:
    types = EventQueue(connected()).object_types()
    assert {"Order", "StockChange", "LowestPrice"} <= types


@pytest.mark.parametrize(
    "wanted",
    [{"permissions": None}, {"permissions": ["Order:read"], "integration": "erp"}],
    ids=["no integration name", "no permission"],
)
def test_without_a_queue_the_error_says_what_to_do(connected: Connected, wanted: dict[str, Any]) -> None:
    queue = EventQueue(connected(**wanted))
    for call in (queue.listeners, lambda: queue.read(1), lambda: queue.listen({"Order": None})):
        with pytest.raises(EventsUnavailableError, match="switch the event system on"):
            call()


def test_a_schema_without_events_is_an_instance_without_a_queue(running: RunningSandbox, connected: Connected) -> None:
    admin(running, "schema", removed=["Query.events"])
    with pytest.raises(EventsUnavailableError, match="events"):
        EventQueue(connected()).read(1)


def test_types_that_no_schema_knows_mean_no_queue(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: answer({"__type": None})
    with pytest.raises(EventsUnavailableError):
        EventQueue(client).object_types()


def test_stores_and_markets_that_the_token_may_not_read_do_not_close_the_queue(
    peer: Peer, client: BlockingClient
) -> None:
    entry = {
        "id": 1, "objectType": "Order", "changeType": "CREATED", "objectReference": 7,
        "createdAt": "2024-05-01T10:00:00+02:00",
    }  # fmt: skip
    peer.reply = lambda asked: (
        denial("Market:read", ["events", 0, "market"]) if "market" in asked.query else answer({"events": [entry]})
    )
    queue = EventQueue(client)
    for _ in range(2):
        (event,) = queue.read(10)
        assert (event.id, event.reference, event.market_id) == (1, "7", None)
    assert sum("market" in asked.query for asked in peer.asked) == 1


def test_an_instant_without_an_offset_is_not_guessed(peer: Peer, client: BlockingClient) -> None:
    entry = {
        "id": 1, "objectType": "Order", "changeType": "CREATED", "objectReference": 7,
        "createdAt": "2024-05-01T10:00:00", "store": None, "market": None,
    }  # fmt: skip
    peer.reply = lambda asked: answer({"events": [entry]})
    with pytest.raises(ResponseShapeError):
        EventQueue(client).read(1)


def test_no_call_waits_longer_than_its_patience(peer: Peer, client: BlockingClient) -> None:
    client.rate_limits()
    released = Event()

    def keep_waiting(asked: Asked) -> Any:
        released.wait(30)
        return answer({"events": []})

    peer.reply = keep_waiting
    try:
        with pytest.raises(TransportError, match=r"No answer within 0\.2 s"):
            EventQueue(client, patience_seconds=0.2).read(1)
    finally:
        released.set()
