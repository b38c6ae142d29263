"""What standing checks share: they judge the platform and no load, so no job that loads takes them along.

Their jobs and schedules are here; which checks there are, is beside this file.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from centra_assets.calendar import Calendar
from centra_assets.rhythm import shortly
from centra_assets.sync_config import SyncConfig

# The hourly job, and the one for what asks Centra or reads everything.
STANDING, NIGHTLY = "standing_checks", "nightly_checks"
# How many failing keys are named; the count is always told.
SHOWN_KEYS = 20
# They have a slot of their own: neither do they wait for a backfill, nor anybody for them.
LANE = {"centra_assets/lane": "checks"}


def told(
    key: dg.AssetCheckKey,
    failing: Iterable[str],
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **metadata: Any,
) -> dg.AssetCheckResult:
    """The result that names what fails: the first keys and their count. Nothing fails: it passed."""
    keys = list(failing)
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not keys,
        severity=severity,
        metadata={"failures": len(keys), "failing_keys": keys[:SHOWN_KEYS], **metadata},
    )


def described(meaning: str, remedy: str) -> str:
    """A description as every check has it."""
    return f"{meaning} What to do: {remedy}"


def age(value: timedelta | None) -> str:
    """An age as people say it."""
    return "unknown" if value is None else shortly(timedelta(minutes=int(value.total_seconds() // 60)))


def selection_of(every: Iterable[dg.AssetChecksDefinition]) -> dg.AssetSelection:
    """These checks, to be selected or left out."""
    return dg.AssetSelection.checks(*[key for checks in every for key in checks.check_keys])


def build_standing_jobs(
    hourly: Sequence[dg.AssetChecksDefinition], nightly: Sequence[dg.AssetChecksDefinition]
) -> list[Any]:
    """The two jobs; an installation without anything to check nightly has one."""
    kinds = (
        (STANDING, hourly, "Freshness, whole partitions, the token: what can turn bad without any run that fails."),
        (NIGHTLY, nightly, "What we hold against what Centra has, and what must not be held at all."),
    )
    return [
        dg.define_asset_job(
            name,
            selection=selection_of(every),
            description=description,
            tags=LANE,
            executor_def=dg.in_process_executor,
        )
        for name, every, description in kinds
        if every
    ]


def build_standing_schedules(jobs: Sequence[Any], sync: SyncConfig, calendar: Calendar) -> list[dg.ScheduleDefinition]:
    """When they run, by sync.yaml; on from the start, like everything that watches."""
    crons = {STANDING: sync.checks.standing, NIGHTLY: sync.checks.nightly}
    return [
        dg.ScheduleDefinition(
            name=job.name,
            job=job,
            cron_schedule=cron,
            execution_timezone=str(calendar.zone),
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for job in jobs
        if (cron := crons[job.name])
    ]
