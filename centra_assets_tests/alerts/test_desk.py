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


class TestWhoIsToldOfTheEnd:
    """Whoever was told of an alert, and nobody else."""

    BOTH = {"pager": PAGER["pager"], "team": PAGER["pager"]}
    URGENT = settings(BOTH, routes=[{"to": ["team"]}, {"to": ["pager"], "severity": "error"}])
    BAD = replace(WAITING, severity=Severity.ERROR)

    @pytest.fixture
    def told(self, database_url: str) -> Callable[[], list[str]]:
        def told() -> list[str]:
            """What was written since it was asked last."""
            with psycopg.connect(database_url) as connection:
                rows = connection.execute("SELECT channel, event FROM ops.alert_delivery ORDER BY id").fetchall()
                connection.execute("DELETE FROM ops.alert_delivery")
            return sorted(f"{channel} {event}" for channel, event in rows)

        return told

    def test_one_that_was_told_of_an_error_is_told_of_its_end_though_it_is_a_warning_by_then(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        seen(holding(self.BAD), made=self.URGENT)
        assert told() == ["pager opened", "team opened"]
        seen(holding(WAITING), made=self.URGENT, minutes=1)
        # Recalled is a warning, as the routes say.
        seen(holding(WAITING), made=self.URGENT, minutes=60 * 25)
        assert told() == ["team reminder"]
        seen(holding(), made=self.URGENT, minutes=60 * 26)
        assert told() == ["pager recovered", "team recovered"]

    def test_one_that_was_told_of_a_warning_only_when_it_got_worse_hears_that_it_opened_and_ended(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        seen(holding(WAITING), made=self.URGENT)
        assert told() == ["team opened"]
        seen(holding(self.BAD), made=self.URGENT, minutes=1)
        assert told() == ["pager opened", "team escalated"]
        seen(holding(), made=self.URGENT, minutes=2)
        assert told() == ["pager recovered", "team recovered"]

    def test_the_next_time_it_is_told_to_those_whom_it_concerns_then(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        for minute, look in enumerate([holding(self.BAD), holding(), holding(WAITING)]):
            seen(look, made=self.URGENT, minutes=minute)
        told()
        seen(holding(), made=self.URGENT, minutes=5)
        assert told() == ["team recovered"]

    def test_a_milder_rule_other_routes_or_none_keep_nobody_from_the_end(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        milder = settings(
            self.BOTH,
            routes=[{"to": ["team", "pager"], "severity": "critical"}],
            subjects=[{"kind": "inbox", "subject": "*", "severity": "info"}],
        )
        seen(holding(self.BAD), made=self.URGENT)
        seen(holding(self.BAD), made=milder, minutes=1)
        told()
        seen(holding(), made=milder, minutes=2)
        assert told() == ["pager recovered", "team recovered"]

    def test_a_rule_that_is_switched_off_where_nobody_listens_any_more_ends_it(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        off = settings(self.BOTH, routes=[], kinds={Kind.INBOX: {"enabled": False}})
        seen(holding(self.BAD), made=self.URGENT)
        told()
        seen(holding(self.BAD), made=off, minutes=1)
        assert told() == ["pager recovered", "team recovered"]

    def test_when_all_who_were_told_are_gone_those_who_came_are_told_that_it_stands(
        self, seen: Seen, told: Callable[[], list[str]]
    ) -> None:
        renamed = settings({"crew": PAGER["pager"]})
        seen(holding(WAITING), made=self.URGENT)
        told()
        seen(holding(WAITING), made=renamed, minutes=1)
        assert told() == ["crew opened"]
        seen(holding(), made=settings({"another": PAGER["pager"]}), minutes=2)
        assert told() == []

    def test_a_silence_puts_the_end_off_and_tells_when_it_was(self, seen: Seen, database_url: str) -> None:
        seen(holding(WAITING))
        with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
            store.silence(cursor, "inbox/*", timedelta(hours=1), "somebody")
        assert seen(holding(), minutes=1) == []
        with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
            store.unsilence(cursor, "inbox/*")
        assert seen(holding(), minutes=50) == ["recovered warning inbox/age"]
        with psycopg.connect(database_url) as connection:
            told = connection.execute("SELECT notices->0->>'at' FROM ops.alert_delivery ORDER BY id DESC").fetchone()
        assert told is not None
        assert datetime.fromisoformat(told[0]) == NOW + timedelta(minutes=1)


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
