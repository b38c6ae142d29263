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

_NO_ROWS = "0"
_SEEDS = (0x5EED, 0xFEED)  # two independent sums of 64 bits: rows that differ never look the same

_KNOWN = "SELECT partition, digest FROM ops.loaded_partition WHERE relation = %s::regclass AND partition = ANY(%s)"
_FORGET = "DELETE FROM ops.loaded_partition WHERE relation = %s::regclass AND partition = ANY(%s)"
_REMEMBER = """
INSERT INTO ops.loaded_partition (relation, partition, digest, source)
SELECT %s::regclass, * FROM unnest(%s::text[], %s::text[], %s::text[])
ON CONFLICT (relation, partition) DO UPDATE SET digest = excluded.digest, source = excluded.source
WHERE (loaded_partition.digest, loaded_partition.source) IS DISTINCT FROM (excluded.digest, excluded.source)
"""


def digests(table: Table, rows: pl.DataFrame, partitions: Iterable[str]) -> dict[str, str]:
    """A digest of each partition's rows, whatever their order; an absent partition has that of no rows.

    The hash is Polars' own and may change with its version: then everything is compared once more.
    """
    found = hashed(rows.select([column.name for column in table.columns]), rows["_partition"])
    return {partition: found.get(partition, _NO_ROWS) for partition in partitions}


def hashed(values: pl.DataFrame, partition: pl.Series) -> dict[str, str]:
    """A digest of the rows of each partition that has any."""
    sums = (
        pl.DataFrame({"partition": partition, **{str(seed): values.hash_rows(seed) for seed in _SEEDS}})
        .group_by("partition")
        .agg(pl.len(), *[pl.col(str(seed)).sum() for seed in _SEEDS])
    )
    layout = f"polars {pl.__version__} {' '.join(f'{name} {dtype}' for name, dtype in values.schema.items())}"
    tag = sha256(layout.encode()).hexdigest()[:16]
    return {key: f"{tag} {count} {first:x} {second:x}" for key, count, first, second in sums.iter_rows()}


def row_count(digest: str) -> int:
    """How many rows a digest was made of."""
    return 0 if digest == _NO_ROWS else int(digest.split(" ")[1])


def known(cursor: Cursor[TupleRow], table: Table, partitions: Sequence[str]) -> dict[str, str]:
    """The remembered digests of these partitions."""
    return dict(cursor.execute(_KNOWN, [table.relation, list(partitions)]).fetchall())


def remember(
    cursor: Cursor[TupleRow], table: Table, current: Mapping[str, str], sources: Mapping[str, str] | None = None
) -> None:
    """Notes that the partitions hold exactly what the digests were made of, and what that was parsed from."""
    parsed_from = [(sources or {}).get(partition) for partition in current]
    cursor.execute(_REMEMBER, [table.relation, list(current), list(current.values()), parsed_from])


def forget(cursor: Cursor[TupleRow], table: Table, partitions: Iterable[str]) -> None:
    """Notes that we no longer know what the partitions hold."""
    cursor.execute(_FORGET, [table.relation, list(partitions)])
