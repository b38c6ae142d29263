"""Reads partitions from the lake, parses them and loads core in one transaction each. Asks the API nothing."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from centra_assets.assets.parsing_code import parsing_code
from centra_assets.assets.queries import query_of
from centra_assets.assets.tables import table_of
from centra_assets.centra.decode import Decoded, decode_records
from centra_assets.centra.plans import record_type as client_record_type
from centra_assets.centra.response_types import ResponseType
from centra_assets.entities.model import Axis, Entity, TransformContext
from centra_assets.entities.parse import Parsed, parse
from centra_assets.errors import CentraAssetsError
from centra_assets.storage.lake import Lake
from centra_assets.storage.recognition import fingerprints
from centra_assets.storage.tables import Table
from centra_assets.storage.warehouse import (
    DEFAULT_GUARD,
    SNAPSHOT_GUARD,
    CollapseGuard,
    LoadCounts,
    LoadReport,
    PartitionScope,
    TableBatch,
    Warehouse,
)


class RawPartitionMissingError(CentraAssetsError):
    """A core partition was asked for whose raw partition was never fetched."""

    code = "RAW_PARTITION_MISSING"
    remedy = "Materialize the raw asset of these partitions first; core never asks the API itself."


@dataclass
class CoreReport:
    """What a load did, in sum and per partition: `by_partition[table][partition]`."""

    tables: dict[str, LoadCounts] = field(default_factory=dict)
    by_partition: dict[str, dict[str, LoadCounts]] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)


def record_type(entity: Entity) -> ResponseType:
    """The whole type of an entity's record, as if nothing had been pruned: what is missing decodes to null."""
    return client_record_type(query_of(entity), entity.operations[0])


def guard_of(entity: Entity) -> CollapseGuard:
    """A day or a month may well become empty; a snapshot of a whole, such as all markets or a store's displays, not."""
    return DEFAULT_GUARD if entity.axis in (Axis.DAY, Axis.MONTH) else SNAPSHOT_GUARD


def parse_raw(entity: Entity, raw: pl.DataFrame, shape: ResponseType, context: TransformContext) -> Parsed:
    """Decode, transform and check lake records; bad ones are set aside in the result."""

    def decode(payloads: pl.Series) -> Decoded:
        return decode_records(payloads, shape)

    return parse(entity, raw, decode, context)


def load(
    entity: Entity,
    keys: Sequence[str],
    *,
    lake: Lake,
    warehouse: Warehouse,
    context: TransformContext,
    run_id: str,
    tables: Sequence[str] | None = None,
    guard: CollapseGuard | None = None,
) -> CoreReport:
    """Bring the core tables of `entity` (all, or those named) to what the lake says of the partitions `keys`.

    Partitions are parsed while earlier ones load; those whose raw records are what core was last loaded with are not
    parsed at all. `guard` stands in for the one that the entity's partitions call for. Raises
    RawPartitionMissingError, and storage's errors.
    """
    fetched = lake.newest_fetches(entity.name, keys)
    missing = [key for key in keys if key not in fetched]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise RawPartitionMissingError(f"raw/{entity.name} has no files for {shown}.")
    chosen = [contract for contract in entity.tables if tables is None or contract.table in tables]
    targets = [table_of(contract) for contract in chosen]
    # Asked before the rows are read: a snapshot that comes in between must not vouch for rows that it replaces.
    read_whole = lake.newest_snapshots(entity.name, keys)
    loading = _Loading(entity, targets, warehouse, run_id, guard or guard_of(entity), read_whole)
    shape, code = record_type(entity), parsing_code(entity, context)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="load") as worker:
        pending: Future[None] | None = None
        for partitions, raw in lake.read_batches(entity.name, keys, gone=True):
            batch = loading.unknown(partitions, raw, code)
            if batch is None:
                continue
            parsed = parse_raw(entity, batch.raw, shape, context)
            if pending is not None:
                pending.result()
            pending = worker.submit(loading.load, batch, parsed)
        if pending is not None:
            pending.result()
    return loading.report


@dataclass(frozen=True)
class _Batch:
    """Partitions to parse and load: their lake rows, gone records included, and what they are recognised by later."""

    partitions: Sequence[str]
    raw: pl.DataFrame
    sources: Mapping[str, str]


class _Loading:
    """Batches on their way into core, and the report of them."""

    def __init__(
        self,
        entity: Entity,
        tables: Sequence[Table],
        warehouse: Warehouse,
        run_id: str,
        guard: CollapseGuard,
        read_whole: Mapping[str, datetime],
    ) -> None:
        self._entity, self._tables, self._warehouse, self._run_id = entity, tables, warehouse, run_id
        self._guard, self._read_whole = guard, read_whole
        self.report = CoreReport()

    def unknown(self, partitions: Sequence[str], raw: pl.DataFrame, code: str | None) -> _Batch | None:
        """What of a batch must be parsed: all but the partitions that core was last loaded with from the same rows."""
        living = raw.filter(pl.col("payload").is_not_null())
        sources = fingerprints(living, partitions, code) if code else {}
        known: set[str] = set()
        if sources:
            done = self._warehouse.recognise(self._entity.name, self._tables, living, sources, run_id=self._run_id)
            known = known.union(*done.by_partition.values())
            self._add(done, {table: _unchanged(counts) for table, counts in done.by_partition.items()}, {}, known)
        rest = [partition for partition in partitions if partition not in known]
        if not rest:
            return None
        raw = raw.filter(pl.col("partition").is_in(rest)) if known else raw
        return _Batch(rest, raw, sources)

    def load(self, batch: _Batch, parsed: Parsed) -> None:
        """Bring the batch's partitions up to date in one transaction."""
        aside = _per_partition(parsed.quarantined)
        # Rows that depend on what lies beside them, or that wait in quarantine, are parsed again next time.
        lasting = {key: source for key, source in batch.sources.items() if key not in parsed.shared | aside.keys()}
        done = self._warehouse.load(
            self._entity.name,
            [TableBatch(table, parsed.tables[table.name]) for table in self._tables],
            scope=PartitionScope(batch.partitions, self._read_whole, lasting, _readings(batch.raw)),
            run_id=self._run_id,
            quarantined=parsed.quarantined,
            guard=self._guard,
        )
        rows = {table.name: _per_partition(parsed.tables[table.name]) for table in self._tables}
        self._add(done, rows, aside, batch.partitions)

    def _add(
        self,
        done: LoadReport,
        rows: Mapping[str, Mapping[str, int]],
        aside: Mapping[str, int],
        partitions: Iterable[str],
    ) -> None:
        report = self.report
        for table, counts in done.tables.items():
            report.tables[table] = LoadCounts.total([report.tables.get(table, LoadCounts()), counts])
            report.by_partition.setdefault(table, {}).update(done.by_partition.get(table, {}))
            report.rows.setdefault(table, {}).update({key: rows[table].get(key, 0) for key in partitions})
        report.quarantined.update({key: aside.get(key, 0) for key in partitions})


def _readings(raw: pl.DataFrame) -> pl.DataFrame:
    """When each record was read, whether or not it gives a row."""
    return raw.select(_record_id="id", _partition="partition", _fetched_at="fetched_at")


def _per_partition(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("_partition").len().iter_rows())


def _unchanged(counts: Mapping[str, LoadCounts]) -> dict[str, int]:
    return {partition: count.unchanged for partition, count in counts.items()}
