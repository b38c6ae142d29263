"""From conditions to events: when an alert opens, escalates, is repeated, recovers. Nothing is kept or sent here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from centra_assets.alerts.model import Alert, Condition, Event, State
from centra_assets.alerts.settings import Rule

# A threshold counts no further; older moments are of no use to it.
_MOST_MOMENTS = 50


def advance(
    alert: Alert | None, condition: Condition | None, rule: Rule, now: datetime, *, is_silenced: bool = False
) -> tuple[Alert | None, Event | None]:
    """The alert after a look at what it stands for, and what is to be told of it, if anything.

    `condition` is None where it does not hold now. Nothing is told while it is silenced; what still stands when the
    silence ends is told then, if it was not before, and so is the end of what was told before the silence.
    """
    if condition is None:
        return (None, None) if alert is None else _without(alert, rule, now, is_silenced)
    held = _held(alert, condition, rule, now)
    if held.state is State.PENDING:
        if now - held.since < rule.hold or len(held.begun) < rule.at_least:
            return held, None
        held = replace(
            held,
            state=State.OPEN,
            opened_at=now,
            recovered_at=None,
            times=held.times + 1,
            notified_at=None,
            notified_severity=None,
            heard=(),
        )
    event = None if is_silenced else _due(held, rule, now)
    return (_notified(held, now) if event else held), event


def _held(alert: Alert | None, condition: Condition, rule: Rule, now: datetime) -> Alert:
    """The alert with its condition of now; pending where it has just begun to hold."""
    is_new = alert is None or alert.state is State.CLOSED
    before = () if alert is None else alert.begun
    moments = condition.moments or ([now] if is_new else [])
    # Counted back from the last time, for it may have been seen long after it happened.
    every = [*before, *moments]
    begun = _lately(every, max(every, default=now) - rule.within)
    if alert is None or is_new:
        since = min(condition.moments, default=now)
        fresh = Alert(condition, State.PENDING, since, now, begun)
        return fresh if alert is None else replace(fresh, times=alert.times, opened_at=alert.opened_at)
    state = State.OPEN if alert.state is State.RECOVERING else alert.state
    return replace(alert, condition=condition, state=state, last_seen_at=now, begun=begun, quiet_since=None)


def _lately(moments: Sequence[datetime], after: datetime) -> tuple[datetime, ...]:
    return tuple(sorted({moment for moment in moments if moment >= after})[-_MOST_MOMENTS:])


def _due(alert: Alert, rule: Rule, now: datetime) -> Event | None:
    """What there is to tell of an alert that is open."""
    if alert.notified_at is None or alert.notified_severity is None:
        return Event.OPENED
    if alert.condition.severity.rank > alert.notified_severity.rank:
        return Event.ESCALATED
    if rule.remind > timedelta(0) and now - alert.notified_at >= rule.remind:
        return Event.REMINDER
    return None


def _notified(alert: Alert, now: datetime) -> Alert:
    # What was told as an error and is a warning now does not become news by being an error again.
    told, severity = alert.notified_severity, alert.condition.severity
    return replace(
        alert, notified_at=now, notified_severity=severity if told is None or severity.rank > told.rank else told
    )


def _without(alert: Alert, rule: Rule, now: datetime, is_silenced: bool) -> tuple[Alert, Event | None]:
    """The alert when its condition does not hold."""
    if alert.state is State.CLOSED:
        return alert, None
    if alert.state is State.PENDING:
        return replace(alert, state=State.CLOSED, recovered_at=now, begun=_lately(alert.begun, now - rule.within)), None
    quiet_since = alert.quiet_since or now
    was_told = alert.notified_at is not None
    if now - quiet_since < rule.recover or (was_told and is_silenced):
        return replace(alert, state=State.RECOVERING, quiet_since=quiet_since), None
    closed = replace(alert, state=State.CLOSED, quiet_since=None, recovered_at=now)
    return closed, Event.RECOVERED if was_told else None
