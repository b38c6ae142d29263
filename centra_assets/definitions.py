"""Wires everything into one Dagster code location, and does nothing else: no network, no disk, no database."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from centra_assets.alerts.settings_file import load_alert_settings
from centra_assets.alerts.wording import Wording
from centra_assets.assets.core import build_core_assets
from centra_assets.assets.executor import living_process
from centra_assets.assets.groups import owner_of
from centra_assets.assets.health import build_health_asset
from centra_assets.assets.marts import build_mart_asset, build_mart_checks
from centra_assets.assets.raw import build_raw_asset
from centra_assets.assets.sources import build_source_assets
from centra_assets.assets.workbook import build_workbook_asset, build_workbook_check
from centra_assets.calendar import Calendar
from centra_assets.checks.build import build_checks
from centra_assets.checks.build_standing import build_standing
from centra_assets.checks.quarantine import build_quarantine_check, verdict
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.finance.figures import READS as WORKBOOK_READS
from centra_assets.jobs import build_health_job, build_jobs, build_marts_job, build_workbook_job
from centra_assets.logs import hide
from centra_assets.marts.registry import MARTS
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.outbox import OutboxResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.schedules import build_health_schedule, build_schedules, build_workbook_schedule
from centra_assets.sensors.alerts import AlertWatch, build_alerts_sensor
from centra_assets.sensors.dynamic_partitions import build_partition_sensor
from centra_assets.sensors.events import build_events_sensor
from centra_assets.sensors.forgetting import build_forgetting_sensor
from centra_assets.sensors.inbox import build_inbox_sensor
from centra_assets.sensors.silent_runs import build_silent_runs_sensor
from centra_assets.sensors.stale_marts import build_stale_marts_sensor
from centra_assets.sensors.sweeps import build_sweep_sensor
from centra_assets.settings import Settings
from centra_assets.sync.mart_ops import build_stale_days_job
from centra_assets.sync.ops import build_sync_jobs
from centra_assets.sync.privacy_ops import build_forget_job
from centra_assets.sync.quarantine_ops import build_retry_job
from centra_assets.sync.retention_ops import build_retention_job, build_retention_schedules
from centra_assets.sync_config import SyncConfig
from centra_assets.sync_file import load_sync_config

# One statement computes them all, so a year takes hardly longer than a day and a run's start.
MART_DAYS_PER_RUN = 366


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources of a real installation. Secrets are read from the environment when a run starts, not here."""
    database_url = dg.EnvVar("CENTRA_DATABASE_URL")
    return {
        "centra": CentraResource(
            api_url=dg.EnvVar("CENTRA_API_URL"),
            api_token=dg.EnvVar("CENTRA_API_TOKEN"),
            database_url=database_url,
            concurrency=settings.api_concurrency,
        ),
        "lake": LakeResource(url=settings.lake_url, database_url=database_url),
        "outbox": OutboxResource(url=settings.out_url),
        "warehouse": WarehouseResource(database_url=database_url),
    }


def build_definitions(
    settings: Settings | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
    entities: Sequence[Entity] = ENTITIES,
    sync: SyncConfig | None = None,
) -> dg.Definitions:
    """The whole project. Tests pass their own settings, swap single resources, or wire fewer entities."""
    settings = settings or Settings.load()
    sync = (sync or load_sync_config(settings.sync_file)).only(entities)
    calendar = Calendar(settings.start_date, settings.timezone)
    marts = [mart for mart in MARTS if _are_wired([reads.table for reads in mart.reads], entities)]
    workbook_jobs = [build_workbook_job()] if _are_wired(WORKBOOK_READS, entities) else []
    standing = build_standing(
        entities,
        marts,
        calendar,
        sync,
        workbook=bool(workbook_jobs),
        token_expires_at=settings.api_token_expires_at,
    )
    jobs = build_jobs(entities, standing.selection)
    sync_jobs = build_sync_jobs(entities, calendar, sync, marts)
    forget_job = build_forget_job()
    mart_jobs = [build_marts_job(marts, standing.selection), build_stale_days_job(marts, calendar)] if marts else []
    retention = build_retention_job(entities, sync)
    health_job = build_health_job()
    per_run = settings.partitions_per_run
    with warnings.catch_warnings():
        # Backfill policies are beta; Dagster would say so once per asset at every load.
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [
            *build_source_assets(entities),
            *[build_raw_asset(entity, calendar, partitions_per_run=per_run) for entity in entities],
            *[build_core_assets(entity, calendar, partitions_per_run=per_run) for entity in entities],
            *[build_mart_asset(mart, calendar, partitions_per_run=MART_DAYS_PER_RUN) for mart in marts],
            *[build_workbook_asset(calendar) for _ in workbook_jobs],
            build_health_asset(entities, sync),
        ]
    sensors = [
        build_partition_sensor(jobs),
        build_inbox_sensor(sync_jobs.incremental),
        build_events_sensor(sync),
        build_sweep_sensor(sync_jobs.sweep, sync),
        build_silent_runs_sensor(),
        build_forgetting_sensor(forget_job),
        build_alerts_sensor(_alert_watch(settings, entities)),
    ]
    if marts:
        sensors.append(build_stale_marts_sensor(mart_jobs[1], marts, calendar))
    return dg.Definitions(
        assets=standing.with_freshness_policies(assets),
        asset_checks=[
            *[build_checks(entity) for entity in entities],
            *[build_quarantine_check(entity) for entity in entities],
            *[build_mart_checks(mart) for mart in marts],
            *standing.checks,
            *[build_workbook_check(calendar) for _ in workbook_jobs],
        ],
        jobs=[
            *jobs.values(),
            *sync_jobs.all(),
            build_retry_job(entities, calendar, verdict),
            forget_job,
            *mart_jobs,
            *workbook_jobs,
            health_job,
            *standing.jobs,
            retention,
        ],
        schedules=[
            *build_schedules(
                sync, calendar, entities=entities, refresh=jobs, sweep=sync_jobs.sweep, reconcile=sync_jobs.reconcile
            ),
            *[build_workbook_schedule(job, calendar) for job in workbook_jobs],
            build_health_schedule(health_job, calendar),
            *standing.schedules,
            *build_retention_schedules(retention, sync, calendar),
        ],
        sensors=sensors,
        resources={**build_resources(settings), **(resources or {})},
        # Steps are few and long here; a process per step would cost more than it isolates.
        executor=living_process,
    )


def _are_wired(tables: Sequence[str], entities: Sequence[Entity]) -> bool:
    """Whether all these core tables are wired."""
    return {contract.table for entity in entities for contract in entity.tables}.issuperset(tables)


def _alert_watch(settings: Settings, entities: Sequence[Entity]) -> AlertWatch:
    """What the alerts' sensor is told."""
    return AlertWatch(
        load_alert_settings(settings.alerts_file),
        Wording(settings.timezone, str(settings.dagster_url)),
        owners={entity.name: owner_of(entity).removeprefix("team:") for entity in entities},
        token_expires_at=settings.api_token_expires_at,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """What Dagster loads, in processes of its own: from here on no line of theirs shows a secret or an address."""
    hide()
    return build_definitions()
