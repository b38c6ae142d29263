"""The one way of fetched records into raw and core: raw first, so that core never knows what raw does not.

Nothing is fetched here. Whatever comes twice, late, or again after a crash between raw and core, ends as it should.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.assets.load import parse_raw, record_type
from centra_assets.entities.model import Axis, Entity, TransformContext
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import (
    DEFAULT_GUARD,
    CollapseGuard,
    LoadCounts,
    RecordScope,
    TableBatch,
    Warehouse,
)
from centra_assets.sync.holdings import held_records, tables_of
from centra_assets.sync.partitioning import PLACED_SCHEMA

# The ids of these axes' records are one record's each; of the others, the same id lives in several partitions.
_ONE_HOME = (Axis.NONE, Axis.DAY, Axis.MONTH)
_IDENTITY = ["id", "partition"]
_SAID = ("updated_at", "payload", "fetched_at", "source")

Within = Callable[[Cursor[TupleRow]], None]


@dataclass(frozen=True)
class Applied:
    """What happened: records appended to the lake per partition, rows per core table and partition where any changed,
    records set aside per partition, and how many records the lake already had just so.
    """

    raw: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, LoadCounts]] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0

    def and_then(self, later: "Applied") -> "Applied":
        """Both, as if they had happened at once."""
        tables = {table: dict(partitions) for table, partitions in self.tables.items()}
        for table, partitions in later.tables.items():
            held = tables.setdefault(table, {})
            for partition, counts in partitions.items():
                held[partition] = LoadCounts.total([held.get(partition, LoadCounts()), counts])
        return Applied(
            Counter(self.raw) + Counter(later.raw),
            tables,
            Counter(self.quarantined) + Counter(later.quarantined),
            self.unchanged + later.unchanged,
        )


def apply(
    entity: Entity,
    rows: pl.DataFrame,
    *,
    lake: Lake,
    warehouse: Warehouse,
    context: TransformContext,
    run_id: str,
    source: str,
    within: Within | None = None,
    guard: CollapseGuard = DEFAULT_GUARD,
    again: bool = False,
) -> Applied:
    """Brings records into raw and core. `rows` has PLACED_SCHEMA; a null payload says that the record is gone.

    What the lake has just so is not appended, and not loaded either unless core may have missed it, or `again` asks
    for it. `within` runs in the transaction of the last load; without anything to load, in one of its own. Raises
    storage's errors.
    """
    # What the lake would not take as it is must not go by it into core either.
    compared = _compared(entity, lake.admitted(entity.name, rows), lake)
    news = compared.filter("is_new").select(list(PLACED_SCHEMA)).with_columns(pl.lit(source).alias("source"))
    raw = lake.append_changes(entity.name, news, run_id=run_id, fetched_at=_first(news)) if news.height else {}
    # Whoever was killed between raw and core left records of which core knows nothing yet.
    old = compared.filter(~pl.col("is_new"))
    missed = old.select(list(PLACED_SCHEMA)) if again else _missed(entity, old, warehouse)
    loading = _Loading(entity, warehouse, context, run_id, guard)
    loads = list(_scopes(entity, pl.concat([news, missed])))
    for place, (batch, scope) in enumerate(loads, start=1):
        loading.load(batch, scope, within if place == len(loads) else None)
    if not loads and within is not None:
        warehouse.transact(within)
    return Applied(dict(raw), loading.tables, dict(loading.quarantined), compared.height - news.height)


def _compared(entity: Entity, rows: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """The rows, each record once as fetched last, with `is_new`. What is not, is as the lake has it, time included."""
    latest = rows.select(list(PLACED_SCHEMA)).sort("fetched_at", maintain_order=True)
    latest = latest.unique(_IDENTITY, keep="last", maintain_order=True)
    wanted = {str(key): part["id"].to_list() for (key,), part in latest.group_by("partition")}
    known = lake.known(entity.name, wanted, gone=True)
    joined = latest.join(known, on=_IDENTITY, how="left", suffix="_held")
    held = pl.col("fetched_at_held")
    same = pl.col("payload").eq_missing(pl.col("payload_held"))
    # The lake may know something later than this; then that is what counts.
    is_new = ~same & (held.is_null() | (held < pl.col("fetched_at")))
    kept = {name: pl.when(is_new | held.is_null()).then(name).otherwise(f"{name}_held") for name in _SAID}
    return joined.with_columns(is_new=is_new, **kept).select(*PLACED_SCHEMA, "is_new")


def _first(rows: pl.DataFrame) -> datetime:
    moment = rows["fetched_at"].min()
    assert isinstance(moment, datetime)
    return moment


def _missed(entity: Entity, rows: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """Those of the lake's records that core may not have been loaded with: no row of it was fetched as late as they.

    A record whose change touched no column looks so, too; loading it again changes nothing.
    """
    if rows.is_empty():
        return rows.select(list(PLACED_SCHEMA))
    held = held_records(entity, rows["id"].unique().to_list(), warehouse)
    joined = rows.join(held, on=_IDENTITY, how="left", suffix="_core")
    in_core = pl.col("fetched_at_core")
    gone = pl.col("payload").is_null()
    up_to_date = pl.when(gone).then(in_core.is_null()).otherwise((in_core >= pl.col("fetched_at")).fill_null(False))
    return joined.filter(~up_to_date).select(list(PLACED_SCHEMA))


def _scopes(entity: Entity, rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, RecordScope]]:
    """The loads to make: one, or one per partition where the same record id lives in several."""
    parts = [(None, rows)] if entity.axis in _ONE_HOME else _by_partition(rows)
    for partition, part in parts:
        if part.height:
            as_of = dict(part.select("id", "fetched_at").iter_rows())
            yield part, RecordScope(list(as_of), as_of, partition)


def _by_partition(rows: pl.DataFrame) -> list[tuple[str | None, pl.DataFrame]]:
    return [(str(key), part) for (key,), part in rows.group_by("partition", maintain_order=True)]


class _Loading:
    """Loads on their way into core, and what they did."""

    def __init__(
        self, entity: Entity, warehouse: Warehouse, context: TransformContext, run_id: str, guard: CollapseGuard
    ) -> None:
        self._entity, self._warehouse, self._context = entity, warehouse, context
        self._run_id, self._guard = run_id, guard
        self.tables: dict[str, dict[str, LoadCounts]] = {}
        self.quarantined: Counter[str] = Counter()

    def load(self, rows: pl.DataFrame, scope: RecordScope, within: Within | None) -> None:
        entity = self._entity
        tables = tables_of(entity, self._warehouse)
        parsed = parse_raw(entity, rows, record_type(entity), self._context)
        done = self._warehouse.load(
            entity.name,
            [TableBatch(table, parsed.tables[table.name]) for table in tables],
            scope=scope,
            run_id=self._run_id,
            quarantined=parsed.quarantined,
            guard=self._guard,
            within=within,
        )
        self.quarantined.update(parsed.quarantined["_partition"].to_list())
        for table, partitions in done.by_partition.items():
            for partition, counts in partitions.items():
                if counts.inserted or counts.updated or counts.deleted:
                    held = self.tables.setdefault(table, {})
                    held[partition] = LoadCounts.total([held.get(partition, LoadCounts()), counts])
