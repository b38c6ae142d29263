"""What Centra said, held against what we have of the same partitions. Asks nobody and changes nothing."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from psycopg import sql

from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Entity
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.holdings import held_records
from centra_assets.sync.partitioning import PLACED_SCHEMA

PLACE = ["id", "partition"]
# What the raw assets write as `source`.
_BACKFILL = "backfill"
_HELD = [*PLACE, "updated_at", "fetched_at", "hash"]

_IN_CORE = """
SELECT _record_id AS id, _partition AS partition, max(_fetched_at) AS fetched_at FROM {} WHERE _partition = ANY(%s)
GROUP BY 1, 2
"""


class Comparison:
    """What we hold of some partitions, by hash of the payload, and which of it Centra has shown.

    What raw has and core may have missed, because somebody was killed in between, counts as if raw had it otherwise;
    what only core has, as if raw had it. Memory follows the number of records, not their size.
    """

    def __init__(self, entity: Entity, partitions: Sequence[str], lake: Lake, warehouse: Warehouse) -> None:
        batches = [_hashed(batch) for _, batch in lake.read_batches(entity.name, partitions)]
        held = pl.concat([_hashed(pl.DataFrame(schema=PLACED_SCHEMA)), *batches])
        warehouse.prepare([table_of(contract) for contract in entity.tables])
        besides = _only_in_core(entity, held, partitions, warehouse)
        self._held = pl.concat([_doubted(entity, held, warehouse), besides])
        self._seen = [self._held.clear().select(PLACE)]

    @property
    def known(self) -> int:
        """How many records we hold."""
        return self._held.height

    def changed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that we do not hold just so. All of `rows` count as shown from now on."""
        self._seen.append(rows.select(PLACE))
        hashed = rows.with_columns(pl.col("payload").hash().alias("hash"))
        return hashed.join(self._held, on=[*PLACE, "hash"], how="anti").drop("hash")

    def lacking(self, listed: pl.DataFrame) -> pl.DataFrame:
        """The rows of a list without payloads that we do not hold, or hold in an older version. All count as shown."""
        self._seen.append(listed.select(PLACE))
        joined = listed.join(self._held, on=PLACE, how="left", suffix="_held")
        is_newer = (pl.col("updated_at") > pl.col("updated_at_held")).fill_null(False)
        return joined.filter(pl.col("hash").is_null() | is_newer).select(PLACE)

    def gone(self, before: datetime) -> pl.DataFrame:
        """`id` and `partition` of what was fetched before that moment and was not shown."""
        older = self._held.filter(pl.col("fetched_at") < before).select(PLACE)
        return older.join(pl.concat(self._seen), on=PLACE, how="anti")


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(*PLACE, "updated_at", "fetched_at", pl.col("payload").hash().alias("hash"), "source")


def _doubted(entity: Entity, held: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """What the lake holds, without a hash where core shows nothing of a change as late as that.

    Backfills load partitions whole and are repeated whole; only what came by itself can have been left behind.
    """
    single = held.filter(pl.col("source") != _BACKFILL)
    core = held_records(entity, single["id"].unique().to_list(), warehouse)
    with_core = single.join(core, on=PLACE, how="left", suffix="_core")
    is_behind = ~(pl.col("fetched_at_core") >= pl.col("fetched_at")).fill_null(False)
    doubted = with_core.filter(is_behind).select(*PLACE, pl.lit(True).alias("is_doubted"))
    hashes = pl.when(pl.col("is_doubted").is_null()).then("hash").alias("hash")
    return held.join(doubted, on=PLACE, how="left").with_columns(hashes).select(_HELD)


def _only_in_core(entity: Entity, held: pl.DataFrame, partitions: Sequence[str], warehouse: Warehouse) -> pl.DataFrame:
    """Records that core has and that are gone by the lake."""
    table = table_of(entity.tables[0])
    statement = sql.SQL(_IN_CORE).format(sql.Identifier(table.schema, table.name))
    core = warehouse.query(statement.as_string(), [list(partitions)])
    typed = core.select(pl.col(name).cast(held.schema[name]) for name in (*PLACE, "fetched_at"))
    unknown = [pl.lit(None, held.schema[name]).alias(name) for name in ("updated_at", "hash")]
    return typed.join(held, on=PLACE, how="anti").with_columns(unknown).select(_HELD)
