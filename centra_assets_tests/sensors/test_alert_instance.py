"""Sensors that fail or hang, daemons without a heartbeat, stale assets are told; what is as it should be is not."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.alerts.settings import SensorWatch
from centra_assets.sensors.alert_events import Known
from centra_assets.sensors.alert_instance import instance_conditions

SECRET = "anna.svensson@example.com"


@dg.asset(
    key=["raw", "orders"],
    owners=["team:commerce"],
    freshness_policy=dg.FreshnessPolicy.cron("0 4 * * *", timedelta(hours=1)),
)
def policed() -> None:
    """Must be fresh."""


@dg.asset(key=["raw", "brands"])
def unpoliced() -> None:
    """Need not be."""


@dg.sensor(name="events", target="*")
def events() -> None:
    """Watched."""


@dg.sensor(name="alerts", target="*")
def ourselves() -> None:
    """Watches."""


REPOSITORY = dg.Definitions(assets=[policed, unpoliced], sensors=[events, ourselves]).get_repository_def()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("instance"))) as made:
        yield made


@pytest.fixture
def instance(shared: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """One in which nothing has ticked and everything lives."""
    beat(shared, *shared.get_required_daemon_types())
    yield shared
    for state in shared.all_instigator_state():
        shared.purge_ticks(state.instigator_origin_id, state.selector_id, time.time() + 60)
        shared.delete_instigator_state(state.instigator_origin_id, state.selector_id)


def beat(instance: dg.DagsterInstance, *daemons: str, ago: float = 0) -> None:
    for daemon in daemons:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, daemon, None, None))


def found(instance: dg.DagsterInstance) -> list[Condition]:
    known, now = Known.of(REPOSITORY), datetime.now(UTC)
    return instance_conditions(instance, REPOSITORY, known, SensorWatch(), now, ourselves="alerts")


def make_sensor(
    instance: dg.DagsterInstance,
    name: str,
    *ticks: TickStatus,
    status: InstigatorStatus = InstigatorStatus.RUNNING,
    silent: float = 0,
) -> None:
    """A sensor that ticked like that, the last time `silent` seconds ago."""
    location = RegisteredCodeLocationOrigin("here")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    last = time.time() - silent
    data = SensorInstigatorData(last_tick_timestamp=last, min_interval=30)
    state = InstigatorState(origin, InstigatorType.SENSOR, status, data)
    instance.add_instigator_state(state)
    for number, tick in enumerate(ticks):
        error = SerializableErrorInfo(SECRET, [], "KeyError") if tick is TickStatus.FAILURE else None
        instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                InstigatorType.SENSOR,
                tick,
                last - len(ticks) + number,
                selector_id=state.selector_id,
                error=error,
            )
        )


FAILED, SKIPPED = TickStatus.FAILURE, TickStatus.SKIPPED


def test_where_all_is_well_there_is_nothing_to_tell(instance: dg.DagsterInstance) -> None:
    make_sensor(instance, "events", FAILED, FAILED, SKIPPED)
    assert found(instance) == []


def test_a_sensor_that_fails_again_and_again_is_told_without_its_errors_words(instance: dg.DagsterInstance) -> None:
    make_sensor(instance, "events", SKIPPED, FAILED, FAILED, FAILED)
    (told,) = found(instance)
    assert (told.key, told.kind, told.severity) == ("sensor/events", Kind.SENSOR, Severity.ERROR)
    assert "3 ticks failed of KeyError" in told.text
    assert SECRET not in str(told)


@pytest.mark.parametrize("ticks", [(FAILED, FAILED), (FAILED, FAILED, SKIPPED, FAILED), ()])
def test_a_sensor_that_fails_now_and_then_is_not_told(
    instance: dg.DagsterInstance, ticks: tuple[TickStatus, ...]
) -> None:
    make_sensor(instance, "events", *ticks)
    assert found(instance) == []


def test_a_sensor_that_does_not_tick_any_more_is_told(instance: dg.DagsterInstance) -> None:
    make_sensor(instance, "events", SKIPPED, silent=900)
    (told,) = found(instance)
    assert told.title == "The sensor events does not tick"
    assert "15m ago" in told.text


@pytest.mark.parametrize("name", ["alerts", "removed"])
def test_neither_we_ourselves_nor_what_was_removed_is_told(instance: dg.DagsterInstance, name: str) -> None:
    make_sensor(instance, name, FAILED, FAILED, FAILED, silent=900)
    assert found(instance) == []


def test_a_sensor_that_was_switched_off_is_not_told(instance: dg.DagsterInstance) -> None:
    make_sensor(instance, "events", FAILED, FAILED, FAILED, status=InstigatorStatus.STOPPED, silent=900)
    assert found(instance) == []


def test_a_daemon_without_a_heartbeat_is_told(instance: dg.DagsterInstance) -> None:
    beat(instance, "SCHEDULER", ago=4000)
    (told,) = found(instance)
    assert (told.key, told.severity) == ("daemon/SCHEDULER", Severity.CRITICAL)
    assert "66m ago" in told.text


def test_a_stale_asset_is_told_to_its_owner_for_as_long_as_it_has_a_policy(instance: dg.DagsterInstance) -> None:
    def judge(asset: dg.AssetsDefinition, state: FreshnessState) -> None:
        change = FreshnessStateChange(
            key=asset.key, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=time.time()
        )
        instance._report_runless_asset_event(change)

    judge(policed, FreshnessState.WARN)
    judge(unpoliced, FreshnessState.FAIL)
    (warned,) = found(instance)
    assert (warned.key, warned.severity, warned.owner) == ("freshness/raw/orders", Severity.WARNING, "commerce")
    judge(policed, FreshnessState.FAIL)
    assert [told.severity for told in found(instance)] == [Severity.ERROR]
    judge(policed, FreshnessState.PASS)
    assert found(instance) == []
