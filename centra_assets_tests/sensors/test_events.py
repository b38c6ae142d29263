"""Centra's event queue ends up in ops.inbox, each event once, and nothing is confirmed that is not on disk."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from centra_assets.centra.blocking import connect
from centra_assets.centra.events import CentraEvent, EventQueue
from centra_assets.entities.hints import EVENTS
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.sensors.events import LOOK_AGAIN, EventPoll, build_events_sensor
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.inbox import Inbox
from centra_assets.storage.locks import alone
from centra_assets.sync.listening import delivery, drain_events, keep_listening, wanted_types
from centra_assets.sync_config import EventSettings, SyncConfig
from centra_assets.sync_file import read_sync_config
from centra_assets_tests.fixtures.sandbox import MakeSandbox

CONFIG = read_sync_config()
Tick = Callable[..., str]


@pytest.fixture
def running(make_sandbox: MakeSandbox) -> RunningSandbox:
    return make_sandbox(own_world=True, scale=0.02)


@pytest.fixture
def queue(running: RunningSandbox) -> Iterator[EventQueue]:
    with connect(url=running.url, token=running.token) as client:
        yield EventQueue(client)


@pytest.fixture
def tick(running: RunningSandbox, database_url: str) -> Tick:
    """One evaluation of a sensor; a new process is a sensor of its own."""
    shared = build_events_sensor(CONFIG)

    def evaluate(sensor: dg.SensorDefinition = shared, token: str | None = None) -> str:
        resources = {
            "centra": CentraResource(api_url=running.url, api_token=token or running.token, database_url=database_url),
            "warehouse": WarehouseResource(database_url=database_url),
        }
        with dg.DagsterInstance.ephemeral() as instance:
            skipped = sensor(dg.build_sensor_context(instance=instance, resources=resources))
        assert isinstance(skipped, dg.SkipReason)
        assert skipped.skip_message
        return skipped.skip_message

    return evaluate


def admin(running: RunningSandbox, path: str, **order: Any) -> Any:
    answered = httpx.post(f"{running.admin_url}/{path}", json=order, timeout=30)
    answered.raise_for_status()
    return answered.json()


def touch(running: RunningSandbox, orders: int) -> list[str]:
    """Changes so many orders; returns their numbers."""
    numbers = [order.number for order in running.world.orders.rows()[:orders]]
    for number in numbers:
        admin(running, "records", type="Order", key=number, set={"otherComment": "seen"})
    return [str(number) for number in numbers]


def requests(running: RunningSandbox) -> int:
    asked: int = httpx.get(f"{running.admin_url}/stats", timeout=30).json()["requests"]
    return asked


def hints(database_url: str) -> list[dict[str, Any]]:
    with psycopg.connect(database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM ops.inbox ORDER BY id").fetchall()


def with_events(**given: Any) -> SyncConfig:
    return CONFIG.model_copy(update={"events": EventSettings(**given)})


def without(*names: str) -> SyncConfig:
    """The settings with events of these entities switched off."""
    off = {name: CONFIG.of(name).model_copy(update={"events": False}) for name in names}
    return CONFIG.model_copy(update={"entities": {**CONFIG.entities, **off}})


def test_the_first_tick_listens_to_what_the_settings_want(tick: Tick, queue: EventQueue) -> None:
    assert "now listening to Account, AllocationRule" in tick()
    listeners = {listener.object_type: listener for listener in queue.listeners()}
    assert set(listeners) == set(EVENTS) == wanted_types(CONFIG)
    assert all(listener.is_whole for listener in listeners.values())


def test_events_become_hints_and_leave_the_queue(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    tick()
    numbers = touch(running, 3)
    assert tick().startswith("3 events drained, 3 hints new, 0 seen before")
    assert queue.read(200) == []
    stored = hints(database_url)
    assert [(row["entity"], row["via"], row["reference"], row["action"]) for row in stored] == [
        ("orders", "", number, "UPDATED") for number in numbers
    ]
    assert {(row["source"], row["channel"], row["state"]) for row in stored} == {
        ("event", httpx.URL(running.url).netloc.decode(), "waiting")
    }
    assert all(row["sent_at"] for row in stored)


def test_live_traffic_arrives_whole(tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str) -> None:
    tick()
    admin(running, "traffic", steps=40)
    told = {(event.id, event.object_type) for event in queue.read(200)}
    assert len({kind for _, kind in told}) > 3
    tick()
    assert {(int(row["delivery"].split("/")[0]), row["object_type"]) for row in hints(database_url)} == told
    assert queue.read(200) == []


def test_an_environment_begun_anew_is_heard_although_its_events_have_the_same_ids() -> None:
    event = CentraEvent(1, "Order", "UPDATED", "17", datetime(2024, 3, 5, 12, tzinfo=UTC), None, None)
    later = replace(event, created_at=event.created_at + timedelta(days=1))
    other = replace(event, reference="18")
    keys = {delivery(each, "brand.example").delivery for each in (event, replace(event), later, other)}
    assert len(keys) == 3


def test_a_hint_holds_names_of_objects_and_nothing_of_what_is_in_them(
    tick: Tick, running: RunningSandbox, database_url: str
) -> None:
    tick()
    admin(running, "traffic", steps=20)
    tick()
    allowed = {"id", "objectType", "changeType", "objectReference", "createdAt", "storeId", "marketId"}
    rows = hints(database_url)
    assert rows
    assert {key for row in rows for key in row["element"]} == allowed


def test_more_than_one_reading_is_drained_in_one_tick(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    sensor = build_events_sensor(with_events(limit=2, confirm_batch=1))
    tick(sensor)
    touch(running, 5)
    assert tick(sensor).startswith("5 events drained, 5 hints new")
    assert len(hints(database_url)) == 5
    assert queue.read(10) == []


def test_a_tick_ends_in_time_and_the_next_one_goes_on(
    queue: EventQueue, running: RunningSandbox, database_url: str
) -> None:
    queue.listen({"Order": None})
    touch(running, 5)
    seconds = iter([0.0, 1.0, 21.0])
    drained = drain_events(queue, Inbox(database_url), channel="here", limit=2, seconds=20, clock=lambda: next(seconds))
    assert (drained.events, drained.is_empty) == (4, False)
    assert len(queue.read(10)) == 1


def test_types_without_an_entity_are_kept_counted_and_confirmed(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    tick()
    queue.listen({"Wishlist": None})
    with running.world.lock:
        for wishlist in (5, 6):
            running.world.emit("Wishlist", "CREATED", wishlist, None, datetime.now(UTC))
    touch(running, 1)
    assert tick() == "3 events drained, 3 hints new, 0 seen before, without an entity: 2 Wishlist"
    states = [(row["object_type"], row["entity"], row["state"]) for row in hints(database_url)]
    assert states == [("Wishlist", "", "unknown")] * 2 + [("Order", "orders", "waiting")]
    assert queue.read(10) == []


def test_one_event_is_a_hint_for_each_entity_that_it_speaks_of(database_url: str) -> None:
    event = CentraEvent(9, "StockChange", "CREATED", "77", datetime.now(UTC))
    Inbox(database_url).store([delivery(event, "here")])
    assert {(row["entity"], row["via"]) for row in hints(database_url)} == {("stock_changes", ""), ("stock", "ledger")}


class DyingQueue(EventQueue):
    """A queue whose process dies when it is about to confirm."""

    def confirm(self, ids: Sequence[int]) -> None:
        raise KeyboardInterrupt


def test_a_process_killed_between_storing_and_confirming_loses_and_doubles_nothing(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    queue.listen({"Order": None})
    numbers = touch(running, 3)
    channel = httpx.URL(running.url).netloc.decode()
    with connect(url=running.url, token=running.token) as client, pytest.raises(KeyboardInterrupt):
        drain_events(DyingQueue(client), Inbox(database_url), channel=channel, limit=200, seconds=20)
    assert len(hints(database_url)) == len(queue.read(200)) == 3

    assert tick().startswith("3 events drained, 0 hints new, 3 seen before")
    assert [row["reference"] for row in hints(database_url)] == numbers
    assert {row["repeats"] for row in hints(database_url)} == {1}
    assert queue.read(200) == []


def test_what_cannot_be_stored_is_not_confirmed(running: RunningSandbox, queue: EventQueue, database_url: str) -> None:
    queue.listen({"Order": None})
    touch(running, 2)
    away = Inbox("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(WarehouseUnavailableError):
        drain_events(queue, away, channel="here", limit=200, seconds=20)
    assert len(queue.read(200)) == 2


def test_events_that_stay_after_they_were_confirmed_are_not_read_for_ever(database_url: str) -> None:
    class Stuck:
        reads = 0

        def read(self, limit: int) -> list[CentraEvent]:
            self.reads += 1
            return [CentraEvent(1, "Order", "UPDATED", "5", datetime.now(UTC))]

        def confirm(self, ids: Sequence[int]) -> None:
            assert ids == [1]

    queue: Any = Stuck()
    drained = drain_events(queue, Inbox(database_url), channel="here", limit=1, seconds=20)
    assert (drained.events, drained.is_empty, queue.reads) == (1, False, 2)


def test_two_of_our_processes_never_drain_at_once(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    tick()
    touch(running, 2)
    with alone(database_url, f"events/{httpx.URL(running.url).netloc.decode()}") as is_alone:
        assert is_alone
        before = requests(running)
        assert "Another process" in tick(build_events_sensor(CONFIG))
        assert requests(running) == before
    assert tick().startswith("2 events drained")


def test_however_many_drain_at_once_every_event_is_stored_once(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    tick()
    touch(running, 8)
    sensors = [build_events_sensor(with_events(limit=3)) for _ in range(4)]
    with ThreadPoolExecutor(4) as processes:
        told = list(processes.map(tick, sensors))
    # Whoever came while another one was at it has left the queue to that one.
    assert any(text.startswith("8 events drained, 8 hints new, 0 seen before") for text in told)
    assert len(hints(database_url)) == 8
    assert queue.read(10) == []


def test_listeners_are_kept_as_configured_and_compared_once_an_hour(
    running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    now = [datetime.now(UTC)]
    poll = EventPoll(CONFIG, clock=lambda: now[0])
    inbox = Inbox(database_url)
    poll.tick(queue, inbox, "here")
    queue.unlisten({"Order": None, "Product": ["UPDATED"]})

    before = requests(running)
    assert "listening" not in poll.tick(queue, inbox, "here")
    assert requests(running) - before == 1
    now[0] += LOOK_AGAIN + timedelta(seconds=1)
    assert "now listening to Order, Product" in poll.tick(queue, inbox, "here")
    assert len(queue.listeners()) == len(EVENTS)


def test_an_object_type_that_the_instance_lacks_does_not_hinder_the_others(
    queue: EventQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = queue.object_types() - {"Invoice"}
    monkeypatch.setattr(queue, "object_types", lambda: known)
    listening = keep_listening(queue, wanted_types(CONFIG))
    assert list(listening.missing) == ["Invoice"]
    assert {listener.object_type for listener in queue.listeners()} == wanted_types(CONFIG) - {"Invoice"}


def test_an_entity_with_events_off_is_not_listened_to(tick: Tick, queue: EventQueue) -> None:
    tick(build_events_sensor(without("orders", "stock", "product_variant_details")))
    listened = {listener.object_type for listener in queue.listeners()}
    assert "Order" not in listened
    # What speaks of another entity as well is still wanted.
    assert {"StockChange", "ProductVariant"} <= listened


def test_with_every_entity_off_centra_is_not_asked(tick: Tick, running: RunningSandbox) -> None:
    before = requests(running)
    assert "No entity" in tick(build_events_sensor(without(*CONFIG.entities)))
    assert requests(running) == before


def test_listeners_of_others_stay_unless_the_queue_is_exclusively_ours(
    tick: Tick, running: RunningSandbox, queue: EventQueue, database_url: str
) -> None:
    queue.listen({"Wishlist": None, "Order": None})
    touch(running, 3)
    narrow = without("orders")
    tick(build_events_sensor(narrow))
    assert {"Wishlist", "Order"} <= {listener.object_type for listener in queue.listeners()}

    touch(running, 3)
    exclusive = narrow.model_copy(update={"events": EventSettings(exclusive=True)})
    told = tick(build_events_sensor(exclusive))
    # What waited was taken before its listener went.
    assert told.startswith("3 events drained, 3 hints new")
    assert "no longer listening to Order, Wishlist" in told
    assert {listener.object_type for listener in queue.listeners()} == wanted_types(narrow)
    assert len(hints(database_url)) == 6


def test_no_listener_is_removed_while_events_wait(
    running: RunningSandbox, queue: EventQueue, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.listen({"Order": None})
    touch(running, 4)
    config = without("orders").model_copy(update={"events": EventSettings(exclusive=True, limit=1)})
    poll = EventPoll(config)
    monkeypatch.setattr("centra_assets.sensors.events.TICK_SECONDS", 0.0)
    for _ in range(4):
        assert "no longer" not in poll.tick(queue, Inbox(database_url), "here")
        assert "Order" in {listener.object_type for listener in queue.listeners()}
    assert "no longer listening to Order" in poll.tick(queue, Inbox(database_url), "here")
    assert len(hints(database_url)) == 4


def test_an_instance_without_a_queue_is_told_of_once_an_hour(tick: Tick, running: RunningSandbox) -> None:
    nameless = admin(running, "tokens")["token"]
    sensor = build_events_sensor(CONFIG)
    first = tick(sensor, token=nameless)
    assert "CENTRA_EVENTS_UNAVAILABLE" in first
    assert "Remedy" in first
    before = requests(running)
    assert "asked again an hour after" in tick(sensor, token=nameless)
    assert requests(running) == before

    now = [datetime.now(UTC)]
    poll = EventPoll(CONFIG, clock=lambda: now[0], refused=(now[0], "CENTRA_EVENTS_UNAVAILABLE"))
    assert poll.waits()
    now[0] += LOOK_AGAIN
    assert poll.waits() is None


def test_a_transient_fault_is_told_and_the_next_tick_goes_on(
    tick: Tick, running: RunningSandbox, database_url: str
) -> None:
    tick()
    touch(running, 2)
    admin(running, "faults", requests=[{"kind": "status", "status": 503, "share": 1.0}])
    assert "CENTRA_SERVER" in tick()
    admin(running, "faults")
    assert tick().startswith("2 events drained, 2 hints new")
    assert len(hints(database_url)) == 2


def test_no_text_of_a_tick_holds_a_reference_or_a_secret(tick: Tick, running: RunningSandbox) -> None:
    tick()
    numbers = touch(running, 3)
    told = tick()
    assert not any(number in told for number in numbers)
    assert running.token not in json.dumps(told)
