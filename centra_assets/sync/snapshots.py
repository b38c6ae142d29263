"""Sweeps by comparison: a whole partition, or all that was created lately, read anew and held against the lake."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from centra_assets.assets.queries import query_of
from centra_assets.centra.plans import PreparedQuery
from centra_assets.storage import sync_state
from centra_assets.sync.burials import Missing
from centra_assets.sync.sweeping import DATED, Sweep, SweepError, first_of, keys_between

# Changed records are applied in batches of about so many: a price change may touch every row of a pricelist.
_BATCH = 2_000
# Days or months that are compared at once.
_SPAN = 31


def sweep_snapshots(sweep: Sweep) -> None:
    """Reads every partition of the entity whole and applies what differs from the lake."""
    if not sweep.was_loaded():
        return
    query, missing = _base(sweep), Missing(sweep)
    if sweep.entity.axis in DATED:
        keys = keys_between(sweep.entity, sweep.around.calendar, None, sweep.began_at)
        _compare_spans(sweep, query, keys, missing)
    else:
        for key in sweep.keys_to_ask():
            _compare(sweep, query, [key], sweep.asked(key), missing)
    missing.bury()


def sweep_partition(sweep: Sweep, key: str) -> None:
    """Reads one partition whole and applies what differs from the lake; what is not in the answer is gone."""
    missing = Missing(sweep)
    read_partition(sweep, key, missing)
    missing.bury()


def read_partition(sweep: Sweep, key: str, missing: Missing) -> None:
    """Reads one partition whole and applies what came or changed; what it lacks is only noted."""
    if sweep.entity.axis in DATED:
        _compare_spans(sweep, _base(sweep), [key], missing)
    else:
        _compare(sweep, _base(sweep), [key], sweep.asked(key), missing)


def sweep_window(sweep: Sweep, since: datetime | None = None) -> None:
    """Reads what was created in the setting's last days, or since `since` if that is longer ago, and compares.

    The days count from the last sweep that came to its end: nobody looked since then.
    """
    if not sweep.was_loaded():
        return
    missing = Missing(sweep)
    read_window(sweep, missing, since)
    missing.bury()
    close_window(sweep)


def read_window(sweep: Sweep, missing: Missing, since: datetime | None = None) -> None:
    """Reads a window and applies what came or changed; what it lacks is only noted."""
    if sweep.entity.axis not in DATED:
        raise SweepError(f"{sweep.entity.name} has no time of creation to cut a window by.")
    length = timedelta(days=sweep.setting.window_days)
    begin = first_of([sweep.began_at - length, _last_looked(sweep) - length, since])
    keys = keys_between(sweep.entity, sweep.around.calendar, begin, sweep.began_at)
    _compare_spans(sweep, _base(sweep), keys, missing)


def close_window(sweep: Sweep) -> None:
    """Notes up to when the window was read; `checked_at` moves with failures as well, this does not."""
    around = sweep.around
    note = partial(sync_state.advance, entity=sweep.entity.name, strategy=sweep.outcome.strategy, run_id=around.run_id)
    around.warehouse.transact(partial(note, watermark=sweep.began_at))


def _last_looked(sweep: Sweep) -> datetime:
    """When the window was last read to its end; before the first time, the newest snapshot."""
    name, lake = sweep.entity.name, sweep.around.lake
    mark = sweep.around.state.mark(name, sweep.outcome.strategy)
    snapshots = lake.newest_snapshots(name, lake.partitions(name)).values()
    looked = first_of([mark.watermark, mark.checked_at]) or max(snapshots, default=None)
    return looked or sweep.began_at


def _base(sweep: Sweep) -> PreparedQuery:
    query = sweep.around.prepared(sweep.entity, query_of)
    assert query is not None, "every entity has a question of its own"
    return query


def _compare_spans(sweep: Sweep, query: PreparedQuery, keys: Sequence[str], missing: Missing) -> None:
    for place in range(0, len(keys), _SPAN):
        span = keys[place : place + _SPAN]
        _compare(sweep, query, span, window_of(sweep, span), missing)


def window_of(sweep: Sweep, span: Sequence[str]) -> dict[str, object]:
    """The variables that ask for neighbouring days or months as one range."""
    calendar, axis = sweep.around.calendar, sweep.entity.axis
    return {"from": calendar.window(axis, span[0])[0].isoformat(), "to": calendar.window(axis, span[-1])[1].isoformat()}


def _compare(
    sweep: Sweep, query: PreparedQuery, partitions: Sequence[str], variables: Mapping[str, object], missing: Missing
) -> None:
    comparison = sweep.held(partitions)
    waiting: list[pl.DataFrame] = []
    for _, rows in sweep.rows(query, variables, partitions[0]):
        changed = comparison.changed(rows)
        if changed.height:
            waiting.append(changed)
        if sum(frame.height for frame in waiting) >= _BATCH:
            sweep.apply(pl.concat(waiting))
            waiting.clear()
    if waiting:
        sweep.apply(pl.concat(waiting))
    missing.add(partitions, comparison.gone(sweep.began_at), comparison.known)
