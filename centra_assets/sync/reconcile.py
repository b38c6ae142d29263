"""The nightly reconciliation: what Centra has and what we have, counted and compared. Frequent sweeps are beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby

import polars as pl

from centra_assets.assets.queries import census_query
from centra_assets.calendar import contiguous
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import Entity
from centra_assets.failures import translated
from centra_assets.storage import sync_state
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.sync.burials import Missing, ids_by_partition
from centra_assets.sync.comparison import PLACE
from centra_assets.sync.counting import counted_by_us, counters_of, total_count
from centra_assets.sync.lookup import fetch
from centra_assets.sync.partitioning import PLACED_SCHEMA
from centra_assets.sync.snapshots import close_window, read_window, sweep_snapshots, window_of
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
            around.log.error("%s could not be reconciled: %s", entity.name, translated(error))
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
    differences = _Differences(sweep, census)
    for key in sweep.keys_to_ask():
        differences.look([key], sweep.asked(key))
    differences.settle()


class _Dated:
    """Reconciles an entity by time of creation."""

    def __init__(self, sweep: Sweep, census: PreparedQuery) -> None:
        self._sweep, self._census = sweep, census
        self._differences = _Differences(sweep, census)
        self._entity, self._calendar = sweep.entity, sweep.around.calendar

    def reconcile(self) -> None:
        begin = self._sweep.began_at - timedelta(days=self._sweep.setting.window_days)
        recent = keys_between(self._entity, self._calendar, begin, self._sweep.began_at)
        if self._entity.updated_at is None:
            # Its changes can only be seen by reading it.
            read_window(self._sweep, self._differences.missing)
        else:
            for month in self._months(recent):
                self._differences.look(month, window_of(self._sweep, month))
        older = [key for key in self._sweep.around.lake.partitions(self._entity.name) if key < recent[0]]
        for month in self._months(older):
            if self._counts_differ(month):
                self._differences.look(month, window_of(self._sweep, month))
        self._differences.settle()
        if self._entity.updated_at is None:
            close_window(self._sweep)
        self._compare_counters(recent)

    def _months(self, keys: Sequence[str]) -> Iterator[list[str]]:
        """Neighbouring keys, month by month. Partitions that were never loaded are nobody's loss."""
        for run in contiguous(self._entity.axis, keys, 1):
            for _, month in groupby(run, key=lambda key: key[:7]):
                yield list(month)

    def _counts_differ(self, keys: Sequence[str]) -> bool:
        theirs = total_count(self._sweep.around.client, self._census, window_of(self._sweep, keys))
        ours = sum(counted_by_us(self._sweep.around.warehouse, self._entity, keys).values())
        if theirs == ours:
            self._differences.agreed(keys, ours)
        return theirs != ours

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


@dataclass(frozen=True)
class _Difference:
    """Partitions in which a census and we differ. `listed` is what it showed, `wanted` what of it we lack."""

    partitions: Sequence[str]
    listed: pl.DataFrame
    wanted: pl.DataFrame


class _Differences:
    """What the census of one entity shows, part by part. All of it is judged before any of it is brought or buried:
    an answer that is not believed is not believed in parts."""

    def __init__(self, sweep: Sweep, census: PreparedQuery) -> None:
        self._sweep, self._census = sweep, census
        self._found: list[_Difference] = []
        self.missing = Missing(sweep)

    def agreed(self, partitions: Sequence[str], known: int) -> None:
        """Notes partitions that have as many records there as here."""
        self.missing.add(partitions, PLACED_SCHEMA.to_frame(), known)

    def look(self, partitions: Sequence[str], variables: Mapping[str, object]) -> None:
        """Holds the census of these partitions against what we have."""
        held = self._sweep.held(partitions)
        pages = [rows for _, rows in self._sweep.rows(self._census, variables, partitions[0])]
        listed = pl.concat(pages).filter(pl.col("partition").is_in(list(partitions))).select(*PLACE, "updated_at")
        wanted, gone = held.lacking(listed), held.gone(self._sweep.began_at)
        self.missing.add(partitions, gone, held.known)
        if wanted.height or gone.height:
            self._found.append(_Difference(partitions, listed, wanted))

    def settle(self) -> None:
        """Buries what is gone, brings what we lack and tells what differs nevertheless."""
        gone = self.missing.bury()
        if gone:
            self._sweep.outcome.found["gone"] += gone
        for difference in self._found:
            _tell_what_remains(self._sweep, difference.partitions, self._brought(difference))

    def _brought(self, difference: _Difference) -> pl.DataFrame:
        """What we should have of the partitions from now on."""
        wanted, around = difference.wanted, self._sweep.around
        if wanted.is_empty():
            return difference.listed
        found = fetch(around.client, self._sweep.entity, ids_by_partition(wanted), calendar=around.calendar)
        self._sweep.apply_found(found.rows)
        self._sweep.outcome.found["missing_or_changed"] += wanted.height
        left = {record_id for record_id, _ in found.missing | found.outside}
        return difference.listed.filter(~pl.col("id").is_in(list(left)))


def _tell_what_remains(sweep: Sweep, partitions: Sequence[str], listed: pl.DataFrame) -> None:
    now = sweep.held(partitions)
    missing, more = now.lacking(listed).height, now.gone(sweep.began_at).height
    if missing or more:
        sweep.outcome.found["still_different"] += missing + more
        sweep.note(
            f"still different in {len(partitions)} partitions from {partitions[0]}: {missing} missing, {more} more"
        )
