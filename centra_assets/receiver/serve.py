"""Serves the receiver with uvicorn: the port, bounds on connections, a graceful end. What it answers is in app.py."""

import asyncio
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from centra_assets.receiver.app import ReceiverOptions, build_app
from centra_assets.receiver.errors import ReceiverNotStartedError

_LOG = logging.getLogger(__name__)
_KEEP_ALIVE_SECONDS = 20
_MOST_CONNECTIONS = 1_000
_BACKLOG = 2_048


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP, and whoever does not get to the end of a request's headers is hung up on.

    uvicorn itself bounds neither their time nor their size.
    """

    header_seconds = 10.0
    most_header_bytes = 64 * 2**10

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers(self.header_seconds)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._patience is not None:
            self._header_bytes += len(data)
            if self._header_bytes > self.most_header_bytes:
                self.transport.abort()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Unless the next request is here already and has begun.
        if self.cycle.response_complete:
            self._await_headers(self.timeout_keep_alive + self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self, seconds: float) -> None:
        self._header_bytes = 0
        self._patience: asyncio.TimerHandle | None = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def bound_socket(host: str, port: int) -> socket.socket:
    """Listening at once, so that a taken port is known before anything else happens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as problem:
        bound.close()
        raise ReceiverNotStartedError(f"Port {port} of {host}: {problem.strerror}.") from problem
    return bound


def server(options: ReceiverOptions) -> uvicorn.Server:
    """One process. On SIGTERM or SIGINT it takes no more, answers what it has taken, and ends."""
    settings: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    return uvicorn.Server(
        uvicorn.Config(
            build_app(options),
            http=BoundedHttp,
            ws="none",
            lifespan="on",
            backlog=_BACKLOG,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(options.body_seconds + options.store_seconds) + 2,
            **settings,
        )
    )


def run(options: ReceiverOptions, host: str, port: int) -> None:
    """Serve until stopped. Raises ReceiverNotStartedError."""
    bound = bound_socket(host, port)
    where = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
    _LOG.info("listening", extra={"fields": {"url": where, "plugins": sorted(options.plugins)}})
    server(options).run(sockets=[bound])
