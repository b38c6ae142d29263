"""Waiting for one's share of Centra's quota. The arithmetic is in buckets.py, shared state in postgres_budget.py."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from centra_assets.centra.buckets import Buckets, Cost, Kind, Priority, RateLimit
from centra_assets.centra.errors import RateLimitedError

# Asks Centra for its limits; the request is charged by `take`.
LimitsReader = Callable[[], Awaitable[Sequence[RateLimit]]]

# What `rateLimits` costs by Centra's published rule: a list without a limit, ten assumed, of plain objects.
LIMITS_COST = Cost(complexity=10)

# Other processes change the picture while we sleep, so look again now and then.
_LONGEST_NAP_SECONDS = 15.0


class Budget(ABC):
    """The quota of one Centra environment. `clock` and the storage of the buckets are the subclasses' business."""

    def __init__(self) -> None:
        # Within a process requests of one priority are served in the order in which they came.
        self._lines: dict[Priority, asyncio.Lock] = {}

    @abstractmethod
    def locked(self) -> AbstractAsyncContextManager[tuple[Buckets, float]]:
        """The buckets for reading and changing, alone, and the present second of their clock."""

    @abstractmethod
    async def close(self) -> None:
        """Gives back what the budget holds open; it opens again when it is used again."""

    async def take(
        self, cost: Cost, priority: Priority, *, read_limits: LimitsReader, longest_wait: float = 7200.0
    ) -> float:
        """Waits until the cost may be spent, draws it and returns the seconds waited.

        RateLimitedError when the wait would end more than `longest_wait` seconds after the call.
        """
        started = time.monotonic()
        async with self._lines.setdefault(priority, asyncio.Lock()):
            while True:
                async with self.locked() as (buckets, now):
                    decision = buckets.take(cost, now, priority)
                waited = time.monotonic() - started
                if decision.granted:
                    return waited
                if decision.read_limits:
                    await self.refreshed(read_limits)
                    continue
                if waited + decision.wait > longest_wait:
                    raise RateLimitedError(datetime.now(UTC) + timedelta(seconds=decision.wait))
                await asyncio.sleep(min(decision.wait, _LONGEST_NAP_SECONDS))

    async def refreshed(self, read_limits: LimitsReader) -> Sequence[RateLimit]:
        """Reads the limits now and takes them over."""
        async with self.locked() as (buckets, now):
            buckets.charge(LIMITS_COST, now)
        limits = await read_limits()
        async with self.locked() as (buckets, now):
            buckets.observe(limits, now)
        return limits

    async def quota(self, kind: Kind, *, read_limits: LimitsReader) -> int | None:
        """The quota of the kind's shortest window; None where Centra names none."""
        async with self.locked() as (buckets, _):
            seeded = buckets.seeded
        if not seeded:
            await self.refreshed(read_limits)
        async with self.locked() as (buckets, _):
            found = [(b.interval_seconds, b.quota) for b in buckets.buckets if b.kind is kind]
        return min(found)[1] if found else None

    async def correct(self, difference: Cost) -> None:
        """Draws what a request cost more than was taken for it; negative costs give back."""
        if difference == Cost(requests=0):
            return
        async with self.locked() as (buckets, now):
            buckets.charge(difference, now)

    async def throttled(self, seconds: float) -> None:
        """After a 429: closes the gate for everybody."""
        async with self.locked() as (buckets, now):
            buckets.close(seconds, now)


class LocalBudget(Budget):
    """The budget of a single process, kept in memory: for tools and tests that have no PostgreSQL."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._buckets = Buckets()
        self._clock = clock

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[tuple[Buckets, float]]:
        yield self._buckets, self._clock()

    async def close(self) -> None:
        """Nothing is held open."""
