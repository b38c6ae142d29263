"""Sweeps by time of change: what Centra says changed since the watermark. Entities without that time are elsewhere."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from centra_assets.assets.queries import changes_query
from centra_assets.centra.paging import Page
from centra_assets.centra.plans import PreparedQuery
from centra_assets.storage import sync_state
from centra_assets.sync.snapshots import sweep_partition
from centra_assets.sync.sweeping import DATED, NEVER_LOADED, Sweep, SweepError, first_of
from centra_assets.sync_config import Strategy

STRATEGY = Strategy.UPDATED


def sweep_updates(sweep: Sweep, since: datetime | None = None, *, budget: timedelta = timedelta(minutes=5)) -> None:
    """Reads what changed since the watermark less the overlap, or since `since` if that is earlier.

    The watermark follows page by page, in the transaction that loads the page. After `budget` the sweep stops, if it
    has got further than the last one did; the next one goes on from there.
    """
    query = sweep.around.prepared(sweep.entity, changes_query)
    if query is None:
        raise SweepError(f"{sweep.entity.name} cannot be asked for by time of change.")
    deadline = time.monotonic() + budget.total_seconds()
    for key in sweep.keys_to_ask():
        reading = _Reading(sweep, query, key)
        begin = reading.begin(since)
        if begin is not None:
            reading.read(begin, deadline)
        elif sweep.is_keyed and sweep.was_loaded():
            # A store that came after the others were loaded.
            sweep_partition(sweep, key)
            reading.close(sweep.began_at)
        else:
            sweep.note(NEVER_LOADED)
            return


class _Reading:
    """One key's reading, from its watermark on."""

    def __init__(self, sweep: Sweep, query: PreparedQuery, key: str) -> None:
        self._sweep, self._query, self._key = sweep, query, key
        # Entities that are not asked key by key have one mark, of no partition.
        self._partition = key if sweep.is_keyed else ""
        self._mark: datetime | None = None
        self._newest: datetime | None = None

    def begin(self, since: datetime | None) -> datetime | None:
        """Where to begin; None when nothing was ever loaded, so that there is nothing to go on from."""
        state = self._sweep.around.state
        self._mark = state.mark(self._sweep.entity.name, STRATEGY, self._partition).watermark
        start = self._mark or first_mark(self._sweep, self._loaded())
        return None if start is None else first_of([start - self._sweep.setting.overlap, since])

    def _loaded(self) -> Sequence[str]:
        return [self._key] if self._sweep.is_keyed else self._sweep.around.lake.partitions(self._sweep.entity.name)

    def read(self, begin: datetime, deadline: float) -> None:
        variables = {"from": begin.isoformat(), **self._sweep.asked(self._key)}
        for page, rows in self._sweep.rows(self._query, variables, self._key):
            self._see(page)
            # Only in order of change is everything before a page's last record behind us.
            newest = self._newest if self._query.in_order else None
            self._sweep.apply(rows, within=self._mover(newest) if newest else None)
            if newest and time.monotonic() > deadline and newest > (self._mark or begin):
                self._sweep.outcome.is_finished = False
                return
        if not self._query.in_order and self._newest:
            self.close(self._newest)

    def _see(self, page: Page) -> None:
        """Remembers the latest change up to when the sweep began: a clock that is ahead must not carry the mark off."""
        moments = [datetime.fromisoformat(text).astimezone(UTC) for text in page.updated_at if text]
        seen = [moment for moment in moments if moment <= self._sweep.began_at]
        self._newest = max([*seen, *([self._newest] if self._newest else [])], default=None)

    def _mover(self, to: datetime) -> "partial[None]":
        return partial(
            sync_state.advance,
            entity=self._sweep.entity.name,
            strategy=STRATEGY,
            watermark=to,
            run_id=self._sweep.around.run_id,
            partition=self._partition,
        )

    def close(self, mark: datetime) -> None:
        """Moves the mark when everything was read."""
        self._sweep.around.warehouse.transact(self._mover(mark))


def first_mark(sweep: Sweep, partitions: Sequence[str]) -> datetime | None:
    """The first watermark of what these partitions hold: before it, all of them were read; None without snapshots.

    The oldest of the newest snapshots counts. Days and months after the last one that was loaded count from their
    own beginning: what was created in them changed in them.
    """
    entity, lake, calendar = sweep.entity, sweep.around.lake, sweep.around.calendar
    loaded = lake.newest_snapshots(entity.name, partitions)
    if not loaded:
        return None
    after = calendar.window(entity.axis, max(loaded))[1] if entity.axis in DATED else None
    return first_of([min(loaded.values()), after])
