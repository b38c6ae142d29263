"""The arithmetic of Centra's token buckets, pure: no clock, no storage, no waiting. Those are in budget.py."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Kind(StrEnum):
    """What a bucket counts; Centra's own names."""

    REQUESTS = "REQUEST_COUNT"
    COMPLEXITY = "QUERY_COMPLEXITY"
    MUTATIONS = "MUTATION_COUNT"


class Priority(Enum):
    """Who goes first. The value is the share of every quota that this priority must leave to the ones before it."""

    REAL_TIME = 0.0
    WRITE = 0.02
    BACKFILL = 0.05


@dataclass(frozen=True)
class Cost:
    """What one request draws."""

    complexity: int = 0
    mutations: int = 0
    requests: int = 1

    def of(self, kind: Kind) -> int:
        """The tokens it draws from a bucket of that kind."""
        return {Kind.REQUESTS: self.requests, Kind.COMPLEXITY: self.complexity, Kind.MUTATIONS: self.mutations}[kind]


@dataclass(frozen=True)
class RateLimit:
    """One line of Centra's `rateLimits`."""

    kind: Kind
    interval_seconds: int
    quota: int
    remaining: int


# Centra charges a request when it arrives, we when it leaves. While our bucket is full, tokens that we count as
# refilled in between are lost at Centra; so we never count on the topmost share (half a second of the short window).
_USABLE = 0.95

# A clock that stepped back by more was wrong before; it is believed now.
_CLOCK_CORRECTION_SECONDS = 60.0

# Read the limits again after so much use: other integrations draw from the same buckets unseen.
READ_AGAIN_SECONDS = 30.0
READ_AGAIN_REQUESTS = 100

# While somebody else reads the limits for the first time: how often to look, and when to give that reader up for dead.
_SEEDING_SECONDS = 0.05
_SEEDING_PATIENCE_SECONDS = 10.0


@dataclass
class Bucket:
    """One bucket: `tokens` at the second `at`. Negative tokens are a debt that the refill pays first."""

    kind: Kind
    interval_seconds: int
    quota: int
    tokens: float
    at: float

    @property
    def rate(self) -> float:
        """Tokens refilled per second."""
        return self.quota / self.interval_seconds

    @property
    def full(self) -> float:
        """The most tokens we count on."""
        return self.quota * _USABLE

    def refill(self, now: float) -> None:
        """Credits the time since `at`. A clock that stepped back credits nothing until it has caught up."""
        self.tokens = min(self.full, self.tokens + self.rate * max(0.0, now - self.at))
        if now > self.at or self.at - now > _CLOCK_CORRECTION_SECONDS:
            self.at = now

    def wait(self, tokens: float, reserve: float) -> float:
        """Seconds until `tokens` can be drawn with `reserve` left. What exceeds the bucket waits for a full one."""
        needed = min(tokens + reserve * self.quota, self.full)
        return max(0.0, (needed - self.tokens) / self.rate)


@dataclass(frozen=True)
class Decision:
    """What the buckets say to a request.

    Granted: the cost is drawn. Otherwise ask again in `wait` seconds; with `read_limits`, read Centra's limits first:
    nobody else was told to.
    """

    granted: bool
    wait: float = 0.0
    read_limits: bool = False


@dataclass
class Buckets:
    """All buckets of an environment with the gate that a 429 closes. Seconds are those of one clock.

    Before the first `observe` (`seeded`) nothing is known, and only the one who reads the limits may send.
    """

    buckets: list[Bucket] = field(default_factory=list)
    seeded: bool = False
    closed_until: float | None = None
    limits_read_at: float | None = None
    requests_since_read: int = 0

    def take(self, cost: Cost, now: float, priority: Priority) -> Decision:
        """Draws the cost from every bucket, or from none and says what to do instead."""
        if self.closed_until is not None and now < self.closed_until:
            return Decision(granted=False, wait=self.closed_until - now)
        if self._claim_reading(now):
            return Decision(granted=False, read_limits=True)
        if not self.seeded:
            return Decision(granted=False, wait=_SEEDING_SECONDS)
        wait = 0.0
        for bucket in self.buckets:
            bucket.refill(now)
            drawn = cost.of(bucket.kind)
            if drawn:
                wait = max(wait, bucket.wait(drawn, priority.value))
        # A microsecond of rounding is not worth a nap.
        if wait > 1e-6:
            return Decision(granted=False, wait=wait)
        self._draw(cost)
        self.requests_since_read += cost.requests
        return Decision(granted=True)

    def charge(self, cost: Cost, now: float) -> None:
        """Draws without asking: for what has been spent already. Negative costs give back."""
        for bucket in self.buckets:
            bucket.refill(now)
        self._draw(cost)

    def _draw(self, cost: Cost) -> None:
        for bucket in self.buckets:
            bucket.tokens = min(bucket.full, bucket.tokens - cost.of(bucket.kind))

    def _claim_reading(self, now: float) -> bool:
        patience = READ_AGAIN_SECONDS if self.seeded else _SEEDING_PATIENCE_SECONDS
        due = (
            self.limits_read_at is None
            or now - self.limits_read_at > patience
            or self.requests_since_read >= READ_AGAIN_REQUESTS
        )
        if due:
            self.limits_read_at, self.requests_since_read = now, 0
        return due

    def close(self, seconds: float, now: float) -> None:
        """After a 429: nobody sends for so many seconds, and the limits are read again before anything else."""
        self.closed_until = max(self.closed_until or now, now + seconds)
        self.limits_read_at = None

    def observe(self, limits: Iterable[RateLimit], now: float) -> None:
        """Takes over what Centra reports: quotas always, tokens where it has fewer than we thought.

        Where it has more, requests on their way explain a difference of up to one short quota; beyond that our
        picture had run low (a killed process, a cost that was too high) and is lifted.
        """
        limits = list(limits)
        known = {(bucket.kind, bucket.interval_seconds): bucket for bucket in self.buckets}
        shortest = {
            kind: min(limit.quota for limit in limits if limit.kind is kind)
            for kind in {limit.kind for limit in limits}
        }
        fresh: list[Bucket] = []
        for limit in limits:
            reported = float(limit.remaining)
            bucket = known.get((limit.kind, limit.interval_seconds))
            if bucket is None:
                bucket = Bucket(limit.kind, limit.interval_seconds, limit.quota, reported, now)
            else:
                bucket.refill(now)
                bucket.tokens = max(min(bucket.tokens, reported), reported - shortest[limit.kind])
                bucket.quota = limit.quota
            bucket.tokens = min(bucket.tokens, bucket.full)
            fresh.append(bucket)
        self.buckets, self.seeded = fresh, True
        self.limits_read_at, self.requests_since_read = now, 0
