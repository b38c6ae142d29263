"""Tells Dagster which partitions an op has changed, as materializations of exactly these. Loads nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from centra_assets.assets.marts import mart_key, partition_metadata
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.assets.quarantine import in_words
from centra_assets.entities.model import Axis, Entity
from centra_assets.marts.model import Mart
from centra_assets.storage.warehouse import LoadCounts, LoadReport
from centra_assets.sync.apply import Applied


def materializations(
    entity: Entity, applied: Applied, *, source: str, requests: float = 0, complexity: float = 0
) -> Iterator[dg.AssetMaterialization]:
    """One per partition of `raw/<entity>` that got records and of each `core/<table>` in which rows changed.

    The price of the asking is shared out over the raw partitions by records. Nothing changed: none.
    """
    records = sum(applied.raw.values())
    for partition, rows in applied.raw.items():
        told = {
            "rows_appended": rows,
            "api_requests": round(requests * rows / records, 3),
            "api_complexity": round(complexity * rows / records, 1),
            "source": source,
        }
        yield _materialization(raw_key(entity), entity, partition, told)
    for table, partitions in applied.tables.items():
        for partition, counts in partitions.items():
            told = {
                **_counts(counts),
                "records_quarantined": applied.quarantined.get(partition, 0),
                "source": source,
            }
            yield _materialization(core_key(table), entity, partition, told)


def mart_materializations(mart: Mart, report: LoadReport) -> Iterator[dg.AssetMaterialization]:
    """One per day of a mart whose rows changed."""
    for day, counts in report.by_partition[mart.name].items():
        if counts.inserted or counts.updated or counts.deleted:
            yield dg.AssetMaterialization(
                mart_key(mart), partition=day, metadata=dict(partition_metadata(report, mart, day))
            )


def held_back(mart: Mart, blocked: Mapping[str, str]) -> dg.AssetObservation:
    """Days (with reasons) that are not computed, because too much of what they are computed from is in quarantine."""
    return dg.AssetObservation(
        mart_key(mart), metadata={"days_held_back": len(blocked), "reason": in_words(blocked), "code": "SOURCE_BLOCKED"}
    )


def _counts(counts: LoadCounts) -> Mapping[str, int]:
    return {
        "rows_inserted": counts.inserted,
        "rows_updated": counts.updated,
        "rows_unchanged": counts.unchanged,
        "rows_deleted": counts.deleted,
    }


def _materialization(
    key: dg.AssetKey, entity: Entity, partition: str, told: Mapping[str, Any]
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(key, partition=None if entity.axis is Axis.NONE else partition, metadata=dict(told))
