"""A cheap sender of prepared webhook deliveries: raw sockets, each answer timed. Who receives is not known here."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True)
class Load:
    """What became of the deliveries. A latency runs from when a delivery was due to its whole answer."""

    seconds: float
    statuses: dict[str, int]
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ranked = sorted(self.latencies)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        percentiles = {f"p{share * 100:g}_ms": round(self.percentile(share), 2) for share in (0.5, 0.9, 0.99, 0.999, 1)}
        return {"rate": round(self.rate, 1), "seconds": round(self.seconds, 3), "statuses": self.statuses} | percentiles


class _Line(asyncio.Protocol):
    """A kept connection with one request in flight at most."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_END_OF_HEAD)
        if not found or self._answer is None:
            return
        start = head.lower().index(_LENGTH) + len(_LENGTH)
        if len(body) >= int(head[start:].partition(b"\r\n")[0]):
            self._received = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("hung up"))

    async def send(self, request: bytes) -> int:
        """The status of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return await self._answer


def steady(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Fixed concurrency: each connection sends its next delivery when the one before is answered."""

    async def load() -> Load:
        lines = await _lines(port, connections)
        waiting = iter(requests)

        async def work(line: _Line, note: Callable[[float, Awaitable[int]], Awaitable[None]]) -> None:
            for request in waiting:
                await note(time.perf_counter(), line.send(request))

        return await _measured(lambda note: [work(line, note) for line in lines])

    return uvloop.run(load())


def paced(port: int, requests: Sequence[bytes], per_second: float, connections: int) -> Load:
    """Open loop: deliveries are due at a fixed rate, whether the ones before are answered or not."""

    async def load() -> Load:
        free: asyncio.Queue[_Line] = asyncio.Queue()
        for line in await _lines(port, connections):
            free.put_nowait(line)
        begin = time.perf_counter() + 0.1

        async def deliver(
            number: int, request: bytes, note: Callable[[float, Awaitable[int]], Awaitable[None]]
        ) -> None:
            due = begin + number / per_second
            await asyncio.sleep(due - time.perf_counter())
            line = await free.get()
            await note(due, line.send(request))
            free.put_nowait(line)

        return await _measured(lambda note: [deliver(*numbered, note) for numbered in enumerate(requests)])

    return uvloop.run(load())


async def _measured(works: Callable[[Any], Sequence[Awaitable[None]]]) -> Load:
    statuses: Counter[int] = Counter()
    latencies: list[float] = []

    async def note(due: float, answer: Awaitable[int]) -> None:
        statuses[await answer] += 1
        latencies.append(time.perf_counter() - due)

    started = time.perf_counter()
    await asyncio.gather(*works(note))
    counted = {str(status): number for status, number in statuses.items()}
    return Load(time.perf_counter() - started, counted, latencies)


async def _lines(port: int, connections: int) -> list[_Line]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(_Line, "127.0.0.1", port))[1] for _ in range(connections)]
