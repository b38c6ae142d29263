"""A platform that was loaded once with a person in it, and copies of it for each test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from centra_assets.entities.model import Axis
from centra_assets.entities.registry import entity
from centra_assets.jobs import REFRESH_MARTS
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.assets.platform import QUIET, Platform, changed_rows, keys_of
from centra_assets_tests.privacy.person import Person, dwell, move_in

NAMES = ("orders", "customers", "newsletter_subscriptions", "shipments", "returns", "invoices")
_numbers = itertools.count(1)


@dataclass
class Town:
    """A platform, and the person who lives in it."""

    platform: Platform
    person: Person


@pytest.fixture(scope="module")
def town(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Loaded, with a change that made history and a record in quarantine. For copies only."""
    database = f"town_{next(_numbers)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE migrated")
    options = SandboxOptions(scale=0.05, plan=Plan.OFF, built_at=datetime.now(UTC))
    with RunningSandbox(options) as sandbox:
        platform = Platform(
            sandbox=sandbox,
            database_url=postgres_server.url_of(database),
            lake_folder=tmp_path_factory.mktemp("town") / "lake",
            days=3,
            entities=[entity(name) for name in NAMES],
        )
        person = move_in(sandbox.world, datetime.now(UTC) - timedelta(days=1))
        sandbox.instance.indexes.forget()
        loaded(platform)
        with sandbox.world.lock:
            dwell(sandbox.world, sandbox.world.tables["Customer"].one(person.customer), "Andra Unika 815")
        loaded(platform)
        marts(platform)
        yield Town(platform, person)
        platform.instance.dispose()
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def copied(town: Town, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Callable[[], Town]]:
    """A copy of the town: lake and database of its own, the same sandbox."""
    made: list[tuple[str, Platform]] = []

    def copy() -> Town:
        database = f"town_{next(_numbers)}"
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {_name(town.platform.database_url)}")
        lake = tmp_path / database
        shutil.copytree(town.platform.lake_folder, lake)
        platform = Platform(
            sandbox=town.platform.sandbox,
            database_url=postgres_server.url_of(database),
            lake_folder=lake,
            days=town.platform.days,
            entities=town.platform.entities,
        )
        made.append((database, platform))
        return Town(platform, town.person)

    yield copy
    for database, platform in made:
        platform.instance.dispose()
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


def loaded(platform: Platform, *, raw: bool = True) -> dict[str, int]:
    """Loads everything, from Centra or from raw as it is; returns the rows that changed, by table."""
    changed: dict[str, int] = {}
    for axis in (Axis.DAY, Axis.NONE):
        keys = [key for found in platform.entities if found.axis is axis for key in keys_of(found, raw=raw)]
        changed |= changed_rows(platform.refresh(axis, only=keys))
    return changed


def marts(platform: Platform) -> None:
    """Computes the marts of every day."""
    keys = platform.keys(entity("orders").axis)
    platform.definitions.resolve_job_def(REFRESH_MARTS).execute_in_process(
        instance=platform.instance,
        run_config=QUIET,
        tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
    )


def _name(url: str) -> str:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    assert isinstance(name, str)
    return name
