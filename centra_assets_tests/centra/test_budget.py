"""Waiting for quota: nobody sends too early, whoever has to wait waits no longer than needed."""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
import pytest

from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Cost, Kind, Priority, RateLimit
from centra_assets.centra.budget import LocalBudget
from centra_assets.centra.errors import RateLimitedError
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import TOKEN, Asked, Peer, answer, status

QUESTION = "query Q { stores { id } }"
GOOD = answer({"stores": []}, complexity=10)


class Clock:
    """A clock that a sleep moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        real = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.now += seconds
            await real(0)

        monkeypatch.setattr("centra_assets.centra.budget.asyncio.sleep", sleep)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def limits(quota: int) -> Callable[[], Awaitable[Sequence[RateLimit]]]:
    async def read() -> Sequence[RateLimit]:
        return [RateLimit(Kind.COMPLEXITY, 10, quota, quota)]

    return read


def test_a_drained_bucket_is_waited_for_exactly(clock: Clock) -> None:
    async def scenario() -> float:
        budget = LocalBudget(clock)
        for _ in range(10):
            await budget.take(Cost(complexity=100), Priority.REAL_TIME, read_limits=limits(1000))
        return clock.now

    # 950 at once, the last 50 at 100 a second.
    assert asyncio.run(scenario()) == pytest.approx(1000.5, abs=0.01)


def test_requests_of_one_priority_are_served_in_their_order(clock: Clock) -> None:
    served: list[int] = []

    async def one(budget: LocalBudget, place: int) -> None:
        await budget.take(Cost(complexity=400), Priority.BACKFILL, read_limits=limits(1000))
        served.append(place)

    async def scenario() -> None:
        budget = LocalBudget(clock)
        await asyncio.gather(*(one(budget, place) for place in range(8)))

    asyncio.run(scenario())
    assert served == list(range(8))


def test_a_webhook_overtakes_a_queue_of_backfills(clock: Clock) -> None:
    served: list[str] = []

    async def ask(budget: LocalBudget, name: str, cost: int, priority: Priority) -> None:
        await budget.take(Cost(complexity=cost), priority, read_limits=limits(1000))
        served.append(name)

    async def scenario() -> None:
        budget = LocalBudget(clock)
        backfills = [ask(budget, "backfill", 450, Priority.BACKFILL) for _ in range(6)]
        await asyncio.gather(*backfills, ask(budget, "webhook", 20, Priority.REAL_TIME))

    asyncio.run(scenario())
    assert served.index("webhook") <= 2


def test_a_wait_that_is_too_long_is_an_error_that_names_the_moment(clock: Clock) -> None:
    async def scenario() -> None:
        budget = LocalBudget(clock)
        await budget.throttled(600)
        await budget.take(Cost(), Priority.REAL_TIME, read_limits=limits(1000), longest_wait=60)

    with pytest.raises(RateLimitedError) as raised:
        asyncio.run(scenario())
    assert raised.value.transient
    assert raised.value.resume_at.tzinfo is not None


def test_after_a_429_nothing_is_sent_before_the_named_moment(peer: Peer, make_client: MakeClient) -> None:
    resume: list[float] = []

    def reply(asked: Asked) -> Any:
        if not resume:
            resume.append(time.monotonic() + 1.0)
            return status(429, retry_after="1")
        return GOOD

    peer.reply = reply
    client = make_client(max_attempts=1)
    client.execute(QUESTION)
    assert len(peer.asked) == 2
    assert peer.asked[1].at >= resume[0] - 0.05
    assert client.stats.throttled == 1


@pytest.mark.slow
def test_a_429_stops_the_other_processes_too(peer: Peer, make_client: MakeClient, database_url: str) -> None:
    first = make_client(database_url=database_url)
    peer.reply = lambda asked: status(429, retry_after="4") if len(peer.asked) == 1 else GOOD
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        # The other process is up and waits for the gate before the first request is refused.
        pool.apply(time.monotonic)
        other = pool.apply_async(_execute_after_gate, (peer.url, database_url))
        first.execute(QUESTION)
        other.get(60)
    refused, *others = peer.asked
    assert len(others) == 2
    assert all(asked.at - refused.at >= 3.9 for asked in others)


def _execute_after_gate(url: str, database_url: str) -> None:
    """Sends once somebody has closed the gate."""

    with psycopg.connect(database_url, autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM ops.api_gate WHERE closed_until > now()").fetchall():
            connection.execute("SELECT pg_sleep(0.02)")
    with connect(url=url, token=TOKEN, database_url=database_url) as client:
        client.execute(QUESTION)


class Metered(Shop):
    """Refuses with 429 what a bucket of complexity cannot pay, and says so in `rateLimits`."""

    def __init__(self, peer: Peer, quota: int, interval: int, orders: int) -> None:
        super().__init__([order(number) for number in range(1, orders + 1)])
        self.peer, self.quota, self.interval = peer, quota, interval
        self.tokens, self.at = float(quota), time.monotonic()
        self.spent = self.refused = 0
        self._tell()

    def _tell(self) -> None:
        self.peer.limits = [
            {
                "type": "QUERY_COMPLEXITY",
                "intervalSeconds": self.interval,
                "quota": self.quota,
                "remainingQuota": int(self.tokens),
            }
        ]

    def reply(self, asked: Asked) -> Any:
        self.tokens = min(self.quota, self.tokens + (asked.at - self.at) * self.quota / self.interval)
        self.at = asked.at
        cost = 8 * asked.variables["first"] + 1
        if self.tokens < cost:
            self.refused += 1
            return status(429, retry_after="1")
        self.tokens -= cost
        self.spent += cost
        self._tell()
        return {**super().reply(asked), "extensions": {"complexity": cost}}


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_a_backfill_that_needs_more_than_the_quota_is_paced_and_never_refused(
    peer: Peer, make_client: MakeClient, database_url: str, shared: bool
) -> None:
    shop = Metered(peer, quota=4_000, interval=2, orders=300)
    peer.reply = shop.reply
    client = make_client(**({"database_url": database_url} if shared else {}))
    prepared = client.prepare(ORDERS)
    started = time.monotonic()
    found = sum(len(page.ids) for _, page in client.stream(prepared, [{}] * 6))
    seconds = time.monotonic() - started
    assert found == 1_800
    assert (shop.refused, client.stats.throttled) == (0, 0)
    # The last token is spent when the last request goes out.
    assert shop.spent >= 0.85 * (shop.quota + seconds * shop.quota / shop.interval)
