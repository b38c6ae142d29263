"""Jobs an operator may start or schedule: one per partition axis, because a run has one set of partitions."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import dagster as dg

from centra_assets.assets.health import HEALTH_KEY
from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.assets.workbook import KEY as WORKBOOK_KEY
from centra_assets.entities.model import Axis, Entity
from centra_assets.marts.model import Mart

# The job of all marts.
REFRESH_MARTS = "refresh_marts"
# The job of the page on how the sync fares.
SYNC_HEALTH = "sync_health"
# The job of the month-end workbook.
FINANCE_WORKBOOK = "finance_workbook"

# What `dg.define_asset_job` returns; Dagster does not export its type.
AssetJob = Any

JOB_NAMES = {
    Axis.NONE: "refresh_reference",
    Axis.DAY: "refresh_days",
    Axis.MONTH: "refresh_months",
    Axis.STORE: "refresh_stores",
    Axis.PRICELIST: "refresh_pricelists",
    Axis.WAREHOUSE: "refresh_warehouses",
}


def assets_of(entities: Sequence[Entity], axis: Axis) -> list[dg.AssetKey]:
    """Keys of all raw and core assets on one axis."""
    return list(
        chain.from_iterable(
            [raw_key(entity), *[core_key(contract.table) for contract in entity.tables]]
            for entity in entities
            if entity.axis is axis
        )
    )


def build_jobs(entities: Sequence[Entity], apart: dg.AssetSelection | None = None) -> dict[Axis, AssetJob]:
    """One job per axis that any entity uses: raw, core and their checks, but for those that stand apart."""
    return {
        axis: dg.define_asset_job(
            name,
            selection=_without(dg.AssetSelection.assets(*assets_of(entities, axis)), apart),
            description=f"Raw and core of everything partitioned by {axis}."
            if axis is not Axis.NONE
            else "Raw and core of everything that is one snapshot: reference data, accounts, promotions.",
        )
        for axis, name in JOB_NAMES.items()
        if assets_of(entities, axis)
    }


def _without(selection: dg.AssetSelection, apart: dg.AssetSelection | None) -> dg.AssetSelection:
    return selection if apart is None else selection - apart


def build_marts_job(marts: Sequence[Mart], apart: dg.AssetSelection | None = None) -> AssetJob:
    """The job that computes days of the marts, with their checks."""
    return dg.define_asset_job(
        REFRESH_MARTS,
        selection=_without(dg.AssetSelection.assets(*[mart_key(mart) for mart in marts]), apart),
        description="Computes days of the marts from core.",
        tags={"centra_assets/lane": "marts"},
    )


def build_health_job() -> AssetJob:
    """The job that brings `marts/sync_health` up to date."""
    return dg.define_asset_job(
        SYNC_HEALTH,
        selection=dg.AssetSelection.assets(HEALTH_KEY),
        description="Measures how far behind each entity is, and what keeping it fresh costs.",
        tags={"centra_assets/lane": "marts"},
    )


def build_workbook_job() -> AssetJob:
    """The job that writes months of the finance workbook and reads them back."""
    return dg.define_asset_job(
        FINANCE_WORKBOOK,
        selection=dg.AssetSelection.assets(WORKBOOK_KEY),
        description="Writes the month-end workbook and compares the file with core.",
        tags={"centra_assets/lane": "marts"},
    )
