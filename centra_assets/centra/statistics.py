"""Counting what the client spends. Nothing is decided by these numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class ClientStats:
    """What was asked of Centra. `seconds_waited` is time spent waiting for quota, summed over concurrent requests."""

    requests: int = 0
    complexity: int = 0
    retries: int = 0
    throttled: int = 0
    seconds_waited: float = 0.0

    def add(
        self,
        *,
        requests: int = 0,
        complexity: int = 0,
        retries: int = 0,
        throttled: int = 0,
        seconds_waited: float = 0.0,
    ) -> None:
        """Counts on."""
        self.requests += requests
        self.complexity += complexity
        self.retries += retries
        self.throttled += throttled
        self.seconds_waited += seconds_waited


# Inherited by the tasks that a call starts, so a measurement sees its own requests and nobody else's.
_measuring: ContextVar[tuple[ClientStats, ...]] = ContextVar("centra_measuring", default=())


@contextmanager
def measuring() -> Iterator[ClientStats]:
    """Statistics of what is asked inside the block."""
    stats = ClientStats()
    token = _measuring.set((*_measuring.get(), stats))
    try:
        yield stats
    finally:
        _measuring.reset(token)


def counters(total: ClientStats) -> tuple[ClientStats, ...]:
    """The client's own statistics and those of every measurement that is under way."""
    return (total, *_measuring.get())
