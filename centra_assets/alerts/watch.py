"""Conditions that our own tables tell: quarantine, inbox, throttling, deliveries; and the token's last day."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.alerts import outbox
from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.alerts.settings import InboxWatch, QuarantineWatch, ThrottlingWatch, TokenWatch, Watches
from centra_assets.rhythm import shortly

# What `conditions` looks at.
KINDS = frozenset({Kind.QUARANTINE, Kind.INBOX, Kind.HINTS, Kind.THROTTLING, Kind.DELIVERY, Kind.TOKEN})

PLATFORM = "platform"

# That no new ones come does not end it: it stands until few are left.
_QUARANTINE = """
SELECT entity, count(*), count(*) FILTER (WHERE first_seen > clock_timestamp() - %(within)s) FROM ops.quarantine
GROUP BY entity
HAVING count(*) >= %(total)s OR count(*) FILTER (WHERE first_seen > clock_timestamp() - %(within)s) >= %(growth)s
  OR count(*) >= %(growth)s AND EXISTS (
    SELECT FROM ops.alert WHERE key = 'quarantine/' || entity AND state IN ('open', 'recovering'))
ORDER BY entity
"""
_INBOX = "SELECT count(*), min(received_at) FROM ops.inbox WHERE state = 'waiting'"
_FAILED_HINTS = """
SELECT count(*), array_agg(DISTINCT entity ORDER BY entity), array_agg(DISTINCT error ORDER BY error)
FROM ops.inbox WHERE state = 'failed' AND done_at > clock_timestamp() - %s AND received_at > clock_timestamp() - %s
"""
# A hint is given up some minutes after it came, or hours when Centra was away meanwhile; the index is on when it came.
_GIVEN_UP_WITHIN = timedelta(days=2)
_THROTTLED = "SELECT environment, closed_until FROM ops.api_gate WHERE closed_until > clock_timestamp() - %s ORDER BY 1"


def conditions(
    cursor: Cursor[TupleRow], watch: Watches, owners: Mapping[str, str], token_expires_at: date | None, now: datetime
) -> list[Condition]:
    """All that hold now. `owners` are those of the entities; who is not there belongs to the platform's."""
    return [
        *_quarantine(cursor, watch.quarantine, owners),
        *_inbox(cursor, watch.inbox, now),
        *_failed_hints(cursor, watch.inbox),
        *_throttling(cursor, watch.throttling),
        *_token(token_expires_at, watch.token, now.astimezone(UTC).date()),
        *_deliveries(cursor),
    ]


def _quarantine(cursor: Cursor[TupleRow], watch: QuarantineWatch, owners: Mapping[str, str]) -> Iterator[Condition]:
    values = {"within": watch.within, "growth": watch.growth, "total": watch.total}
    cursor.execute(_QUARANTINE, values)
    for entity, total, new in cursor.fetchall():
        grew = new >= watch.growth
        yield Condition(
            key=f"quarantine/{entity}",
            kind=Kind.QUARANTINE,
            severity=Severity.ERROR if total >= watch.total else Severity.WARNING,
            owner=owners.get(entity, PLATFORM),
            subject=entity,
            title=f"{entity}: {new} records quarantined within {shortly(watch.within)}, {total} in all"
            if grew
            else f"{entity}: {total} records in quarantine",
            text="Records of Centra break the contract of their tables. They are set aside whole; their last good "
            "version stays in core, and figures miss what is new in them. See `centra-assets quarantine list --entity "
            f"{entity}` for the rules that they break. Mend the data in Centra, or the contract if Centra is right; "
            "records that are read again and are sound leave quarantine by themselves.",
            link=f"assets/raw/{entity}",
            count=total,
        )


