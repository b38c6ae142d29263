"""`ops.inbox`: hints are stored, claimed and done here, and one drainer at a time. What they mean is not known here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, class_row

from centra_assets.storage.failures import translated

Source = Literal["webhook", "event"]
State = Literal["waiting", "done", "unknown", "ignored", "outside", "failed"]
# Why a hint is put back: following it failed; it failed for a reason that passes; its record was not found.
Why = Literal["failure", "outage", "look"]

CHANNEL = "centra_inbox"
# Whoever holds this advisory lock of a session drains the inbox; it goes when the connection goes.
_DRAINER_LOCK = 0x43454E5452414944

# How often a hint is tried before it is given up; the sweeps find what it spoke of.
MOST_ATTEMPTS = 6
_FIRST_DELAY_SECONDS = 5
# An outage is over some time: then what waited for its end shall not wait for long.
_LONGEST_DELAY_SECONDS: dict[Why, int] = {"failure": 20 * 60, "look": 20 * 60, "outage": 60}

# Rows of one statement must differ in their key; `parameters` sees to it.
STORE = """
INSERT INTO ops.inbox AS held
  (source, channel, delivery, position, entity, via, object_type, action, reference, element, sent_at, state, repeats)
SELECT source, channel, delivery, position, entity, via, object_type, action, reference, element::jsonb, sent_at,
  CASE entity WHEN '' THEN 'unknown' ELSE 'waiting' END, repeats
FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::timestamptz[], %s::int[])
  AS t (source, channel, delivery, position, entity, via, object_type, action, reference, element, sent_at, repeats)
ON CONFLICT (source, channel, delivery, position, entity)
DO UPDATE SET repeats = held.repeats + excluded.repeats + 1
RETURNING xmax = 0 -- whether the row is new
"""
WAKE = f"NOTIFY {CHANNEL}"

_CLAIM = """
UPDATE ops.inbox held SET claimed_by = %(run_id)s
FROM (SELECT id FROM ops.inbox WHERE state = 'waiting' AND available_at <= clock_timestamp()
      ORDER BY available_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) due
WHERE held.id = due.id
RETURNING held.id, held.entity, held.via, held.object_type, held.action, held.reference, held.source,
  held.received_at, held.looks
"""
_DONE = """
UPDATE ops.inbox SET state = %(state)s, done_at = clock_timestamp(), run_id = %(run_id)s, error = NULL
WHERE id = ANY(%(ids)s)
"""
_EMPTY = "UPDATE ops.inbox SET element = '{}' WHERE id = ANY(%s) AND element <> '{}'"
# Later and later, and at last given up: a hint that cannot be followed must not be followed for ever. Counted is what
# was put back, not what was claimed: a run that was killed has tried nothing.
_PUT_BACK = """
UPDATE ops.inbox held SET attempts = tries.attempts, looks = tries.looks, outages = tries.outages,
  state = CASE WHEN tries.attempts >= %(most)s THEN 'failed' ELSE 'waiting' END,
  done_at = CASE WHEN tries.attempts >= %(most)s THEN clock_timestamp() END,
  available_at = clock_timestamp() + make_interval(secs => least(%(longest)s, %(delay)s * 2 ^ least(
    CASE %(why)s WHEN 'failure' THEN tries.attempts WHEN 'look' THEN tries.looks ELSE tries.outages END - 1, 8))),
  claimed_by = NULL, run_id = %(run_id)s, error = %(error)s
FROM (SELECT id, attempts + (%(why)s = 'failure')::int AS attempts, looks + (%(why)s = 'look')::int AS looks,
        outages + (%(why)s = 'outage')::int AS outages
      FROM ops.inbox WHERE id = ANY(%(ids)s)) tries
WHERE held.id = tries.id
"""
# Looking must not take the lock: a drainer that begins at that moment would go away.
_HELD = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1)
"""
_SUMMARY = """
SELECT count(*) FILTER (WHERE state = 'waiting' AND available_at <= clock_timestamp()),
  count(*) FILTER (WHERE state = 'waiting'),
  min(received_at) FILTER (WHERE state = 'waiting')
FROM ops.inbox WHERE state = 'waiting'
"""


@dataclass(frozen=True)
class Hint:
    """One object that a delivery speaks of, for one entity. `element` is its JSON text, as it came."""

    entity: str
    via: str
    object_type: str
    action: str
    reference: str
    element: str
    position: int = 0


@dataclass(frozen=True)
class Delivery:
    """What arrived at once. `delivery` is the same for a repeat and differs for anything else of the channel."""

    source: Source
    channel: str
    delivery: str
    hints: Sequence[Hint]
    sent_at: datetime | None = None


@dataclass(frozen=True)
class ClaimedHint:
    """A hint in the hands of the drainer."""

    id: int
    entity: str
    via: str
    object_type: str
    action: str
    reference: str
    source: str
    received_at: datetime
    looks: int


@dataclass(frozen=True)
class Stored:
    """How many hints were new, and how many were there already."""

    new: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class Waiting:
    """The queue: hints due now, hints waiting in all, and when the oldest of them came."""

    due: int
    total: int
    oldest: datetime | None


