"""What is due is swept, in one run for all of it; nothing is asked for twice, and nothing is forgotten for ever."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from centra_assets.entities.registry import ENTITIES
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.sweeps import (
    ASK_AGAIN,
    Asked,
    build_sweep_sensor,
    cursor_of,
    due,
    remembered,
    run_key,
)
from centra_assets.storage import sync_state
from centra_assets.storage.sync_state import Mark, SweepRequest, SyncState
from centra_assets.sync_config import EntitySync, SyncConfig
from centra_assets.sync_file import read_sync_config

NOW = datetime(2027, 3, 28, 12, 0, tzinfo=UTC)


def settings(**sweeps: Any) -> SyncConfig:
    """A config in which only these entities are swept."""
    every = {each.name: EntitySync() for each in ENTITIES}
    return SyncConfig(entities=every | {name: EntitySync(sweep=sweep) for name, sweep in sweeps.items()})


def swept(entity: str, strategy: str, minutes_ago: float, partition: str = "") -> Mark:
    looked = NOW - timedelta(minutes=minutes_ago)
    return Mark(entity, partition, strategy, None, looked, looked)


ORDERS = {"strategy": "updated", "every": "5m"}
CONFIG = settings(orders=ORDERS, brands={"strategy": "snapshot", "every": "1h"})


def entities(*marks: Mark, wishes: tuple[SweepRequest, ...] = (), asked: dict[str, Asked] | None = None) -> list[str]:
    return [entry.entity for entry in due(CONFIG, marks, wishes, asked or {}, NOW)]


def test_what_was_never_swept_is_due() -> None:
    assert entities() == ["brands", "orders"]


def test_an_entity_is_due_when_its_interval_is_over_and_not_before() -> None:
    assert entities(swept("orders", "updated", 4.9), swept("brands", "snapshot", 59)) == []
    assert entities(swept("orders", "updated", 5), swept("brands", "snapshot", 59)) == ["orders"]


def test_after_downtime_everything_is_due_and_once() -> None:
    assert entities(swept("orders", "updated", 60 * 24), swept("brands", "snapshot", 60 * 24)) == ["brands", "orders"]


def test_marks_of_another_strategy_or_of_single_partitions_do_not_count() -> None:
    lately = [
        swept("orders", "reconcile", 1),
        swept("orders", "updated", 1, "2027-03-28"),
        swept("brands", "window", 1),
    ]
    assert entities(*lately) == ["brands", "orders"]


def test_entities_by_cron_or_without_a_sweep_are_never_due_by_time() -> None:
    config = settings(orders={"strategy": "updated", "cron": "0 * * * *"}, brands={"strategy": "none"})
    assert due(config, [], [], {}, NOW) == []


def test_a_sweep_that_keeps_failing_is_asked_for_once_per_interval() -> None:
    stale = swept("orders", "updated", 600)
    recent = swept("brands", "snapshot", 1)
    assert entities(stale, recent, asked={"orders": Asked(NOW - timedelta(minutes=4))}) == []
    assert entities(stale, recent, asked={"orders": Asked(NOW - timedelta(minutes=5))}) == ["orders"]


def test_a_wish_is_passed_on_at_once_and_not_at_every_tick() -> None:
    recent = [swept("orders", "updated", 1), swept("brands", "snapshot", 1)]
    wish = SweepRequest(7, "markets", "", None, "test")
    assert entities(*recent, wishes=(wish,)) == ["markets"]
    asked = {"markets": Asked(NOW - timedelta(seconds=30), 7)}
    assert entities(*recent, wishes=(wish,), asked=asked) == []
    # A later wish is another one.
    later = SweepRequest(8, "markets", "", NOW, "test")
    assert entities(*recent, wishes=(wish, later), asked=asked) == ["markets"]
    # Nobody settled it: its run has failed.
    asked = {"markets": Asked(NOW - ASK_AGAIN, 7)}
    assert entities(*recent, wishes=(wish,), asked=asked) == ["markets"]


def test_a_wish_does_not_wait_for_the_interval_of_a_sweep_asked_for_before_it() -> None:
    asked = {"orders": Asked(NOW - timedelta(seconds=30))}
    wish = SweepRequest(3, "orders", "", None, "test")
    assert entities(swept("brands", "snapshot", 1), wishes=(wish,), asked=asked) == ["orders"]


def test_a_wish_for_a_partition_is_none_for_the_whole_entity() -> None:
    lately, once = swept("brands", "snapshot", 1), swept("orders", "updated", 60)
    part = SweepRequest(7, "brands", "12", None, "a hint")
    of_all = SweepRequest(8, "brands", "", None, "another hint")
    told = {entry.entity: entry.is_whole for entry in due(CONFIG, [lately, once], [part], {}, NOW)}
    assert told == {"brands": False, "orders": True}
    told = {entry.entity: entry.is_whole for entry in due(CONFIG, [lately, once], [part, of_all], {}, NOW)}
    assert told == {"brands": True, "orders": True}
    # Due by time as well, so the whole of it is swept.
    assert [entry.is_whole for entry in due(CONFIG, [once], [part], {}, NOW)] == [True, True]


def test_wishes_for_partitions_do_not_put_off_the_whole() -> None:
    long_ago = NOW - timedelta(minutes=61)
    (part,) = due(
        CONFIG,
        [swept("orders", "updated", 1), swept("brands", "snapshot", 30)],
        [SweepRequest(7, "brands", "12", None, "a hint")],
        {},
        NOW,
    )
    asked = {"brands": Asked(long_ago).again(NOW - timedelta(minutes=1), part)}
    assert remembered(cursor_of(asked)) == asked
    assert entities(swept("orders", "updated", 1), swept("brands", "snapshot", 61), asked=asked) == ["brands"]


def test_the_key_of_a_run_is_that_of_its_work() -> None:
    marks = [swept("orders", "updated", 10), swept("brands", "snapshot", 90)]

    def key(*found: Mark, now: datetime = NOW) -> str:
        return run_key(due(CONFIG, found, [], {}, now))

    assert key(*marks) == key(*marks, now=NOW + timedelta(seconds=30))
    # Swept since, or in vain for a whole interval: another run.
    assert key(*marks) != key(swept("orders", "updated", 6), marks[1])
    assert key(*marks) != key(*marks, now=NOW + timedelta(minutes=5))
    assert key(*marks) != key(marks[0], swept("brands", "snapshot", 1))


@pytest.mark.parametrize("cursor", [None, "", "nonsense", "[1]", '{"orders": 3}', '{"orders": ["yesterday", 1]}'])
def test_a_cursor_that_is_not_ours_is_no_memory(cursor: str | None) -> None:
    assert remembered(cursor) == {}


def test_a_cursor_remembers_what_was_asked_for() -> None:
    asked = {"orders": Asked(NOW, 4), "brands": Asked(NOW - ASK_AGAIN)}
    assert remembered(cursor_of(asked)) == asked


@dg.op(config_schema={"entities": [str]})
def sweep_entities() -> None:
    """In the place of the real one."""


@dg.job
def sweep() -> None:
    sweep_entities()


RUN_CONFIG = {"ops": {"sweep_entities": {"config": {"entities": []}}}}

Ticked = dg.SensorResult | dg.SkipReason
Tick = Callable[..., Ticked]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def tick(instance: dg.DagsterInstance, database_url: str) -> Tick:
    """The sensor over a real database; its cursor is kept as the daemon keeps it."""
    cursor: list[str | None] = [None]

    def evaluate(config: SyncConfig = CONFIG, after: timedelta = timedelta(0)) -> Ticked:
        sensor = build_sweep_sensor(sweep, config, clock=lambda: datetime.now(UTC) + after)
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor[0],
            resources={"warehouse": WarehouseResource(database_url=database_url)},
        )
        result = sensor(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        if isinstance(result, dg.SensorResult):
            cursor[0] = result.cursor
        return result

    return evaluate


def asked_for(result: Ticked) -> list[str]:
    if isinstance(result, dg.SkipReason):
        return []
    (request,) = result.run_requests or ()
    assert dg.validate_run_config(sweep, request.run_config)
    named: list[str] = request.run_config["ops"]["sweep_entities"]["config"]["entities"]
    return named


def finish(database_url: str, entity: str, strategy: str) -> None:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        sync_state.checked(cursor, entity, strategy, run_id="a run")


def test_one_run_takes_all_that_is_due(tick: Tick, database_url: str) -> None:
    assert asked_for(tick()) == ["brands", "orders"]
    assert asked_for(tick()) == []
    finish(database_url, "orders", "updated")
    finish(database_url, "brands", "snapshot")
    assert asked_for(tick(after=timedelta(minutes=4))) == []
    assert asked_for(tick(after=timedelta(minutes=6))) == ["orders"]
    assert asked_for(tick(after=timedelta(days=1))) == ["brands", "orders"]


def test_somebodys_wish_is_in_the_next_run(tick: Tick, database_url: str) -> None:
    finish(database_url, "orders", "updated")
    finish(database_url, "brands", "snapshot")
    state = SyncState(database_url)
    state.ask_for(["markets", "orders"], reason="test")
    assert asked_for(tick()) == ["markets", "orders"]
    assert asked_for(tick()) == []
    state.settle([wish.id for wish in state.requests()])
    assert asked_for(tick(after=timedelta(minutes=4))) == []


def test_wishes_for_what_no_longer_exists_ask_for_nothing(tick: Tick, database_url: str) -> None:
    finish(database_url, "orders", "updated")
    finish(database_url, "brands", "snapshot")
    SyncState(database_url).ask_for(["unicorns"], reason="test")
    assert asked_for(tick()) == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_while_a_sweep_is_under_way_no_other_is_asked_for(
    status: dg.DagsterRunStatus, tick: Tick, instance: dg.DagsterInstance
) -> None:
    run = instance.create_run_for_job(sweep, run_config=RUN_CONFIG, status=status)
    skipped = tick(after=timedelta(minutes=3))
    assert isinstance(skipped, dg.SkipReason)
    assert "under way since" in str(skipped.skip_message)
    instance.delete_run(run.run_id)
    assert asked_for(tick()) == ["brands", "orders"]


def test_a_finished_sweep_is_in_nobodys_way(tick: Tick, instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(sweep, run_config=RUN_CONFIG, status=dg.DagsterRunStatus.FAILURE)
    assert asked_for(tick()) == ["brands", "orders"]


def test_a_database_that_is_away_is_told_and_the_tick_does_not_fail(instance: dg.DagsterInstance) -> None:
    away = WarehouseResource(database_url="postgresql://nobody@127.0.0.1:1/none")
    context = dg.build_sensor_context(instance=instance, resources={"warehouse": away})
    skipped = build_sweep_sensor(sweep, CONFIG)(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "STORAGE_WAREHOUSE_UNAVAILABLE" in str(skipped.skip_message)


def test_the_projects_own_settings_sweep_every_entity_sooner_or_later() -> None:
    config = read_sync_config()
    by_time = {entry.entity for entry in due(config, [], [], {}, NOW)}
    by_cron = {name for name, given in config.entities.items() if given.sweep.cron}
    assert by_time | by_cron == {each.name for each in ENTITIES}
    assert not by_time & by_cron
