"""A look becomes alerts and messages in one transaction: all of it or nothing, and once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from centra_assets.alerts import store
from centra_assets.alerts.desk import Look, record
from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.alerts.parts import Failed, Succeeded
from centra_assets.alerts.settings import AlertSettings
from centra_assets_tests.alerts.conditions import ZONE, condition, settings

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
WAITING = condition("inbox/age", kind=Kind.INBOX, severity=Severity.WARNING)
BROKEN = condition("run/nightly/BROKEN", kind=Kind.RUN)
PAGER = {"pager": {"type": "http", "url": "http://127.0.0.1:1/never"}}

Seen = Callable[..., list[str]]


@pytest.fixture
def seen(database_url: str) -> Seen:
    """Takes note of a look; returns what there is to tell."""

    def look(look: Look, *, minutes: float = 0, made: AlertSettings | None = None, dies: bool = False) -> list[str]:
        with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
            now = NOW + timedelta(minutes=minutes)
            outcome = record(cursor, made or settings(PAGER), "events", look, now, ZONE)
            if dies:
                connection.rollback()
        return [f"{notice.event} {notice.condition.severity} {notice.condition.key}" for notice in outcome.notices]

    return look


def holding(*conditions: Condition, kinds: tuple[Kind, ...] = (Kind.INBOX,)) -> Look:
    return Look(conditions=conditions, kinds=kinds)


def events(*told: Failed | Succeeded, seen: int) -> Look:
    return Look(list(told), seen)


def failed(event_id: int) -> Failed:
    return Failed(event_id, NOW, "nightly", BROKEN)


def count(database_url: str, table: str) -> Any:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(f"SELECT count(*) FROM ops.{table}".encode()).fetchone()
    return row[0] if row else None


def test_looking_twice_at_the_same_tells_it_once(seen: Seen, database_url: str) -> None:
    assert seen(holding(WAITING)) == ["opened warning inbox/age"]
    assert seen(holding(WAITING), minutes=1) == []
    assert count(database_url, "alert_delivery") == 1


def test_a_look_whose_process_died_is_as_if_it_had_not_been(seen: Seen, database_url: str) -> None:
    seen(events(seen=5))
    assert seen(events(failed(7), seen=9), dies=True)
    assert [count(database_url, table) for table in ("alert", "alert_part", "alert_delivery")] == [0, 0, 0]
    assert seen(events(failed(7), seen=9)) == ["opened error run/nightly/BROKEN"]


@pytest.mark.parametrize(("looked", "told"), [("critical", "critical"), ("error", "error"), ("warning", "error")])
def test_of_one_trouble_told_by_a_check_and_seen_by_a_look_the_worse_is_told(
    seen: Seen, looked: str, told: str
) -> None:
    token = condition("token/expiry", kind=Kind.TOKEN)
    by_check = Failed(7, NOW, "centra:token_is_valid", token)
    seen(events(seen=5))
    look = replace(events(by_check, seen=9), conditions=[replace(token, severity=Severity(looked))], kinds={Kind.TOKEN})
    assert seen(look) == [f"opened {told} token/expiry"]


def test_what_could_not_be_looked_at_stays_as_it_was(seen: Seen) -> None:
    seen(holding(WAITING))
    assert seen(holding(kinds=(Kind.TOKEN,)), minutes=1) == []
    assert seen(holding(), minutes=2) == ["recovered warning inbox/age"]


def test_runs_and_checks_stay_where_no_events_were_read(seen: Seen) -> None:
    seen(events(seen=5))
    seen(events(failed(7), seen=9))
    assert seen(holding(), minutes=1) == []
    assert seen(events(Succeeded(11, "nightly"), seen=12), minutes=2) == ["recovered error run/nightly/BROKEN"]


def test_a_rule_may_say_how_bad_something_is_or_that_it_is_nothing(seen: Seen) -> None:
    worse = settings(PAGER, subjects=[{"kind": "inbox", "subject": WAITING.subject, "severity": "critical"}])
    nothing = settings(PAGER, kinds={Kind.INBOX: {"enabled": False}})
    assert seen(holding(WAITING), made=nothing) == []
    assert seen(holding(WAITING), made=worse) == ["opened critical inbox/age"]
    assert seen(holding(WAITING), made=nothing, minutes=1) == ["recovered critical inbox/age"]


def test_a_silence_holds_for_whatever_fits_its_pattern(seen: Seen, database_url: str) -> None:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        store.silence(cursor, "inbox/*", timedelta(hours=1), "somebody")
    other = replace(WAITING, key="other")
    assert seen(holding(WAITING, other)) == ["opened warning other"]
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        assert store.unsilence(cursor, "inbox/*")
    assert seen(holding(WAITING, other), minutes=1) == ["opened warning inbox/age"]


def test_who_is_the_first_to_listen_is_told_what_stands_and_not_what_is_over(seen: Seen) -> None:
    nobody, urgent = settings(), settings(PAGER, routes=[{"to": ["pager"], "severity": "error"}])
    over = replace(WAITING, key="over")
    assert seen(holding(WAITING, over), made=nobody) == []
    assert seen(holding(WAITING), made=urgent, minutes=1) == []
    assert seen(holding(WAITING), minutes=2) == ["opened warning inbox/age"]
    assert seen(holding(WAITING), minutes=3) == []


def test_reading_begins_a_minute_before_where_it_ended(seen: Seen, database_url: str) -> None:
    def settled() -> int:
        with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
            found = store.reading(cursor, "events")
        assert found is not None
        return found.settled

    seen(events(seen=10))
    assert settled() == 10
    seen(events(seen=20), minutes=0.5)
    assert settled() == 10
    # Whatever became visible late, it did within a minute.
    seen(events(seen=30), minutes=1.1)
    assert settled() == 10
    seen(events(seen=40), minutes=2.2)
    assert settled() == 30
    seen(replace(events(seen=50), is_whole=False), minutes=2.3)
    assert settled() == 50


def test_what_ended_is_forgotten_when_its_events_are_not_read_again(seen: Seen, database_url: str) -> None:
    seen(events(seen=5))
    seen(events(failed(7), seen=9))
    seen(events(Succeeded(11, "nightly"), seen=12), minutes=0.2)
    assert count(database_url, "alert_part") == 1
    for minutes in (2, 4):
        seen(events(seen=20), minutes=minutes)
    assert count(database_url, "alert_part") == 0
