"""Rows of ops and history go when they are old, never while somebody needs them, and never in silence."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from centra_assets.assets.tables import table_of
from centra_assets.entities.orders import ORDERS
from centra_assets.retention import carrying_out, pieces
from centra_assets.retention.carrying_out import (
    RetentionFailedError,
    RetentionUnderWayError,
    Work,
    carry_out,
    raise_failures,
)
from centra_assets.retention.model import Outcome
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets.storage.lake import Lake
from centra_assets.storage.locks import LAKE_UPKEEP, alone
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync_config import RetentionSettings

POLICY = RetentionSettings(inbox_days=30, inbox_problem_days=180, inbox_element_days=3, load_log_days=400)
STATES = ["waiting", "done", "ignored", "outside", "unknown", "failed"]
SETTLED = ["done", "ignored", "outside"]

Carry = Callable[..., dict[str, Outcome]]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as found:
        yield found


@pytest.fixture
def carry(database_url: str, tmp_path: Path) -> Carry:
    """Carries retention out and returns each part's outcome."""
    Warehouse(database_url).prepare([table_of(contract) for contract in ORDERS.tables])

    def do(policy: RetentionSettings = POLICY, *, rehearse: bool = False) -> dict[str, Outcome]:
        work = Work(
            database_url=database_url,
            lake=Lake(str(tmp_path)),
            entities=[ORDERS],
            policy=policy,
            run_id="run",
            actor="command:test",
            drop_output=lambda _: None,
            rehearse=rehearse,
        )
        return {outcome.part: outcome for outcome in carry_out(work)}

    return do


def delivery(name: str) -> Delivery:
    hint = Hint("orders", "", "order", "update", "17", '{"type": "order", "id": 17}')
    return Delivery("webhook", "shop", name, [hint])


def hints(url: str, connection: psycopg.Connection[Any], **ages: float) -> None:
    """One hint of every state for each age in days; named `<state>-<name of the age>`."""
    for name, days in ages.items():
        for state in STATES:
            Inbox(url).store([delivery(f"{state}-{name}")])
            at = datetime.now(UTC) - timedelta(days=days)
            connection.execute(
                "UPDATE ops.inbox SET state = %s, received_at = %s, done_at = %s WHERE delivery = %s",
                [state, at, None if state == "waiting" else at, f"{state}-{name}"],
            )


def left(connection: psycopg.Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute("SELECT delivery FROM ops.inbox")}


def history_row(connection: psycopg.Connection[Any], table: str, days: float) -> None:
    connection.execute(
        f"INSERT INTO history.{table} (_operation, _run_id, _valid_from, _valid_to)"
        " VALUES ('update', '', now() - interval '9 years', now() - make_interval(secs => %s * 86400))",
        [days],
    )


def count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row
    return int(row[0])


class TestInbox:
    def test_hints_go_by_their_state_and_age_and_waiting_ones_never(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, young=20, old=40, ancient=200)
        counts = carry()["ops"].counts
        assert left(connection) == {
            *(f"{state}-young" for state in STATES),
            *(f"waiting-{age}" for age in ("old", "ancient")),
            "unknown-old",
            "failed-old",
        }
        assert counts["inbox_deleted"] == 6
        assert counts["inbox_problems_deleted"] == 2

    def test_what_was_delivered_with_a_hint_goes_earlier_than_the_hint(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, today=0.5, week=7, old=40)
        carry()
        empty = connection.execute("SELECT delivery FROM ops.inbox WHERE element = '{}'").fetchall()
        assert {name for (name,) in empty} == {"unknown-old", "failed-old", *(f"{state}-week" for state in SETTLED)}
        assert carry()["ops"].counts["inbox_emptied"] == 0

    def test_a_repeat_is_still_a_repeat_when_its_first_delivery_was_emptied(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, week=7)
        carry()
        stored = Inbox(database_url).store([delivery(f"{state}-week") for state in STATES])
        assert (stored.new, stored.repeated) == (0, len(STATES))

    def test_zero_keeps_hints_and_what_came_with_them_for_ever(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, ancient=4000)
        carry(RetentionSettings(inbox_days=0, inbox_problem_days=0, inbox_element_days=0))
        assert len(left(connection)) == len(STATES)
        assert count(connection, "ops.inbox WHERE element = '{}'") == 0


