"""Sweeps by comparison: a whole partition, or all that was created lately, read anew and held against the lake."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from centra_assets.assets.load import guard_of
from centra_assets.assets.queries import query_of
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import Entity
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.warehouse import OPEN_GUARD
from centra_assets.sync.comparison import PLACE
from centra_assets.sync.lookup import fetch
from centra_assets.sync.sweeping import (
    DATED,
    Sweep,
    SweepError,
    is_collapse,
    keys_between,
)
from centra_assets.sync.tombstones import tombstones

# Changed records are applied in batches of about so many: a price change may touch every row of a pricelist.
_BATCH = 2_000
# Days or months that are compared at once.
_SPAN = 31


def sweep_snapshots(sweep: Sweep) -> None:
    """Reads every partition of the entity whole and applies what differs from the lake."""
    if not sweep.was_loaded():
        return
    query = _base(sweep)
    if sweep.entity.axis in DATED:
        _compare_spans(sweep, query, keys_between(sweep.entity, sweep.around.calendar, None, sweep.began_at))
        return
    for key in sweep.keys_to_ask():
        _compare(sweep, query, [key], sweep.asked(key), key)


def sweep_partition(sweep: Sweep, key: str) -> None:
    """Reads one partition whole and applies what differs from the lake; what is not in the answer is gone."""
    if sweep.entity.axis in DATED:
        _compare_spans(sweep, _base(sweep), [key])
    else:
        _compare(sweep, _base(sweep), [key], sweep.asked(key), key)


def sweep_window(sweep: Sweep, since: datetime | None = None) -> None:
    """Reads what was created in the setting's last days, or since `since` if that is longer ago, and compares."""
    if sweep.entity.axis not in DATED:
        raise SweepError(f"{sweep.entity.name} has no time of creation to cut a window by.")
    if not sweep.was_loaded():
        return
    begin = sweep.began_at - timedelta(days=sweep.setting.window_days)
    begin = min(begin, since) if since else begin
    _compare_spans(sweep, _base(sweep), keys_between(sweep.entity, sweep.around.calendar, begin, sweep.began_at))


def _base(sweep: Sweep) -> PreparedQuery:
    query = sweep.around.prepared(sweep.entity, query_of)
    assert query is not None, "every entity has a question of its own"
    return query


def _compare_spans(sweep: Sweep, query: PreparedQuery, keys: Sequence[str]) -> None:
    for place in range(0, len(keys), _SPAN):
        span = keys[place : place + _SPAN]
        _compare(sweep, query, span, window_of(sweep, span), span[0])


def window_of(sweep: Sweep, span: Sequence[str]) -> dict[str, object]:
    """The variables that ask for neighbouring days or months as one range."""
    calendar, axis = sweep.around.calendar, sweep.entity.axis
    return {"from": calendar.window(axis, span[0])[0].isoformat(), "to": calendar.window(axis, span[-1])[1].isoformat()}


def _compare(
    sweep: Sweep, query: PreparedQuery, partitions: Sequence[str], variables: Mapping[str, object], key: str
) -> None:
    comparison = sweep.held(partitions)
    waiting: list[pl.DataFrame] = []
    for _, rows in sweep.rows(query, variables, key):
        changed = comparison.changed(rows)
        if changed.height:
            waiting.append(changed)
        if sum(frame.height for frame in waiting) >= _BATCH:
            sweep.apply(pl.concat(waiting))
            waiting.clear()
    if waiting:
        sweep.apply(pl.concat(waiting))
    bury(sweep, comparison.gone(sweep.began_at), comparison.known)


def bury(sweep: Sweep, gone: pl.DataFrame, known: int) -> int:
    """Makes tombstones of records that an answer lacked, of `known` that should be there; returns how many.

    They are asked for by id first, where Centra can be asked so: a reading may have missed one. Raises CollapseError
    where so much is missing that the answer is rather to be doubted.
    """
    if gone.is_empty():
        return 0
    refuse_collapse(sweep.entity, gone.height, known)
    asked_at = sweep.began_at
    if sweep.entity.id_filter is not None:
        found = fetch(sweep.around.client, sweep.entity, ids_by_partition(gone), calendar=sweep.around.calendar)
        asked_at = found.asked_at
        sweep.apply_found(found.rows)
        there = found.rows.select(PLACE)
        gone = gone.join(there, on=PLACE, how="anti")
    # The guard has judged them all; a load of nothing but tombstones would always look like a collapse to it.
    if gone.height:
        sweep.apply(tombstones(gone, asked_at), guard=OPEN_GUARD)
    return gone.height


def bury_missing(sweep: Sweep, key: str, ids: Collection[str], asked_at: datetime, *, of: int) -> None:
    """Makes tombstones of those records that Centra was asked for by id and does not have, where the lake has them."""
    if not ids:
        return
    held = sweep.around.lake.known(sweep.entity.name, {key: ids})
    if held.height:
        refuse_collapse(sweep.entity, held.height, of)
        sweep.apply(tombstones(held, asked_at), guard=OPEN_GUARD)


def refuse_collapse(entity: Entity, gone: int, known: int) -> None:
    """Raises CollapseError where so much is missing that the answer is rather to be doubted than believed."""
    if is_collapse(gone, known, guard_of(entity)):
        raise CollapseError(f"{gone} of {known} records of {entity.name} are missing in Centra's answer.")


def ids_by_partition(rows: pl.DataFrame) -> dict[str, list[str]]:
    """The ids of rows of the lake, as they are asked for."""
    return {str(key): part["id"].to_list() for (key,), part in rows.group_by("partition")}
