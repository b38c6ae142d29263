"""Remembers what each loaded partition of a table looked like, so that an equal batch need not be compared row by row.

The memory is true or absent: a load keeps it, and a trigger on every table (see ddl.py) drops it when anybody else
writes. It is bound to the table's oid, so a table that was dropped, or restored from a dump, has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.storage.tables import Table

_SEEDS = (0x5EED, 0xFEED)  # two independent sums of 64 bits: rows that differ never look the same

_KNOWN = "SELECT partition, digest FROM ops.loaded_partition WHERE relation = %s::regclass AND partition = ANY(%s)"
_FORGET = "DELETE FROM ops.loaded_partition WHERE relation = %s::regclass AND partition = ANY(%s)"
_REMEMBER = """
INSERT INTO ops.loaded_partition (relation, partition, digest)
SELECT %s::regclass, * FROM unnest(%s::text[], %s::text[])
ON CONFLICT (relation, partition) DO UPDATE SET digest = excluded.digest
WHERE loaded_partition.digest <> excluded.digest
"""


def digests(table: Table, rows: pl.DataFrame, partitions: Iterable[str]) -> dict[str, str]:
    """A digest of each partition's rows, whatever their order; an absent partition has that of no rows.

    The hash is Polars' own and may change with its version: then everything is compared once more.
    """
    names = [column.name for column in table.columns]
    values = rows.select(names)
    sums = (
        pl.DataFrame({"_partition": rows["_partition"], **{str(seed): values.hash_rows(seed) for seed in _SEEDS}})
        .group_by("_partition")
        .agg(pl.len(), *[pl.col(str(seed)).sum() for seed in _SEEDS])
    )
    layout = f"polars {pl.__version__} {' '.join(f'{name} {values.schema[name]}' for name in names)}"
    tag = sha256(layout.encode()).hexdigest()[:16]
    found = {partition: f"{tag} {count} {first:x} {second:x}" for partition, count, first, second in sums.iter_rows()}
    return {partition: found.get(partition, "0") for partition in partitions}


def known(cursor: Cursor[TupleRow], table: Table, partitions: Sequence[str]) -> dict[str, str]:
    """The remembered digests of these partitions."""
    return dict(cursor.execute(_KNOWN, [_relation(table), list(partitions)]).fetchall())


def remember(cursor: Cursor[TupleRow], table: Table, current: Mapping[str, str]) -> None:
    """Notes that the partitions hold exactly what the digests were made of."""
    cursor.execute(_REMEMBER, [_relation(table), list(current), list(current.values())])


def forget(cursor: Cursor[TupleRow], table: Table, partitions: Iterable[str]) -> None:
    """Notes that we no longer know what the partitions hold."""
    cursor.execute(_FORGET, [_relation(table), list(partitions)])


def _relation(table: Table) -> str:
    return f'"{table.schema}"."{table.name}"'
