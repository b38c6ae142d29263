"""Computes stale days of a mart again and loads them; nothing is lost to what changes meanwhile. No Dagster here.

Notes in `ops.stale_partition` say which days are stale. A refresh adds one note of its own per day, reads all notes,
computes, and deletes exactly those that it read in the transaction that loads. A note that came later stays. Where a
note of its own is gone, somebody who read later has loaded before, so what was computed is old and is thrown away.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.errors import CentraAssetsError
from centra_assets.marts.model import DAY, Mart
from centra_assets.marts.registry import read_tables
from centra_assets.storage.warehouse import OPEN_GUARD, LoadReport, PartitionScope, TableBatch, Warehouse

_ATTEMPTS = 5

_STALE = """
SELECT partition AS day, min(id) AS oldest FROM ops.stale_partition WHERE asset = %(asset)s
GROUP BY partition HAVING min(at) <= clock_timestamp() - %(settled)s ORDER BY min(id) LIMIT %(limit)s
"""
_NOTE = """
INSERT INTO ops.stale_partition (asset, partition) SELECT %(asset)s, unnest(%(days)s::text[]) RETURNING id
"""
# Ids have gaps while others write: a smaller one than the newest may not be visible yet, so each is named.
_READ = """
SELECT clock.at, note.id FROM (SELECT clock_timestamp() AS at) clock
LEFT JOIN ops.stale_partition note ON note.asset = %(asset)s AND note.partition = ANY(%(days)s)
"""
_SETTLE = "DELETE FROM ops.stale_partition WHERE asset = %(asset)s AND id = ANY(%(notes)s) RETURNING id"
_DROP = "DELETE FROM ops.stale_partition WHERE asset = %(asset)s AND partition = ANY(%(days)s) RETURNING partition"


class MartOvertakenError(CentraAssetsError):
    """Every time a refresh had computed its days, somebody else had just loaded newer ones."""

    code = "MART_OVERTAKEN"
    remedy = "Nothing is lost: the days are up to date or still noted as stale. Refresh them again."
    transient = True


@dataclass(frozen=True)
class StaleDay:
    """A day to compute again, and its oldest note: the same until the day was loaded."""

    day: str
    oldest: int


def stale_days(warehouse: Warehouse, mart: Mart, limit: int, *, settled: timedelta = timedelta(0)) -> list[StaleDay]:
    """Stale days, the longest waiting first; with `settled`, those that nobody has taken care of for so long."""
    found = warehouse.query(_STALE, {"asset": mart.asset, "settled": settled, "limit": limit})
    return [StaleDay(day, oldest) for day, oldest in found.iter_rows()]


def stale(warehouse: Warehouse, mart: Mart, limit: int) -> list[str]:
    """Stale days, the longest waiting first."""
    return [found.day for found in stale_days(warehouse, mart, limit)]


def drop(warehouse: Warehouse, mart: Mart, days: Collection[str]) -> int:
    """Forgets that days are stale which the mart does not have; returns how many were."""
    values = {"asset": mart.asset, "days": list(days)}
    return len(set(warehouse.transact(lambda cursor: cursor.execute(_DROP, values).fetchall())))


def refresh(warehouse: Warehouse, mart: Mart, days: Collection[str], *, run_id: str) -> LoadReport:
    """Computes these days (ISO dates), stale or not, and loads them in one transaction; unchanged rows stay untouched.

    Takes no lock that a load of core waits for. Raises MartOvertakenError and storage's errors; whatever happens, a day
    that was not loaded is still noted.
    """
    wanted = sorted(set(days))
    warehouse.prepare([mart.table, *read_tables(mart)])
    for _ in range(_ATTEMPTS):
        own = _note(warehouse, mart, wanted)
        try:
            return _compute_and_load(warehouse, mart, wanted, own, run_id)
        except MartOvertakenError:
            continue
    raise MartOvertakenError(f"{mart.asset}: {len(wanted)} days were overtaken {_ATTEMPTS} times.")


def _compute_and_load(
    warehouse: Warehouse, mart: Mart, days: Sequence[str], own: Collection[int], run_id: str
) -> LoadReport:
    read = warehouse.query(_READ, {"asset": mart.asset, "days": list(days)})
    at, notes = cast(datetime, read["at"][0]), read["id"].drop_nulls().to_list()
    rows = _computed(warehouse, mart, days, at)
    return warehouse.load(
        mart.asset,
        [TableBatch(mart.table, rows)],
        scope=PartitionScope(days, as_of=at),
        run_id=run_id,
        # What is computed from all there is may well become empty.
        guard=OPEN_GUARD,
        within=partial(_settle, asset=mart.asset, notes=notes, own=own),
    )


def _computed(warehouse: Warehouse, mart: Mart, days: Sequence[str], at: datetime) -> pl.DataFrame:
    """The mart's rows of these days, as of `at` or a little later."""
    found = warehouse.query(mart.statement, {"days": list(days)})
    columns = mart.contract.columns()
    key = [pl.col(name).cast(pl.String) for name in mart.contract.primary_key()]
    return found.select([pl.col(name).cast(column.dtype) for name, column in columns.items()]).with_columns(
        _record_id=pl.concat_str(key, separator="/"),
        _partition=pl.col(DAY).dt.to_string("iso"),
        _source_updated_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        _fetched_at=pl.lit(at, dtype=pl.Datetime("us", "UTC")),
    )


def _note(warehouse: Warehouse, mart: Mart, days: Sequence[str]) -> set[int]:
    values: Mapping[str, object] = {"asset": mart.asset, "days": list(days)}
    return {note for (note,) in warehouse.transact(lambda cursor: cursor.execute(_NOTE, values).fetchall())}


def _settle(cursor: Cursor[TupleRow], *, asset: str, notes: Sequence[int], own: Collection[int]) -> None:
    settled = {note for (note,) in cursor.execute(_SETTLE, {"asset": asset, "notes": list(notes)})}
    if not settled.issuperset(own):
        raise MartOvertakenError(f"{asset}: somebody else has loaded newer figures.")
