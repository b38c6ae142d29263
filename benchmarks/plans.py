"""Centra's rate limits as its server keeps them: the published plans and their six token buckets. No client code."""

from collections.abc import Mapping
from dataclasses import dataclass

_SHORT, _LONG = 10, 3600
INTERVALS = {_SHORT: "TEN_SECONDS", _LONG: "ONE_HOUR"}
KINDS = ("REQUEST_COUNT", "MUTATION_COUNT", "QUERY_COMPLEXITY")

# Quotas per kind: in ten seconds, in an hour. `off` is a quota that nothing here can use up.
PLANS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "off": dict.fromkeys(KINDS, (10**9, 10**9)),
    "growth": {
        "REQUEST_COUNT": (60, 5_000),
        "MUTATION_COUNT": (20, 1_800),
        "QUERY_COMPLEXITY": (250_000, 30_000_000),
    },
    "enhanced": {
        "REQUEST_COUNT": (150, 20_000),
        "MUTATION_COUNT": (50, 4_500),
        "QUERY_COMPLEXITY": (900_000, 90_000_000),
    },
}


@dataclass
class TokenBucket:
    """One quota: refilled at a constant rate, never above `quota`. Instants are seconds of one clock."""

    kind: str
    interval_seconds: int
    quota: int
    tokens: float
    at: float

    @property
    def rate(self) -> float:
        """Tokens refilled per second."""
        return self.quota / self.interval_seconds

    def refill(self, now: float) -> None:
        """Credit the time since the last look."""
        self.tokens = min(float(self.quota), self.tokens + self.rate * (now - self.at))
        self.at = now


class Limiter:
    """The buckets of one plan. `hour_share` is how full the hourly ones are at the start: 1.0 is an idle hour."""

    def __init__(self, plan: str, now: float, hour_share: float = 1.0) -> None:
        self.buckets = [
            TokenBucket(kind, interval, quota, quota * (hour_share if interval == _LONG else 1.0), now)
            for kind, quotas in PLANS[plan].items()
            for interval, quota in zip((_SHORT, _LONG), quotas, strict=True)
        ]

    def charge(self, now: float, complexity: int) -> float:
        """Take one query's tokens and return 0, or take none and return the seconds until it could be asked again."""
        drawn = {"REQUEST_COUNT": 1, "QUERY_COMPLEXITY": complexity}
        wait = 0.0
        for bucket in self.buckets:
            bucket.refill(now)
            wait = max(wait, (drawn.get(bucket.kind, 0) - bucket.tokens) / bucket.rate)
        if wait > 0:
            return wait
        for bucket in self.buckets:
            bucket.tokens -= drawn.get(bucket.kind, 0)
        return 0.0

    def report(self, now: float) -> list[dict[str, str | int]]:
        """The answer to `rateLimits`."""
        for bucket in self.buckets:
            bucket.refill(now)
        return [
            {
                "type": bucket.kind,
                "intervalSeconds": INTERVALS[bucket.interval_seconds],
                "quota": bucket.quota,
                "usedQuota": bucket.quota - int(bucket.tokens),
                "remainingQuota": int(bucket.tokens),
            }
            for bucket in self.buckets
        ]
