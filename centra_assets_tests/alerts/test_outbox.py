"""Messages get out once and in order, whatever dies meanwhile; storms and nights are one message."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from centra_assets.alerts import outbox
from centra_assets.alerts.delivery import Delivered, deliver
from centra_assets.alerts.errors import AlertChannelRefusedError, AlertChannelUnavailableError
from centra_assets.alerts.model import Condition, Event, Message, Notice, Severity
from centra_assets.alerts.settings import AlertSettings, Channel, Delivery
from centra_assets.alerts.wording import Wording
from centra_assets_tests.alerts.conditions import WORDING, ZONE, condition, settings

# An hour at which nobody's quiet hours are.
NOON = datetime(2024, 3, 5, 11, tzinfo=UTC)
URL = {"type": "http", "url": "http://127.0.0.1:1/never"}
Told = list[tuple[str, str, tuple[str, ...]]]


class Post:
    """An outbox, and somebody who carries its messages. `dies` and `refuses` are what happens to him on the way."""

    def __init__(self, url: str, made: AlertSettings) -> None:
        self.url, self.settings, self.now = url, made, NOON
        self.told: Told = []
        self.trouble: list[BaseException] = []

    def carry(self, channel: Channel, message: Message, wording: Wording) -> str:
        self.told.append((message.id, str(message.event), tuple(n.condition.key for n in message.notices)))
        if self.trouble:
            raise self.trouble.pop(0)
        return "taken"

    def put(self, *news: tuple[Event, Condition]) -> int:
        heard = list(self.settings.channels)
        notices = [Notice(event, about, self.now, self.now, heard) for event, about in news]
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            return outbox.put(cursor, self.settings, notices, self.now, ZONE)

    def deliver(self, **given: Any) -> Delivered:
        return deliver(
            self.url, self.settings, WORDING, sending=self.carry, now=lambda: self.now, **{"seconds": 30, **given}
        )

    def later(self, **length: float) -> Delivered:
        self.now += timedelta(**length)
        return self.deliver()

    @property
    def keys(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(event, keys) for _, event, keys in self.told]

    def states(self) -> Sequence[Any]:
        with psycopg.connect(self.url) as connection:
            return [state for (state,) in connection.execute("SELECT state FROM ops.alert_delivery ORDER BY id")]


Make = Callable[..., Post]


@pytest.fixture
def make(database_url: str) -> Make:
    def made(**given: Any) -> Post:
        return Post(database_url, settings(given.pop("channels", {"pager": URL}), **given))

    return made


@pytest.fixture
def post(make: Make) -> Iterator[Post]:
    yield make()


ONE, OTHER = condition("one"), condition("other")


def test_a_message_is_sent_once_to_every_channel_that_its_routes_name(make: Make) -> None:
    post = make(
        channels={"a": URL, "b": URL, "c": URL},
        routes=[{"to": ["a"]}, {"to": ["a", "b"], "severity": "error"}, {"to": ["c"], "severity": "critical"}],
    )
    assert post.put((Event.OPENED, ONE)) == 2
    assert post.deliver().sent == 2
    assert post.deliver().sent == 0


def test_who_hears_of_an_alert_for_the_first_time_hears_that_it_opened(make: Make, database_url: str) -> None:
    post = make(channels={"a": URL, "b": URL})
    notice = Notice(Event.ESCALATED, ONE, NOON, NOON, heard=["a"])
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        outbox.put(cursor, post.settings, [notice], NOON, ZONE)
    with psycopg.connect(database_url) as connection:
        told = connection.execute("SELECT channel, event FROM ops.alert_delivery ORDER BY channel").fetchall()
    assert told == [("a", "escalated"), ("b", "opened")]


def test_an_end_is_told_to_those_who_heard_and_are_there_wherever_the_routes_lead_now(make: Make) -> None:
    post = make(channels={"a": URL, "b": URL}, routes=[{"to": ["b"]}])
    notice = Notice(Event.RECOVERED, ONE, NOON, NOON, heard=["gone", "a"])
    assert outbox.recipients(post.settings, notice) == ["a"]


def test_a_sender_that_dies_before_he_notes_it_leaves_the_message_to_the_next_under_the_same_id(post: Post) -> None:
    post.put((Event.OPENED, ONE))
    post.trouble = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        post.deliver()
    assert post.deliver().sent == 0
    assert post.later(minutes=3).sent == 1
    first, second = post.told
    assert first == second
    assert post.later(hours=1).sent == 0


def test_a_recovery_never_overtakes_its_trouble_and_holds_up_nothing_else(post: Post) -> None:
    post.put((Event.OPENED, ONE))
    post.trouble = [AlertChannelUnavailableError("away.")]
    post.deliver()
    post.put((Event.RECOVERED, ONE), (Event.OPENED, OTHER))
    post.later(seconds=1)
    post.later(minutes=5)
    sent = post.keys[1:]
    assert sent.index(("opened", ("one",))) < sent.index(("recovered", ("one",)))
    assert sorted(sent) == [("opened", ("one",)), ("opened", ("other",)), ("recovered", ("one",))]


def test_a_channel_that_is_away_is_asked_once_and_not_once_for_every_message(post: Post) -> None:
    post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(5)])
    post.trouble = [AlertChannelUnavailableError("away.") for _ in range(9)]
    assert post.deliver().refused == {"pager": "ALERT_CHANNEL_UNAVAILABLE"}
    assert len(post.told) == 1
    assert post.later(seconds=1).refused == {}
    assert len(post.told) == 1
    post.trouble = []
    assert post.later(minutes=1).sent == 5


def test_a_channel_that_is_away_holds_up_no_other(make: Make) -> None:
    post = make(channels={"a": URL, "b": URL})
    post.put((Event.OPENED, ONE))
    post.trouble = [AlertChannelRefusedError("no.")]
    done = post.deliver()
    assert (done.sent, len(done.refused)) == (1, 1)


def test_a_message_is_given_up_when_it_is_too_old_and_not_before(make: Make) -> None:
    post = make(delivery={"give_up": "1h"})
    post.put((Event.OPENED, ONE))
    for _ in range(4):
        post.trouble = [AlertChannelRefusedError("no.")]
        assert post.deliver().given_up == 0
        post.now += timedelta(minutes=15, seconds=1)
    post.trouble = [AlertChannelRefusedError("no.")]
    assert post.deliver().given_up == 1
    assert post.states() == ["failed"]
    assert post.later(days=1).sent == 0


def test_a_channel_that_takes_nothing_is_known_until_it_does(post: Post) -> None:
    def stuck() -> list[tuple[str, int, str]]:
        with psycopg.connect(post.url) as connection, connection.cursor() as cursor:
            return [(found.channel, found.waiting, found.code) for found in outbox.stuck(cursor)]

    post.put((Event.OPENED, ONE), (Event.OPENED, OTHER))
    assert stuck() == []
    post.trouble = [AlertChannelRefusedError("no.")]
    post.deliver()
    assert stuck() == [("pager", 2, "ALERT_CHANNEL_REFUSED")]
    post.later(hours=1)
    assert stuck() == []


def test_a_storm_becomes_one_message_with_everything_in_it(make: Make) -> None:
    post = make(delivery={"storm": 3})
    post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(7)])
    assert post.deliver().sent == 0
    # What comes while it is being gathered goes along.
    post.put((Event.OPENED, condition("c7", severity=Severity.CRITICAL)), (Event.RECOVERED, condition("c0")))
    post.put(*[(Event.OPENED, condition(f"d{number}")) for number in range(4)])
    assert post.later(minutes=2).sent >= 1
    digests = [keys for event, keys in post.keys if event == "digest"]
    assert len(digests) == 1
    assert digests[0][:7] == tuple(f"c{number}" for number in range(7))
    told = [key for _, keys in post.keys for key in keys]
    assert sorted(told) == sorted([*(f"c{n}" for n in range(8)), "c0", *(f"d{n}" for n in range(4))])


def test_what_comes_while_a_digest_is_gathered_goes_along(make: Make) -> None:
    post = make(delivery={"storm": 2})
    post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(3)])
    post.put((Event.RECOVERED, condition("c0")), (Event.OPENED, OTHER))
    assert post.deliver().sent == 0
    assert post.later(minutes=2).sent == 1
    assert post.keys == [("digest", ("c0", "c1", "c2", "c0", "other"))]


def test_a_recovery_waits_for_the_digest_that_told_of_its_trouble_and_does_not_get_through(make: Make) -> None:
    post = make(delivery={"storm": 2})
    post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(3)])
    post.trouble = [AlertChannelUnavailableError("away.")]
    post.later(minutes=2)
    post.put((Event.RECOVERED, condition("c0")), (Event.OPENED, OTHER))
    assert post.deliver().sent == 1
    assert post.keys[1:] == [("opened", ("other",))]
    post.later(minutes=2)
    assert post.keys[2:] == [("digest", ("c0", "c1", "c2")), ("recovered", ("c0",))]


def test_a_digest_waits_for_the_trouble_whose_end_it_tells(make: Make) -> None:
    post = make(delivery={"storm": 2, "gather": "5s"})
    post.put((Event.OPENED, ONE))
    post.trouble = [AlertChannelUnavailableError("away.")]
    post.deliver()
    post.put((Event.RECOVERED, ONE), *[(Event.OPENED, condition(f"c{number}")) for number in range(3)])
    assert post.later(seconds=6).sent == 0
    assert post.later(seconds=30).sent == 2
    assert [event for event, _ in post.keys[1:]] == ["opened", "digest"]


def test_few_messages_at_a_time_become_a_storm_as_well(make: Make) -> None:
    post = make(delivery={"storm": 3, "within": "5m"})
    for number in range(6):
        post.put((Event.OPENED, condition(f"c{number}")))
        post.later(seconds=20)
    post.later(minutes=2)
    assert [event for event, _ in post.keys] == ["opened"] * 3 + ["digest"]
    assert post.keys[-1][1] == ("c3", "c4", "c5")
    post.later(minutes=5)
    post.put((Event.OPENED, condition("calm")))
    post.deliver()
    assert post.keys[-1] == ("opened", ("calm",))


class TestQuietHours:
    NIGHT = datetime(2024, 3, 5, 22, 30, tzinfo=UTC)  # 23:30 in Stockholm

    @pytest.fixture
    def post(self, make: Make) -> Post:
        post = make(channels={"pager": {**URL, "quiet": {"from": "22:00", "to": "07:00", "except": "critical"}}})
        post.now = self.NIGHT
        return post

    def test_what_is_mild_waits_for_the_morning(self, post: Post) -> None:
        post.put((Event.OPENED, ONE))
        assert post.deliver().sent == 0
        post.now = datetime(2024, 3, 6, 5, 59, tzinfo=UTC)
        assert post.deliver().sent == 0
        assert post.later(minutes=1).sent == 1

    def test_what_is_bad_does_not_wait(self, post: Post) -> None:
        post.put((Event.OPENED, condition(severity=Severity.CRITICAL)))
        assert post.deliver().sent == 1

    def test_what_is_bad_does_not_wait_with_a_digest_of_what_is_mild(self, post: Post) -> None:
        post.settings = post.settings.model_copy(update={"delivery": Delivery(storm=2)})
        post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(3)])
        post.put((Event.OPENED, condition("bad", severity=Severity.CRITICAL)))
        assert post.deliver().sent == 1
        assert post.keys == [("opened", ("bad",))]
        # What the digest tells of gets worse: then it goes out as a whole.
        post.put((Event.ESCALATED, condition("c1", severity=Severity.CRITICAL)))
        assert post.later(minutes=1).sent == 1
        assert post.keys[1:] == [("digest", ("c0", "c1", "c2", "c1"))]

    def test_what_gets_bad_in_the_night_does_not_wait_with_what_it_was(self, post: Post) -> None:
        post.put((Event.OPENED, ONE), (Event.OPENED, OTHER))
        post.put((Event.ESCALATED, condition("one", severity=Severity.CRITICAL)))
        assert post.deliver().sent == 2
        assert post.keys == [("opened", ("one",)), ("escalated", ("one",))]

    def test_after_midnight_it_is_still_night_and_by_day_it_is_not(self, post: Post) -> None:
        post.now = datetime(2024, 3, 6, 3, tzinfo=UTC)
        post.put((Event.OPENED, ONE))
        assert post.deliver().sent == 0
        post.now = datetime(2024, 3, 6, 12, tzinfo=UTC)
        post.put((Event.OPENED, OTHER))
        assert post.deliver().sent == 2

    def test_what_is_over_by_the_morning_is_no_news(self, post: Post) -> None:
        post.put((Event.OPENED, ONE))
        assert post.put((Event.RECOVERED, ONE)) == 0
        assert post.later(hours=12).sent == 0
        assert post.states() == ["dropped"]

    def test_a_trouble_of_the_day_that_ends_at_night_is_told_to_be_over(self, post: Post) -> None:
        post.now = NOON
        post.put((Event.OPENED, ONE))
        post.deliver()
        post.now = self.NIGHT
        post.put((Event.RECOVERED, ONE))
        assert post.deliver().sent == 0
        assert post.later(hours=12).sent == 1
        assert post.keys[-1] == ("recovered", ("one",))


def test_what_a_dead_channel_held_back_is_told_though_it_is_over(post: Post) -> None:
    post.put((Event.OPENED, ONE), (Event.OPENED, OTHER))
    post.trouble = [AlertChannelUnavailableError("away.")]
    post.deliver()
    post.put((Event.RECOVERED, ONE), (Event.RECOVERED, OTHER))
    post.later(minutes=5)
    assert post.states() == ["sent"] * 4


def test_however_many_senders_there_are_each_message_is_sent_by_one(post: Post) -> None:
    post.put(*[(Event.OPENED, condition(f"c{number}")) for number in range(8)])
    start = threading.Barrier(4)

    def work(_: int) -> int:
        start.wait(30)
        return post.deliver().sent

    with ThreadPoolExecutor(4) as senders:
        assert sum(senders.map(work, range(4))) == 8
    assert len({number for number, _, _ in post.told}) == len(post.told) == 8


def test_no_message_is_begun_when_the_time_is_over(post: Post) -> None:
    post.put((Event.OPENED, ONE), (Event.OPENED, OTHER))
    seconds = iter([0.0, 1.0, 31.0])
    assert post.deliver(clock=lambda: next(seconds)).sent == 1
    assert post.deliver().sent == 1


def test_who_does_not_know_a_channel_leaves_its_messages_to_others(make: Make) -> None:
    theirs, ours = make(channels={"theirs": URL}), make(channels={"ours": URL})
    theirs.put((Event.OPENED, ONE))
    ours.put((Event.OPENED, ONE))
    assert (ours.deliver().sent, len(ours.told)) == (1, 1)
    assert (theirs.deliver().sent, len(theirs.told)) == (1, 1)


def test_what_waits_for_a_channel_that_is_gone_is_dropped(post: Post) -> None:
    post.put((Event.OPENED, ONE))
    with psycopg.connect(post.url) as connection, connection.cursor() as cursor:
        assert outbox.drop_channels(cursor, {"another": None}) == 1
    assert post.deliver().sent == 0
