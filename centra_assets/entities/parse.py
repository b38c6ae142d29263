"""From raw records to tables under contract, with what breaks it set aside. No fetching, no storing, no field names."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract
from centra_assets.entities.frames import READING, naming_unreadable
from centra_assets.entities.model import CARRIED_COLUMNS, Axis, Entity, TransformContext

UNDECODABLE = "undecodable"
UNREADABLE = "unreadable"
PRIMARY_KEY = "primary_key"

# What Polars raises over a value that is not what its column holds; faults of our own expressions have other types.
_VALUE_FAULTS = (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError)

# A record of these axes belongs to one partition at a time; of the others, the same id lives in several, as the
# stock of one size does in every warehouse.
_ONE_HOME = (Axis.NONE, Axis.DAY, Axis.MONTH)
_REASON = {"_record_id": pl.String, "_partition": pl.String, "table": pl.String, "rule": pl.String, "rows": pl.Int64}


class Decoded(Protocol):
    """What decoding payloads gives: `records`, one struct per payload in order, null where it could not be read."""

    @property
    def records(self) -> pl.Series: ...


@dataclass(frozen=True)
class Parsed:
    """The tables of one batch and what was set aside of it.

    `tables` hold the contract's columns, cast, and the carried ones. `quarantined` has one row per record set aside:
    _record_id, _partition, _fetched_at and `reasons`, a JSON list of `{"table", "rule", "rows"}` without any value of
    the record. `records` counts what was there to parse, quarantined ones included, deleted ones not. `shared` are the
    partitions that had a row in common with another one, of which only one kept it.
    """

    tables: Mapping[str, pl.DataFrame]
    quarantined: pl.DataFrame
    records: int
    shared: frozenset[str] = frozenset()


def parse(
    entity: Entity, raw: pl.DataFrame, decode: Callable[[pl.Series], Decoded], context: TransformContext
) -> Parsed:
    """Decode, transform and validate the raw rows of an entity (lake columns and `partition`).

    A record with one bad row anywhere is set aside from every table, because half an order is worse than none.
    """
    live = _live(entity, raw)
    decoded = live.select(
        record=decode(live["payload"]).records,
        _record_id="id",
        _partition="partition",
        _source_updated_at="updated_at",
        _fetched_at="fetched_at",
    )
    lost = decoded.filter(pl.col("record").is_null())
    records = decoded.filter(pl.col("record").is_not_null()) if lost.height else decoded

    produced, unreadable = _transformed(entity, records, context)
    tables: dict[str, pl.DataFrame] = {}
    reasons = [
        frame.select(*READING, table=pl.lit(f"raw/{entity.name}"), rule=pl.lit(rule), rows=pl.lit(1))
        for frame, rule in ((lost, UNDECODABLE), (unreadable, UNREADABLE))
    ]
    for contract in entity.tables:
        good, failed = _validate(contract, produced[contract.table])
        tables[contract.table] = good
        reasons += [failed, _conflicts(contract, good)]
    quarantined = _quarantine(decoded, reasons)
    if quarantined.height:
        tables = {name: frame.join(quarantined, on=READING, how="anti") for name, frame in tables.items()}
    return Parsed(
        tables={contract.table: _one_per_key(contract, tables[contract.table]) for contract in entity.tables},
        quarantined=quarantined,
        records=live.height,
        shared=frozenset().union(*(_sharing(contract, tables[contract.table]) for contract in entity.tables)),
    )


def _live(entity: Entity, raw: pl.DataFrame) -> pl.DataFrame:
    """The rows that hold a record, each record once: of two readings the later."""
    identity = ["id"] if entity.axis in _ONE_HOME else ["id", "partition"]
    live = raw.filter(pl.col("payload").is_not_null())
    if not live.select(pl.struct(identity).is_duplicated().any()).item():
        return live
    return live.sort("fetched_at", maintain_order=True).unique(identity, keep="last", maintain_order=True)


def _transformed(
    entity: Entity, records: pl.DataFrame, context: TransformContext
) -> tuple[Mapping[str, pl.DataFrame], pl.DataFrame]:
    """The tables of the records that can be read, and the other records; only a batch that fails is read twice."""
    try:
        return entity.transform(records, context), records.clear()
    except _VALUE_FAULTS:
        with naming_unreadable() as found:
            entity.transform(records, context)
    unreadable = pl.concat([records.select(*READING).clear(), *found]).unique()
    aside = pl.struct(*READING).is_in(unreadable.to_struct().implode())
    # A transform at fault itself fails again, in one pass or the other.
    return entity.transform(records.filter(~aside), context), records.filter(aside)


@cache
def _with_carried_columns(contract: type[Contract]) -> type[dy.Schema]:
    """The contract's columns and rules plus the carried columns, without its key.

    The key is left out because a row seen twice is no fault as long as both say the same; see `_conflicts`.
    """
    columns: dict[str, dy.Column] = {}
    for name, column in contract.columns().items():
        columns[name] = copy(column)
        columns[name].primary_key = False
    carried = {
        "_record_id": dy.String(nullable=False),
        "_partition": dy.String(nullable=False),
        "_source_updated_at": dy.Datetime(nullable=True, time_zone="UTC", time_unit="us"),
        "_fetched_at": dy.Datetime(nullable=False, time_zone="UTC", time_unit="us"),
    }
    return cast(
        type[dy.Schema],
        type(f"{contract.__name__}Rows", (contract,), {**columns, **carried, "__module__": contract.__module__}),
    )


def _validate(contract: type[Contract], frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that keep the contract, cast to it, and the reasons of the others."""
    good, failure = _with_carried_columns(contract).filter(frame, cast=True)
    rows = cast(pl.DataFrame, good)
    if not len(failure):
        return rows, _no_reasons()
    details = failure.details()
    rules = [name for name in details.columns if name not in failure.invalid().columns]
    failed = (
        details.select(*READING, pl.col(rules) == "invalid")
        .unpivot(on=rules, index=READING, variable_name="rule", value_name="broken")
        .filter("broken")
        .group_by(*READING, "rule")
        .agg(rows=pl.len())
        .select(*READING, table=pl.lit(contract.table), rule="rule", rows="rows")
    )
    return rows, failed


