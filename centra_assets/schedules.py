"""The nightly rhythm: the latest days, all months, and every snapshot. Real time is not a schedule's business."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis
from centra_assets.jobs import AssetJob
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name

# Late changes to a day are common for this long (captures, shipments, returns on the same order).
DAYS_REVISITED = 14


def build_schedules(jobs: Mapping[Axis, AssetJob], calendar: Calendar) -> Sequence[dg.ScheduleDefinition]:
    """Nightly schedules per axis, staggered over the quiet hours of the merchant's zone; off until switched on."""
    zone = calendar.zone
    built = []
    if Axis.NONE in jobs:
        built.append(
            dg.ScheduleDefinition(
                name="nightly_reference", job=jobs[Axis.NONE], cron_schedule="0 2 * * *", execution_timezone=str(zone)
            )
        )
    built += [_range(jobs[axis], axis, calendar) for axis in (Axis.DAY, Axis.MONTH) if axis in jobs]
    built += [_every_key(jobs[axis], axis, zone) for axis in DYNAMIC_AXES if axis in jobs]
    return built


def _range(job: AssetJob, axis: Axis, calendar: Calendar) -> dg.ScheduleDefinition:
    zone = calendar.zone
    which = "every month" if axis is Axis.MONTH else f"the last {DAYS_REVISITED} days"

    @dg.schedule(
        name=f"nightly_{axis}s",
        job=job,
        cron_schedule="20 2 * * *",
        execution_timezone=str(zone),
        description=f"Re-reads {which} as one range in one run.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        today = context.scheduled_execution_time.astimezone(zone).date()
        # Before the first day there are no partitions.
        first = min(calendar.start, today)
        if axis is Axis.MONTH:
            # A product of any age may change tonight. Months are few, and requests follow rows, not months.
            first, today = first.replace(day=1), today.replace(day=1)
        else:
            first = max(today - timedelta(days=DAYS_REVISITED), first)
        return dg.RunRequest(
            run_key=f"{axis}-{today.isoformat()}",
            tags={
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": today.isoformat(),
            },
        )

    return nightly


def _every_key(job: AssetJob, axis: Axis, zone: ZoneInfo) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"nightly_{axis}s",
        job=job,
        cron_schedule="40 2 * * *",
        execution_timezone=str(zone),
        description=f"Reads every {axis}'s snapshot again.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        keys = context.instance.get_dynamic_partitions(dynamic_name(axis))
        stamp = context.scheduled_execution_time.date().isoformat()
        requests = [dg.RunRequest(run_key=f"{axis}-{key}-{stamp}", partition_key=key) for key in keys]
        return requests or dg.SkipReason(f"No {axis} was discovered yet.")

    return nightly
