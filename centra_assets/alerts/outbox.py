"""The outbox `ops.alert_delivery`: what is to be sent, by whom it is being sent, what became of it. Sends nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from centra_assets.alerts.model import Event, Message, Notice
from centra_assets.alerts.settings import AlertSettings, QuietHours

# Whoever took a message and did not say what became of it by then has died; somebody else sends it.
LEASE = timedelta(minutes=2)

_ADD = """
INSERT INTO ops.alert_delivery (key, channel, event, notices, at, next_try_at) VALUES (%s, %s, %s, %s, %s, %s)
"""
_LATELY = """
SELECT count(*) FROM ops.alert_delivery WHERE channel = %s AND at > %s AND event <> 'digest' AND state <> 'dropped'
"""
# A digest that nobody has begun to send takes more.
_OPEN_DIGEST = """
SELECT id, next_try_at, notices FROM ops.alert_delivery
WHERE channel = %s AND event = 'digest' AND state = 'pending' AND attempts = 0
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_TAKE_ALONG = """
UPDATE ops.alert_delivery SET notices = notices || %s, next_try_at = least(next_try_at, %s) WHERE id = %s
"""
# What is over before its opening was ever tried, as in quiet hours, is no news any more.
_DROP_UNTRIED = """
UPDATE ops.alert_delivery SET state = 'dropped'
WHERE channel = %s AND key = %s AND event <> 'digest' AND state = 'pending'
  AND attempts = 0 AND error IS NULL AND next_try_at > %s
RETURNING event
"""
# What waits for the end of the quiet hours does not hold up what is worse than it was.
_HASTEN = """
UPDATE ops.alert_delivery SET next_try_at = %(due)s
WHERE channel = %(channel)s AND key = ANY(%(keys)s) AND event <> 'digest' AND state = 'pending'
  AND attempts = 0 AND error IS NULL AND next_try_at > %(due)s
"""
# In the order in which things happened: no recovery before the trouble it ends, be it in a digest or alone.
_CLAIM = """
UPDATE ops.alert_delivery held SET attempts = held.attempts + 1, next_try_at = %(now)s + %(lease)s
FROM (
  SELECT id FROM ops.alert_delivery due
  WHERE state = 'pending' AND next_try_at <= %(now)s AND NOT EXISTS (
    SELECT FROM ops.alert_delivery earlier WHERE earlier.state = 'pending' AND earlier.channel = due.channel
      AND earlier.id < due.id AND (earlier.key = due.key
        OR earlier.event = 'digest' AND earlier.notices @> jsonb_build_array(
          jsonb_build_object('condition', jsonb_build_object('key', due.key)))
        OR due.event = 'digest' AND due.notices @> jsonb_build_array(
          jsonb_build_object('condition', jsonb_build_object('key', earlier.key)))))
    AND channel = ANY(%(channels)s)
  ORDER BY next_try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
) next
WHERE held.id = next.id RETURNING held.id, held.message, held.channel, held.event, held.notices, held.attempts, held.at
"""
_PUT_BACK = """
UPDATE ops.alert_delivery SET error = %(code)s,
  state = CASE WHEN at < %(now)s - %(give_up)s THEN 'failed' ELSE 'pending' END,
  next_try_at = %(now)s + %(pause)s
WHERE id = %(id)s RETURNING state
"""
# A channel that is down is down for all that waits for it: one attempt tells as much as ten.
_DELAY_OTHERS = """
UPDATE ops.alert_delivery SET error = %(code)s,
  next_try_at = greatest(next_try_at, %(now)s + %(pause)s)
WHERE channel = %(channel)s AND state = 'pending' AND at >= %(now)s - %(give_up)s
"""


@dataclass(frozen=True)
class Claimed:
    """A message in the hands of whoever sends it, for as long as the lease."""

    id: int
    channel: str
    message: Message
    attempts: int
    at: datetime


@dataclass(frozen=True)
class Stuck:
    """A channel whose messages do not get through: how many wait, since when, and what its last answer was."""

    channel: str
    waiting: int
    since: datetime
    code: str


