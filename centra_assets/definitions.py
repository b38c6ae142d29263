"""Wires everything into one Dagster code location, and does nothing else: no network, no disk, no database."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from centra_assets.assets.core import build_core_assets
from centra_assets.assets.raw import build_raw_asset
from centra_assets.assets.sources import build_source_assets
from centra_assets.calendar import Calendar
from centra_assets.checks.build import build_checks
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import build_jobs
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.schedules import build_schedules
from centra_assets.sensors.dynamic_partitions import build_partition_sensor
from centra_assets.settings import Settings


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
        "lake": LakeResource(url=settings.lake_url),
        "warehouse": WarehouseResource(database_url=database_url),
    }


def build_definitions(
    settings: Settings | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
    entities: Sequence[Entity] = ENTITIES,
) -> dg.Definitions:
    """The whole project. Tests pass their own settings, swap single resources, or wire fewer entities."""
    settings = settings or Settings.load()
    calendar = Calendar(settings.start_date, settings.timezone)
    jobs = build_jobs(entities)
    per_run = settings.partitions_per_run
    with warnings.catch_warnings():
        # Backfill policies are beta; Dagster would say so once per asset at every load.
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [
            *build_source_assets(entities),
            *[build_raw_asset(entity, calendar, partitions_per_run=per_run) for entity in entities],
            *[build_core_assets(entity, calendar, partitions_per_run=per_run) for entity in entities],
        ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[build_checks(entity) for entity in entities],
        jobs=list(jobs.values()),
        schedules=build_schedules(jobs, calendar),
        sensors=[build_partition_sensor(jobs)],
        resources={**build_resources(settings), **(resources or {})},
        # Steps are few and long here; a process per step would cost more than it isolates.
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """What Dagster loads."""
    return build_definitions()