def test_loads_and_alerts_that_are_over_go_and_what_still_matters_stays(
    carry: Carry, connection: psycopg.Connection[Any]
) -> None:
    for days in (10, 500):
        connection.execute(
            "INSERT INTO ops.load_log (at, entity, table_name, run_id, partitions, inserted, updated, unchanged,"
            " deleted, quarantined, seconds)"
            " VALUES (now() - make_interval(days => %s), 'orders', 'orders', '', 1, 0, 0, 0, 0, 0, 0)",
            [days],
        )
        for state in ("pending", "sent", "failed"):
            connection.execute(
                "INSERT INTO ops.alert_delivery (key, channel, event, notices, state, at)"
                " VALUES ('k', 'c', 'opened', '[]', %s, now() - make_interval(days => %s))",
                [state, days],
            )
    connection.execute(
        "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, run_id)"
        " VALUES ('orders', '1', 'p', %s, now() - interval '9 years', now() - interval '9 years', now() - interval"
        " '9 years', '')",
        [Jsonb([])],
    )
    counts = carry()["ops"].counts
    assert count(connection, "ops.load_log WHERE at > now() - interval '11 days'") == 1
    assert counts["load_log_deleted"] == 1
    assert counts["alert_deliveries_deleted"] == 2
    assert count(connection, "ops.alert_delivery WHERE state = 'pending'") == 2
    assert count(connection, "ops.quarantine") == 1


def test_alerts_go_when_they_are_over_for_long_and_what_was_spent_with_the_loads(
    carry: Carry, connection: psycopg.Connection[Any]
) -> None:
    for state in ("open", "closed"):
        for days in (10, 300):
            connection.execute(
                "INSERT INTO ops.alert (key, kind, severity, owner, subject, title, text, link, count, state, since,"
                " begun, last_seen_at, recovered_at)"
                " SELECT %s, 'k', 'error', '', '', '', '', '', 1, %s, at, '{}', at, at"
                " FROM (SELECT now() - make_interval(days => %s) AS at) t",
                [f"{state} {days}", state, days],
            )
    for days in (10, 500):
        connection.execute(
            "INSERT INTO ops.api_spending (environment, entity, hour, requests, complexity, retries, throttled,"
            " seconds_waited) VALUES ('e', 'orders', now() - make_interval(days => %s), 1, 1, 0, 0, 0)",
            [days],
        )
    counts = carry()["ops"].counts
    left_over = {key for (key,) in connection.execute("SELECT key FROM ops.alert")}
    assert left_over == {"open 10", "open 300", "closed 10"}
    assert (counts["alerts_deleted"], counts["api_spending_deleted"]) == (1, 1)
    assert count(connection, "ops.api_spending") == 1


class TestHistory:
    def test_it_is_kept_for_ever_unless_somebody_says_otherwise(
        self, carry: Carry, connection: psycopg.Connection[Any]
    ) -> None:
        history_row(connection, "orders", 3000)
        assert carry()["history"].counts["rows_deleted"] == 0
        assert count(connection, "history.orders") == 1

    def test_each_table_has_its_months(self, carry: Carry, connection: psycopg.Connection[Any]) -> None:
        for table in ("orders", "order_lines", "payments"):
            for days in (10, 100, 500):
                history_row(connection, table, days)
        policy = POLICY.model_copy(update={"history_months": 12, "history_tables": {"order_lines": 2, "payments": 0}})
        counts = carry(policy)["history"].counts
        assert [count(connection, f"history.{table}") for table in ("orders", "order_lines", "payments")] == [2, 1, 3]
        assert (counts["rows_deleted"], counts["tables"]) == (3, 2)

    def test_every_page_of_a_table_is_looked_at(
        self, carry: Carry, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pieces, "_PAGES", 1)
        connection.execute(
            "INSERT INTO history.orders (_operation, _run_id, _valid_from, _valid_to, _record_id)"
            " SELECT 'update', '', now() - interval '9 years', now() - make_interval(days => n % 2 * 800),"
            " repeat('x', 200) FROM generate_series(1, 1000) n"
        )
        counts = carry(POLICY.model_copy(update={"history_months": 12}))["history"].counts
        assert counts["rows_deleted"] == count(connection, "history.orders") == 500


