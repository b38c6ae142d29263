"""Wires everything into one Dagster code location, and does nothing else: no network, no disk, no database."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from centra_assets.assets.core import build_core_assets
from centra_assets.assets.marts import build_mart_asset, build_mart_checks
from centra_assets.assets.raw import build_raw_asset
from centra_assets.assets.sources import build_source_assets
from centra_assets.calendar import Calendar
from centra_assets.checks.build import build_checks
from centra_assets.checks.quarantine import build_quarantine_check
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import build_jobs, build_marts_job
from centra_assets.marts.model import Mart
from centra_assets.marts.registry import MARTS
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.schedules import build_schedules
from centra_assets.sensors.dynamic_partitions import build_partition_sensor
from centra_assets.sensors.events import build_events_sensor
from centra_assets.sensors.inbox import build_inbox_sensor
from centra_assets.sensors.stale_marts import build_stale_marts_sensor
from centra_assets.sensors.sweeps import build_sweep_sensor
from centra_assets.settings import Settings
from centra_assets.sync.mart_ops import build_stale_days_job
from centra_assets.sync.ops import build_sync_jobs
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
    marts = [mart for mart in MARTS if _is_computable(mart, entities)]
    jobs = build_jobs(entities)
    sync_jobs = build_sync_jobs(entities, calendar, sync, marts)
    mart_jobs = [build_marts_job(marts), build_stale_days_job(marts, calendar)] if marts else []
    per_run = settings.partitions_per_run
    with warnings.catch_warnings():
        # Backfill policies are beta; Dagster would say so once per asset at every load.
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [
            *build_source_assets(entities),
            *[build_raw_asset(entity, calendar, partitions_per_run=per_run) for entity in entities],
            *[build_core_assets(entity, calendar, partitions_per_run=per_run) for entity in entities],
            *[build_mart_asset(mart, calendar, partitions_per_run=MART_DAYS_PER_RUN) for mart in marts],
        ]
    sensors = [
        build_partition_sensor(jobs),
        build_inbox_sensor(sync_jobs.incremental),
        build_events_sensor(sync),
        build_sweep_sensor(sync_jobs.sweep, sync),
    ]
    if marts:
        sensors.append(build_stale_marts_sensor(mart_jobs[1], marts, calendar))
    return dg.Definitions(
        assets=assets,
        asset_checks=[
            *[build_checks(entity) for entity in entities],
            *[build_quarantine_check(entity) for entity in entities],
            *[build_mart_checks(mart) for mart in marts],
        ],
        jobs=[*jobs.values(), *sync_jobs.all(), *mart_jobs],
        schedules=build_schedules(
            sync, calendar, entities=entities, refresh=jobs, sweep=sync_jobs.sweep, reconcile=sync_jobs.reconcile
        ),
        sensors=sensors,
        resources={**build_resources(settings), **(resources or {})},
        # Steps are few and long here; a process per step would cost more than it isolates.
        executor=dg.in_process_executor,
    )


def _is_computable(mart: Mart, entities: Sequence[Entity]) -> bool:
    """Whether every core table that the mart reads is wired."""
    wired = {contract.table for entity in entities for contract in entity.tables}
    return all(reads.table in wired for reads in mart.reads)


@dg.definitions
def definitions() -> dg.Definitions:
    """What Dagster loads."""
    return build_definitions()
