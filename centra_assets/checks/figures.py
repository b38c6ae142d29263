"""Counts and sums by day, store and currency: Centra's and ours, record by record beneath. Judges nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from psycopg import sql

from centra_assets.assets.load import record_type
from centra_assets.assets.queries import census_query
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.decode import decode_records
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities import frames
from centra_assets.entities.model import Entity
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.partitioning import frame_of, placed

GROUP = ["day", "store", "currency"]
SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "day": pl.String(),
        "store": pl.Int64(),
        "currency": pl.String(),
        "amount": pl.Decimal(38, 4),
        "updated_at": pl.Datetime("us", "UTC"),
        "created_at": pl.Datetime("us", "UTC"),
    }
)
# Column of the main table -> column of SCHEMA. What an entity does not have is null on either side.
_MEASURED = {"store_id": "store", "currency": "currency", "grand_total": "amount"}
_ARGUMENTS = re.compile(r"\([^)]*\)")


@dataclass(frozen=True)
class Measure:
    """What of an entity's records is held against core: the response path of each column of SCHEMA that it has."""

    paths: Mapping[str, str]

    @property
    def asked(self) -> list[str]:
        """The paths as they are asked for; an amount is an object."""
        return [f"{path}.value" if column == "amount" else path for column, path in self.paths.items()]


def measure_of(entity: Entity) -> Measure:
    """Store, currency and grand total, as far as the contract of the main table has them."""
    columns = entity.tables[0].columns()
    sources = {
        measured: _ARGUMENTS.sub("", str((columns[name].metadata or {}).get("source", "")))
        for name, measured in _MEASURED.items()
        if name in columns
    }
    return Measure({measured: source for measured, source in sources.items() if source})


def census_of(client: BlockingClient, entity: Entity) -> PreparedQuery:
    """The question for Centra's figures: at most four points a record, where an order costs a hundred whole."""
    return client.prepare(census_query(entity, measure_of(entity).asked))


def theirs(
    client: BlockingClient, entity: Entity, census: PreparedQuery, variables: Mapping[str, object], calendar: Calendar
) -> pl.DataFrame:
    """Centra's records of a window, as SCHEMA; without days that no partition takes."""
    found = [SCHEMA.to_frame()]
    for _, page in client.stream(census, [variables]):
        frame = frame_of(page, source="check")
        if frame.height:
            found.append(_read(entity, frame, calendar))
    return pl.concat(found)


def _read(entity: Entity, frame: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    homes = placed(entity, frame, calendar).select("id", pl.col("partition").alias("day"))
    records = frame.with_columns(record=decode_records(frame["payload"], record_type(entity)).records)
    paths = measure_of(entity).paths
    columns = {"store": frames.field, "currency": frames.field, "amount": frames.money}
    read = records.select(
        "id",
        "updated_at",
        "created_at",
        *[
            (columns[name](paths[name]) if name in paths else pl.lit(None)).cast(SCHEMA[name]).alias(name)
            for name in columns
        ],
    )
    return read.join(homes, on="id").select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def ours(entity: Entity, warehouse: Warehouse, days: Sequence[str]) -> pl.DataFrame:
    """Core's records of these partitions, as SCHEMA."""
    table = table_of(entity.tables[0])
    has = {column.name for column in table.columns}
    columns = [
        sql.SQL("{} AS {}").format(sql.Identifier(name) if name in has else sql.NULL, sql.Identifier(measured))
        for name, measured in {**_MEASURED, "created_at": "created_at"}.items()
    ]
    statement = sql.SQL(
        "SELECT DISTINCT ON (_record_id) _record_id AS id, _partition AS day, _source_updated_at AS updated_at, {} "
        "FROM {} WHERE _partition = ANY(%s) ORDER BY _record_id"
    ).format(sql.SQL(", ").join(columns), sql.Identifier(table.schema, table.name))
    rows = warehouse.query(statement.as_string(), [list(days)])
    return rows.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def aside(entity: Entity, warehouse: Warehouse) -> pl.Series:
    """The ids in quarantine: core has an older version of them, or none, and says so by another check."""
    rows = warehouse.query("SELECT record_id FROM ops.quarantine WHERE entity = %s", [entity.name])
    return rows["record_id"].cast(pl.String)


def doubtful(one: pl.DataFrame, other: pl.DataFrame) -> pl.Series:
    """The ids of records that are not on both sides, or not in the same group with the same amount."""
    told = [*GROUP, "amount"]
    both = one.join(other, on="id", how="full", suffix="_other", coalesce=True)
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_other")) for name in told)
    return both.filter(differs)["id"]


def groups_that_differ(theirs_: pl.DataFrame, ours_: pl.DataFrame) -> pl.DataFrame:
    """The groups whose counts or sums differ: GROUP, `records`, `amount`, `records_ours`, `amount_ours`."""
    sums = [
        side.group_by(GROUP).agg(pl.len().cast(pl.Int64).alias("records"), pl.col("amount").sum())
        for side in (theirs_, ours_)
    ]
    both = sums[0].join(sums[1], on=GROUP, how="full", suffix="_ours", coalesce=True, nulls_equal=True)
    counted = both.with_columns(
        pl.col("records", "records_ours").fill_null(0), pl.col("amount", "amount_ours").fill_null(0)
    )
    differs = (pl.col("records") != pl.col("records_ours")) | (pl.col("amount") != pl.col("amount_ours"))
    return counted.filter(differs).sort(GROUP)
