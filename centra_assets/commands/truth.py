"""Compares the warehouse with the sandbox's own truth, table by table: counts, sums per currency, values."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from centra_assets.assets.tables import table_of
from centra_assets.entities.registry import ENTITIES
from centra_assets.marts.model import SCHEMA
from centra_assets.marts.registry import MARTS
from centra_assets.storage.warehouse import Warehouse


def row_counts(warehouse: Warehouse) -> dict[str, int | None]:
    """Rows per core table; None for a table that is not there, because no run ever came to load it."""
    return _counts(warehouse, "core", [contract.table for entity in ENTITIES for contract in entity.tables])


def mart_counts(warehouse: Warehouse) -> dict[str, int | None]:
    """Rows per mart."""
    return _counts(warehouse, SCHEMA, [mart.name for mart in MARTS])


def _counts(warehouse: Warehouse, schema: str, tables: Sequence[str]) -> dict[str, int | None]:
    listed = "select tablename::text as name from pg_tables where schemaname = %(schema)s"
    there = set(warehouse.query(listed, {"schema": schema})["name"])
    return {
        table: (
            warehouse.query(f"select count(*) as n from {schema}.{table}")["n"][0]  # noqa: S608
            if table in there
            else None
        )
        for table in tables
    }


def warehouse_figures(warehouse: Warehouse, truth: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the warehouse in the shape of the truth, for every table and sum that the truth names."""
    figures: dict[str, Any] = {}
    counts = row_counts(warehouse)
    for entity in ENTITIES:
        for contract in entity.tables:
            told, count = truth.get(contract.table), counts[contract.table]
            if told is None or count is None:
                continue
            columns = {column.name for column in table_of(contract).columns}
            currency = "currency" if "currency" in columns else None
            sums = {name: _sums(warehouse, contract.table, name, currency) for name in told["sums"] if name in columns}
            figures[contract.table] = {
                "count": count,
                "sums": sums,
                "values": {n: _values(warehouse, contract.table, n) for n in told.get("values", ()) if n in columns},
                "instants": {
                    n: _seconds(warehouse, contract.table, n) for n in told.get("instants", ()) if n in columns
                },
            }
    return figures


def _sums(warehouse: Warehouse, table: str, column: str, currency: str | None) -> dict[str, str]:
    group = f"coalesce({currency}, '')" if currency else "''"
    frame = warehouse.query(
        f"select {group} as currency, coalesce(sum({column}), 0)::text as total "  # noqa: S608
        f"from core.{table} group by 1"
    )
    return dict(frame.iter_rows())


def _values(warehouse: Warehouse, table: str, column: str) -> dict[str, int]:
    frame = warehouse.query(
        f"select {column}::text as value, count(*) as n from core.{table} "  # noqa: S608
        f"where {column} is not null group by 1 order by 1"
    )
    return dict(frame.iter_rows())


def _seconds(warehouse: Warehouse, table: str, column: str) -> int:
    total = f"coalesce(sum(floor(extract(epoch from {column}))), 0)::bigint"
    frame = warehouse.query(f"select {total} as n from core.{table}")  # noqa: S608
    return int(frame["n"][0])


def compare(truth: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure in which the two differ; empty when they agree. A table that only one side has differs."""
    differences: dict[str, Any] = {}
    for table, told in truth.items():
        held = figures.get(table)
        if held is None:
            differences[table] = {"truth": told["count"], "warehouse": None}
            continue
        found: dict[str, Any] = {}
        if told["count"] != held["count"]:
            found["count"] = {"truth": told["count"], "warehouse": held["count"]}
        for column, sums in told["sums"].items():
            mine = held["sums"].get(column)
            if mine is None or not _agree(sums, mine):
                found[column] = {"truth": sums, "warehouse": mine}
        for kind in ("values", "instants"):
            for column, expected in told.get(kind, {}).items():
                if held[kind].get(column) != expected:
                    found[column] = {"truth": expected, "warehouse": held[kind].get(column)}
        if found:
            differences[table] = found
    return differences


def _agree(told: Mapping[str, str], mine: Mapping[str, str]) -> bool:
    """Equal amounts per currency. Counts have no currency, and a table may leave it to its parent: then in sum."""
    if set(told) <= {""} or set(mine) <= {""}:
        return sum(map(Decimal, told.values())) == sum(map(Decimal, mine.values()))
    return _amounts(told) == _amounts(mine)


def _amounts(sums: Mapping[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(total) for currency, total in sums.items() if Decimal(total) != 0}
