"""Core tables with a few hand-made rows, and single checks evaluated over them as Dagster does."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from centra_assets.assets.metadata import core_key
from centra_assets.assets.tables import table_of
from centra_assets.checks.build import build_checks
from centra_assets.entities.contract import Contract
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.warehouse import Warehouse

CONTRACTS: Mapping[str, type[Contract]] = {c.table: c for entity in ENTITIES for c in entity.tables}
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)


def entity_of(table: str) -> Entity:
    """The entity that fills a table."""
    return next(entity for entity in ENTITIES if any(contract.table == table for contract in entity.tables))


def prepare(database_url: str, tables: Iterable[str]) -> None:
    """Make these core tables."""
    Warehouse(database_url).prepare([table_of(CONTRACTS[table]) for table in tables])


def fill(database_url: str, rows: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Insert rows that say what matters to a test; the rest of their keys and system columns is made up."""
    with psycopg.connect(database_url) as connection:
        insert(connection, rows)


def insert(connection: psycopg.Connection[Any], rows: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """The same, within a transaction of the caller's."""
    for table, given in rows.items():
        for values in given:
            row = {**_required(table), **values}
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier("core", table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() for _ in row),
            )
            connection.execute(statement, list(row.values()))


def hours_later(hours: int) -> datetime:
    """So long after the moment at which the rows say they were read; before it where `hours` is below zero."""
    return MOMENT + timedelta(hours=hours)


def _required(table: str) -> dict[str, Any]:
    made_up = {"bigint": 0, "text": "", "boolean": False, "date": MOMENT.date(), "timestamp with time zone": MOMENT}
    needed = {
        column.name: made_up.get(column.type, 0) for column in table_of(CONTRACTS[table]).columns if not column.nullable
    }
    return {**needed, "_record_id": "1", "_partition": "p", "_fetched_at": MOMENT, "_loaded_at": MOMENT}


def evaluate(database_url: str, table: str, name: str) -> dg.AssetCheckEvaluation:
    """One check of a table."""
    checks = build_checks(entity_of(table))
    wanted = dg.AssetSelection.checks(dg.AssetCheckKey(core_key(table), name))
    result = dg.materialize(
        [checks],
        selection=wanted,
        resources={"warehouse": WarehouseResource(database_url=database_url)},
        instance=dg.DagsterInstance.ephemeral(),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation
