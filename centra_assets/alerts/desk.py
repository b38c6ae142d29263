"""What was seen becomes alerts and messages, in one transaction. Looking is done elsewhere, and nothing is sent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.alerts import outbox, store
from centra_assets.alerts.lifecycle import advance
from centra_assets.alerts.model import Alert, Condition, Event, Kind, Notice
from centra_assets.alerts.parts import Failed, Succeeded, conditions, fold
from centra_assets.alerts.settings import AlertSettings
from centra_assets.alerts.store import Reading

# Ids of events become visible out of order by no more than this.
_SETTLES_AFTER = timedelta(seconds=60)

# Told by events; all others are looked at as they are.
_FROM_EVENTS = frozenset({Kind.RUN, Kind.CHECK})


@dataclass(frozen=True)
class Look:
    """What was seen. Kinds that could not be looked at are not in `kinds`: their alerts stay as they are.

    `events` are those of one stream after `Reading.settled`, up to `seen`, which is None where none were read;
    `is_whole` says whether those are all.
    `known` are the scopes and assets of events that still exist, None where that is not known.
    """

    events: Sequence[Failed | Succeeded] = ()
    seen: int | None = None
    is_whole: bool = True
    known: Collection[str] | None = None
    conditions: Sequence[Condition] = ()
    kinds: Collection[Kind] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Outcome:
    """What came of a look: alerts that stand, notices about them, messages written."""

    standing: int
    notices: Sequence[Notice]
    messages: int


def record(
    cursor: Cursor[TupleRow], settings: AlertSettings, stream: str, look: Look, now: datetime, zone: ZoneInfo
) -> Outcome:
    """Takes note of a look in the caller's transaction. Looking twice at the same changes nothing."""
    from_events = [] if look.seen is None else _read(cursor, stream, look, look.seen, now)
    held = _worst((*look.conditions, *from_events))
    kinds = frozenset(look.kinds) | (frozenset() if look.seen is None else _FROM_EVENTS)
    silences = store.silences(cursor)
    changed, notices = [], []
    alerts = {alert.key: alert for alert in store.alerts(cursor)}
    for key in sorted(alerts.keys() | held.keys()):
        alert, condition = _as_heard(alerts.get(key), settings), held.get(key)
        if condition is None and alert is not None and alert.condition.kind not in kinds:
            continue
        about = condition or (alert.condition if alert else None)
        assert about is not None
        rule = settings.rule(about)
        if not rule.enabled:
            condition = None
        elif condition is not None and rule.severity is not None:
            condition = replace(condition, severity=rule.severity)
        # What no channel takes is not told either: whoever sets one up later hears of what stands.
        is_silenced = any(silence.covers(key) for silence in silences)
        is_silenced |= condition is not None and not settings.channels_of(condition)
        after, event = advance(alert, condition, rule, now, is_silenced=is_silenced)
        if after is not None and event is not None:
            over = alert.quiet_since if alert and event is Event.RECOVERED else None
            notice = Notice(event, after.condition, after.since, over or now, after.heard)
            after = replace(after, heard=tuple(dict.fromkeys((*after.heard, *outbox.recipients(settings, notice)))))
            notices.append(notice)
        if after is not None and after != alerts.get(key):
            changed.append(after)
        alerts |= {key: after} if after else {}
    store.save(cursor, changed)
    written = outbox.put(cursor, settings, notices, now, zone)
    return Outcome(sum(_stands(alert) for alert in alerts.values()), notices, written)


def _as_heard(alert: Alert | None, settings: AlertSettings) -> Alert | None:
    """The alert; one whose every hearer is no channel any more, as one that nobody was told of: then others will be."""
    if alert is None or not _stands(alert) or any(channel in settings.channels for channel in alert.heard):
        return alert
    return replace(alert, notified_at=None, notified_severity=None)


def _worst(found: Iterable[Condition]) -> dict[str, Condition]:
    """One condition per key: an event and a look may tell of the same trouble, and the milder must not hide the worse.

    Of two that are as bad it is the later one.
    """
    return {condition.key: condition for condition in sorted(found, key=lambda each: each.severity.rank)}


def _stands(alert: Alert) -> bool:
    return alert.state in ("open", "recovering")


def _read(cursor: Cursor[TupleRow], stream: str, look: Look, end: int, now: datetime) -> list[Condition]:
    """Applies the events, notes how far they were read, and returns what they amount to."""
    standing = store.parts(cursor)
    folded = fold(standing, look.events)
    store.save_parts(cursor, folded.changed)
    before = store.reading(cursor, stream)
    settled = end if before is None or not look.is_whole else before.settled
    seen, seen_at = end, now
    if before is not None and look.is_whole:
        if now - before.seen_at >= _SETTLES_AFTER:
            settled = before.seen
        else:
            # The mark that is settled next stays the older one until it is.
            seen, seen_at = before.seen, before.seen_at
    if folded.again_from is not None:
        settled = min(settled, folded.again_from - 1)
        seen = max(settled, min(seen, folded.again_from - 1))
    store.save_reading(cursor, stream, Reading(settled, seen, seen_at))
    store.prune_parts(cursor, settled)
    ours = {(part.condition.key, part.part): part for part in (*standing, *folded.changed)}
    return conditions(ours.values(), look.known)
