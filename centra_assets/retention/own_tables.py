"""Rows of `ops` and `history` that are older than they need be. Quarantine and audit are never judged by age."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.retention.pieces import Condition, Done, delete, empty, exists
from centra_assets.sync_config import RetentionSettings

OPS_PART, HISTORY_PART = "ops", "history"

_EMPTIED: LiteralString = "element = '{}'::jsonb"
_HOLDS_SOMETHING: LiteralString = " AND t.element <> '{}'::jsonb"


def _ops(policy: RetentionSettings, moment: Moment) -> list[tuple[str, int, Condition]]:
    """What goes from ops after how many days, under the names that the counts have."""
    ended: LiteralString = "t.state = ANY(%(states)s) AND coalesce(t.done_at, t.received_at) < %(before)s"
    followed, unfollowed = {"states": ["done", "ignored", "outside"]}, {"states": ["unknown", "failed"]}
    nothing: dict[str, list[str]] = {}
    rules: list[tuple[str, int, str, LiteralString, dict[str, list[str]]]] = [
        ("inbox_deleted", policy.inbox_days, "inbox", ended, followed),
        ("inbox_problems_deleted", policy.inbox_problem_days, "inbox", ended, unfollowed),
        ("load_log_deleted", policy.load_log_days, "load_log", "t.at < %(before)s", nothing),
        ("api_spending_deleted", policy.load_log_days, "api_spending", "t.hour < %(before)s", nothing),
        (
            "alert_deliveries_deleted",
            policy.alert_days,
            "alert_delivery",
            "t.state <> 'pending' AND t.at < %(before)s",
            nothing,
        ),
        (
            "alerts_deleted",
            policy.alert_days,
            "alert",
            "t.state = 'closed' AND greatest(t.recovered_at, t.last_seen_at) < %(before)s",
            nothing,
        ),
        # What was delivered with a hint is of use only to whoever wonders why nobody could follow it.
        ("inbox_emptied", policy.inbox_element_days, "inbox", ended + _HOLDS_SOMETHING, followed),
        ("inbox_problems_emptied", policy.inbox_days, "inbox", ended + _HOLDS_SOMETHING, unfollowed),
    ]
    return [
        (name, days, Condition("ops", table, where, {"before": moment.at - timedelta(days=days), **values}))
        for name, days, table, where, values in rules
    ]


def tidy_ops(
    connection: Connection[TupleRow], policy: RetentionSettings, moment: Moment, deadline: Deadline
) -> Outcome:
    """Deletes what is older than the settings say; hints that wait are never old."""
    counts, finished = {}, True
    for name, days, which in _ops(policy, moment):
        if not days:
            done = Done(0, finished=True)
        elif name.endswith("emptied"):
            done = empty(connection, which, _EMPTIED, deadline)
        else:
            done = delete(connection, which, deadline)
        counts[name] = done.rows
        finished &= done.finished
    return Outcome(OPS_PART, counts, finished)


def tidy_history(
    connection: Connection[TupleRow],
    tables: Sequence[str],
    policy: RetentionSettings,
    moment: Moment,
    deadline: Deadline,
    tell: Callable[[str, Done], None],
) -> Outcome:
    """Deletes versions that were replaced longer ago than the months of their table; `tell` hears of each table."""
    rows, touched, finished = 0, 0, True
    for which in _history(connection, tables, policy, moment):
        done = delete(connection, which, deadline)
        rows += done.rows
        touched += bool(done.rows)
        finished &= done.finished
        if done.rows:
            tell(which.table, done)
    return Outcome(HISTORY_PART, {"rows_deleted": rows, "tables": touched}, finished)


def _history(
    connection: Connection[TupleRow], tables: Sequence[str], policy: RetentionSettings, moment: Moment
) -> Iterator[Condition]:
    for table in tables:
        months = policy.months_of(table)
        if months and exists(connection, "history", table):
            values = {"now": moment.at, "months": months}
            yield Condition("history", table, "t._valid_to < %(now)s - make_interval(months => %(months)s)", values)
