"""The mart `sync_health`: how far behind each entity is and what keeping it fresh costs, by the hour. Alerts nobody.

It is computed from `ops`, not from core, and has no days: a refresh brings the running hour up to date and completes
those since the last refresh. The SQL stands beside it; what the UI shows of it is in `assets.health`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.entities.contract import Contract, instant, text, whole
from centra_assets.marts.model import SCHEMA
from centra_assets.marts.tables import table_from
from centra_assets.storage.warehouse import Warehouse

# Hours older than this are dropped, and the spending that they were made of.
KEPT = timedelta(days=90)
# What the first refresh, and one after a long silence, make up for.
_FIRST, _LONGEST = timedelta(days=1), timedelta(days=7)


class SyncHealth(Contract):
    """One row is how one entity was kept fresh in one hour (UTC).

    Counts are of the hour, so they may be added. What stands for a moment (lag, hints waiting, records set aside) is as
    it was when the hour was last looked at, and null for an hour in which nobody looked.
    """

    table = "sync_health"

    entity = text("The entity, as sync.yaml names it.", key=True)
    hour = instant("Where the hour begins.", key=True)
    measured_at = instant("When it was last looked at during the hour.")
    checked_at = instant("When the entity was last swept, reconciled or loaded, whether or not anything had changed.")
    fresh_at = instant(
        "When all that Centra had was here: when its last sweep ended without a failure, whether or not it found "
        "anything. Before the first sweep, and where sync.yaml has none, when it was last loaded."
    )
    changed_at = instant("When a load last changed a row of it.")
    lag_seconds = whole(
        "From fresh_at to measured_at. Null for an entity that was never loaded, or of which no sweep ever worked."
    )
    hints_waiting = whole("Hints that were not followed yet.")
    oldest_hint_at = instant("When the oldest of them came.")
    oldest_hint_seconds = whole("How long the oldest of them had waited.")
    records_quarantined = whole("Records in ops.quarantine.")
    hints_done = whole("Hints followed to their end in the hour.")
    hints_failed = whole("Hints given up in the hour; sweeps find what they spoke of.")
    rows_inserted = whole("Rows of core that came.")
    rows_updated = whole("Rows of core that changed.")
    rows_deleted = whole("Rows of core that went.")
    api_requests = whole("Requests to Centra for this entity, by the hour in which the work they belong to ended.")
    api_complexity = whole("Complexity points that they cost.")
    api_retries = whole("Requests sent again after a failure that passes.")
    api_throttled = whole("Answers 429.")
    api_seconds_waited = whole("Seconds spent waiting for quota, summed over requests that waited side by side.")


TABLE = table_from(SyncHealth, schema=SCHEMA)
ASSET = f"{SCHEMA}/{SyncHealth.table}"
# Where its rows come from; the dictionary says so.
SOURCES = ("load_log", "sync_state", "inbox", "quarantine", "api_spending")

_SINCE = """
SELECT date_trunc('hour', greatest(
  coalesce((SELECT max(hour) FROM marts.sync_health), clock_timestamp() - %(first)s), clock_timestamp() - %(longest)s
), 'UTC')
"""
_DROP = (
    "DELETE FROM marts.sync_health WHERE hour < clock_timestamp() - %(kept)s",
    "DELETE FROM ops.api_spending WHERE hour < clock_timestamp() - %(kept)s",
)
# The newest row of each entity, and what its last 24 hours add up to.
_STANDING = """
SELECT DISTINCT ON (entity) entity, measured_at, checked_at, changed_at, lag_seconds, hints_waiting,
  oldest_hint_seconds, records_quarantined, day.hints_done, day.hints_failed, day.rows_changed, day.api_requests,
  day.api_complexity, day.api_retries, day.api_throttled, day.api_seconds_waited
FROM marts.sync_health
JOIN (
  SELECT entity, sum(hints_done)::bigint AS hints_done, sum(hints_failed)::bigint AS hints_failed,
    sum(rows_inserted + rows_updated + rows_deleted)::bigint AS rows_changed,
    sum(api_requests)::bigint AS api_requests, sum(api_complexity)::bigint AS api_complexity,
    sum(api_retries)::bigint AS api_retries, sum(api_throttled)::bigint AS api_throttled,
    sum(api_seconds_waited)::bigint AS api_seconds_waited
  FROM marts.sync_health WHERE hour > clock_timestamp() - interval '24 hours' GROUP BY entity
) day USING (entity)
WHERE entity = ANY(%(entities)s) AND measured_at IS NOT NULL
ORDER BY entity, hour DESC
"""


@dataclass(frozen=True)
class Refreshed:
    """How many rows a refresh wrote, how many were too old, and how each entity stands now, with its last 24 hours."""

    written: int
    dropped: int
    standing: pl.DataFrame


def statement() -> str:
    """The SQL, as it stands beside this file."""
    return (files(__package__ or "centra_assets.marts") / "sync_health.sql").read_text(encoding="utf-8")


def refresh_health(warehouse: Warehouse, strategies: Mapping[str, str]) -> Refreshed:
    """Brings the table up to date for these entities, in one transaction. Raises storage's errors.

    `strategies` are by which each is swept, as ops.sync_state has it: the marks of others prove nothing.
    """
    warehouse.prepare([TABLE])
    asked = {"entities": list(strategies), "strategies": list(strategies.values())}

    def write(cursor: Cursor[TupleRow]) -> tuple[int, int]:
        row = cursor.execute(_SINCE, {"first": _FIRST, "longest": _LONGEST}).fetchone()
        assert row is not None
        # Not a literal: the file is ours, and no value is put into it but by parameters.
        cursor.execute(statement().encode(), {"since": row[0], **asked})
        written = cursor.rowcount
        dropped = [cursor.execute(text, {"kept": KEPT}).rowcount for text in _DROP]
        return written, dropped[0]

    written, dropped = warehouse.transact(write)
    return Refreshed(written, dropped, warehouse.query(_STANDING, {"entities": asked["entities"]}))
