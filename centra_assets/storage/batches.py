"""What a load is given: rows per table and the scope they are the whole truth of. Checks them; stores nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from centra_assets.storage.column_types import normalised
from centra_assets.storage.errors import BatchShapeError, DuplicateKeyError
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table


@dataclass(frozen=True)
class TableBatch:
    """Rows for one table: its business columns and _record_id, _partition, _source_updated_at, _fetched_at."""

    table: Table
    rows: pl.DataFrame


@dataclass(frozen=True)
class PartitionScope:
    """The batch is the whole truth of these partitions.

    Rows fetched after `as_of` are not deleted: somebody knew more. Without it, the newest fetch in the batch counts.
    `sources` are fingerprints of what partitions were parsed from, for those whose rows depend on nothing else.
    """

    partitions: Sequence[str]
    as_of: datetime | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def column(self) -> str:
        return "_partition"

    @property
    def keys(self) -> Sequence[str]:
        return self.partitions


@dataclass(frozen=True)
class RecordScope:
    """The batch is the whole truth of these records (incremental sync); a record without any row was deleted.

    `as_of` as in PartitionScope.
    """

    record_ids: Sequence[str]
    as_of: datetime | None = None

    @property
    def column(self) -> str:
        return "_record_id"

    @property
    def keys(self) -> Sequence[str]:
        return self.record_ids


Scope = PartitionScope | RecordScope


def checked(batch: TableBatch, scope: Scope) -> pl.DataFrame:
    """The batch's rows, one per key: the newest fetch wins, and the same row twice is one row.

    Raises DuplicateKeyError for different rows with one key and one fetch, BatchShapeError for rows out of scope, for
    missing columns and for types that would lose something.
    """
    rows, table = batch.rows, batch.table
    _refuse_wrong_shape(batch)
    outside = rows[scope.column].unique().is_in(list(scope.keys)).not_().sum()
    if outside:
        raise BatchShapeError(f"the batch for {table.schema}.{table.name} has {outside} {scope.column} out of scope.")
    if rows.n_unique(subset=list(table.key)) == rows.height:
        return rows
    newest = rows.filter(pl.col("_fetched_at") == pl.col("_fetched_at").max().over(table.key))
    newest = newest.unique(maintain_order=True)
    ambiguous = newest.height - newest.n_unique(subset=list(table.key))
    if ambiguous:
        raise DuplicateKeyError(
            f"{ambiguous} rows for {table.schema}.{table.name} have the key ({', '.join(table.key)}) of another row."
        )
    return newest


def _refuse_wrong_shape(batch: TableBatch) -> None:
    name = f"{batch.table.schema}.{batch.table.name}"
    wanted = [*batch.table.columns, *(column for column in SYSTEM_COLUMNS if column.name != "_loaded_at")]
    missing = [column.name for column in wanted if column.name not in batch.rows.columns]
    if missing:
        raise BatchShapeError(f"the batch for {name} has no column {', '.join(missing)}.")
    for column in wanted:
        dtype = batch.rows.schema[column.name]
        if dtype.is_nested() or (dtype.is_float() and normalised(column.type).startswith("numeric")):
            raise BatchShapeError(f"column {column.name} of {name} is {column.type} and arrived as {dtype}.")


def fetches(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """When each record that appears in the frames was fetched last: _record_id, _fetched_at."""
    heads = [frame.lazy().select("_record_id", "_fetched_at") for frame in frames]
    return pl.concat(heads).group_by("_record_id").agg(pl.col("_fetched_at").max()).collect()


def newest_fetch(frames: Sequence[pl.DataFrame]) -> datetime | None:
    """The latest fetch in any of the frames; None when all are empty."""
    moments = [moment for frame in frames if isinstance(moment := frame["_fetched_at"].max(), datetime)]
    return max(moments, default=None)
