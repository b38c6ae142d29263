"""The bucket arithmetic, alone and against a model of Centra's own buckets."""

import heapq
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centra_assets.centra.buckets import Bucket, Buckets, Cost, Kind, Priority, RateLimit

GROWTH = {
    (Kind.REQUESTS, 10): 60,
    (Kind.REQUESTS, 3600): 5_000,
    (Kind.MUTATIONS, 10): 20,
    (Kind.MUTATIONS, 3600): 1_800,
    (Kind.COMPLEXITY, 10): 250_000,
    (Kind.COMPLEXITY, 3600): 30_000_000,
}


def reported(remaining: int | None = None, quotas: dict[tuple[Kind, int], int] | None = None) -> list[RateLimit]:
    return [
        RateLimit(kind, interval, quota, quota if remaining is None else remaining)
        for (kind, interval), quota in (quotas or GROWTH).items()
    ]


def seeded(remaining: int | None = None) -> Buckets:
    buckets = Buckets()
    assert buckets.take(Cost(), 0.0, Priority.BACKFILL).read_limits
    buckets.observe(reported(remaining), 0.0)
    return buckets


costs = st.builds(Cost, complexity=st.integers(0, 60_000), mutations=st.integers(0, 5), requests=st.integers(1, 1))


@given(cost=costs, priority=st.sampled_from(Priority), used=st.integers(0, 60), at=st.floats(0, 20))
def test_who_is_told_to_wait_is_granted_after_that_wait(cost: Cost, priority: Priority, used: int, at: float) -> None:
    buckets = seeded()
    buckets.charge(Cost(complexity=used * 5_000, mutations=used // 3, requests=used), 0.0)
    decision = buckets.take(cost, at, priority)
    if not decision.granted:
        assert decision.wait > 0
        # Reading the limits may fall due in between; that is no refusal.
        buckets.limits_read_at = at + decision.wait
        assert buckets.take(cost, at + decision.wait + 1e-6, priority).granted


@given(steps=st.lists(st.tuples(costs, st.floats(0, 5)), max_size=60))
def test_no_window_ever_spends_more_than_its_quota_and_the_refill(steps: list[tuple[Cost, float]]) -> None:
    buckets, now, spent = seeded(), 0.0, dict.fromkeys(Kind, 0)
    for cost, pause in steps:
        now += pause
        if buckets.take(cost, now, Priority.REAL_TIME).granted:
            for kind in Kind:
                spent[kind] += cost.of(kind)
    for (kind, interval), quota in GROWTH.items():
        assert spent[kind] <= quota * (1 + now / interval) + 1e-6


def test_nothing_is_drawn_by_a_request_that_must_wait() -> None:
    buckets = seeded(remaining=20)
    before = [bucket.tokens for bucket in buckets.buckets]
    assert not buckets.take(Cost(complexity=1_000), 0.0, Priority.REAL_TIME).granted
    assert [bucket.tokens for bucket in buckets.buckets] == before


def test_a_backfill_that_has_drained_its_share_leaves_room_for_a_webhook() -> None:
    buckets = seeded()
    while buckets.take(Cost(complexity=1_000), 0.0, Priority.BACKFILL).granted:
        pass
    assert not buckets.take(Cost(complexity=1_000), 0.0, Priority.BACKFILL).granted
    assert buckets.take(Cost(complexity=1_000), 0.0, Priority.REAL_TIME).granted


def test_writes_go_before_a_backfill_and_after_a_webhook() -> None:
    buckets = seeded()
    while buckets.take(Cost(complexity=1_000), 0.0, Priority.BACKFILL).granted:
        pass
    writes = 0
    while buckets.take(Cost(complexity=100), 0.0, Priority.WRITE).granted:
        writes += 1
    assert writes > 0
    assert buckets.take(Cost(complexity=100), 0.0, Priority.REAL_TIME).granted


def test_a_request_dearer_than_the_bucket_waits_for_a_full_one_and_leaves_a_debt() -> None:
    buckets = seeded()
    dear = Cost(complexity=400_000)
    assert buckets.take(dear, 0.0, Priority.BACKFILL).granted
    decision = buckets.take(Cost(complexity=1), 0.0, Priority.REAL_TIME)
    assert decision.wait == pytest.approx((400_000 - 0.95 * 250_000 + 1) / 25_000, rel=1e-6)


def test_after_a_429_nobody_sends_before_the_named_moment_and_the_limits_are_read_first() -> None:
    buckets = seeded()
    buckets.close(7.0, now=3.0)
    for priority in Priority:
        assert buckets.take(Cost(), 9.5, priority).wait == pytest.approx(0.5)
    assert buckets.take(Cost(), 10.5, Priority.REAL_TIME).read_limits


def test_a_shorter_429_does_not_open_a_gate_that_is_closed_for_longer() -> None:
    buckets = seeded()
    buckets.close(60.0, now=0.0)
    buckets.close(1.0, now=1.0)
    assert buckets.take(Cost(), 2.0, Priority.REAL_TIME).wait == pytest.approx(58.0)


def test_what_other_integrations_spent_is_taken_over() -> None:
    buckets = seeded()
    buckets.observe(reported(remaining=50), 1.0)
    assert not buckets.take(Cost(complexity=1_000), 1.0, Priority.REAL_TIME).granted


def test_a_report_that_is_higher_is_explained_by_requests_under_way() -> None:
    buckets = seeded()
    buckets.charge(Cost(complexity=200_000), 0.0)
    buckets.observe(reported(), 0.0)
    short = next(b for b in buckets.buckets if b.kind is Kind.COMPLEXITY and b.interval_seconds == 10)
    assert short.tokens == pytest.approx(0.95 * 250_000 - 200_000)


def test_a_picture_that_has_run_far_too_low_is_lifted() -> None:
    buckets = seeded()
    buckets.charge(Cost(complexity=29_000_000), 0.0)
    buckets.observe(reported(), 0.0)
    hour = next(b for b in buckets.buckets if b.kind is Kind.COMPLEXITY and b.interval_seconds == 3600)
    assert hour.tokens >= 0.95 * 30_000_000 - 250_000


def test_limits_are_read_again_after_half_a_minute_or_a_hundred_requests() -> None:
    buckets = seeded()
    for place in range(100):
        assert buckets.take(Cost(), place / 10, Priority.REAL_TIME).granted
    assert buckets.take(Cost(), 11.0, Priority.REAL_TIME).read_limits
    assert buckets.take(Cost(), 11.1, Priority.REAL_TIME).granted
    assert buckets.take(Cost(), 41.2, Priority.REAL_TIME).read_limits


def test_before_the_first_reading_only_the_reader_may_send_and_a_dead_one_is_replaced() -> None:
    buckets = Buckets()
    assert buckets.take(Cost(), 0.0, Priority.REAL_TIME).read_limits
    second = buckets.take(Cost(), 0.1, Priority.REAL_TIME)
    assert not second.granted
    assert not second.read_limits
    assert buckets.take(Cost(), 11.0, Priority.REAL_TIME).read_limits


def test_an_instance_without_limits_is_only_held_by_the_gate() -> None:
    buckets = Buckets()
    buckets.observe([], 0.0)
    assert buckets.take(Cost(complexity=10**9), 1.0, Priority.BACKFILL).granted


@given(elapsed=st.floats(-59, 59))
def test_a_clock_that_steps_back_brings_no_tokens(elapsed: float) -> None:
    bucket = Bucket(Kind.REQUESTS, 10, 60, tokens=0.0, at=1000.0)
    bucket.refill(1000.0 + elapsed)
    bucket.refill(1000.0)
    assert bucket.tokens <= max(0.0, 6 * elapsed) + 1e-6


@dataclass
class Centra:
    """Centra's side: buckets that are charged when a request arrives and refuse what they lack."""

    tokens: dict[tuple[Kind, int], float]
    at: float = 0.0
    refused: int = 0
    spent: int = 0

    def refill(self, now: float) -> None:
        for key, quota in GROWTH.items():
            self.tokens[key] = min(quota, self.tokens[key] + quota / key[1] * (now - self.at))
        self.at = now

    def charge(self, cost: Cost, now: float) -> None:
        self.refill(now)
        if any(self.tokens[key] < cost.of(key[0]) for key in GROWTH):
            self.refused += 1
            return
        for key in GROWTH:
            self.tokens[key] -= cost.of(key[0])
        self.spent += cost.complexity

    def limits(self, now: float) -> list[RateLimit]:
        self.refill(now)
        return [RateLimit(kind, every, quota, int(self.tokens[kind, every])) for (kind, every), quota in GROWTH.items()]


def simulate(*, seconds: float, senders: int, page: int, latency: float, seed: int, used: float = 0.0) -> Centra:
    """A backfill of many concurrent senders against Centra's buckets, in simulated time."""
    chance = random.Random(seed)
    centra = Centra({key: quota * (1 - used) for key, quota in GROWTH.items()})
    ours, order = Buckets(), 0
    events: list[tuple[float, int, str]] = [(0.0, place, "ask") for place in range(senders)]
    order = senders
    while events:
        now, _, what = heapq.heappop(events)
        if now > seconds:
            break
        order += 1
        if what == "arrive":
            centra.charge(Cost(complexity=page), now)
            continue
        decision = ours.take(Cost(complexity=page), now, Priority.BACKFILL)
        if decision.granted:
            delay = latency * chance.uniform(0.5, 1.5)
            heapq.heappush(events, (now + delay * chance.random(), order, "arrive"))
            heapq.heappush(events, (now + delay, order, "ask"))
        elif decision.read_limits:
            ours.charge(Cost(complexity=10), now)
            centra.charge(Cost(complexity=10), now)
            ours.observe(centra.limits(now), now)
            heapq.heappush(events, (now, order, "ask"))
        else:
            heapq.heappush(events, (now + decision.wait, order, "ask"))
    centra.refill(seconds)
    return centra


@settings(max_examples=15, deadline=None)
@given(
    senders=st.integers(4, 24),
    page=st.integers(2_000, 30_000),
    latency=st.floats(0.02, 0.6),
    used=st.sampled_from([0.0, 0.5, 0.9]),
    seed=st.integers(0, 10_000),
)
def test_a_backfill_uses_nearly_all_of_the_quota_and_is_never_refused(
    senders: int, page: int, latency: float, used: float, seed: int
) -> None:
    seconds = 600.0
    centra = simulate(seconds=seconds, senders=senders, page=page, latency=latency, seed=seed, used=used)
    assert centra.refused == 0

    def ceiling(kind: Kind) -> float:
        # The reserve for webhooks and writes is not a backfill's to use.
        quotas = [(quota, every) for (which, every), quota in GROWTH.items() if which is kind]
        return min(quota * (0.95 - used) + quota / every * seconds for quota, every in quotas)

    possible = min(ceiling(Kind.COMPLEXITY), ceiling(Kind.REQUESTS) * page, senders * seconds / latency * page)
    assert centra.spent >= 0.95 * possible - 2 * page * senders
