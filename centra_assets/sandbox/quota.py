"""The six token buckets of an environment and the plans that size them. It knows no HTTP and no query."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Counter(StrEnum):
    """What a bucket counts, in Centra's words."""

    REQUEST_COUNT = "REQUEST_COUNT"
    QUERY_COMPLEXITY = "QUERY_COMPLEXITY"
    MUTATION_COUNT = "MUTATION_COUNT"


class Plan(StrEnum):
    """Centra's plans, and `off`: buckets too large to matter."""

    GROWTH = "growth"
    ENHANCED = "enhanced"
    HIGH_VOLUME = "high-volume"
    ENTERPRISE = "enterprise"
    OFF = "off"


INTERVALS = {"TEN_SECONDS": 10, "ONE_HOUR": 3600}

_NO_LIMIT = 2_000_000_000  # fits GraphQL's Int

# Per plan: requests, mutations, complexity; each in ten seconds and in an hour.
_QUOTAS: dict[Plan, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    Plan.GROWTH: ((60, 5_000), (20, 1_800), (250_000, 30_000_000)),
    Plan.ENHANCED: ((150, 20_000), (50, 4_500), (900_000, 90_000_000)),
    Plan.HIGH_VOLUME: ((450, 40_000), (150, 7_000), (1_800_000, 180_000_000)),
    Plan.ENTERPRISE: ((1_500, 85_000), (500, 25_000), (4_000_000, 400_000_000)),
    Plan.OFF: ((_NO_LIMIT, _NO_LIMIT), (_NO_LIMIT, _NO_LIMIT), (_NO_LIMIT, _NO_LIMIT)),
}


@dataclass
class Bucket:
    """Tokens that come back at a constant rate: a whole quota in one interval."""

    counter: Counter
    interval: str
    quota: int
    tokens: float
    at: float
    refused: int = 0

    @property
    def rate(self) -> float:
        return self.quota / INTERVALS[self.interval]

    def refill(self, now: float) -> None:
        # A clock set back must not take tokens away.
        self.tokens = min(self.quota, self.tokens + max(now - self.at, 0.0) * self.rate)
        self.at = now

    def seconds_until(self, wanted: float) -> float:
        """How long until `wanted` tokens are there; 0 when they are."""
        return max(wanted - self.tokens, 0.0) / self.rate


@dataclass
class Quota:
    """All buckets of one environment, shared by all integrations."""

    plan: Plan
    buckets: list[Bucket] = field(default_factory=list)
    resume_at: float = 0.0

    @classmethod
    def of(cls, plan: Plan, now: float) -> "Quota":
        """Full buckets."""
        return cls(plan, list(_full_buckets(plan, now)))

    def spend_hours(self, now: float, left: float) -> None:
        """Others have spent of every hourly bucket until this share of it was left; more is never given back."""
        for bucket in self.buckets:
            bucket.refill(now)
            if bucket.interval == "ONE_HOUR":
                bucket.tokens = min(bucket.tokens, left * bucket.quota)

    @property
    def largest_query(self) -> int:
        """The complexity above which no amount of waiting makes room."""
        return min(bucket.quota for bucket in self.buckets if bucket.counter is Counter.QUERY_COMPLEXITY)

    def take(self, now: float, *, complexity: int, mutations: int) -> float | None:
        """Pay for one request. None: it may run. Otherwise the moment (seconds since the epoch) from which it may.

        A refused request still uses up a request token: to retry too early triggers the limit again.
        """
        wanted = {Counter.REQUEST_COUNT: 1, Counter.QUERY_COMPLEXITY: complexity, Counter.MUTATION_COUNT: mutations}
        short: list[Bucket] = []
        for bucket in self.buckets:
            bucket.refill(now)
            if bucket.tokens < wanted[bucket.counter]:
                short.append(bucket)
        if not short and now >= self.resume_at:
            for bucket in self.buckets:
                bucket.tokens -= wanted[bucket.counter]
            return None
        for bucket in self.buckets:
            bucket.refused += bucket in short
            if bucket.counter is Counter.REQUEST_COUNT:
                bucket.tokens = max(bucket.tokens - 1, 0.0)
        waits = (bucket.seconds_until(wanted[bucket.counter]) for bucket in self.buckets)
        self.resume_at = max(self.resume_at, math.ceil(now + max(waits, default=0.0)))
        return self.resume_at

    def refused_by_bucket(self) -> dict[str, int]:
        """How many requests each bucket has refused."""
        return {f"{bucket.counter}/{bucket.interval}": bucket.refused for bucket in self.buckets}


def _full_buckets(plan: Plan, now: float) -> Iterator[Bucket]:
    requests, mutations, complexity = _QUOTAS[plan]
    for counter, quotas in (
        (Counter.REQUEST_COUNT, requests),
        (Counter.QUERY_COMPLEXITY, complexity),
        (Counter.MUTATION_COUNT, mutations),
    ):
        for interval, quota in zip(INTERVALS, quotas, strict=True):
            yield Bucket(counter, interval, quota, float(quota), now)
