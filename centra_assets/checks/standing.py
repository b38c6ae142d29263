"""What standing checks share: they judge the platform and no load, so no job that loads takes them along.

Their jobs and schedules are here, and those of the checks of rows; which checks there are, is beside this file.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.calendar import Calendar
from centra_assets.rhythm import shortly
from centra_assets.sync_config import SyncConfig

# The hourly job, the one for what asks Centra or reads everything, and the one that judges rows whoever brought them.
STANDING, NIGHTLY, ROWS = "standing_checks", "nightly_checks", "row_checks"
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


def age(value: timedelta | None) -> str:
    """An age as people say it."""
    return "unknown" if value is None else shortly(timedelta(minutes=int(value.total_seconds() // 60)))


def selection_of(every: Iterable[dg.AssetChecksDefinition]) -> dg.AssetSelection:
    """These checks, to be selected or left out."""
    return dg.AssetSelection.checks(*[key for checks in every for key in checks.check_keys])


def build_standing_jobs(
    hourly: Sequence[dg.AssetChecksDefinition],
    nightly: Sequence[dg.AssetChecksDefinition],
    of_rows: Sequence[dg.AssetKey],
) -> list[Any]:
    """The jobs; one that would have nothing to check is none.

    `of_rows` are the assets whose other checks, those that also run with a load, are evaluated by themselves as well:
    most rows come by hints and sweeps, which evaluate nothing.
    """
    every = [*hourly, *nightly]
    rows = dg.AssetSelection.all_asset_checks() & dg.AssetSelection.assets(*of_rows)
    kinds = (
        (
            STANDING,
            hourly,
            selection_of(hourly),
            "Freshness, whole partitions, the token: what can turn bad without any run that fails.",
        ),
        (
            NIGHTLY,
            nightly,
            selection_of(nightly),
            "What we hold against what Centra has, and what must not be held at all.",
        ),
        (
            ROWS,
            of_rows,
            rows - selection_of(every) if every else rows,
            "Every rule, column and quarantine of core and the marts, whatever brought the rows.",
        ),
    )
    return [
        dg.define_asset_job(name, selection=selection, description=description, tags=LANE, executor_def=living_process)
        for name, wanted, selection, description in kinds
        if wanted
    ]


def build_standing_schedules(jobs: Sequence[Any], sync: SyncConfig, calendar: Calendar) -> list[dg.ScheduleDefinition]:
    """When they run, by sync.yaml; on from the start, like everything that watches."""
    crons = {STANDING: sync.checks.standing, NIGHTLY: sync.checks.nightly, ROWS: sync.checks.rows}
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
