"""Decides which rows of a batch can be skipped, which copied straight, which must be compared. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

import polars as pl
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.storage.batches import PartitionScope, Scope
from centra_assets.storage.digests import digests, known
from centra_assets.storage.tables import Table

_PRESENT = "SELECT key FROM unnest(%(keys)s::text[]) AS key WHERE EXISTS (SELECT FROM {table} WHERE {held})"
# Proofs that records were read later than the oldest row in the batch: their rows in core, and deletions.
_READ_LATER = """
SELECT c._partition, c._record_id, max(c._fetched_at) FROM {core} c
JOIN unnest(%(homes)s::text[], %(oldest)s::timestamptz[]) AS batch (home, oldest) ON c._partition = home
WHERE c.{scoped} = ANY(%(met)s) AND c._fetched_at > oldest GROUP BY 1, 2
"""
_DELETED_LATER = """
SELECT c._partition, c._record_id, max(c._superseded_fetched_at) FROM {history} c
JOIN unnest(%(homes)s::text[], %(oldest)s::timestamptz[]) AS batch (home, oldest) ON c._partition = home
WHERE c._operation = 'delete' AND c._superseded_fetched_at > oldest GROUP BY 1, 2
"""
_RECORD = ["_partition", "_record_id"]
_INSTANT = pl.Datetime("us", "UTC")
_LATE_SCHEMA = pl.Schema([("_partition", pl.String()), ("_record_id", pl.String()), ("_read_at", _INSTANT)])


@dataclass(frozen=True)
class Plan:
    """One table's part of a load, sorted by the work it needs.

    `same` counts the rows of partitions that are known to hold just that. `fresh` rows belong to partitions or records
    of which the table has nothing. `compared` rows meet what the table has of `compared_keys`, or are of records that
    were read later than the batch read them: `late` says when (_partition, _record_id, _read_at). `digests` are the
    batch's, for the partitions that are its scope; `known` are the table's, of those whose digest is remembered.
    """

    table: Table
    same: Mapping[str, int]
    fresh: pl.DataFrame
    compared: pl.DataFrame
    compared_keys: Sequence[str]
    late: pl.DataFrame
    digests: Mapping[str, str]
    known: Mapping[str, str]


def planned(cursor: Cursor[TupleRow], work: Sequence[tuple[Table, pl.DataFrame]], scope: Scope) -> list[Plan]:
    """Looks at what the tables have, by indexes only, before any of them is changed."""
    plans = [_alone(cursor, table, rows, scope) for table, rows in work]
    late = _late(cursor, plans, scope)
    return plans if late.is_empty() else [_minding(plan, late, scope) for plan in plans]


def _alone(cursor: Cursor[TupleRow], table: Table, rows: pl.DataFrame, scope: Scope) -> Plan:
    """The plan of a table that nobody else says anything about."""
    keys = list(scope.keys)
    current: dict[str, str] = {}
    before: dict[str, str] = {}
    same: dict[str, int] = {}
    if isinstance(scope, PartitionScope):
        current = digests(table, rows, keys)
        before = known(cursor, table, keys)
        equal = [key for key in keys if before.get(key) == current[key]]
        held = pl.col("_partition").is_in(equal)
        same = per_partition(rows.filter(held))
        rows = rows.filter(~held)
        keys = sorted(set(keys).difference(equal))
    met = _present(cursor, table, keys, scope)
    meets = pl.col(scope.column).is_in(met)
    nobody = pl.DataFrame(schema=_LATE_SCHEMA)
    return Plan(table, same, rows.filter(~meets), rows.filter(meets), sorted(met), nobody, current, before)


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


def _late(cursor: Cursor[TupleRow], plans: Sequence[Plan], scope: Scope) -> pl.DataFrame:
    """Records of the batch that were read later than one of their rows in it, as far as these tables tell."""
    heads = pl.concat([rows.select(*_RECORD, "_fetched_at") for plan in plans for rows in (plan.fresh, plan.compared)])
    oldest = heads.group_by("_partition").agg(pl.col("_fetched_at").min())
    if oldest.is_empty():
        return pl.DataFrame(schema=_LATE_SCHEMA)
    met = sorted({key for plan in plans for key in (*plan.compared_keys, *plan.same)})
    values = {"homes": oldest["_partition"].to_list(), "oldest": oldest["_fetched_at"].to_list(), "met": met}
    found: list[TupleRow] = []
    for plan in plans:
        parts = {
            "core": sql.Identifier(plan.table.schema, plan.table.name),
            "history": sql.Identifier("history", plan.table.name),
            "scoped": sql.Identifier(scope.column),
        }
        # Nothing is met by a first load.
        for statement in (*([_READ_LATER] if met else []), _DELETED_LATER):
            found += cursor.execute(sql.SQL(statement).format(**parts), values)
    read = [(home, record, moment.astimezone(UTC)) for home, record, moment in found]
    late = pl.DataFrame(read, schema=_LATE_SCHEMA, orient="row").group_by(_RECORD).agg(pl.col("_read_at").max())
    return late.join(_outdated(heads, late), on=_RECORD, how="semi")


def _outdated(rows: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """The rows whose records were read later."""
    return rows.join(late, on=_RECORD).filter(pl.col("_read_at") > pl.col("_fetched_at").cast(_INSTANT))


def _minding(plan: Plan, late: pl.DataFrame, scope: Scope) -> Plan:
    """The plan when no row of an older reading may be copied straight."""
    held = sorted({*plan.compared_keys, *_outdated(plan.fresh, late)[scope.column]})
    meets = pl.col(scope.column).is_in(held)
    compared = pl.concat([plan.compared, plan.fresh.filter(meets)])
    return replace(plan, fresh=plan.fresh.filter(~meets), compared=compared, compared_keys=held, late=late)


def per_partition(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows each partition has."""
    counts = rows.group_by("_partition").len()
    return dict(zip(counts["_partition"].to_list(), counts["len"].to_list(), strict=True))