class TestTrail:
    def test_what_went_is_in_the_audit_by_part_and_table(
        self, carry: Carry, connection: psycopg.Connection[Any]
    ) -> None:
        history_row(connection, "orders", 500)
        carry(POLICY.model_copy(update={"history_months": 12}))
        written = connection.execute(
            "SELECT subject, outcome, counts->>'rows_deleted' FROM ops.audit"
            " WHERE kind = 'retention' AND actor = 'command:test' AND run_id = 'run' ORDER BY id"
        ).fetchall()
        assert written[0] == ("all", "begun", None)
        assert ("history/orders", "done", "1") in written
        assert {subject for subject, outcome, _ in written if outcome == "done"} >= {"ops", "raw", "history", "dagster"}

    def test_a_rehearsal_says_what_would_go_and_leaves_everything(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, week=7, old=40)
        history_row(connection, "orders", 500)
        policy = POLICY.model_copy(update={"history_months": 12})
        everything = connection.execute("SELECT * FROM ops.inbox ORDER BY id").fetchall()
        rehearsed = carry(policy, rehearse=True)
        assert connection.execute("SELECT * FROM ops.inbox ORDER BY id").fetchall() == everything
        assert count(connection, "history.orders") == 1
        assert count(connection, "ops.audit") == 0
        done = carry(policy)
        for part, outcome in done.items():
            for name, number in outcome.counts.items():
                assert rehearsed[part].counts[name] == number or name.startswith("bytes"), (part, name)
        assert done["ops"].counts["inbox_deleted"] == 3

    def test_sizes_are_told_before_and_after(self, carry: Carry, connection: psycopg.Connection[Any]) -> None:
        connection.execute(
            "INSERT INTO history.orders (_operation, _run_id, _valid_from, _valid_to, _record_id)"
            " SELECT 'update', '', now(), now() - interval '9 years', repeat('x', 500) FROM generate_series(1, 5000)"
        )
        counts = carry(POLICY.model_copy(update={"history_months": 12}))["history"].counts
        assert counts["bytes_before"] > 2_500_000
        assert counts["bytes_after"] < counts["bytes_before"] / 2


class TestTrouble:
    def test_a_part_that_fails_holds_up_no_other_and_is_told(
        self, carry: Carry, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise OSError("a text that may hold anything")

        monkeypatch.setattr(carrying_out.raw, "tidy", broken)
        history_row(connection, "orders", 500)
        outcomes = carry(POLICY.model_copy(update={"history_months": 12}))
        assert outcomes["raw"].code
        assert "anything" not in outcomes["raw"].cause
        assert outcomes["history"].counts["rows_deleted"] == 1
        assert count(connection, "ops.audit WHERE subject = 'raw' AND outcome = 'failed'") == 1
        with pytest.raises(RetentionFailedError, match="raw"):
            raise_failures(list(outcomes.values()))

    def test_there_is_only_one_at_a_time(self, carry: Carry, database_url: str) -> None:
        with alone(database_url, carrying_out.KIND), pytest.raises(RetentionUnderWayError):
            carry()

    def test_while_a_customer_is_forgotten_the_lake_is_left_alone(
        self, carry: Carry, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(carrying_out.raw, "tidy", None)
        with alone(database_url, LAKE_UPKEEP):
            assert carry()["raw"].code == RetentionUnderWayError.code

    def test_without_time_the_next_run_goes_on(
        self, carry: Carry, database_url: str, connection: psycopg.Connection[Any]
    ) -> None:
        hints(database_url, connection, old=40)
        before = left(connection)
        outcomes = carry(POLICY.model_copy(update={"budget_minutes": 0}))
        assert not outcomes["ops"].finished
        assert left(connection) == before
        assert carry()["ops"].finished
        assert left(connection) < before
