"""Schedules, built from sync.yaml: sweeps by cron, reconciliations, partitions read again. Intervals are sensors'."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis, Entity
from centra_assets.finance.month import DUE_DAY, DUE_HOUR, Month
from centra_assets.jobs import JOB_NAMES, AssetJob, assets_of
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.sync_config import SyncConfig

SWEEP_OP, RECONCILE_OP = "sweep_entities", "reconcile_entities"

# Runs that read partitions again have slots of their own, so that real time never waits behind them.
LANE = {"centra_assets/lane": "refresh"}

MONTH_END = f"0 {DUE_HOUR} {DUE_DAY} * *"
HEALTH = "*/10 * * * *"

_WORDS = {"*": "any", "/": "per", "-": "to", ",": "and", " ": "_"}


def build_schedules(
    config: SyncConfig,
    calendar: Calendar,
    *,
    entities: Sequence[Entity],
    refresh: Mapping[Axis, AssetJob],
    sweep: AssetJob,
    reconcile: AssetJob,
) -> list[dg.ScheduleDefinition]:
    """One schedule per job and cron, for all entities that share it, in the merchant's zone.

    They are on from the start: recovery must not wait until somebody thinks of it. `null` in sync.yaml, not a switch,
    is how to do without.
    """
    known = [(entity, config.of(entity.name)) for entity in entities]
    swept, compared = defaultdict[str, list[str]](list), defaultdict[tuple[str, int], list[str]](list)
    read_again = defaultdict[tuple[Axis, str, int], list[Entity]](list)
    for entity, settings in known:
        if settings.sweep.cron:
            swept[settings.sweep.cron].append(entity.name)
        if settings.reconcile:
            compared[settings.reconcile.cron, settings.reconcile.days].append(entity.name)
        if settings.full_refresh:
            days = settings.full_refresh.days if entity.axis is Axis.DAY else 0
            read_again[entity.axis, settings.full_refresh.cron, days].append(entity)
    return [
        *[
            _of_op(sweep, f"sweep_{spelled(cron)}", cron, calendar, {SWEEP_OP: {"entities": names}})
            for cron, names in swept.items()
        ],
        *[
            _of_op(
                reconcile,
                f"reconcile_{days}d_{spelled(cron)}",
                cron,
                calendar,
                {RECONCILE_OP: {"entities": names, "days": days}},
            )
            for (cron, days), names in compared.items()
        ],
        *[
            _refresh(refresh[axis], group, cron, days, calendar)
            for (axis, cron, days), group in read_again.items()
            if axis in refresh
        ],
    ]


def build_health_schedule(job: AssetJob, calendar: Calendar) -> dg.ScheduleDefinition:
    """The page on how the sync fares, every ten minutes: a run costs seconds to start, and the query a blink."""
    return dg.ScheduleDefinition(
        name="sync_health",
        job=job,
        cron_schedule=HEALTH,
        execution_timezone=str(calendar.zone),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Measures how far behind each entity is, and what keeping it fresh costs.",
    )


def build_workbook_schedule(job: AssetJob, calendar: Calendar) -> dg.ScheduleDefinition:
    """The workbook of the month that is over, on the third of the next one, in the merchant's zone."""

    @dg.schedule(
        name="month_end_workbook",
        job=job,
        cron_schedule=MONTH_END,
        execution_timezone=str(calendar.zone),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Writes the finance workbook of the last whole month.",
    )
    def month_end(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.astimezone(calendar.zone).date()
        month = Month.holding(today).before()
        if month.first < calendar.start.replace(day=1):
            return dg.SkipReason(f"{month.name} is before the first day of the data.")
        return dg.RunRequest(run_key=f"month_end_workbook-{month.name}", partition_key=month.first.isoformat())

    return month_end


def spelled(cron: str) -> str:
    """A cron expression as a part of a name: `15 4 * * 0` is `15_4_any_any_0`."""
    return re.sub(r"[*/,\- ]", lambda found: _WORDS[found[0]], cron)


def _of_op(
    job: AssetJob, name: str, cron: str, calendar: Calendar, config: Mapping[str, Mapping[str, Any]]
) -> dg.ScheduleDefinition:
    (settings,) = config.values()
    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=str(calendar.zone),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        run_config={"ops": {op: {"config": dict(values)} for op, values in config.items()}},
        description=f"{', '.join(settings['entities'])}: as sync.yaml says.",
    )


def _refresh(
    job: AssetJob, entities: Sequence[Entity], cron: str, days: int, calendar: Calendar
) -> dg.ScheduleDefinition:
    axis = entities[0].axis
    name = "_".join([JOB_NAMES[axis], *([f"{days}d"] if days else []), spelled(cron)])
    which = f"the last {days} days" if days else "one snapshot" if axis is Axis.NONE else f"every {axis}"

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone=str(calendar.zone),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reads {which} of {', '.join(entity.name for entity in entities)} again.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        at = context.scheduled_execution_time.astimezone(calendar.zone)
        requests = [
            dg.RunRequest(
                run_key="-".join([name, *([key] if key else []), at.isoformat()]),
                partition_key=key,
                asset_selection=assets_of(entities, axis),
                tags={**LANE, **tags},
            )
            for key, tags in _partitions(axis, at.date(), days, calendar, context)
        ]
        return requests or dg.SkipReason(f"No {axis} was discovered yet.")

    return refresh


def _partitions(
    axis: Axis, today: date, days: int, calendar: Calendar, context: dg.ScheduleEvaluationContext
) -> Iterator[tuple[str | None, Mapping[str, str]]]:
    """A partition key or the tags of a range, for each run."""
    if axis in DYNAMIC_AXES:
        yield from ((key, {}) for key in context.instance.get_dynamic_partitions(dynamic_name(axis)))
    elif axis is Axis.NONE:
        yield None, {}
    else:
        # Before the first day there are no partitions. Months are few, and requests follow rows, not months.
        first = min(calendar.start, today)
        if axis is Axis.MONTH:
            first, today = first.replace(day=1), today.replace(day=1)
        else:
            first = max(today - timedelta(days=days), first)
        yield (
            None,
            {
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": today.isoformat(),
            },
        )
