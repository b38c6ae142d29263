"""The sensor `inbox`: one run when hints wait and nobody follows them, and none otherwise."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.inbox import build_inbox_sensor
from centra_assets.storage.inbox import Delivery, Hint, Inbox


@dg.op
def nothing() -> None:
    """Stands for a run."""


@dg.job(name="incremental_sync")
def followers() -> None:
    nothing()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(
    instance: dg.DagsterInstance, database_url: str, *, wait: float = 0, later: float = 0
) -> dg.RunRequest | dg.SkipReason:
    """One evaluation of the sensor, by a clock that is `later` seconds ahead."""
    context = dg.build_sensor_context(
        instance=instance, resources={"warehouse": WarehouseResource(database_url=database_url)}
    )
    ahead = timedelta(seconds=later)
    sensor = build_inbox_sensor(followers, wait_seconds=wait, clock=lambda: datetime.now(UTC) + ahead)
    told = sensor(context)
    assert isinstance(told, dg.RunRequest | dg.SkipReason)
    return told


def arrive(database_url: str, delivery: str = "1") -> None:
    """A hint is stored."""
    told = Hint("orders", "", "order", "update", "1", "{}")
    Inbox(database_url).store([Delivery("webhook", "shop", delivery, [told])])


def make_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run of the job in this state."""
    return instance.create_run_for_job(followers, status=status)


def skipped(told: dg.RunRequest | dg.SkipReason) -> str:
    """Why nothing was asked for."""
    assert isinstance(told, dg.SkipReason)
    return str(told.skip_message)


def test_without_hints_no_run_is_asked_for(instance: dg.DagsterInstance, database_url: str) -> None:
    assert skipped(tick(instance, database_url)) == "No hint is due."


def test_waiting_hints_ask_for_a_run_at_every_tick_until_one_is_coming(
    instance: dg.DagsterInstance, database_url: str
) -> None:
    arrive(database_url)
    first, second = tick(instance, database_url), tick(instance, database_url)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    # A key would keep the second from ever becoming a run.
    assert (first.run_key, second.run_key) == (None, None)
    make_run(instance, dg.DagsterRunStatus.STARTING)
    assert skipped(tick(instance, database_url)) == "A run for the hints is starting."


def test_a_hint_that_comes_during_the_tick_is_heard_at_once(instance: dg.DagsterInstance, database_url: str) -> None:
    begun = time.monotonic()
    late = threading.Timer(0.3, arrive, [database_url])
    late.start()
    told = tick(instance, database_url, wait=60)
    late.join()
    assert isinstance(told, dg.RunRequest)
    assert time.monotonic() - begun < 50


def test_hints_that_somebody_follows_ask_for_nothing(instance: dg.DagsterInstance, database_url: str) -> None:
    arrive(database_url)
    with Inbox(database_url).drainer("a run") as drainer:
        assert drainer is not None
        assert skipped(tick(instance, database_url)) == "A run is following the hints."
    assert isinstance(tick(instance, database_url), dg.RunRequest)


def test_hints_put_back_wait_for_their_time(instance: dg.DagsterInstance, database_url: str) -> None:
    arrive(database_url)
    with Inbox(database_url).drainer("a run") as drainer:
        assert drainer is not None
        drainer.put_back([hint.id for hint in drainer.claim(10)], "CENTRA_SERVER", why="outage")
    assert skipped(tick(instance, database_url)) == "No hint is due."


def test_a_started_run_that_does_not_follow_is_waited_for_only_a_little(
    instance: dg.DagsterInstance, database_url: str
) -> None:
    arrive(database_url)
    run = make_run(instance, dg.DagsterRunStatus.NOT_STARTED)
    instance.report_engine_event("begins", run)
    instance.report_dagster_event(_event(dg.DagsterEventType.RUN_START), run.run_id)
    assert skipped(tick(instance, database_url)) == "A run for the hints is started."
    assert isinstance(tick(instance, database_url, later=20), dg.RunRequest)


def test_a_run_that_never_begins_is_not_waited_for_for_ever(instance: dg.DagsterInstance, database_url: str) -> None:
    arrive(database_url)
    make_run(instance, dg.DagsterRunStatus.STARTING)
    assert isinstance(tick(instance, database_url, later=90), dg.RunRequest)


def test_after_a_run_that_failed_as_it_began_there_is_a_pause(instance: dg.DagsterInstance, database_url: str) -> None:
    arrive(database_url)
    run = make_run(instance, dg.DagsterRunStatus.NOT_STARTED)
    instance.report_dagster_event(_event(dg.DagsterEventType.RUN_START), run.run_id)
    instance.report_run_failed(run)
    assert "The last run failed" in skipped(tick(instance, database_url))
    assert isinstance(tick(instance, database_url, later=90), dg.RunRequest)


def test_a_database_that_is_away_is_a_reason_and_no_crash(instance: dg.DagsterInstance) -> None:
    nobody = "postgresql://nobody@127.0.0.1:1/none"
    assert "WAREHOUSE_UNAVAILABLE" in skipped(tick(instance, nobody))


def _event(kind: dg.DagsterEventType) -> dg.DagsterEvent:
    return dg.DagsterEvent(event_type_value=kind.value, job_name=followers.name)