def _inbox(cursor: Cursor[TupleRow], watch: InboxWatch, now: datetime) -> Iterator[Condition]:
    waiting, oldest = _row(cursor, _INBOX)
    if oldest is None or now - oldest < watch.warn:
        return
    age = shortly(timedelta(minutes=int((now - oldest).total_seconds() // 60)))
    yield Condition(
        key="inbox/age",
        kind=Kind.INBOX,
        severity=Severity.ERROR if now - oldest >= watch.error else Severity.WARNING,
        owner=PLATFORM,
        subject="inbox",
        title=f"Hints wait for {age}: data is not in real time",
        text=f"{waiting} hints from webhooks and events wait in ops.inbox, the oldest for {age}. What they tell of "
        "arrives late; nothing is lost. See whether runs of incremental_sync start and succeed, whether Centra "
        "answers, and whether the daemon runs; `centra-assets doctor` looks at all three. If it was a burst, wait.",
        link="jobs/incremental_sync",
        count=waiting,
    )


def _failed_hints(cursor: Cursor[TupleRow], watch: InboxWatch) -> Iterator[Condition]:
    count, entities, codes = _row(cursor, _FAILED_HINTS, [watch.within, _GIVEN_UP_WITHIN])
    if count < watch.failed:
        return
    named = ", ".join(entity or "unknown" for entity in entities[:5])
    yield Condition(
        key="inbox/failed",
        kind=Kind.HINTS,
        severity=Severity.WARNING,
        owner=PLATFORM,
        subject="inbox",
        title=f"{count} hints were given up within {shortly(watch.within)}",
        text=f"Following them failed six times each. Entities: {named}. Codes: {', '.join(filter(None, codes))}. The "
        "sweeps bring what they spoke of, later. docs/errors.md says what each code means and what to do.",
        link="jobs/incremental_sync",
        count=count,
    )


def _throttling(cursor: Cursor[TupleRow], watch: ThrottlingWatch) -> Iterator[Condition]:
    cursor.execute(_THROTTLED, [watch.within])
    for environment, _ in cursor.fetchall():
        yield Condition(
            key=f"throttling/{environment}",
            kind=Kind.THROTTLING,
            severity=Severity.WARNING,
            owner=PLATFORM,
            subject=environment,
            title=f"{environment} throttles us: requests are answered with 429",
            text="Centra's quota of this environment was used up although we count what we spend. Most likely another "
            "integration spends from the same quota; backfills and sweeps wait, hints go first. Find out who else "
            "uses the API, or ask Centra for a larger plan; `centra-assets doctor` shows the limits.",
            link="runs",
        )


def _token(expires_at: date | None, watch: TokenWatch, today: date) -> Iterator[Condition]:
    """The last day is the merchant's; a day more or less is no matter at these distances."""
    if expires_at is None or expires_at - today > watch.warn:
        return
    left = (expires_at - today).days
    when = f"expires on {expires_at}, in {left} days" if left >= 0 else f"expired on {expires_at}"
    yield Condition(
        key="token/expiry",
        kind=Kind.TOKEN,
        severity=Severity.CRITICAL
        if left < 0
        else Severity.ERROR
        if expires_at - today <= watch.error
        else Severity.WARNING,
        owner=PLATFORM,
        subject="token",
        title=f"Centra's API token {when}",
        text="With it everything stops: no sync, no hint is followed, no sweep. Make a new token in Centra (System > "
        "API tokens) with the same permissions, set CENTRA_API_TOKEN and CENTRA_API_TOKEN_EXPIRES_AT, and start the "
        "code server again.",
        link="runs",
    )


def _deliveries(cursor: Cursor[TupleRow]) -> Iterator[Condition]:
    for stuck in outbox.stuck(cursor):
        yield Condition(
            key=f"delivery/{stuck.channel}",
            kind=Kind.DELIVERY,
            severity=Severity.ERROR,
            owner=PLATFORM,
            subject=stuck.channel,
            title=f"Alerts do not reach the channel {stuck.channel} ({stuck.code})",
            text=f"{stuck.waiting} messages wait for it. They are tried again until they are too old (give_up). Run "
            f"`centra-assets alerts test --channel {stuck.channel}`; docs/errors.md says what {stuck.code} means.",
            link="automation",
            count=max(1, stuck.waiting),
        )


def nobody_looks(cursor: Cursor[TupleRow], longest: timedelta, now: datetime) -> list[Condition]:
    """What only somebody outside of Dagster's daemon can tell: that it no longer looks for alerts."""
    (last,) = _row(cursor, "SELECT max(seen_at) FROM ops.alert_cursor")
    if last is not None and now - last < longest:
        return []
    since = f"{shortly(timedelta(minutes=int((now - last).total_seconds() // 60)))} ago" if last else "never"
    return [
        Condition(
            key="watchdog/alerts",
            kind=Kind.WATCHDOG,
            severity=Severity.CRITICAL,
            owner=PLATFORM,
            subject="alerts",
            title="Nobody looks for alerts: Dagster's daemon is down, or its sensor alerts",
            text=f"The sensor looked last {since}. Nothing else is told until it does; most likely nothing is synced "
            "either. See that Dagster's daemon and code server run, and that the sensor alerts is switched on.",
            link="deployment/daemons",
        )
    ]


def _row(cursor: Cursor[TupleRow], statement: str, values: list[Any] | None = None) -> tuple[Any, ...]:
    cursor.execute(statement.encode(), values)
    row = cursor.fetchone()
    assert row is not None, "an aggregate has one row"
    return row
