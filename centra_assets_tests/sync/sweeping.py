"""Sweeps and reconciliations of a platform, as tests call them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from centra_assets.assets.failures import ERROR_CODE_TAG, FAILURE_TAG
from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Priority
from centra_assets.entities.registry import entity
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync.reconcile import run_reconciliation
from centra_assets.sync.sweeping import Outcome, Setting, Surroundings
from centra_assets.sync.sweeps import default_setting, run_sweeps
from centra_assets_tests.assets.platform import QUIET, Platform


@contextmanager
def around(platform: Platform, run_id: str = "sweep-run") -> Iterator[Surroundings]:
    """What sweeps need of a platform."""
    with connect(
        url=platform.sandbox.url,
        token=platform.token or platform.sandbox.token,
        database_url=platform.database_url,
        priority=Priority.REAL_TIME,
    ) as client:
        yield Surroundings(
            client=client,
            lake=platform.lake,
            warehouse=platform.warehouse,
            state=SyncState(platform.database_url),
            calendar=platform.calendar,
            run_id=run_id,
        )


@contextmanager
def lasting_platform(
    server: EmbeddedPostgres, sandbox: RunningSandbox, folder: Path, **options: Any
) -> Iterator[Platform]:
    """A platform for all tests of a module, with a database of its own and everything loaded once."""
    name = folder.name.replace("-", "_")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        platform = Platform(sandbox=sandbox, database_url=server.url_of(name), lake_folder=folder, **options)
        try:
            platform.refresh_everything()
            yield platform
        finally:
            platform.instance.dispose()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def swept(
    platform: Platform,
    *names: str,
    setting: Setting | None = None,
    since: datetime | None = None,
    budget: timedelta = timedelta(minutes=5),
) -> list[Outcome]:
    """One run of sweeps over the entities named, or over all that the platform has."""
    entities = [entity(name) for name in names] or list(platform.entities)
    with around(platform) as surroundings:
        setting_of = default_setting if setting is None else lambda _: setting
        return list(run_sweeps(entities, surroundings, setting_of=setting_of, since=since, budget=budget))


def swept_once(platform: Platform, name: str, **options: Any) -> Outcome:
    """One sweep of one entity, which must not fail; a ledger's first reading is not told."""
    *_, outcome = swept(platform, name, **options)
    assert outcome.entity.name == name
    assert outcome.error is None, outcome.error
    return outcome


def reconciled(platform: Platform, *names: str, days: int = 30) -> list[Outcome]:
    """One reconciliation of the entities named, or of all that the platform has."""
    entities = [entity(name) for name in names] or list(platform.entities)
    with around(platform) as surroundings:
        return list(run_reconciliation(entities, days, surroundings))


def run_of(platform: Platform, job: str, *names: str) -> dg.ExecuteInProcessResult:
    """One run of `sweep` or `reconcile`, as sensors and schedules start it."""
    (op,) = platform.definitions.resolve_job_def(job).nodes
    return platform.definitions.resolve_job_def(job).execute_in_process(
        instance=platform.instance,
        run_config={**QUIET, "ops": {op.name: {"config": {"entities": list(names)}}}},
        raise_on_error=False,
    )


def told_by_tags(platform: Platform, result: dg.ExecuteInProcessResult) -> tuple[str | None, str | None]:
    """What the tags of a run say that it failed of: the code, and whether it passes."""
    run = platform.instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags.get(ERROR_CODE_TAG), run.tags.get(FAILURE_TAG)


def refusals(platform: Platform) -> list[tuple[str, str]]:
    """What the trail says was refused, oldest first: of which entity, under which code."""
    found = platform.warehouse.query(
        "SELECT detail ->> 'entity' AS entity, detail ->> 'code' AS code FROM ops.audit "
        "WHERE kind = 'load' AND outcome = 'refused' ORDER BY id"
    )
    return list(found.iter_rows())


def lake_files(platform: Platform, name: str) -> int:
    """How many files the lake has of an entity."""
    return sum(len(platform.lake.files(name, partition)) for partition in platform.lake.partitions(name))


def watermark(platform: Platform, name: str, strategy: str = "updated", partition: str = "") -> datetime | None:
    """How far a strategy has come."""
    return SyncState(platform.database_url).mark(name, strategy, partition).watermark