@dataclass(frozen=True)
class _Gathering:
    """A digest that nobody has begun to send: when it goes out, and the keys of what it tells of."""

    id: int
    due: datetime
    keys: frozenset[str]

    def takes(self, notice: Notice, due: datetime) -> bool:
        """Whether a notice, which may go out when it is due, goes along: not if the digest waits for the morning."""
        return notice.condition.key in self.keys or self.due <= due


def put(
    cursor: Cursor[TupleRow], settings: AlertSettings, notices: Sequence[Notice], now: datetime, zone: ZoneInfo
) -> int:
    """Writes the messages about these notices, one per channel and notice, or digests in a storm; returns how many."""
    by_channel: dict[str, list[Notice]] = {}
    for notice in notices:
        for channel in recipients(settings, notice):
            # Who hears of it for the first time hears that it is there, not that it got worse or still is.
            is_new = channel not in notice.heard and notice.event in (Event.ESCALATED, Event.REMINDER)
            by_channel.setdefault(channel, []).append(replace(notice, event=Event.OPENED) if is_new else notice)
    return sum(_put_on(cursor, settings, channel, told, now, zone) for channel, told in by_channel.items())


def recipients(settings: AlertSettings, notice: Notice) -> list[str]:
    """The channels of a notice: those of its routes; of an end those that were told of what ends, if they exist."""
    if notice.event is not Event.RECOVERED:
        return settings.channels_of(notice.condition)
    return [channel for channel in notice.heard if channel in settings.channels]


def _put_on(
    cursor: Cursor[TupleRow],
    settings: AlertSettings,
    channel: str,
    notices: Sequence[Notice],
    now: datetime,
    zone: ZoneInfo,
) -> int:
    wanted = [notice for notice in notices if not _is_over_untold(cursor, channel, notice, now)]
    quiet, gathered = settings.channels[channel].quiet, now + settings.delivery.gather
    gathering = _open_digest(cursor, channel)
    if gathering is not None:
        along = [notice for notice in wanted if gathering.takes(notice, _due(quiet, [notice], gathered, zone))]
        wanted = [notice for notice in wanted if notice not in along]
        if along:
            _take_along(cursor, channel, gathering, along, _due(quiet, along, gathered, zone))
    single, rest = _parted(cursor, settings, channel, wanted, now)
    for notice in single:
        due, told = _due(quiet, [notice], now, zone), Jsonb([notice.told()])
        _hasten(cursor, channel, [notice], due)
        cursor.execute(_ADD, [notice.condition.key, channel, str(notice.event), told, now, due])
    if rest and gathering is not None:
        _take_along(cursor, channel, gathering, rest, _due(quiet, rest, gathered, zone))
    elif rest:
        due, told = _due(quiet, rest, gathered, zone), Jsonb([notice.told() for notice in rest])
        _hasten(cursor, channel, rest, due)
        cursor.execute(_ADD, ["digest", channel, str(Event.DIGEST), told, now, due])
    return len(single) + bool(rest and gathering is None)


def _parted(
    cursor: Cursor[TupleRow], settings: AlertSettings, channel: str, wanted: list[Notice], now: datetime
) -> tuple[list[Notice], list[Notice]]:
    """What is told alone, and what becomes one message because there is too much of it."""
    if len(wanted) > settings.delivery.storm:
        # A storm in one look: nobody reads ten messages and a digest.
        return [], wanted
    cursor.execute(_LATELY, [channel, now - settings.delivery.within])
    row = cursor.fetchone()
    room = max(0, settings.delivery.storm - (row[0] if row else 0))
    return wanted[:room], wanted[room:]


def _is_over_untold(cursor: Cursor[TupleRow], channel: str, notice: Notice, now: datetime) -> bool:
    if notice.event is not Event.RECOVERED:
        return False
    cursor.execute(_DROP_UNTRIED, [channel, notice.condition.key, now])
    return str(Event.OPENED) in {event for (event,) in cursor.fetchall()}


def _open_digest(cursor: Cursor[TupleRow], channel: str) -> _Gathering | None:
    cursor.execute(_OPEN_DIGEST, [channel])
    row = cursor.fetchone()
    if row is None:
        return None
    number, due, told = row
    return _Gathering(number, due, frozenset(notice["condition"]["key"] for notice in told))


