"""How far each sweep has come (`ops.sync_state`), and which were asked for (`ops.sweep_request`). Sweeps nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from centra_assets.storage.failures import translated

# A watermark only moves forward, whatever the order in which two sweeps commit.
_ADVANCE = """
INSERT INTO ops.sync_state AS held (entity, partition, strategy, watermark, changed_at, run_id)
VALUES (%(entity)s, %(partition)s, %(strategy)s, %(watermark)s, clock_timestamp(), %(run_id)s)
ON CONFLICT (entity, partition, strategy) DO UPDATE SET
  watermark = greatest(held.watermark, excluded.watermark), changed_at = excluded.changed_at, run_id = excluded.run_id
"""
# A sweep that fails for good is over as well; only one that does not fail makes what we have fresh.
_CHECKED = """
INSERT INTO ops.sync_state AS held (entity, partition, strategy, checked_at, fresh_at, run_id, detail)
SELECT %(entity)s, %(partition)s, %(strategy)s, at, CASE WHEN NOT %(detail)s ? 'error' THEN at END, %(run_id)s,
  %(detail)s
FROM clock_timestamp() AS at
ON CONFLICT (entity, partition, strategy) DO UPDATE SET
  checked_at = excluded.checked_at, fresh_at = coalesce(excluded.fresh_at, held.fresh_at), run_id = excluded.run_id,
  detail = excluded.detail
"""


@dataclass(frozen=True)
class Mark:
    """How far one strategy has come with an entity, or with one partition of it ('' for the entity as a whole).

    `checked_at` is when it was last over, `fresh_at` when it last came to its end without a failure.
    """

    entity: str
    partition: str
    strategy: str
    watermark: datetime | None
    checked_at: datetime | None
    fresh_at: datetime | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it was last over because it failed for good."""
        return self.checked_at is not None and (self.fresh_at is None or self.fresh_at < self.checked_at)


@dataclass(frozen=True)
class SweepRequest:
    """A sweep that somebody asked for; `partition` '' is the entity as a whole, `since` None its own watermark."""

    id: int
    entity: str
    partition: str
    since: datetime | None
    reason: str


def advance(
    cursor: Cursor[TupleRow], entity: str, strategy: str, watermark: datetime, *, run_id: str, partition: str = ""
) -> None:
    """Moves a watermark forward in the caller's transaction, together with what was loaded."""
    values = {"entity": entity, "partition": partition, "strategy": strategy, "watermark": watermark, "run_id": run_id}
    cursor.execute(_ADVANCE, values)


def checked(
    cursor: Cursor[TupleRow],
    entity: str,
    strategy: str,
    *,
    run_id: str,
    partition: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Notes that a sweep is over just now; `detail` are its counts, with an `error` where it failed."""
    values = {"entity": entity, "partition": partition, "strategy": strategy, "run_id": run_id}
    cursor.execute(_CHECKED, {**values, "detail": Jsonb(dict(detail or {}))})


class SyncState:
    """The state of one database. Opens a connection per call."""

    def __init__(self, url: str) -> None:
        self._url = url

    def marks(self) -> list[Mark]:
        """Every mark there is."""
        statement = "SELECT entity, partition, strategy, watermark, checked_at, fresh_at FROM ops.sync_state"
        with self._connected() as connection, connection.cursor(row_factory=class_row(Mark)) as cursor:
            return cursor.execute(statement).fetchall()

    def mark(self, entity: str, strategy: str, partition: str = "") -> Mark:
        """One mark; without times when nothing was swept yet."""
        for mark in self.marks():
            if (mark.entity, mark.strategy, mark.partition) == (entity, strategy, partition):
                return mark
        return Mark(entity, partition, strategy, None, None)

    def ask_for(
        self, entities: Sequence[str], *, reason: str, since: datetime | None = None, partition: str = ""
    ) -> None:
        """Asks for sweeps of these entities as soon as may be.

        Who asks again gets a request anew in place of his old one: a sweep that has read the old one and is under way
        may have passed what he asks for, and settles only what it has read.
        """
        statement = """
            WITH older AS (
              DELETE FROM ops.sweep_request WHERE entity = ANY(%(entities)s) AND partition = %(partition)s
                AND since IS NOT DISTINCT FROM %(since)s::timestamptz
            )
            INSERT INTO ops.sweep_request (entity, partition, since, reason)
            SELECT asked, %(partition)s, %(since)s, %(reason)s FROM unnest(%(entities)s::text[]) AS asked
        """
        values = {"entities": list(entities), "partition": partition, "since": since, "reason": reason}
        with self._connected() as connection:
            connection.execute(statement, values)

    def requests(self) -> list[SweepRequest]:
        """What was asked for and is not done, oldest first."""
        statement = "SELECT id, entity, partition, since, reason FROM ops.sweep_request ORDER BY id"
        with self._connected() as connection, connection.cursor(row_factory=class_row(SweepRequest)) as cursor:
            return cursor.execute(statement).fetchall()

    def settle(self, ids: Sequence[int]) -> None:
        """Forgets requests that were carried out."""
        with self._connected() as connection:
            connection.execute("DELETE FROM ops.sweep_request WHERE id = ANY(%s)", [list(ids)])

    @contextmanager
    def _connected(self) -> Iterator[Connection[TupleRow]]:
        with translated(), psycopg.connect(self._url, application_name="centra_sync", connect_timeout=10) as found:
            yield found
