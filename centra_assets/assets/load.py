"""Reads partitions from the lake, parses them and loads core in one transaction each. Asks the API nothing."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from centra_assets.assets.queries import query_of
from centra_assets.assets.tables import table_of
from centra_assets.centra.decode import Decoded, decode_records
from centra_assets.centra.plans import record_type as client_record_type
from centra_assets.centra.response_types import ResponseType
from centra_assets.entities.model import Entity, TransformContext
from centra_assets.entities.parse import Parsed, parse
from centra_assets.errors import CentraAssetsError
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import LoadCounts, PartitionScope, TableBatch, Warehouse


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
) -> CoreReport:
    """Bring the core tables of `entity` (all, or those named) to what the lake says of the partitions `keys`.

    Partitions are parsed while earlier ones load. Raises RawPartitionMissingError, and storage's errors.
    """
    missing = lake.missing(entity.name, keys)
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise RawPartitionMissingError(f"raw/{entity.name} has no files for {shown}.")
    chosen = [contract for contract in entity.tables if tables is None or contract.table in tables]
    report = CoreReport()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="load") as worker:
        pending: Future[None] | None = None
        for partitions, parsed in _parsed(entity, keys, lake, context):
            if pending is not None:
                pending.result()
            batches = [TableBatch(table_of(contract), parsed.tables[contract.table]) for contract in chosen]
            pending = worker.submit(_load_batch, report, warehouse, entity, partitions, parsed, batches, run_id)
        if pending is not None:
            pending.result()
    return report


def _parsed(
    entity: Entity, keys: Sequence[str], lake: Lake, context: TransformContext
) -> Iterator[tuple[Sequence[str], Parsed]]:
    shape = record_type(entity)
    for partitions, raw in lake.read_batches(entity.name, keys):
        yield partitions, parse_raw(entity, raw, shape, context)


def _load_batch(
    report: CoreReport,
    warehouse: Warehouse,
    entity: Entity,
    partitions: Sequence[str],
    parsed: Parsed,
    batches: Sequence[TableBatch],
    run_id: str,
) -> None:
    done = warehouse.load(
        entity.name, batches, scope=PartitionScope(partitions), run_id=run_id, quarantined=parsed.quarantined
    )
    for table, counts in done.tables.items():
        report.tables[table] = LoadCounts.total([report.tables.get(table, LoadCounts()), counts])
        report.by_partition.setdefault(table, {}).update(done.by_partition.get(table, {}))
    for batch in batches:
        counted = dict(batch.rows.group_by("_partition").len().iter_rows())
        report.rows.setdefault(batch.table.name, {}).update({key: counted.get(key, 0) for key in partitions})
    aside = dict(parsed.quarantined.group_by("_partition").len().iter_rows())
    for key in partitions:
        report.quarantined[key] = aside.get(key, 0)
