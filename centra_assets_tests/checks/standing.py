"""A small platform loaded without a run of Dagster, and standing checks evaluated over it as their jobs do it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg

from centra_assets.assets.extract import extract
from centra_assets.assets.load import load
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.centra.blocking import connect
from centra_assets.entities.model import WHOLE, Axis, Entity, TransformContext
from centra_assets.entities.registry import entity
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.sync.holdings import tables_of
from centra_assets.sync.partitioning import keys_of
from centra_assets.sync_config import SyncConfig
from centra_assets.sync_file import read_sync_config
from centra_assets_tests.assets.platform import QUIET, Platform


@contextmanager
def loaded_platform(
    server: EmbeddedPostgres, sandbox: RunningSandbox, folder: Path, names: Sequence[str], days: int
) -> Iterator[Platform]:
    """A platform of these entities with a database of its own and everything read and loaded."""
    name = folder.name.replace("-", "_")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        entities = [entity(each) for each in names]
        platform = Platform(
            sandbox=sandbox, database_url=server.url_of(name), lake_folder=folder, days=days, entities=entities
        )
        try:
            for each in entities:
                keys = platform.keys(each.axis) or keys_of(each, platform.warehouse)
                if each.axis in DYNAMIC_AXES:
                    platform.instance.add_dynamic_partitions(dynamic_name(each.axis), keys)
                read(platform, each, keys)
                report(platform, each, keys)
            yield platform
        finally:
            platform.instance.dispose()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def read(platform: Platform, which: Entity, keys: Sequence[str], *, raw: bool = True, core: bool = True) -> None:
    """Raw and core of these partitions, by the assets' own means."""
    if raw:
        with connect(url=platform.sandbox.url, token=platform.sandbox.token) as client:
            slices = 1 if which.axis in (Axis.DAY, Axis.MONTH) else len(keys)
            extract(
                which, keys, client=client, lake=platform.lake, calendar=platform.calendar, run_id="read", slices=slices
            )
    if core:
        tables_of(which, platform.warehouse)
        context = TransformContext(time_zone=platform.calendar.zone)
        load(which, keys, lake=platform.lake, warehouse=platform.warehouse, context=context, run_id="load")


def report(platform: Platform, which: Entity, keys: Sequence[str]) -> None:
    """Tells Dagster of the partitions, as runs would have done."""
    for asset in (raw_key(which), *[core_key(contract.table) for contract in which.tables]):
        for key in keys:
            event = dg.AssetMaterialization(asset, partition=None if key == WHOLE else key)
            platform.instance.report_runless_asset_event(event)


def config_of(platform: Platform) -> SyncConfig:
    """The project's own sync.yaml, for the platform's entities."""
    return read_sync_config().only(platform.entities)


def evaluated(
    platform: Platform, checks: Sequence[dg.AssetChecksDefinition], *keys: str
) -> dict[str, dg.AssetCheckEvaluation]:
    """The evaluations of these checks, or of those of some assets, by `asset name`."""
    chosen = [key for each in checks for key in each.check_keys if not keys or key.asset_key.to_user_string() in keys]
    result = dg.materialize(
        list(checks),
        selection=dg.AssetSelection.checks(*chosen),
        resources=platform.resources,
        instance=platform.instance,
        run_config=QUIET,
    )
    found = result.get_asset_check_evaluations()
    assert len(found) == len(chosen)
    return {f"{one.asset_key.to_user_string()} {one.check_name}": one for one in found}


def failing(evaluation: dg.AssetCheckEvaluation) -> list[str]:
    """The keys that a check names."""
    return [str(key) for key in evaluation.metadata["failing_keys"].value]  # type: ignore[union-attr]
