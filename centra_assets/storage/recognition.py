"""Recognises partitions that core was loaded with from just these raw records, so that nobody parses them again.

A fingerprint of raw records and code stands beside the digest that a load keeps of each partition (see digests.py) and
is dropped with it: by a load of other rows, and by the trigger when anybody else writes.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.storage.digests import hashed, row_count
from centra_assets.storage.tables import Table

# All that a parse reads of a lake row. When it was fetched is no part of what it says.
_CONTENT = ("id", "updated_at", "payload")

_LOADED_FROM = """
SELECT partition, digest FROM ops.loaded_partition JOIN unnest(%s::text[], %s::text[]) AS held (partition, source)
USING (partition, source) WHERE relation = %s::regclass
"""
_ASIDE = "SELECT record_id, partition FROM ops.quarantine WHERE entity = %s"


def fingerprints(raw: pl.DataFrame, partitions: Sequence[str], code: str) -> dict[str, str]:
    """A fingerprint of each partition's lake rows (SCHEMA and `partition`), whatever their order, and of `code`.

    A partition that shares a record id with another one has none: its rows depend on the other's.
    """
    found = hashed(raw.select(_CONTENT), raw["partition"])
    homes = raw.group_by("id").agg(pl.col("partition").unique())
    entangled = set(homes.filter(pl.col("partition").list.len() > 1)["partition"].explode())
    return {
        partition: sha256(f"{code} {found.get(partition, '0')}".encode()).hexdigest()
        for partition in partitions
        if partition not in entangled
    }


def recognised(
    cursor: Cursor[TupleRow], entity: str, tables: Sequence[Table], raw: pl.DataFrame, sources: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """Table and partition -> rows, of the partitions that every table was loaded with from `sources` and still holds.

    A partition that has to do with a record in quarantine is never among them.
    """
    wanted = [list(sources), list(sources.values())]
    rows = {}
    for table in tables:
        held = cursor.execute(_LOADED_FROM, [*wanted, table.relation]).fetchall()
        rows[table.name] = {partition: row_count(digest) for partition, digest in held}
    everywhere = set.intersection(*[set(held) for held in rows.values()]) if rows else set()
    if everywhere:
        everywhere -= _touched_by_quarantine(cursor, entity, raw)
    return {table: {key: count for key, count in held.items() if key in everywhere} for table, held in rows.items()}


def _touched_by_quarantine(cursor: Cursor[TupleRow], entity: str, raw: pl.DataFrame) -> set[str]:
    aside = cursor.execute(_ASIDE, [entity]).fetchall()
    records = pl.Series([record for record, _ in aside], dtype=pl.String)
    elsewhere = raw.filter(pl.col("id").is_in(records.implode()))["partition"]
    return {partition for _, partition in aside}.union(elsewhere)
