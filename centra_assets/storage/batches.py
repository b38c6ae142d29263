"""What a load is given: rows per table and the scope they are the whole truth of. Checks them; stores nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from centra_assets.storage.column_types import normalised
from centra_assets.storage.errors import BatchShapeError, DuplicateKeyError
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table


@dataclass(frozen=True)
class TableBatch:
    """Rows for one table: its business columns and _record_id, _partition, _source_updated_at, _fetched_at."""

    table: Table
    rows: pl.DataFrame


# When that was read which the batch does not have: one moment, or one for each key of the scope. A key without one
# was not read as a whole, so nothing of it is missing.
AsOf = datetime | Mapping[str, datetime] | None

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class PartitionScope:
    """The batch is the whole truth of these partitions.

    A row that the batch lacks is deleted unless it was fetched later than its record was read: as its rows in the
    batch or `readings` (_record_id, _partition, _fetched_at) say, which also know the records that gave no row, or
    else `as_of`. Without that, the newest fetch in the batch counts. `sources` are fingerprints of what partitions
    were parsed from, for those whose rows depend on nothing else.
    """

    partitions: Sequence[str]
    as_of: AsOf = None
    sources: Mapping[str, str] = field(default_factory=dict)
    readings: pl.DataFrame | None = None

    @property
    def column(self) -> str:
        return "_partition"

    @property
    def keys(self) -> Sequence[str]:
        return self.partitions

    @property
    def partition(self) -> None:
        return None


@dataclass(frozen=True)
class RecordScope:
    """The batch is the whole truth of these records (incremental sync); a record without any row was deleted.

    With a `partition` it is their truth within that partition only: the stock of one size lives in every warehouse
    under the same record id. `as_of` as in PartitionScope, by record id where it is a mapping.
    """

    record_ids: Sequence[str]
    as_of: AsOf = None
    partition: str | None = None

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
    _refuse_out_of_scope(table, rows, scope.column, scope.keys)
    if scope.partition is not None:
        _refuse_out_of_scope(table, rows, "_partition", [scope.partition])
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


def _refuse_out_of_scope(table: Table, rows: pl.DataFrame, column: str, keys: Sequence[str]) -> None:
    outside = rows[column].unique().is_in(list(keys)).not_().sum()
    if outside:
        raise BatchShapeError(f"the batch for {table.schema}.{table.name} has {outside} {column} out of scope.")


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


def fetches(frames: Sequence[pl.DataFrame], scope: Scope) -> pl.DataFrame:
    """When each record that appears in the frames was read last: _partition, _record_id, _fetched_at.

    In a scope of partitions a record is read once in each of them. In a scope of records it is read once: then
    _partition is null.
    """
    by_partition = isinstance(scope, PartitionScope)
    where = pl.col("_partition") if by_partition else pl.lit(None, pl.String).alias("_partition")
    heads = [frame.lazy().select("_partition", "_record_id", "_fetched_at") for frame in frames]
    found = pl.concat(heads)
    if scope.partition is not None:
        found = found.filter(pl.col("_partition") == scope.partition)
    return found.group_by(where, "_record_id").agg(pl.col("_fetched_at").max()).collect()


def as_of_each(frames: Sequence[pl.DataFrame], scope: Scope) -> dict[str, datetime | None]:
    """When each key of the scope was read as a whole: NEVER where the scope does not say of this one, None where it
    says nothing at all and the batch is empty.
    """
    if isinstance(scope.as_of, Mapping):
        return {key: scope.as_of.get(key, NEVER) for key in scope.keys}
    moment = scope.as_of or _newest_fetch(frames)
    return dict.fromkeys(scope.keys, moment)


def _newest_fetch(frames: Sequence[pl.DataFrame]) -> datetime | None:
    moments = [moment for frame in frames if isinstance(moment := frame["_fetched_at"].max(), datetime)]
    return max(moments, default=None)
