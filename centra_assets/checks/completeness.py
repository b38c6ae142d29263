"""Partitions that are missing, left failed, or newer in raw than in core. What is wrong inside of one is not seen here.

Dagster knows what failed. What was read whole, and what core was loaded with, it does not know: a hint for one record
materializes its whole day. So the lake and core are asked themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.assets.parsing_code import parsing_code
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar
from centra_assets.checks.field_differences import differing
from centra_assets.checks.standing import told
from centra_assets.entities.model import Axis, Entity, TransformContext
from centra_assets.marts.model import Mart
from centra_assets.partitions import partitions_definition
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.lake import Lake
from centra_assets.storage.recognition import fingerprints, recognised
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.sweeping import DATED, keys_between
from centra_assets.sync_config import Strategy, SyncConfig

COMPLETE = "partitions_are_complete"

# What came this lately may be on its way from raw to core.
_ON_ITS_WAY = timedelta(minutes=15)
# How much of the lake, as it is packed, is parsed to see whether core has it; newest partitions first.
_MOST_BYTES = 64 * 1024 * 1024
# A day that is noted as stale is computed within a minute; after this nobody does it any more.
_STALE_FOR = timedelta(hours=1)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Found:
    """What is the matter with an entity's partitions."""

    missing: Sequence[str] = ()
    failed: Sequence[str] = ()
    behind: Sequence[str] = ()
    not_judged: int = 0

    def keys(self) -> list[str]:
        """All of it, as keys that say what is the matter."""
        kinds = (("failed", self.failed), ("behind", self.behind), ("missing", self.missing))
        return [f"{kind}: {key}" for kind, keys in kinds for key in keys]


def build_completeness_checks(
    entities: Sequence[Entity],
    marts: Sequence[Mart],
    calendar: Calendar,
    sync: SyncConfig,
    *,
    clock: Clock = lambda: datetime.now(UTC),
) -> list[dg.AssetChecksDefinition]:
    """`partitions_are_complete` on every raw asset, for its core tables too, and on every mart."""
    by_key = {dg.AssetCheckKey(raw_key(entity), COMPLETE): entity for entity in entities}
    of_marts = {dg.AssetCheckKey(mart_key(mart), COMPLETE): mart for mart in marts}

    @dg.multi_asset_check(
        name="complete_partitions",
        specs=[*[_entity_spec(key, entity) for key, entity in by_key.items()], *[_mart_spec(key) for key in of_marts]],
        can_subset=True,
        retry_policy=TRANSIENT_RETRIES,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        with failures_told_apart():
            look = _Look(context.instance, lake.open(), warehouse.open(), calendar, sync, clock())
            results = [
                *[_judged(key, entity, look) for key, entity in by_key.items() if key in chosen],
                *[_judged_mart(key, mart, look) for key, mart in of_marts.items() if key in chosen],
            ]
        yield from results

    return [checks]


def _entity_spec(key: dg.AssetCheckKey, entity: Entity) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        additional_deps=[core_key(contract.table) for contract in entity.tables],
        description=described(
            f"No partition of raw/{entity.name} up to yesterday was never read (`missing`; what sweeps keep since the "
            "last reading counts as read), none of it or of its core tables is left failed (`failed`), and none has "
            "records that core lacks (`behind`).",
            "materialize the named partitions: raw and core of what is missing or failed, only core of what is behind.",
        ),
    )


def _mart_spec(key: dg.AssetCheckKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description=described(
            "No day is left failed (`failed`), and none waits for longer than an hour to be computed again (`behind`).",
            "materialize the named days, and see that the sensor `stale_marts` is on.",
        ),
    )


def _judged(key: dg.AssetCheckKey, entity: Entity, look: "_Look") -> dg.AssetCheckResult:
    if not look.lake.partitions(entity.name):
        skipped = look.was_skipped(entity)
        failing = [] if skipped else [f"missing: all of raw/{entity.name}"]
        # Nobody can know whether somebody wants it; a warning that it is not there.
        return told(key, failing, severity=dg.AssetCheckSeverity.WARN, skipped=skipped)
    assets = [key.asset_key, *[core_key(contract.table) for contract in entity.tables]]
    behind, not_judged = look.behind(entity)
    found = Found(look.missing(entity), look.failed(assets, entity.axis), behind, not_judged)
    return told(
        key,
        found.keys(),
        missing=len(found.missing),
        failed=len(found.failed),
        behind=len(found.behind),
        not_judged=found.not_judged,
    )


def _judged_mart(key: dg.AssetCheckKey, mart: Mart, look: "_Look") -> dg.AssetCheckResult:
    stale = look.stale_days(mart)
    failed = look.failed([key.asset_key], Axis.DAY)
    return told(key, Found(failed=failed, behind=stale).keys(), failed=len(failed), behind=len(stale))


def keys_of_axis(axis: Axis, calendar: Calendar, instance: dg.DagsterInstance) -> Sequence[str]:
    """Every partition of the axis that there is now; none without partitions."""
    definition = partitions_definition(axis, calendar)
    return [] if definition is None else definition.get_partition_keys(dynamic_partitions_store=instance)


def partitions_in(
    state: dg.AssetPartitionStatus, asset: dg.AssetKey, axis: Axis, calendar: Calendar, instance: dg.DagsterInstance
) -> list[str]:
    """The asset's partitions that Dagster knows to be in the state."""
    definition = partitions_definition(axis, calendar)
    if definition is None:
        return []
    statuses = instance.get_status_by_partition(asset, keys_of_axis(axis, calendar, instance), definition) or {}
    return [key for key, status in statuses.items() if status is state]


