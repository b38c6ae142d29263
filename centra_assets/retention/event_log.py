"""Prunes Dagster's own tables on PostgreSQL: logs of finished runs, replaced events, old evaluations, runs, backfills.

What Dagster answers about an asset, a partition or a check as it is now stays the same. Compute logs, which are files,
are removed by whoever calls; ticks of sensors and schedules are removed by Dagster (dagster.yaml, `retention`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.sync_config import RetentionSettings

PART = "dagster"

TABLES = (
    "event_logs",
    "asset_event_tags",
    "asset_check_executions",
    "runs",
    "run_tags",
    "bulk_actions",
    "backfill_tags",
)

# Dagster's own spelling (1.13); a test holds it against the installed version.
MATERIALIZATION, OBSERVATION = "ASSET_MATERIALIZATION", "ASSET_OBSERVATION"
PLANNED, FRESHNESS = "ASSET_MATERIALIZATION_PLANNED", "FRESHNESS_STATE_CHANGE"
RUN_ENDS = ("PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED")
FINISHED_RUNS = ("SUCCESS", "FAILURE", "CANCELED")
FINISHED_BACKFILLS = ("COMPLETED", "FAILED", "CANCELED", "COMPLETED_SUCCESS", "COMPLETED_FAILED")
# An event of the first kind says nothing any more once one of these has followed, of the same asset and partition. A
# plan that nothing followed is how Dagster knows of a partition that it failed.
FOLLOWED_BY: Mapping[str, Sequence[str]] = {
    MATERIALIZATION: (MATERIALIZATION,),
    OBSERVATION: (OBSERVATION,),
    PLANNED: (MATERIALIZATION, PLANNED),
    FRESHNESS: (FRESHNESS,),
}
_NO_RUN = ""

_RUNS_AT_ONCE = 100
_EVENTS_AT_ONCE = 5_000

# Every finished run has one such event until its log is pruned, so nights pass over the runs of earlier nights.
_ENDED: LiteralString = """
SELECT e.id, e.run_id, r.run_id IS NULL OR (r.status = ANY(%(finished)s) AND b.key IS NULL) AS free
FROM event_logs e
LEFT JOIN runs r ON r.run_id = e.run_id
LEFT JOIN bulk_actions b ON b.key = r.backfill_id AND b.status <> ALL(%(done)s)
WHERE e.dagster_event_type = %(type)s AND e.id > %(after)s AND e.timestamp < %(before)s
ORDER BY e.id LIMIT %(limit)s
"""
_DROP_LOGS: LiteralString = """
DELETE FROM event_logs WHERE run_id = ANY(%(runs)s)
AND (dagster_event_type IS NULL OR dagster_event_type <> ALL(%(kept)s))
"""
_RUNLESS: LiteralString = """
DELETE FROM event_logs WHERE id = ANY(ARRAY(
  SELECT id FROM event_logs WHERE run_id = %(run)s AND id > %(after)s AND timestamp < %(before)s
  AND (dagster_event_type IS NULL OR dagster_event_type <> ALL(%(kept)s))
  ORDER BY id LIMIT %(limit)s))
RETURNING id
"""
_OLD: LiteralString = """
SELECT e.id FROM event_logs e LEFT JOIN runs r ON r.run_id = e.run_id
LEFT JOIN bulk_actions b ON b.key = r.backfill_id AND b.status <> ALL(%(done)s)
WHERE e.dagster_event_type = %(type)s AND e.id > %(after)s AND e.timestamp < %(before)s
AND (r.run_id IS NULL OR (r.status = ANY(%(finished)s) AND b.key IS NULL))
ORDER BY e.id LIMIT %(limit)s
"""
# Two questions, for the index by partition does not know the events without one.
_DROP_FOLLOWED: LiteralString = """
WITH gone AS (
  DELETE FROM event_logs e WHERE e.id = ANY(%(ids)s) AND CASE WHEN e.partition IS NULL THEN EXISTS (
    SELECT FROM event_logs n WHERE n.asset_key = e.asset_key AND n.dagster_event_type = ANY(%(followers)s)
    AND n.partition IS NULL AND n.id > e.id)
  ELSE EXISTS (
    SELECT FROM event_logs n WHERE n.asset_key = e.asset_key AND n.dagster_event_type = ANY(%(followers)s)
    AND n.partition = e.partition AND n.id > e.id) END
  RETURNING e.id),
tags AS (DELETE FROM asset_event_tags t USING gone WHERE t.event_id = gone.id)
SELECT count(*) FROM gone
"""
# Kept is the newest evaluation of each outcome, for each check and partition.
_OLD_CHECKS: LiteralString = """
SELECT c.id FROM (
  SELECT c.id, c.run_id, coalesce(c.evaluation_event_timestamp, c.create_timestamp) AS at,
    row_number() OVER (PARTITION BY asset_key, check_name, partition, execution_status ORDER BY c.id DESC) AS place
  FROM asset_check_executions c) c
