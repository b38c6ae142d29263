"""The sensor `alerts` in storms and outages, and over what our own tables and Dagster's PostgreSQL tell."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from centra_assets.alerts.model import Kind
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets_tests.alerts.conditions import settings
from centra_assets_tests.alerts.mailbox import free_port, text_of
from centra_assets_tests.sensors.alerting import WAITS, BrokenError, Desk, Make, Shop


def test_a_mail_server_that_was_down_gets_every_message_once_and_in_order(make: Make, shop: Shop) -> None:
    desk = make(kinds=WAITS)
    desk.tick()
    dead = desk.mailbox.settings(port=free_port())
    pager = {"type": "http", "url": desk.endpoint.url}
    alive, desk.settings = desk.settings, settings({"mail": dead, "pager": pager}, kinds=WAITS)
    shop.error = BrokenError("it is night.")
    desk.run()
    assert "mail: ALERT_CHANNEL_UNAVAILABLE" in desk.tick()
    shop.error = None
    desk.run()
    desk.tick()
    assert len(desk.endpoint.calls) == 2

    desk.settings = alive
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.alert_delivery SET next_try_at = clock_timestamp() WHERE state = 'pending'")
    for _ in range(3):
        desk.tick()
    assert desk.mailbox.subjects == [
        "[error] nightly failed: TEST_SHOP_SHUT",
        "[recovered] over: nightly failed: TEST_SHOP_SHUT",
    ]
    assert len(desk.endpoint.calls) == 2


def test_a_storm_is_one_message(make: Make) -> None:
    desk = make(delivery={"storm": 2, "gather": "0s"})
    desk.tick()
    rows = [(f"entity{number}", str(record)) for number in range(6) for record in range(30)]
    with psycopg.connect(desk.database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, "
            "run_id) VALUES (%s, %s, '', '{}', now(), now(), now(), '')",
            rows,
        )
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] 6 changes of alerts"]
    assert text_of(desk.mailbox.mails[0]).count("records quarantined within 1h") == 6
    (call,) = desk.endpoint.calls
    assert {alert["key"] for alert in call.document["alerts"]} == {f"quarantine/entity{number}" for number in range(6)}


def test_records_stay_told_until_few_are_left_though_no_new_ones_come(desk: Desk) -> None:
    with psycopg.connect(desk.database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, "
            "run_id) VALUES ('orders', %s, '', '{}', now(), now(), now(), '')",
            [(str(record),) for record in range(30)],
        )
    desk.tick()
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.quarantine SET first_seen = first_seen - interval '2 hours'")
    for minutes in (10, 30):
        desk.ahead = timedelta(minutes=minutes)
        desk.tick()
    assert len(desk.mailbox.mails) == 1
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("DELETE FROM ops.quarantine WHERE record_id::integer >= 24")
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] over: orders: 30 records in quarantine"]
    told = text_of(desk.mailbox.mails[1])
    assert "Nothing is left" not in told
    assert "quarantine list --entity orders" in told


def test_hints_that_wait_too_long_are_told_and_their_end_as_well(desk: Desk) -> None:
    Inbox(desk.database_url).store(
        [Delivery("webhook", "shop", "1", [Hint("orders", "", "order", "update", "1", "{}")])]
    )
    desk.tick()
    assert desk.mailbox.subjects == []
    desk.ahead = timedelta(minutes=30)
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] Hints wait for 30m: data is not in real time"]
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.inbox SET state = 'done'")
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] over: Hints wait for 30m: data is not in real time"]


@pytest.mark.parametrize(("days", "severity"), [(30, None), (10, "warning"), (2, "error"), (-1, "critical")])
def test_the_tokens_end_is_told_the_more_urgently_the_nearer_it_is(desk: Desk, days: int, severity: str | None) -> None:
    desk.expires_at = datetime.now(UTC).date() + timedelta(days=days)
    desk.tick()
    assert [call.document["severity"] for call in desk.endpoint.calls] == ([severity] if severity else [])


def test_throttling_is_told(desk: Desk) -> None:
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("INSERT INTO ops.api_gate (environment, closed_until) VALUES ('shop.centra.example', now())")
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] shop.centra.example throttles us: requests are answered with 429"]


def test_without_channels_alerts_are_kept_and_told_to_the_first_channel_there_is(make: Make, shop: Shop) -> None:
    desk = make()
    listening, desk.settings = desk.settings, settings()
    desk.tick()
    shop.error = BrokenError("it is night.")
    desk.run()
    assert "1 alerts stand, 0 news, no channel is set" in desk.tick()
    assert desk.rows("SELECT state, key FROM ops.alert") == [("open", "run/nightly/TEST_SHOP_SHUT")]
    assert desk.rows("SELECT count(*) FROM ops.alert_delivery") == [(0,)]
    desk.settings = listening
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: TEST_SHOP_SHUT"]


def test_a_database_that_is_away_is_a_reason_and_no_crash(make: Make) -> None:
    desk = make()
    desk.database_url = "postgresql://nobody@127.0.0.1:1/none"
    assert "WAREHOUSE_UNAVAILABLE" in desk.tick()


def test_it_reads_dagsters_own_tables_in_postgresql_as_well(
    make: Make, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    storage = {"storage": {"postgres": {"postgres_url": database_url}}, "telemetry": {"enabled": False}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=storage) as instance:
        # No daemon runs here, which would be told.
        desk = make(instance, kinds={Kind.DAEMON: {"enabled": False}})
        desk.tick()
        shop.error, shop.is_sound = BrokenError("it is night."), False
        desk.run()
        desk.run("checks")
        desk.tick()
        assert len(desk.mailbox.mails) == 2
        shop.error, shop.is_sound = None, True
        desk.run()
        desk.run("checks")
        desk.tick()
        assert len(desk.mailbox.mails) == 4
