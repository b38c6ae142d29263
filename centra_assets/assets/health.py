"""Builds `marts/sync_health` and the page that an operator reads. What is measured, and how: marts/sync_health.py."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import Owner
from centra_assets.assets.marts import GROUP
from centra_assets.assets.metadata import table_schema
from centra_assets.entities.contract import one_line
from centra_assets.entities.model import Entity
from centra_assets.marts.sync_health import ASSET, KEPT, TABLE, SyncHealth, refresh_health
from centra_assets.resources.storage import WarehouseResource
from centra_assets.rhythm import shortly
from centra_assets.sync_config import EntitySync, Strategy, SyncConfig

HEALTH_KEY = dg.AssetKey(ASSET.split("/"))

# Summed over the entities they are plotted by the UI, each under a name that never changes.
_NOW = ("hints_waiting", "records_quarantined")
_OF_A_DAY = (
    "hints_done",
    "hints_failed",
    "rows_changed",
    "api_requests",
    "api_complexity",
    "api_retries",
    "api_throttled",
    "api_seconds_waited",
)
# Hints are followed within seconds; one that has waited so long waits for somebody.
_WAITS_LONG = timedelta(minutes=10)
_HEADINGS = (
    "entity",
    "behind",
    "swept",
    "hints waiting",
    "oldest",
    "hints done",
    "hints failed",
    "rows changed",
    "set aside",
    "requests",
    "points",
    "retries",
    "429s",
    "waited",
)
_FOOT = (
    "Behind: since its last sweep ended without a failure, whether or not there was anything new; late and stale are "
    "as the check `is_fresh` has them. Hints done and failed, rows, requests and what follows: of the last 24 hours."
)


def build_health_asset(entities: Sequence[Entity], sync: SyncConfig) -> dg.AssetsDefinition:
    """`marts/sync_health`, without partitions: each run brings the running hour up to date."""
    settings = {entity.name: sync.of(entity.name) for entity in entities}
    strategies = {name: str(of.sweep.strategy) for name, of in settings.items()}

    @dg.asset(
        key=HEALTH_KEY,
        name=None,
        group_name=GROUP,
        kinds={"sql", "postgres"},
        owners=[Owner.PLATFORM.value],
        description=(
            f"{one_line(SyncHealth.__doc__)} Computed from the platform's own records in `ops`; rows are kept for "
            f"{KEPT.days} days. As fresh as its last run: the schedule `sync_health` asks for one every ten minutes."
        ),
        metadata={
            "dagster/column_schema": table_schema(TABLE),
            "dagster/table_name": f"{TABLE.schema}.{TABLE.name}",
        },
        tags={"stage": "mart"},
        retry_policy=TRANSIENT_RETRIES,
    )
    def sync_health(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        started = time.monotonic()
        with failures_told_apart():
            refreshed = refresh_health(warehouse.open(), strategies)
        context.log.info(f"{ASSET}: {refreshed.written} hours of entities, {refreshed.dropped} were too old.")
        return dg.MaterializeResult(
            metadata={
                "health": dg.MetadataValue.md(page(refreshed.standing, settings)),
                **numbers(refreshed.standing, settings),
                "rows_written": refreshed.written,
                "rows_dropped": refreshed.dropped,
                "seconds": round(time.monotonic() - started, 3),
            }
        )

    return sync_health


def swept_by(settings: EntitySync) -> str:
    """How often sync.yaml has an entity looked after, in as few words as fit a table."""
    sweep = settings.sweep
    if sweep.strategy is Strategy.NONE:
        return "never"
    return f"every {shortly(sweep.every)}" if sweep.every else f"at {sweep.cron}"


def numbers(standing: pl.DataFrame, settings: Mapping[str, EntitySync]) -> dict[str, Any]:
    """What plots: sums over the entities, the worst of them, and each one's lag."""
    lags = dict(standing.select("entity", "lag_seconds").iter_rows())
    known = [lag for lag in lags.values() if lag is not None]
    return {
        "entities": standing.height,
        "entities_never_loaded": standing["checked_at"].null_count(),
        "entities_late": sum(bool(_lateness(name, lag, settings)) for name, lag in lags.items()),
        "lag_seconds_longest": max(known, default=0),
        "oldest_hint_seconds": standing["oldest_hint_seconds"].max() or 0,
        **{name: int(standing[name].sum()) for name in _NOW},
        **{f"{name}_24h": int(standing[name].sum()) for name in _OF_A_DAY},
        **{f"lag_seconds_{name}": lag for name, lag in sorted(lags.items()) if lag is not None},
    }


def page(standing: pl.DataFrame, settings: Mapping[str, EntitySync]) -> str:
    """How each entity stands, as a Markdown table: what needs somebody first, then what is furthest behind.

    What was never loaded is behind everything.
    """
    if standing.is_empty():
        return "Nothing was measured yet."
    late = [_lateness(name, lag, settings) for name, lag in standing.select("entity", "lag_seconds").iter_rows()]
    is_stuck = pl.col("oldest_hint_seconds").fill_null(0) > _WAITS_LONG.total_seconds()
    needs_somebody = (pl.col("hints_failed") + pl.col("records_quarantined") > 0) | (pl.col("late") != "") | is_stuck
    ordered = standing.with_columns(late=pl.Series(late, dtype=pl.String)).sort(
        needs_somebody, "lag_seconds", descending=True
    )
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|---|" + "---:|" * (len(_HEADINGS) - 1)]
    lines += ["| " + " | ".join(_cells(row, settings)) + " |" for row in ordered.iter_rows(named=True)]
    return "\n".join([*lines, "", _FOOT])


def _lateness(name: str, lag: int | None, settings: Mapping[str, EntitySync]) -> str:
    """What the check `is_fresh` would say: `late`, `stale`, or nothing where it is fresh or nobody wants to know."""
    limits = settings[name].limits if name in settings else None
    if limits is None or (lag is not None and lag < limits.warn.total_seconds()):
        return ""
    return "stale" if lag is not None and lag >= limits.fail.total_seconds() else "late"


def _cells(row: Mapping[str, Any], settings: Mapping[str, EntitySync]) -> list[str]:
    counts = ("hints_done", "hints_failed", "rows_changed", "records_quarantined", "api_requests", "api_complexity")
    return [
        row["entity"],
        _behind(row),
        swept_by(settings[row["entity"]]) if row["entity"] in settings else "",
        f"{row['hints_waiting']:,}",
        _roughly(row["oldest_hint_seconds"] or 0) if row["hints_waiting"] else "",
        *[f"{row[name]:,}" for name in counts],
        f"{row['api_retries']:,}",
        f"{row['api_throttled']:,}",
        _roughly(row["api_seconds_waited"]) if row["api_seconds_waited"] else "",
    ]


def _behind(row: Mapping[str, Any]) -> str:
    if row["checked_at"] is None:
        return "never loaded"
    if row["lag_seconds"] is None:
        return "no sweep ever worked"
    return f"{_roughly(row['lag_seconds'])}{', ' if row['late'] else ''}{row['late']}"


def _roughly(seconds: int) -> str:
    """A duration in its largest unit that it has two of."""
    whole = timedelta(seconds=seconds)
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{seconds} s"
