"""Decides which rows of a batch can be skipped, which copied straight, which must be compared. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.storage.batches import PartitionScope, Scope
from centra_assets.storage.digests import digests, known
from centra_assets.storage.tables import Table

_PRESENT = "SELECT key FROM unnest(%(keys)s::text[]) AS key WHERE EXISTS (SELECT FROM {table} WHERE {held})"
_LATE = """
SELECT home FROM unnest(%s::text[], %s::timestamptz[]) AS batch (home, oldest)
WHERE EXISTS (
  SELECT FROM {history} WHERE _partition = home AND _operation = 'delete' AND _superseded_fetched_at > oldest)
"""


@dataclass(frozen=True)
class Plan:
    """One table's part of a load, sorted by the work it needs.

    `same` counts the rows of partitions that are known to hold just that. `fresh` rows belong to partitions or records
    of which the table has nothing. `compared` rows meet what the table has of `compared_keys`. In the partitions `late`
    rows were deleted by a later reading than the batch's oldest, so they are compared also where the table has nothing.
    `digests` are the batch's, for the partitions that are its scope.
    """

    table: Table
    same: Mapping[str, int]
    fresh: pl.DataFrame
    compared: pl.DataFrame
    compared_keys: Sequence[str]
    late: Sequence[str]
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
    late = _late(cursor, table, rows)
    met = {*_present(cursor, table, keys, scope), *rows.filter(pl.col("_partition").is_in(late))[scope.column]}
    meets = pl.col(scope.column).is_in(list(met))
    return Plan(table, same, rows.filter(~meets), rows.filter(meets), sorted(met), late, current)


def _present(cursor: Cursor[TupleRow], table: Table, keys: Sequence[str], scope: Scope) -> list[str]:
    """Those of the keys of which the table has rows."""
    if not keys:
        return []
    held = sql.SQL("{} = key").format(sql.Identifier(scope.column))
    if scope.partition is not None:
        held += sql.SQL(" AND _partition = %(partition)s")
    statement = sql.SQL(_PRESENT).format(table=sql.Identifier(table.schema, table.name), held=held)
    found = cursor.execute(statement, {"keys": list(keys), "partition": scope.partition})
    return [key for (key,) in found]


def _late(cursor: Cursor[TupleRow], table: Table, rows: pl.DataFrame) -> list[str]:
    """Partitions from which a later reading than the oldest in the batch deleted rows. An index knows them."""
    oldest = rows.group_by("_partition").agg(pl.col("_fetched_at").min())
    if oldest.is_empty():
        return []
    statement = sql.SQL(_LATE).format(history=sql.Identifier("history", table.name))
    found = cursor.execute(statement, [oldest["_partition"].to_list(), oldest["_fetched_at"].to_list()])
    return [home for (home,) in found]


def per_partition(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows each partition has."""
    counts = rows.group_by("_partition").len()
    return dict(zip(counts["_partition"].to_list(), counts["len"].to_list(), strict=True))