@dataclass
class _Rows:
    rows: dict[tuple[str, str, str, int, str], list[Any]] = field(default_factory=dict)

    def add(self, delivery: Delivery, hint: Hint) -> None:
        key = (delivery.source, delivery.channel, delivery.delivery, hint.position, hint.entity)
        if key in self.rows:
            self.rows[key][-1] += 1
            return
        told = [hint.via, hint.object_type, hint.action, hint.reference, hint.element, delivery.sent_at, 0]
        self.rows[key] = [*key, *told]


def parameters(deliveries: Sequence[Delivery]) -> list[list[Any]]:
    """The parameters of STORE: a list per column. Empty lists when no delivery has a hint."""
    rows = _Rows()
    for delivery in deliveries:
        for hint in delivery.hints:
            rows.add(delivery, hint)
    return [list(column) for column in zip(*rows.rows.values(), strict=True)] if rows.rows else [[] for _ in range(12)]


def done(cursor: Cursor[TupleRow], ids: Sequence[int], run_id: str, state: State = "done") -> None:
    """Marks hints as followed, in the caller's transaction: together with the rows that they led to."""
    cursor.execute(_DONE, {"ids": list(ids), "run_id": run_id, "state": state})


def empty(cursor: Cursor[TupleRow], ids: Sequence[int]) -> int:
    """Takes away what deliveries said beside what their hints are about; returns of how many hints. None lose more."""
    return cursor.execute(_EMPTY, [list(ids)]).rowcount if ids else 0


class Inbox:
    """The inbox of one database. Opens a connection per call."""

    def __init__(self, url: str) -> None:
        self._url = url

    def store(self, deliveries: Sequence[Delivery]) -> Stored:
        """Keeps the hints durably: when this returns they are on disk. Repeats are recognised and counted."""
        with self._connected() as connection, connection.transaction():
            outcomes = [new for (new,) in connection.execute(STORE, parameters(deliveries))]
            connection.execute(WAKE)
        return Stored(new=sum(outcomes), repeated=len(outcomes) - sum(outcomes))

    def waiting(self) -> Waiting:
        """What there is to do. Raises WarehouseUnavailableError."""
        with self._connected() as connection:
            row = connection.execute(_SUMMARY).fetchone()
        assert row is not None
        return Waiting(*row)

    def is_drained(self) -> bool:
        """Whether somebody is draining the inbox at this moment."""
        with self._connected() as connection:
            row = connection.execute(_HELD, [_DRAINER_LOCK >> 32, _DRAINER_LOCK & 0xFFFFFFFF]).fetchone()
        return bool(row and row[0])

    def wait_for_hints(self, seconds: float) -> bool:
        """Returns True as soon as a hint is due, False when the time is over."""
        with self._connected() as connection:
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            row = connection.execute(_SUMMARY).fetchone()
            if row and row[0]:
                return True
            return any(True for _ in connection.notifies(timeout=seconds, stop_after=1))

    @contextmanager
    def drainer(self, run_id: str) -> Iterator["Drainer | None"]:
        """The right to drain, for the length of the block; None when somebody else has it."""
        with self._connected() as connection:
            connection.autocommit = True
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_DRAINER_LOCK]).fetchone()
            if not (row and row[0]):
                yield None
                return
            connection.execute(f"LISTEN {CHANNEL}")
            yield Drainer(connection, run_id)

    @contextmanager
    def _connected(self) -> Iterator[Connection[TupleRow]]:
        with translated(), psycopg.connect(self._url, application_name="centra_inbox", connect_timeout=10) as found:
            yield found


class Drainer:
    """The one who drains. Claims of a drainer that died are simply claimed again."""

    def __init__(self, connection: Connection[TupleRow], run_id: str) -> None:
        self._connection = connection
        self._run_id = run_id

    def claim(self, limit: int) -> list[ClaimedHint]:
        """Hints that are due, oldest first; [] when there are none."""
        with self._connection.cursor(row_factory=class_row(ClaimedHint)) as cursor:
            found = cursor.execute(_CLAIM, {"run_id": self._run_id, "limit": limit}).fetchall()
        return sorted(found, key=lambda hint: hint.id)

    def put_back(
        self, ids: Sequence[int], error: str, *, why: Why = "failure", delay: float = _FIRST_DELAY_SECONDS
    ) -> None:
        """To be tried again, later each time; given up after MOST_ATTEMPTS failures. Outages and looks are counted
        for themselves: whoever looks knows when he has looked enough.

        `error` is a code, never a value.
        """
        values = {"ids": list(ids), "delay": delay, "run_id": self._run_id, "error": error, "why": why}
        patience = {"most": MOST_ATTEMPTS, "longest": _LONGEST_DELAY_SECONDS[why]}
        self._connection.execute(_PUT_BACK, values | patience)

    def finish(self, ids: Sequence[int], state: State) -> None:
        """Marks hints that led to no load: unknown, ignored, outside."""
        with self._connection.cursor() as cursor:
            done(cursor, ids, self._run_id, state)

    def empty(self, ids: Sequence[int]) -> None:
        """Takes away what was delivered with hints; they themselves stay as they are."""
        with self._connection.cursor() as cursor:
            empty(cursor, ids)

    def wait(self, seconds: float) -> bool:
        """Returns True when somebody stored a hint meanwhile, False when the time is over."""
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
