"""`ops.alert` and what belongs to it, in the caller's transaction. When something becomes an alert is in lifecycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from centra_assets.alerts.model import Alert, Condition, Severity, State

_CONDITION = ("key", "kind", "severity", "owner", "subject", "title", "text", "link", "count")
_HISTORY = (
    "state",
    "since",
    "begun",
    "last_seen_at",
    "opened_at",
    "quiet_since",
    "recovered_at",
    "times",
    "notified_at",
    "notified_severity",
    "heard",
)
_COLUMNS = (*_CONDITION, *_HISTORY)
_READ = f"SELECT {', '.join(_COLUMNS)} FROM ops.alert"  # noqa: S608 - names of columns
_SAVE = f"""
INSERT INTO ops.alert ({", ".join(_COLUMNS)}) VALUES ({", ".join(["%s"] * len(_COLUMNS))})
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608 - names of columns
_SAVE_PART = """
INSERT INTO ops.alert_part (key, part, scope, event_id, moments, extent, condition, ended)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (key, part) DO UPDATE SET scope = excluded.scope, event_id = excluded.event_id,
  moments = excluded.moments, extent = excluded.extent, condition = excluded.condition, ended = excluded.ended
"""
_SAVE_READING = """
INSERT INTO ops.alert_cursor (stream, settled, seen, seen_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (stream) DO UPDATE SET settled = excluded.settled, seen = excluded.seen, seen_at = excluded.seen_at
"""
_SILENCE = """
INSERT INTO ops.alert_silence (pattern, until, actor) VALUES (%s, clock_timestamp() + %s, %s)
ON CONFLICT (pattern) DO UPDATE SET until = excluded.until, actor = excluded.actor, at = clock_timestamp()
RETURNING until
"""


@dataclass(frozen=True)
class Part:
    """Something that an event told is wrong, until an event tells that it is not.

    `part` tells it from others of the same alert, `extent` says what must succeed in the scope to end it, `ended` is
    the event that did. It is kept for as long as the events before that one may be read again.
    """

    condition: Condition
    part: str
    scope: str
    event_id: int
    moments: Sequence[datetime]
    extent: Mapping[str, Any] = field(default_factory=dict)
    ended: int | None = None


@dataclass(frozen=True)
class Reading:
    """How far a stream of events was read: `seen` then, `settled` so long ago that nothing is missing before it."""

    settled: int
    seen: int
    seen_at: datetime


@dataclass(frozen=True)
class Silence:
    """Keys, with * and ?, of which nothing is told until a moment."""

    pattern: str
    until: datetime
    actor: str

    def covers(self, key: str) -> bool:
        """Whether it is about this alert."""
        return fnmatchcase(key, self.pattern)


def alerts(cursor: Cursor[TupleRow], *, closed: bool = True) -> list[Alert]:
    """Every alert there is, by key; without `closed` only those that stand or may."""
    where = "" if closed else " WHERE state <> 'closed'"
    cursor.execute(f"{_READ}{where} ORDER BY key")
    return [_alert(dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def _alert(row: dict[str, Any]) -> Alert:
    history = {name: row[name] for name in _HISTORY}
    told = history.pop("notified_severity")
    return Alert(
        condition=Condition.from_told({name: row[name] for name in _CONDITION}),
        **{
            **history,
            "state": State(history["state"]),
            "begun": tuple(history["begun"]),
            "heard": tuple(history["heard"]),
        },
        notified_severity=Severity(told) if told else None,
    )


def save(cursor: Cursor[TupleRow], changed: Sequence[Alert]) -> None:
    """Keeps the alerts as they are now."""
    cursor.executemany(_SAVE, [_row(alert) for alert in changed])


def _row(alert: Alert) -> list[Any]:
    values = {**alert.condition.told(), **{name: getattr(alert, name) for name in _HISTORY}}
    values |= {"begun": list(alert.begun), "heard": list(alert.heard)}
    return [values[name] for name in _COLUMNS]


def parts(cursor: Cursor[TupleRow]) -> list[Part]:
    """Everything that events told is wrong."""
    cursor.execute("SELECT scope, part, event_id, moments, extent, condition, ended FROM ops.alert_part ORDER BY 1, 2")
    return [
        Part(Condition.from_told(told), part, scope, event_id, tuple(moments), extent, ended)
        for scope, part, event_id, moments, extent, told, ended in cursor.fetchall()
    ]


def save_parts(cursor: Cursor[TupleRow], changed: Sequence[Part]) -> None:
    """Keeps the parts as they are now."""
    cursor.executemany(
        _SAVE_PART,
        [
            (
                part.condition.key,
                part.part,
                part.scope,
                part.event_id,
                list(part.moments),
                Jsonb(dict(part.extent)),
                Jsonb(part.condition.told()),
                part.ended,
            )
            for part in changed
        ],
    )


def prune_parts(cursor: Cursor[TupleRow], settled: int) -> None:
    """Forgets parts that ended before what may be read again."""
    cursor.execute("DELETE FROM ops.alert_part WHERE ended <= %s", [settled])


def reading(cursor: Cursor[TupleRow], stream: str) -> Reading | None:
    """How far a stream was read; None before the first time."""
    cursor.execute("SELECT settled, seen, seen_at FROM ops.alert_cursor WHERE stream = %s", [stream])
    row = cursor.fetchone()
    return Reading(*row) if row else None


def save_reading(cursor: Cursor[TupleRow], stream: str, read: Reading) -> None:
    """Notes how far a stream was read, together with what was read."""
    cursor.execute(_SAVE_READING, [stream, read.settled, read.seen, read.seen_at])


def silences(cursor: Cursor[TupleRow]) -> list[Silence]:
    """Those in force."""
    cursor.execute("SELECT pattern, until, actor FROM ops.alert_silence WHERE until > clock_timestamp() ORDER BY 1")
    return [Silence(*row) for row in cursor.fetchall()]


def silence(cursor: Cursor[TupleRow], pattern: str, length: Any, actor: str) -> datetime:
    """Begins or changes a silence; returns when it ends."""
    cursor.execute(_SILENCE, [pattern, length, actor])
    row = cursor.fetchone()
    assert row is not None
    until: datetime = row[0]
    return until


def unsilence(cursor: Cursor[TupleRow], pattern: str) -> bool:
    """Ends a silence; whether there was one."""
    cursor.execute("DELETE FROM ops.alert_silence WHERE pattern = %s AND until > clock_timestamp()", [pattern])
    return cursor.rowcount > 0


def forget_parts(cursor: Cursor[TupleRow], key: str) -> int:
    """Declares an alert's parts to be over; returns how many there were."""
    cursor.execute("UPDATE ops.alert_part SET ended = event_id WHERE key = %s AND ended IS NULL", [key])
    return cursor.rowcount
