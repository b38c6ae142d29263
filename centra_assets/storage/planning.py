"""Decides which rows of a batch can be skipped, which copied straight, which must be compared. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.storage.batches import PartitionScope, Scope
from centra_assets.storage.digests import digests, known
from centra_assets.storage.tables import Table

_PRESENT = "SELECT key FROM unnest(%s::text[]) AS key WHERE EXISTS (SELECT FROM {} WHERE {} = key)"


@dataclass(frozen=True)
class Plan:
    """One table's part of a load, sorted by the work it needs.

    `same` counts the rows of partitions that are known to hold just that. `fresh` rows belong to partitions or records
    of which the table has nothing. `compared` rows meet what the table has of `compared_keys`. `digests` are the
    batch's, for the partitions that are its scope.
    """

    table: Table
    same: Mapping[str, int]
    fresh: pl.DataFrame
    compared: pl.DataFrame
    compared_keys: Sequence[str]
    digests: Mapping[str, str]


def planned(cursor: Cursor[TupleRow], table: Table, rows: pl.DataFrame, scope: Scope) -> Plan:
    """Looks at what the table has, by indexes only."""
    keys = list(scope.keys)
    current: dict[str, str] = {}
    same: dict[str, int] = {}
    if isinstance(scope, PartitionScope):
        current = digests(table, rows, keys)
        before = known(cursor, table, keys)
        equal = [key for key in keys if before.get(key) == current[key]]
        held = pl.col("_partition").is_in(equal)
        same = per_partition(rows.filter(held))
        rows = rows.filter(~held)
        keys = sorted(set(keys).difference(equal))
    statement = sql.SQL(_PRESENT).format(sql.Identifier(table.schema, table.name), sql.Identifier(scope.column))
    present = [key for (key,) in cursor.execute(statement, [keys])] if keys else []
    met = pl.col(scope.column).is_in(present)
    return Plan(table, same, rows.filter(~met), rows.filter(met), present, current)


def per_partition(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows each partition has."""
    counts = rows.group_by("_partition").len()
    return dict(zip(counts["_partition"].to_list(), counts["len"].to_list(), strict=True))
