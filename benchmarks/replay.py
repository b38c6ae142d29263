"""A server of prepared pages for our orders document, at next to no cost. It checks nothing; the sandbox does."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import uvicorn
from graphql import graphql_sync

from benchmarks.corpus import OPERATION, Corpus, document_text
from benchmarks.plans import PLANS, Limiter
from centra_assets.centra.complexity import cost
from centra_assets.centra.documents import operation_named, parsed
from centra_assets.centra.schema import bundled_schema

TOKEN = "replay-token"
_JSON = (b"content-type", b"application/json")

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Served:
    """One answered page, for the record. `at` is the server's own monotonic clock."""

    at: float
    complexity: int
    orders: int
    client: str


class ReplayApp:
    """The ASGI application: `POST /graphql` and, for whoever measures, `GET /stats`."""

    def __init__(self, corpus: Corpus, *, plan: str, hour_share: float, latency_seconds: float) -> None:
        self._corpus, self._latency = corpus, latency_seconds
        self._limiter = Limiter(plan, time.monotonic(), hour_share)
        self._pages: list[Served] = []
        self._others = self._throttled = 0
        # Introspection takes a second; nobody's clock should run over it twice.
        self._answers: dict[bytes, bytes] = {}
        self._operation = operation_named(parsed(document_text()), OPERATION)

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        if scope["path"] == "/stats":
            await _answer(send, 200, json.dumps(self._stats()).encode())
            return
        if self._latency:
            await asyncio.sleep(self._latency)
        client = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        await self._graphql(send, body, client)

    async def _graphql(self, send: Send, body: bytes, client: str) -> None:
        request = msgspec.json.decode(body)
        variables = request.get("variables") or {}
        paged = "first" in variables and "orderConnection" in request["query"]
        # The other documents here (rate limits, introspection) cost little; their true cost is not at stake.
        complexity = cost(bundled_schema(), self._operation, variables) if paged else 10
        now = time.monotonic()
        wait = self._limiter.charge(now, complexity)
        if wait:
            self._throttled += 1
            resume = str(int(time.time() + wait) + 1).encode()
            await _answer(send, 429, b'{"errors":[{"message":"Too many requests"}]}', (b"retry-after", resume))
        elif paged:
            page = self._corpus.page(
                start=datetime.fromisoformat(variables["from"]),
                end=datetime.fromisoformat(variables["to"]),
                first=variables["first"],
                after=variables.get("after"),
                complexity=complexity,
            )
            self._pages.append(Served(now, complexity, page.orders, client))
            await _answer(send, 200, page.body)
        else:
            self._others += 1
            await _answer(send, 200, self._other(body, request, complexity))

    def _other(self, body: bytes, request: dict[str, Any], complexity: int) -> bytes:
        """Any document, answered by graphql-core over an instance that has limits and nothing else."""
        if body in self._answers:
            return self._answers[body]
        limits = "rateLimits" in request["query"]
        query = bundled_schema().query_type
        assert query is not None
        empty: dict[str, list[Any]] = {name: [] for name in query.fields}
        outcome = graphql_sync(
            bundled_schema(),
            request["query"],
            {**empty, "rateLimits": self._limiter.report(time.monotonic())},
            variable_values=request.get("variables"),
            operation_name=request.get("operationName"),
        )
        answer = json.dumps({**outcome.formatted, "extensions": {"complexity": complexity}}).encode()
        if not limits:
            self._answers[body] = answer
        return answer

    def _stats(self) -> dict[str, Any]:
        return {
            "throttled": self._throttled,
            "others": self._others,
            "pages": [[page.at, page.complexity, page.orders, page.client] for page in self._pages],
            "limits": self._limiter.report(time.monotonic()),
        }


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class ReplayServer:
    """A running server, in a process of its own."""

    root: str
    process_id: int

    @property
    def url(self) -> str:
        """The GraphQL endpoint."""
        return f"{self.root}/graphql"

    def stats(self) -> dict[str, Any]:
        """What was served so far: `pages` of [at, complexity, orders, token], `throttled`, `others`, `limits`."""
        with urlopen(f"{self.root}/stats") as response:
            answer: dict[str, Any] = json.load(response)
        return answer


@contextlib.contextmanager
def serving(corpus: Path, *, plan: str = "off", hour_share: float = 1.0, latency_ms: int = 0) -> Iterator[ReplayServer]:
    """A server over a corpus folder, on a free port of the loopback interface, until the block ends."""
    options = ["--plan", plan, "--hour-share", str(hour_share), "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.replay", str(corpus), *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        # The first and only line comes when the socket listens.
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("The replay server ended before it listened; its output says why.")
        yield ReplayServer(address, process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def main() -> None:
    """Serve one corpus until terminated; prints the address first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--plan", choices=sorted(PLANS), default="off")
    parser.add_argument("--hour-share", type=float, default=1.0)
    parser.add_argument("--latency-ms", type=int, default=0)
    options = parser.parse_args()
    app = ReplayApp(
        Corpus(options.corpus),
        plan=options.plan,
        hour_share=options.hour_share,
        latency_seconds=options.latency_ms / 1000,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}")
    uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
