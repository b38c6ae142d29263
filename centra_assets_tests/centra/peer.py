"""A scripted HTTP peer for the client: it answers what a test tells it to. A faithful Centra is the sandbox."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import uvicorn
from graphql import build_schema, graphql_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from centra_assets.centra.schema import INTROSPECTION, bundled_sdl

TOKEN = "a-token-for-tests"


@dataclass
class Asked:
    """One request as the peer saw it."""

    query: str
    variables: dict[str, Any]
    operation: str | None
    at: float


Answer = Callable[[Asked], Any]


def answer(data: Any, *, complexity: int | None = None, **more: Any) -> dict[str, Any]:
    extensions = {} if complexity is None else {"extensions": {"complexity": complexity}}
    return {"data": data, **extensions, **more}


def denial(permission: str, path: list[str | int]) -> dict[str, Any]:
    return {
        "errors": [
            {
                "message": f"You need {permission} permission to access {path[-1]}.",
                "extensions": {"category": "authorization"},
                "path": path,
            }
        ]
    }


def status(code: int, body: bytes = b"", **headers: str) -> Response:
    return Response(body, code, headers={name.replace("_", "-"): value for name, value in headers.items()})


def cut(body: bytes) -> Response:
    """An answer that breaks off in its middle."""

    async def half() -> Any:
        yield body[: len(body) // 2]
        raise ConnectionError("the peer breaks off")

    return StreamingResponse(half(), headers={"content-length": str(len(body))}, media_type="application/json")


@lru_cache(maxsize=8)
def _introspected(sdl: str) -> bytes:
    return json.dumps(answer(graphql_sync(build_schema(sdl, assume_valid=True), INTROSPECTION).data)).encode()


@dataclass
class Peer:
    """Answers `rateLimits` and introspection from its fields, everything else by `reply`."""

    url: str = ""
    sdl: str = field(default_factory=bundled_sdl)
    limits: list[dict[str, Any]] = field(default_factory=list)
    reply: Answer = lambda asked: answer({})
    asked: list[Asked] = field(default_factory=list)
    limits_read: int = 0
    introspections: int = 0
    request_ids: list[str] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.request_ids.append(request.headers["x-request-id"])
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return status(403, b'{"message": "Forbidden"}')
        asked = Asked(body["query"], body.get("variables") or {}, body.get("operationName"), time.monotonic())
        if "__schema" in asked.query:
            self.introspections += 1
            return _json(_introspected(self.sdl))
        if "rateLimits" in asked.query:
            self.limits_read += 1
            return _json(answer({"rateLimits": self.limits}, complexity=10))
        self.asked.append(asked)
        reply = self.reply(asked)
        return reply if isinstance(reply, Response) else _json(reply)


def _json(value: Any) -> Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Response(body, media_type="application/json")


@contextmanager
def serving() -> Iterator[Peer]:
    """A peer on a free port of the loopback interface."""
    peer = Peer()
    app = Starlette(routes=[Route("/graphql", peer.handle, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    sockets = [server.config.bind_socket()]
    peer.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/graphql"
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.should_exit = True
        thread.join()
