"""Which partition a fetched record belongs to, and which keys there are to ask for. Nothing is fetched or stored."""

import polars as pl

from centra_assets.assets.extract import CreationTimeMissingError, instants, lake_rows
from centra_assets.calendar import Calendar
from centra_assets.centra.paging import Page
from centra_assets.entities.model import WHOLE, Axis, Entity
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.storage.lake import SCHEMA
from centra_assets.storage.warehouse import Warehouse

# Rows of the lake together with the partition that they belong to: what `apply` takes.
PLACED_SCHEMA = pl.Schema({**SCHEMA, "partition": pl.String()})


def frame_of(page: Page, *, source: str) -> pl.DataFrame:
    """A page as rows of the lake, with `created_at`: what `placed` takes."""
    return lake_rows(page, instants("created_at").alias("created_at"), source=source)


def placed(entity: Entity, frame: pl.DataFrame, calendar: Calendar, key: str = WHOLE) -> pl.DataFrame:
    """The rows of `frame_of` with their `partition`; those that no partition takes are left out.

    Days and months follow from the time of creation: what is older than the first day has none, and the first month
    takes everything older. Records of the other axes belong to `key`, which they were asked with. Raises
    CreationTimeMissingError.
    """
    rows = frame.with_columns(_home(entity, calendar, key).alias("partition"))
    if entity.axis in (Axis.DAY, Axis.MONTH):
        unknown = rows["created_at"].null_count()
        if unknown:
            raise CreationTimeMissingError(f"{entity.name}: {unknown} records without a creation time.")
    return rows.filter(pl.col("partition").is_not_null()).select(list(PLACED_SCHEMA))


def keys_of(entity: Entity, warehouse: Warehouse) -> list[str]:
    """The ids of an entity's stores, pricelists or warehouses as core has them; WHOLE for the other axes."""
    if entity.axis not in DYNAMIC_AXES:
        return [WHOLE]
    table = DYNAMIC_AXES[entity.axis]
    if warehouse.query("SELECT to_regclass(%s) IS NULL AS absent", [f"core.{table}"])["absent"][0]:
        return []
    return warehouse.query(f"SELECT id::text AS key FROM core.{table} ORDER BY id")["key"].to_list()  # noqa: S608


def _home(entity: Entity, calendar: Calendar, key: str) -> pl.Expr:
    if entity.axis not in (Axis.DAY, Axis.MONTH):
        return pl.lit(key)
    day = pl.col("created_at").dt.convert_time_zone(str(calendar.zone)).dt.date()
    if entity.axis is Axis.DAY:
        return pl.when(day >= calendar.start).then(day.dt.to_string("iso"))
    month = day.dt.truncate("1mo")
    return pl.max_horizontal(month, pl.lit(calendar.start.replace(day=1))).dt.to_string("iso")