class _Look:
    """One look at all partitions."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        lake: Lake,
        warehouse: Warehouse,
        calendar: Calendar,
        sync: SyncConfig,
        now: datetime,
    ) -> None:
        self.instance, self.lake, self.warehouse = instance, lake, warehouse
        self._calendar, self._sync, self._now = calendar, sync, now

    def was_skipped(self, entity: Entity) -> bool:
        """Whether the token may not read it, and raw said so the last time."""
        newest = self.instance.fetch_observations(raw_key(entity), limit=1).records
        return any("skipped" in record.asset_observation.metadata for record in newest if record.asset_observation)

    def missing(self, entity: Entity) -> list[str]:
        """Partitions that nobody has read."""
        known = self.lake.partitions(entity.name)
        if entity.axis is Axis.NONE:
            return []
        if entity.axis not in DATED:
            return sorted(set(keys_of_axis(entity.axis, self._calendar, self.instance)) - set(known))
        whole = self.lake.newest_snapshots(entity.name, known)
        yesterday = self._now - timedelta(days=1)
        expected = keys_between(entity, self._calendar, None, yesterday)
        if self._sync.of(entity.name).sweep.strategy is not Strategy.NONE:
            # What is created after the last reading is the sweeps' to bring; see first_mark.
            expected = [key for key in expected if not whole or key <= max(whole)]
        return [key for key in expected if key not in whole]

    def failed(self, assets: Sequence[dg.AssetKey], axis: Axis) -> list[str]:
        """Partitions whose last attempt failed, as `asset partition`; of an asset without any, the asset."""
        if axis is Axis.NONE:
            return [asset.to_user_string() for asset in assets if self._is_left_failed(asset)]
        return [
            f"{asset.to_user_string()} {key}"
            for asset in assets
            for key in partitions_in(dg.AssetPartitionStatus.FAILED, asset, axis, self._calendar, self.instance)
        ]

    def _is_left_failed(self, asset: dg.AssetKey) -> bool:
        """Whether the last run that was to materialize it failed, and nothing has since."""
        entries = [record.asset_entry for record in self.instance.get_asset_records([asset])]
        if not entries or not entries[0].last_run_id:
            return False
        run = self.instance.get_run_record_by_id(entries[0].last_run_id)
        if run is None or run.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
            return False
        newest = entries[0].last_materialization
        return newest is None or newest.timestamp < run.create_timestamp.timestamp()

    def behind(self, entity: Entity) -> tuple[list[str], int]:
        """Partitions of which raw has what core does not, and how many there was no time to look at."""
        self.warehouse.prepare([table_of(contract) for contract in entity.tables])
        suspects = self._suspects(entity)
        files = self.lake.all_files(entity.name)
        bytes_left, looked_at = _MOST_BYTES, list[str]()
        for key in suspects:
            bytes_left -= sum(file.size for file in files.get(key, ()))
            if bytes_left >= 0 or not looked_at:
                looked_at.append(key)
        found: set[str] = set()
        for partitions, raw in self.lake.read_batches(entity.name, looked_at, gone=True):
            found |= self._lacking(entity, partitions, raw)
        return sorted(found), len(suspects) - len(looked_at)

    def stale_days(self, mart: Mart) -> list[str]:
        """Days that were noted long ago and not computed since."""
        rows = self.warehouse.query(
            "SELECT DISTINCT partition FROM ops.stale_partition WHERE asset = %s AND at < %s ORDER BY partition",
            [mart.asset, self._now - _STALE_FOR],
        )
        return [day for day in rows["partition"] if self._calendar.has_day(day)]

    def _suspects(self, entity: Entity) -> list[str]:
        """Partitions that were fetched later than any row of theirs in core, newest first.

        Most of them are innocent: nothing had changed, or there is nothing in them.
        """
        table = table_of(entity.tables[0])
        held = self.warehouse.query(
            f"SELECT _partition, max(_fetched_at) AS at FROM {table.relation} GROUP BY 1"  # noqa: S608 - a contract's
        )
        loaded = dict(held.iter_rows())
        fetched = self.lake.newest_fetches(entity.name, self.lake.partitions(entity.name))
        running = dg.AssetPartitionStatus.IN_PROGRESS
        busy = set(partitions_in(running, raw_key(entity), entity.axis, self._calendar, self.instance))
        late = [
            key
            for key, at in fetched.items()
            if key not in busy and at < self._now - _ON_ITS_WAY and (key not in loaded or loaded[key] < at)
        ]
        return sorted(late, reverse=True)

    def _lacking(self, entity: Entity, partitions: Sequence[str], raw: pl.DataFrame) -> set[str]:
        """Those of the partitions of which core lacks something, by what a load would make of them now."""
        context = TransformContext(time_zone=self._calendar.zone)
        tables = [table_of(contract) for contract in entity.tables]
        code = parsing_code(entity, context)
        sources = fingerprints(raw, partitions, code) if code else {}
        known = self.warehouse.transact(lambda cursor: recognised(cursor, entity.name, tables, raw, sources))
        loaded = set(next(iter(known.values()), {}))
        doubted = raw.filter(
            ~pl.col("partition").is_in(list(loaded)) & (pl.col("fetched_at") < self._now - _ON_ITS_WAY)
        )
        if doubted.is_empty():
            return set()
        records = differing(entity, doubted, self.warehouse, context)
        return set(doubted.filter(pl.col("id").is_in(list(records)))["partition"])