def _conflicts(contract: type[Contract], rows: pl.DataFrame) -> pl.DataFrame:
    """The reasons of rows that share a key and say different things; which of them is true cannot be known."""
    key = contract.primary_key()
    shared = rows.filter(pl.struct(key).is_duplicated())
    if not shared.height:
        return _no_reasons()
    said = contract.column_names()
    disagreeing = (
        shared.unique([*said, *READING])
        .filter(pl.struct(said).n_unique().over(key) > 1)
        .group_by(READING)
        .agg(rows=pl.len())
    )
    return disagreeing.select(*READING, table=pl.lit(contract.table), rule=pl.lit(PRIMARY_KEY), rows="rows")


def _one_per_key(contract: type[Contract], rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that say the same become one, as fetched last."""
    key = contract.primary_key()
    if not rows.select(pl.struct(key).is_duplicated().any()).item():
        return rows
    return rows.sort("_fetched_at", maintain_order=True).unique(key, keep="last", maintain_order=True)


def _sharing(contract: type[Contract], rows: pl.DataFrame) -> set[str]:
    """The partitions of keys that several partitions have."""
    key = contract.primary_key()
    homes = rows.filter(pl.struct(key).is_duplicated()).group_by(key).agg(pl.col("_partition").unique())
    return set(homes.filter(pl.col("_partition").list.len() > 1)["_partition"].explode())


def _no_reasons() -> pl.DataFrame:
    return pl.DataFrame(schema=_REASON)


def _quarantine(decoded: pl.DataFrame, reasons: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One row per record that has a reason, the reasons sorted so that the same fault always reads the same."""
    listed = (
        pl.concat([frame.select(pl.col(name).cast(dtype) for name, dtype in _REASON.items()) for frame in reasons])
        .sort("table", "rule", "rows")
        .with_columns(reason=pl.struct("table", "rule", "rows").struct.json_encode())
        .group_by(READING, maintain_order=True)
        .agg(reasons=pl.lit("[") + pl.col("reason").str.join(",") + pl.lit("]"))
    )
    return (
        decoded.select(*CARRIED_COLUMNS)
        .join(listed, on=READING, how="inner")
        .select(*READING, "_fetched_at", "reasons")
        .sort(READING)
    )
