"""The nightly reconciliation: what Centra has and what we have, counted and compared. Frequent sweeps are beside it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

import polars as pl

from centra_assets.assets.queries import census_query
from centra_assets.calendar import contiguous
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import Entity
from centra_assets.storage import sync_state
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.sync.counting import counted_by_us, counters_of, total_count
from centra_assets.sync.lookup import fetch
from centra_assets.sync.snapshots import bury, ids_by_partition, sweep_snapshots, sweep_window, window_of
from centra_assets.sync.sweeping import DATED, Outcome, Setting, Surroundings, Sweep, keys_between
from centra_assets.sync.sweeps import in_order, sweep_one
from centra_assets.sync_config import Strategy

# As which reconciliations are kept in ops.sync_state.
RECONCILE = "reconcile"


def run_reconciliation(entities: Sequence[Entity], days: int, around: Surroundings) -> Iterator[Outcome]:
    """Reconciles the entities one after the other; what came of each as soon as it is over.

    Whatever was created in the last `days` is compared one by one, older months by their count first; what has no
    time of creation is compared whole. An entity that fails, or that seems to have collapsed, holds up no other.
    Raises WarehouseUnavailableError at once.
    """
    unexpected: list[Exception] = []
    for entity in in_order(entities):
        setting = Setting(Strategy.WINDOW if entity.axis in DATED else Strategy.SNAPSHOT, window_days=days)
        try:
            outcome = sweep_one(entity, around, setting, _reconcile, named=RECONCILE)
            note = partial(sync_state.checked, entity=entity.name, strategy=RECONCILE, run_id=around.run_id)
            around.warehouse.transact(partial(note, detail=outcome.detail()))
            yield outcome
        except WarehouseUnavailableError:
            raise
        except Exception as error:
            around.log.error("%s could not be reconciled: %s", entity.name, type(error).__name__)
            unexpected.append(error)
    if unexpected:
        raise unexpected[0]


def _reconcile(sweep: Sweep) -> None:
    if not sweep.was_loaded():
        return
    if sweep.entity.id_filter is None or (sweep.entity.updated_at is None and sweep.entity.axis not in DATED):
        # Few enough to be read whole, or without anything that a short list could tell apart.
        sweep_snapshots(sweep)
        return
    census = sweep.around.client.prepare(census_query(sweep.entity))
    if sweep.entity.axis in DATED:
        _Dated(sweep, census).reconcile()
        return
    for key in sweep.keys_to_ask():
        _settle(sweep, census, [key], sweep.asked(key), key)


class _Dated:
    """Reconciles an entity by time of creation."""

    def __init__(self, sweep: Sweep, census: PreparedQuery) -> None:
        self._sweep, self._census = sweep, census
        self._entity, self._calendar = sweep.entity, sweep.around.calendar

    def reconcile(self) -> None:
        begin = self._sweep.began_at - timedelta(days=self._sweep.setting.window_days)
        recent = keys_between(self._entity, self._calendar, begin, self._sweep.began_at)
        if self._entity.updated_at is None:
            # Its changes can only be seen by reading it.
            sweep_window(self._sweep)
        else:
            for month in self._months(recent):
                self._settle(month)
        older = [key for key in self._sweep.around.lake.partitions(self._entity.name) if key < recent[0]]
        for month in self._months(older):
            if self._counts_differ(month):
                self._settle(month)
        self._compare_counters(recent)

    def _months(self, keys: Sequence[str]) -> Iterator[list[str]]:
        """Neighbouring keys, month by month. Partitions that were never loaded are nobody's loss."""
        for run in contiguous(self._entity.axis, keys, 1):
            for _, month in groupby(run, key=lambda key: key[:7]):
                yield list(month)

    def _settle(self, keys: Sequence[str]) -> None:
        _settle(self._sweep, self._census, keys, window_of(self._sweep, keys), keys[0])

    def _counts_differ(self, keys: Sequence[str]) -> bool:
        theirs = total_count(self._sweep.around.client, self._census, window_of(self._sweep, keys))
        return theirs != sum(counted_by_us(self._sweep.around.warehouse, self._entity, keys).values())

    def _compare_counters(self, recent: Sequence[str]) -> None:
        """A second opinion, up to when this began; what happens meanwhile would count on one side only."""
        around, end = self._sweep.around, self._sweep.began_at
        begin = self._calendar.window(self._entity.axis, recent[0])[0]
        counters = counters_of(around.client, self._entity, begin, end)
        if counters is None:
            return
        listed = total_count(around.client, self._census, {"from": begin.isoformat(), "to": end.isoformat()})
        if listed is not None and listed != counters:
            self._sweep.note(f"Centra's counters say {counters} since {recent[0]}, its list {listed}")


def _settle(
    sweep: Sweep, census: PreparedQuery, partitions: Sequence[str], variables: dict[str, object], key: str
) -> None:
    """Brings what the census shows to be missing or changed, and buries what it does not show."""
    held = sweep.held(partitions)
    pages = [rows for _, rows in sweep.rows(census, variables, key)]
    listed = pl.concat(pages).filter(pl.col("partition").is_in(list(partitions)))
    wanted, gone = held.lacking(listed), held.gone(sweep.began_at)
    if wanted.is_empty() and gone.is_empty():
        return
    # Judged before anything is brought: an answer that is not believed is not believed in parts.
    sweep.outcome.found["gone"] += bury(sweep, gone, held.known)
    if wanted.height:
        found = fetch(sweep.around.client, sweep.entity, ids_by_partition(wanted), calendar=sweep.around.calendar)
        sweep.apply_found(found.rows)
        sweep.outcome.found["missing_or_changed"] += wanted.height
        left = {record_id for record_id, _ in found.missing | found.outside}
        listed = listed.filter(~pl.col("id").is_in(list(left)))
    _tell_what_remains(sweep, partitions, listed)


def _tell_what_remains(sweep: Sweep, partitions: Sequence[str], listed: pl.DataFrame) -> None:
    now = sweep.held(partitions)
    missing, more = now.lacking(listed).height, now.gone(sweep.began_at).height
    if missing or more:
        sweep.outcome.found["still_different"] += missing + more
        sweep.note(
            f"still different in {len(partitions)} partitions from {partitions[0]}: {missing} missing, {more} more"
        )
