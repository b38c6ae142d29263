"""When an alert opens, escalates, is repeated and recovers, and above all when it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from centra_assets.alerts.lifecycle import advance
from centra_assets.alerts.model import Alert, Condition, Event, Severity, State
from centra_assets.alerts.settings import Rule
from centra_assets_tests.alerts.conditions import condition

T0 = datetime(2024, 3, 5, 12, tzinfo=UTC)
WRONG = condition()


class Watched:
    """One alert through time."""

    def __init__(self, **rule: object) -> None:
        self.rule = Rule.model_validate(rule)
        self.alert: Alert | None = None

    def at(self, minutes: float, found: Condition | None, *, silenced: bool = False) -> Event | None:
        now = T0 + timedelta(minutes=minutes)
        self.alert, event = advance(self.alert, found, self.rule, now, is_silenced=silenced)
        return event


def test_one_message_when_it_opens_none_while_it_stands_one_when_it_is_over() -> None:
    watched = Watched()
    told = [watched.at(minute, WRONG) for minute in range(10)]
    assert told == [Event.OPENED] + [None] * 9
    assert [watched.at(minute, None) for minute in (10, 11, 12)] == [Event.RECOVERED, None, None]


def test_the_same_trouble_later_is_another_message() -> None:
    watched = Watched()
    events = [watched.at(0, WRONG), watched.at(1, None), watched.at(2, WRONG), watched.at(3, None)]
    assert events == [Event.OPENED, Event.RECOVERED] * 2
    assert watched.alert is not None
    assert watched.alert.times == 2


def test_nothing_wrong_is_no_alert() -> None:
    watched = Watched()
    assert watched.at(0, None) is None
    assert watched.alert is None


def test_what_does_not_hold_for_long_is_not_told_nor_is_its_end() -> None:
    watched = Watched(hold="5m")
    assert [watched.at(minute, WRONG) for minute in (0, 4)] == [None, None]
    assert watched.at(4.5, None) is None
    assert [watched.at(minute, WRONG) for minute in (5, 9, 10)] == [None, None, Event.OPENED]


def test_what_comes_back_soon_has_not_recovered() -> None:
    watched = Watched(recover="5m")
    events = [watched.at(0, WRONG), watched.at(1, None), watched.at(3, WRONG), watched.at(4, None), watched.at(8, None)]
    assert events == [Event.OPENED, None, None, None, None]
    assert watched.alert is not None
    assert watched.alert.state is State.RECOVERING
    assert watched.at(9, None) is Event.RECOVERED


def test_a_flapping_condition_is_told_once_and_not_at_every_turn() -> None:
    watched = Watched(recover="10m")
    told = [watched.at(minute, WRONG if minute % 2 else None) for minute in range(60)]
    assert [event for event in told if event] == [Event.OPENED]


def test_it_opens_when_it_happened_often_enough_within_the_window() -> None:
    watched = Watched(at_least=3, within="30m")
    # Twice, long apart from the next two.
    for minute in (0, 10):
        assert watched.at(minute, WRONG) is None
        assert watched.at(minute + 1, None) is None
    assert watched.at(35, WRONG) is None
    assert watched.at(36, None) is None
    assert watched.at(38, WRONG) is Event.OPENED
    assert watched.at(39, None) is Event.RECOVERED


def test_failures_that_came_together_count_each() -> None:
    moments = [T0 - timedelta(minutes=minute) for minute in (3, 2, 1)]
    assert Watched(at_least=3).at(0, replace(WRONG, moments=moments)) is Event.OPENED
    assert Watched(at_least=4).at(0, replace(WRONG, moments=moments)) is None


def test_what_happened_while_nobody_looked_counts_as_if_somebody_had() -> None:
    long_ago = [T0 - timedelta(hours=5, minutes=minute) for minute in (3, 2, 1)]
    assert Watched(at_least=3, within="10m").at(0, replace(WRONG, moments=long_ago)) is Event.OPENED
    assert Watched().at(0, replace(WRONG, moments=long_ago)) is Event.OPENED


def test_it_is_told_again_when_it_gets_worse_and_not_when_it_gets_better() -> None:
    watched = Watched()
    mild, bad = replace(WRONG, severity=Severity.WARNING), replace(WRONG, severity=Severity.CRITICAL)
    events = [watched.at(minute, found) for minute, found in enumerate([mild, bad, mild, bad])]
    assert events == [Event.OPENED, Event.ESCALATED, None, None]


def test_it_is_recalled_once_a_day_for_as_long_as_it_stands() -> None:
    watched = Watched(remind="24h")
    told = [watched.at(60 * hour, WRONG) for hour in range(73)]
    assert [hour for hour, event in enumerate(told) if event] == [0, 24, 48, 72]
    assert told[24] is Event.REMINDER


def test_without_reminders_it_stays_silent() -> None:
    watched = Watched(remind="0s")
    assert [watched.at(60 * hour, WRONG) for hour in range(100)].count(None) == 99


def test_a_silence_keeps_everything_back_and_its_end_tells_what_still_stands() -> None:
    watched = Watched()
    assert watched.at(0, WRONG, silenced=True) is None
    assert watched.at(30, WRONG, silenced=True) is None
    assert watched.at(60, WRONG) is Event.OPENED


def test_the_end_of_what_was_told_before_a_silence_is_told_after_it() -> None:
    watched = Watched()
    assert watched.at(0, WRONG) is Event.OPENED
    assert [watched.at(minute, None, silenced=True) for minute in (10, 20)] == [None, None]
    assert [watched.at(minute, None) for minute in (30, 40)] == [Event.RECOVERED, None]


def test_what_comes_back_within_a_silence_has_not_ended() -> None:
    watched = Watched()
    watched.at(0, WRONG)
    watched.at(10, None, silenced=True)
    assert [watched.at(20, WRONG, silenced=True), watched.at(30, WRONG), watched.at(40, None)] == [
        None,
        None,
        Event.RECOVERED,
    ]


def test_what_was_over_before_its_silence_ended_was_never_news() -> None:
    watched = Watched()
    watched.at(0, WRONG, silenced=True)
    watched.at(10, None, silenced=True)
    assert watched.at(20, None) is None


def test_a_recovery_that_nobody_was_told_the_trouble_of_is_not_told() -> None:
    watched = Watched()
    watched.at(0, WRONG, silenced=True)
    assert watched.at(10, None) is None


def test_since_is_when_it_happened_and_not_when_it_was_seen() -> None:
    watched = Watched()
    watched.at(0, replace(WRONG, moments=[T0 - timedelta(hours=3)]))
    assert watched.alert is not None
    assert watched.alert.since == T0 - timedelta(hours=3)