def _take_along(
    cursor: Cursor[TupleRow], channel: str, digest: _Gathering, notices: Sequence[Notice], due: datetime
) -> None:
    _hasten(cursor, channel, notices, due)
    cursor.execute(_TAKE_ALONG, [Jsonb([notice.told() for notice in notices]), due, digest.id])


def _hasten(cursor: Cursor[TupleRow], channel: str, notices: Sequence[Notice], due: datetime) -> None:
    keys = [notice.condition.key for notice in notices]
    cursor.execute(_HASTEN, {"channel": channel, "keys": keys, "due": due})


def _due(quiet: QuietHours | None, notices: Sequence[Notice], now: datetime, zone: ZoneInfo) -> datetime:
    """When a message about these may go out: at once, or when the quiet hours end."""
    worst = max(notice.condition.severity.rank for notice in notices)
    if quiet is None or worst >= quiet.except_severity.rank:
        return now
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    over_midnight = quiet.begin > quiet.end
    is_quiet = (clock >= quiet.begin or clock < quiet.end) if over_midnight else quiet.begin <= clock < quiet.end
    if not is_quiet:
        return now
    end = local.replace(hour=quiet.end.hour, minute=quiet.end.minute, second=0, microsecond=0)
    return end if end > local else end + timedelta(days=1)


def claim(cursor: Cursor[TupleRow], now: datetime, channels: Sequence[str]) -> Claimed | None:
    """The next message that is due on one of these channels, for whoever asks; None when there is none."""
    cursor.execute(_CLAIM, {"now": now, "lease": LEASE, "channels": list(channels)})
    row = cursor.fetchone()
    if row is None:
        return None
    number, message, channel, event, told, attempts, at = row
    notices = tuple(Notice.from_told(notice) for notice in told)
    return Claimed(number, channel, Message(str(message), Event(event), notices), attempts, at)


def sent(cursor: Cursor[TupleRow], claimed: Claimed, now: datetime) -> None:
    """The channel has taken it."""
    statement = "UPDATE ops.alert_delivery SET state = 'sent', sent_at = %s, error = NULL WHERE id = %s"
    cursor.execute(statement, [now, claimed.id])


def put_back(
    cursor: Cursor[TupleRow], claimed: Claimed, code: str, now: datetime, *, pause: timedelta, give_up: timedelta
) -> bool:
    """The channel has not taken it: it is tried again after a pause, until it is too old. Whether it was given up."""
    values = {"id": claimed.id, "channel": claimed.channel, "code": code, "now": now, "pause": pause}
    values |= {"give_up": give_up}
    cursor.execute(_PUT_BACK, values)
    row = cursor.fetchone()
    cursor.execute(_DELAY_OTHERS, values)
    return bool(row and row[0] == "failed")


def drop_channels(cursor: Cursor[TupleRow], known: Mapping[str, object]) -> int:
    """Drops what waits for channels that are no longer in the settings."""
    statement = "UPDATE ops.alert_delivery SET state = 'dropped' WHERE state = 'pending' AND NOT channel = ANY(%s)"
    cursor.execute(statement, [list(known)])
    return cursor.rowcount


def stuck(cursor: Cursor[TupleRow]) -> list[Stuck]:
    """The channels that did not take a message when it was last tried, and those that were given up lately."""
    cursor.execute(
        """
        SELECT channel, count(*) FILTER (WHERE state = 'pending'), min(at), max(error)
        FROM ops.alert_delivery
        WHERE error IS NOT NULL AND key NOT LIKE 'delivery/%'
          AND (state = 'pending' OR state = 'failed' AND at > clock_timestamp() - interval '2 days' AND NOT EXISTS (
            SELECT FROM ops.alert_delivery later WHERE later.channel = alert_delivery.channel
              AND later.state = 'sent' AND later.sent_at > alert_delivery.at))
        GROUP BY channel ORDER BY channel
        """
    )
    return [Stuck(*row) for row in cursor.fetchall()]
