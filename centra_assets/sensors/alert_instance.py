"""What Dagster tells of its own health, as conditions: sensors, schedules, daemons, freshness. Nothing is decided."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData, TickStatus

from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.alerts.settings import SensorWatch
from centra_assets.rhythm import shortly
from centra_assets.sensors.alert_events import Known

# Told by `instance_conditions`.
KINDS = frozenset({Kind.SENSOR, Kind.DAEMON, Kind.FRESHNESS})


def instance_conditions(
    instance: dg.DagsterInstance,
    repository: dg.RepositoryDefinition,
    known: Known,
    watch: SensorWatch,
    now: datetime,
    *,
    ourselves: str,
) -> list[Condition]:
    """All that hold now. `ourselves` is the sensor that asks: it ticks, or nobody would be asking."""
    return [
        *_instigators(instance, repository, watch, now, ourselves),
        *_daemons(instance, now),
        *_stale(instance, known, now),
    ]


def _instigators(
    instance: dg.DagsterInstance,
    repository: dg.RepositoryDefinition,
    watch: SensorWatch,
    now: datetime,
    ourselves: str,
) -> Iterator[Condition]:
    if instance.schedule_storage is None:
        return
    ours = {sensor.name for sensor in repository.sensor_defs} | {each.name for each in repository.schedule_defs}
    for state in instance.all_instigator_state():
        if state.is_running and state.instigator_name in ours - {ourselves}:
            found = _failing(instance, state, watch) or _late(state, watch, now)
            if found:
                yield found


def _failing(instance: dg.DagsterInstance, state: InstigatorState, watch: SensorWatch) -> Condition | None:
    ended = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=watch.failures, statuses=ended)
    if len(ticks) < watch.failures or any(tick.status is not TickStatus.FAILURE for tick in ticks):
        return None
    error = ticks[0].error
    # The error's text may hold anything; its type does not.
    of = f" of {error.cls_name}" if error is not None and error.cls_name else ""
    return _instigator(
        state,
        f"The sensor or schedule {state.instigator_name} fails",
        f"Its last {watch.failures} ticks failed{of}. What it starts or fetches is not started or fetched: see its "
        "page for the error, and docs/errors.md for the error's code.",
    )


def _late(state: InstigatorState, watch: SensorWatch, now: datetime) -> Condition | None:
    """Schedules tick when their time comes, sensors all the time: only these can be late."""
    data = state.instigator_data
    if not isinstance(data, SensorInstigatorData) or not data.last_tick_timestamp:
        return None
    silent = now - datetime.fromtimestamp(data.last_tick_timestamp, UTC)
    if silent < timedelta(seconds=data.min_interval or 0) + watch.late:
        return None
    return _instigator(
        state,
        f"The sensor {state.instigator_name} does not tick",
        f"Its last tick began {_minutes(silent)} ago. See the daemon's log: the tick may hang, or the threads for "
        "sensors (dagster.yaml, sensors.num_workers) may all be taken.",
    )


def _instigator(state: InstigatorState, title: str, text: str) -> Condition:
    return Condition(
        key=f"sensor/{state.instigator_name}",
        kind=Kind.SENSOR,
        severity=Severity.ERROR,
        owner="platform",
        subject=state.instigator_name,
        title=title,
        text=text,
        link="automation",
    )


def _daemons(instance: dg.DagsterInstance, now: datetime) -> Iterator[Condition]:
    for name, status in sorted(instance.get_daemon_statuses().items()):
        if not status.required or status.healthy:
            continue
        beat = status.last_heartbeat
        when = f"{_minutes(now - datetime.fromtimestamp(beat.timestamp, UTC))} ago" if beat else "never"
        yield Condition(
            key=f"daemon/{name}",
            kind=Kind.DAEMON,
            severity=Severity.CRITICAL,
            owner="platform",
            subject=name,
            title=f"Dagster's daemon for {name.lower().replace('_', ' ')} gives no sign of life",
            text=f"Its last heartbeat was {when}. What it does (runs, schedules, backfills, retries) stands still: see "
            "the daemon's log and start it again.",
            link="deployment/daemons",
        )


def _stale(instance: dg.DagsterInstance, known: Known, now: datetime) -> Iterator[Condition]:
    # The last state of a policy that was taken away stays as it was for ever.
    states = instance.get_freshness_state_records(known.with_policy) if known.with_policy else {}
    for key, record in sorted(states.items(), key=lambda found: found[0].to_user_string()):
        if record.freshness_state not in (FreshnessState.WARN, FreshnessState.FAIL):
            continue
        asset, failed = key.to_user_string(), record.freshness_state is FreshnessState.FAIL
        yield Condition(
            key=f"freshness/{asset}",
            kind=Kind.FRESHNESS,
            severity=Severity.ERROR if failed else Severity.WARNING,
            owner=known.owners[key],
            subject=asset,
            title=f"{asset} was not materialized in time",
            text=f"Dagster's freshness policy of {asset} {'fails' if failed else 'warns'} since "
            f"{_minutes(now - record.updated_at)}: what should have been read again was not. See whether its job "
            "runs, fails or waits; figures made of it are as old as it is.",
            link=f"assets/{asset}",
        )


def _minutes(value: timedelta) -> str:
    return shortly(timedelta(minutes=max(0, int(value.total_seconds() // 60))))
