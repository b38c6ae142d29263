"""Is what Centra had here in time? By the sweeps' own account, for Dagster's looks at materializations only.

A sweep that finds nothing new materializes nothing and is the best news there is; a policy over materializations would
call it stale. So `is_fresh` asks ops.sync_state, and Dagster's policy stands where partitions are read again whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.checks.standing import age
from centra_assets.entities.model import Entity
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.lake import Lake
from centra_assets.storage.sync_state import Mark, SyncState
from centra_assets.sync_config import EntitySync, Limits, SyncConfig

IS_FRESH = "is_fresh"

Clock = Callable[[], datetime]


def build_freshness_checks(
    entities: Sequence[Entity], sync: SyncConfig, *, clock: Clock = lambda: datetime.now(UTC)
) -> list[dg.AssetChecksDefinition]:
    """`is_fresh` on the raw asset of every entity that is swept."""
    watched = {
        dg.AssetCheckKey(raw_key(entity), IS_FRESH): (entity, sync.of(entity.name), limits)
        for entity in entities
        if (limits := sync.of(entity.name).limits) is not None
    }
    if not watched:
        return []

    @dg.multi_asset_check(
        name="fresh_entities",
        specs=[_spec(key, limits) for key, (_, _, limits) in watched.items()],
        can_subset=True,
        retry_policy=TRANSIENT_RETRIES,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        with failures_told_apart():
            marks = {
                (mark.entity, mark.strategy): mark
                for mark in SyncState(warehouse.database_url).marks()
                if not mark.partition
            }
            store = lake.open()
            results = [
                judged(key, fresh_as_of(entity, settings, marks, store), limits, clock())
                for key, (entity, settings, limits) in watched.items()
                if key in chosen
            ]
        yield from results

    return [checks]


def _spec(key: dg.AssetCheckKey, limits: Limits) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description=described(
            f"A sweep came to its end without a failure not longer ago than {age(limits.warn)}; an error after "
            f"{age(limits.fail)}. If not, a change that no hint told of may be missing here.",
            "look at the newest runs of the job `sweep` and at the sensor `sweeps`; the mark is in ops.sync_state. "
            "Other limits: `freshness` in sync.yaml.",
        ),
    )


def fresh_as_of(
    entity: Entity, settings: EntitySync, marks: Mapping[tuple[str, str], Mark], lake: Lake
) -> datetime | None:
    """When we last had all that Centra had; before the first sweep by the newest reading of a whole partition."""
    mark = marks.get((entity.name, str(settings.sweep.strategy)))
    if mark is not None and mark.checked_at is not None:
        return mark.fresh_at
    return max(lake.newest_snapshots(entity.name, lake.partitions(entity.name)).values(), default=None)


def judged(key: dg.AssetCheckKey, fresh_at: datetime | None, limits: Limits, now: datetime) -> dg.AssetCheckResult:
    """Fresh, late (a warning) or stale (an error). What was never fresh is late: it may be just installed."""
    old = now - fresh_at if fresh_at else None
    known: dict[str, Any] = (
        {"age_minutes": int(old / timedelta(minutes=1)), "fresh_at": str(fresh_at)} if old is not None else {}
    )
    is_stale = old is not None and old >= limits.fail
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=old is not None and old < limits.warn,
        severity=dg.AssetCheckSeverity.ERROR if is_stale else dg.AssetCheckSeverity.WARN,
        metadata={
            "age": age(old),
            "warns_after": age(limits.warn),
            "fails_after": age(limits.fail),
            **known,
        },
    )


def with_freshness_policies(assets: Sequence[Any], entities: Sequence[Entity], sync: SyncConfig) -> list[Any]:
    """The assets, with Dagster's policy on raw and core of entities of which partitions are read again whole.

    There, and only there, a materialization is due at a known time whether anything changed or not.
    """
    limits = {
        key: found
        for entity in entities
        if (found := sync.of(entity.name).refreshed_within) is not None
        for key in (raw_key(entity), *[core_key(contract.table) for contract in entity.tables])
    }

    def watched(spec: dg.AssetSpec) -> dg.AssetSpec:
        found = limits.get(spec.key)
        if found is None:
            return spec
        policy = dg.FreshnessPolicy.time_window(fail_window=found.fail, warn_window=found.warn)
        with_policy: dg.AssetSpec = dg.apply_freshness_policy(spec, policy)
        return with_policy

    return list(dg.map_asset_specs(watched, assets))
