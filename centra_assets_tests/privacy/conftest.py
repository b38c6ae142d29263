"""A platform that was loaded once with a person in it, and copies of it for each test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from centra_assets.assets.extract import extract
from centra_assets.assets.load import load
from centra_assets.centra.blocking import connect
from centra_assets.entities.model import WHOLE, Axis, TransformContext
from centra_assets.entities.registry import entity
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import refresh
from centra_assets.privacy.forgotten import Admission, ForgottenList
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.lake import Lake
from centra_assets_tests.assets.platform import Platform, changed_rows, keys_of
from centra_assets_tests.privacy.house import House
from centra_assets_tests.privacy.person import Person, dwell, move_in
from centra_assets_tests.privacy.purchaser import Purchaser, open_shop, write_down

NAMES = ("orders", "customers", "accounts", "newsletter_subscriptions", "shipments", "returns", "invoices")
_numbers = itertools.count(1)


@dataclass
class Town:
    """A platform, the person who lives in it, and one who buys there for a shop."""

    platform: Platform
    person: Person
    purchaser: Purchaser


@pytest.fixture(scope="package")
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
        purchaser = open_shop(sandbox.world, datetime.now(UTC) - timedelta(days=1))
        sandbox.instance.indexes.forget()
        materialized(platform)
        with sandbox.world.lock:
            dwell(sandbox.world, sandbox.world.tables["Customer"].one(person.customer), "Andra Unika 815")
            write_down(sandbox.world, sandbox.world.tables["Buyer"].one(purchaser.buyer), "Blocksberg 99")
        asked_again(platform)
        assert parsed_again(platform)
        marts(platform)
        yield Town(platform, person, purchaser)
        platform.instance.dispose()
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    return House(database_url, tmp_path / "lake")


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
        return Town(platform, town.person, town.purchaser)

    yield copy
    for database, platform in made:
        platform.instance.dispose()
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


def materialized(platform: Platform) -> dict[str, int]:
    """Everything materialized through Dagster; returns the rows that changed, by table."""
    changed: dict[str, int] = {}
    for axis in (Axis.DAY, Axis.NONE):
        keys = [key for found in platform.entities if found.axis is axis for key in keys_of(found)]
        changed |= changed_rows(platform.refresh(axis, only=keys))
    return changed


def asked_again(platform: Platform) -> None:
    """Everything read from Centra into the lake, past its gate, without Dagster."""
    with connect(url=platform.sandbox.url, token=platform.sandbox.token, database_url=platform.database_url) as client:
        for found in platform.entities:
            extract(
                found,
                platform.keys(found.axis) or [WHOLE],
                client=client,
                lake=gated(platform),
                calendar=platform.calendar,
                run_id="asked-again",
            )


def parsed_again(platform: Platform) -> dict[str, int]:
    """Core brought in line with the lake, without Dagster; returns the rows that changed, by table."""
    changed: dict[str, int] = {}
    for found in platform.entities:
        report = load(
            found,
            platform.keys(found.axis) or [WHOLE],
            lake=gated(platform),
            warehouse=platform.warehouse,
            context=TransformContext(platform.calendar.zone),
            run_id="parsed-again",
        )
        for table, counts in report.tables.items():
            changed[table] = counts.inserted + counts.updated + counts.deleted
    return {table: rows for table, rows in changed.items() if rows}


def gated(platform: Platform) -> Lake:
    """The lake as the platform's own resource opens it."""
    return Lake(str(platform.lake_folder), Admission(ForgottenList(platform.database_url)))


def marts(platform: Platform) -> None:
    """Computes every day of every mart that is made of orders."""
    refresh(platform.warehouse, DAILY_SALES, platform.keys(Axis.DAY), run_id="marts")


def _name(url: str) -> str:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    assert isinstance(name, str)
    return name
