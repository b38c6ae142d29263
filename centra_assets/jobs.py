"""Jobs an operator may start or schedule: one per partition axis, because a run has one set of partitions."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import dagster as dg

from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.entities.model import Axis, Entity
from centra_assets.marts.model import Mart

# The job of all marts.
REFRESH_MARTS = "refresh_marts"

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


def build_jobs(entities: Sequence[Entity]) -> dict[Axis, AssetJob]:
    """One job per axis that any entity uses: raw, core and their checks."""
    return {
        axis: dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*assets_of(entities, axis)),
            description=f"Raw and core of everything partitioned by {axis}."
            if axis is not Axis.NONE
            else "Raw and core of everything that is one snapshot: reference data, accounts, promotions.",
        )
        for axis, name in JOB_NAMES.items()
        if assets_of(entities, axis)
    }


def build_marts_job(marts: Sequence[Mart]) -> AssetJob:
    """The job that computes days of the marts, with their checks."""
    return dg.define_asset_job(
        REFRESH_MARTS,
        selection=dg.AssetSelection.assets(*[mart_key(mart) for mart in marts]),
        description="Computes days of the marts from core.",
        tags={"centra_assets/lane": "marts"},
    )