LEFT JOIN runs r USING (run_id)
WHERE c.at < %(before)s AND c.place > 1 AND (r.status IS NULL OR r.status = ANY(%(finished)s))
ORDER BY c.id
"""
# Their log is gone and nothing that was kept speaks of them.
_IDLE_RUNS: LiteralString = """
SELECT r.run_id FROM runs r
LEFT JOIN bulk_actions b ON b.key = r.backfill_id AND b.status <> ALL(%(done)s)
WHERE r.status = ANY(%(finished)s) AND r.update_timestamp < %(before)s AND b.key IS NULL
AND NOT EXISTS (SELECT FROM event_logs e WHERE e.run_id = r.run_id)
AND NOT EXISTS (SELECT FROM asset_check_executions c WHERE c.run_id = r.run_id)
AND NOT EXISTS (SELECT FROM asset_keys k WHERE k.last_run_id = r.run_id)
ORDER BY r.id
"""
_OLD_BACKFILLS: LiteralString = """
SELECT b.key FROM bulk_actions b WHERE b.status = ANY(%(done)s) AND b.timestamp < %(before)s
AND NOT EXISTS (SELECT FROM runs r WHERE r.backfill_id = b.key AND r.status <> ALL(%(finished)s))
ORDER BY b.id
"""

_LISTS = {"finished": list(FINISHED_RUNS), "done": list(FINISHED_BACKFILLS)}

# Removes what these runs wrote to their standard output.
DropOutput = Callable[[Sequence[str]], None]


def is_here(connection: Connection[TupleRow]) -> bool:
    """Whether Dagster keeps its storage in this database; it may have one of its own."""
    row = connection.execute(
        "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) name", [list(TABLES)]
    ).fetchone()
    return bool(row and row[0])


@dataclass
class _Pruning:
    """One night's pruning, over a connection in autocommit: each statement or block is a transaction."""

    connection: Connection[TupleRow]
    policy: RetentionSettings
    moment: Moment
    deadline: Deadline
    finished: bool = True

    def before(self, days: int) -> datetime:
        # Dagster's timestamps are UTC without saying so.
        return (self.moment.at - timedelta(days=days)).astimezone(UTC).replace(tzinfo=None)

    def has_time(self) -> bool:
        if self.deadline.is_over:
            self.finished = False
        return self.finished

    def logs(self, drop_output: DropOutput) -> tuple[int, int]:
        """Runs and events: all of finished runs that is no asset event. Output first, for the log leads to it."""
        runs = events = 0
        for batch in self._ended_runs():
            drop_output(batch)
            with self.connection.transaction():
                dropped = self.connection.execute(_DROP_LOGS, {"runs": batch, "kept": list(FOLLOWED_BY)})
            events += dropped.rowcount
            runs += len(batch)
        return runs, events

    def _ended_runs(self) -> Iterator[list[str]]:
        values = {**_LISTS, "before": self.before(self.policy.run_logs_days), "limit": _RUNS_AT_ONCE}
        for kind in RUN_ENDS:
            after = 0
            while self.has_time():
                found = self.connection.execute(_ENDED, {**values, "type": kind, "after": after}).fetchall()
                if not found:
                    break
                after = found[-1][0]
                free = sorted({run_id for _, run_id, is_free in found if is_free})
                if free:
                    yield free

    def runless(self) -> int:
        """Events of no run that are no asset event: states of freshness, code locations."""
        values = {"run": _NO_RUN, "before": self.before(self.policy.run_logs_days), "limit": _EVENTS_AT_ONCE}
        after = events = 0
        while self.has_time():
            gone = self.connection.execute(_RUNLESS, {**values, "kept": list(FOLLOWED_BY), "after": after}).fetchall()
            if not gone:
                break
            after = max(found for (found,) in gone)
            events += len(gone)
        return events

    def followed(self, kind: str, days: int) -> int:
        """Events that later ones of their asset and partition have replaced, with their tags."""
        values = {**_LISTS, "type": kind, "before": self.before(days), "limit": _EVENTS_AT_ONCE}
        after = events = 0
        while days and self.has_time():
            found = [event for (event,) in self.connection.execute(_OLD, {**values, "after": after})]
            if not found:
                break
            after = found[-1]
            with self.connection.transaction():
                told = {"ids": found, "followers": list(FOLLOWED_BY[kind])}
                row = self.connection.execute(_DROP_FOLLOWED, told).fetchone()
            events += row[0] if row else 0
        return events

    def by_key(self, question: LiteralString, days: int, statements: Sequence[LiteralString]) -> int:
        """Rows whose keys the question names, deleted some at a time by the statements, one transaction each time."""
        if not days or not self.has_time():
            return 0
        keys: list[Any] = [key for (key,) in self.connection.execute(question, {**_LISTS, "before": self.before(days)})]
        for place in range(0, len(keys), _EVENTS_AT_ONCE):
            if not self.has_time():
                return place
            with self.connection.transaction():
                for statement in statements:
                    self.connection.execute(statement, [keys[place : place + _EVENTS_AT_ONCE]])
        return len(keys)


def prune(
    connection: Connection[TupleRow],
    policy: RetentionSettings,
    moment: Moment,
    deadline: Deadline,
    drop_output: DropOutput,
) -> Outcome:
    """Prunes as far as the time goes; the next call goes on."""
    work = _Pruning(connection, policy, moment, deadline)
    days = policy.run_logs_days
    runs, events = work.logs(drop_output) if days else (0, 0)
    counts = {
        "run_logs_pruned": runs,
        "events_deleted": events + (work.runless() if days else 0),
        "plans_deleted": work.followed(PLANNED, days),
        "freshness_states_deleted": work.followed(FRESHNESS, days),
        "asset_events_deleted": work.followed(MATERIALIZATION, policy.asset_events_days)
        + work.followed(OBSERVATION, policy.asset_events_days),
        "check_evaluations_deleted": work.by_key(
            _OLD_CHECKS, policy.check_history_days, ["DELETE FROM asset_check_executions WHERE id = ANY(%s)"]
        ),
        "runs_deleted": work.by_key(_IDLE_RUNS, days, ["DELETE FROM runs WHERE run_id = ANY(%s)"]),
        "backfills_deleted": work.by_key(
            _OLD_BACKFILLS,
            days,
            ["DELETE FROM backfill_tags WHERE backfill_id = ANY(%s)", "DELETE FROM bulk_actions WHERE key = ANY(%s)"],
        ),
    }
    return Outcome(PART, counts, work.finished)
