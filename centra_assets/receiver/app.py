"""The receiver as an ASGI application: what is asked of a delivery, in which order, and how it is answered."""

import asyncio
import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from centra_assets.centra.webhooks import (
    SIGNATURE_HEADER,
    MalformedError,
    Notice,
    Verified,
    WebhookError,
    WebhookKind,
    parse,
    verify,
)
from centra_assets.entities.hints import Target, targets
from centra_assets.errors import CentraAssetsError
from centra_assets.receiver.errors import (
    BodyTooLargeError,
    BodyTooSlowError,
    OverloadedError,
    PluginUnknownError,
    ReceiverError,
)
from centra_assets.receiver.logs import RefusalLog
from centra_assets.receiver.metrics import CONTENT_TYPE, UNKNOWN_PLUGIN, Metrics
from centra_assets.receiver.plugins import WebhookPlugin
from centra_assets.receiver.readiness import Readiness
from centra_assets.receiver.writer import InboxWriter
from centra_assets.storage.errors import RowRefusedError
from centra_assets.storage.inbox import Delivery, Hint

_LOG = logging.getLogger(__name__)
_FORM = "application/x-www-form-urlencoded"
_RETRY_AFTER_SECONDS = 5
# Of a body that is too large so much is read and forgotten before the answer: who still sends does not read it.
_OVERRUN_BYTES = 4 * 2**20
# Bodies of all requests together, read and not yet answered.
_MOST_HELD_BYTES = 64 * 2**20
_STATUS: Mapping[type[CentraAssetsError], int] = {
    MalformedError: 400,
    RowRefusedError: 400,
    PluginUnknownError: 401,
    WebhookError: 401,
    BodyTooSlowError: 408,
    BodyTooLargeError: 413,
}
_DOUBT = 503


@dataclass(frozen=True)
class ReceiverOptions:
    """What a receiver needs to know. `plugins` are those of `plugins.webhook_plugins`."""

    plugins: Mapping[str, WebhookPlugin]
    database_url: str = field(repr=False)
    window: timedelta = timedelta(seconds=300)
    max_body_bytes: int = 2**20
    # Centra waits five seconds for an answer; body and storing together stay below.
    body_seconds: float = 1.5
    store_seconds: float = 3.0
    most_waiting: int = 2_000


def build_app(options: ReceiverOptions) -> Starlette:
    """`POST /webhooks/{plugin}`, and for who runs it `/healthz`, `/readyz` and `/metrics`."""
    metrics = Metrics()
    writer = InboxWriter(
        options.database_url, metrics, seconds=options.store_seconds, most_waiting=options.most_waiting
    )
    metrics.watch_queue(lambda: writer.depth)
    readiness = Readiness(options.database_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        writing = asyncio.create_task(writer.run())
        yield
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        problem = await readiness.problem()
        return JSONResponse({"status": "ready"}) if problem is None else _unready(problem)

    async def exposition(_: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    receiver = _Receiver(options, writer, metrics)
    return Starlette(
        routes=[
            Route("/webhooks/{plugin}", receiver.receive, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
        ],
        lifespan=lifespan,
    )


def _unready(problem: str) -> Response:
    return JSONResponse({"status": "not ready", "reason": problem}, status_code=503)


class _Receiver:
    def __init__(self, options: ReceiverOptions, writer: InboxWriter, metrics: Metrics) -> None:
        self._options = options
        self._writer = writer
        self._metrics = metrics
        self._refusals = RefusalLog()
        self._held_bytes = 0
        self._secrets = {name: plugin.reveal() for name, plugin in options.plugins.items()}
        # Proved against where the plugin is unknown, so that the answer takes as long.
        self._nobodys = (secrets.token_hex(),)

    async def receive(self, request: Request) -> Response:
        """Answer a delivery: 200 only after the commit, 503 whenever it is not certain what became of it."""
        started = time.perf_counter()
        name = request.path_params["plugin"]
        known = name if name in self._options.plugins else UNKNOWN_PLUGIN
        try:
            await self._take(request, name)
            status, reason = 200, "STORED"
        except CentraAssetsError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), _DOUBT)
            reason = error.code
        except Exception:
            _LOG.exception("delivery failed")
            status, reason = _DOUBT, ReceiverError.code
        self._metrics.note_answer(known, status, reason, time.perf_counter() - started)
        if status != 200:
            self._refusals.note(known, status, reason)
        return _answer(status, reason)

    async def _take(self, request: Request, name: str) -> None:
        """In this order: read, prove, parse, store. Nothing of a body is looked at before it is proved."""
        held = bytearray()
        try:
            await self._read(request, held)
            body = bytes(held)
            verified = self._verified(request, name, body)
            if _media_type(request) != _FORM:
                raise MalformedError(f"The content type is not {_FORM}.")
            kind = self._options.plugins[name].kind
            found = hints(kind, parse(kind, body))
            if found:
                key = _delivery_key(kind, verified, body)
                await self._writer.store(Delivery("webhook", name, key, found, verified.signed_at))
                self._metrics.note_hints(name, found)
        finally:
            self._held_bytes -= len(held)

    def _verified(self, request: Request, name: str, body: bytes) -> Verified:
        header = ",".join(request.headers.getlist(SIGNATURE_HEADER))
        valid = self._secrets.get(name)
        try:
            return verify(header, body, valid or self._nobodys, datetime.now(UTC), self._options.window)
        except WebhookError:
            if valid is None:
                raise PluginUnknownError("No such plugin.") from None
            raise

    async def _read(self, request: Request, held: bytearray) -> None:
        """The body into `held`, whatever its declared length says."""
        most, size = self._options.max_body_bytes, 0
        too_large = BodyTooLargeError(f"The body has more than {most:,} bytes.")
        if "expect" in request.headers and int(request.headers.get("content-length", "0")) > most:
            raise too_large
        try:
            async with asyncio.timeout(self._options.body_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size <= most:
                        self._hold(held, chunk)
                    elif size > most + _OVERRUN_BYTES:
                        break
        except (TimeoutError, ClientDisconnect):
            if size <= most:
                raise BodyTooSlowError("The body did not arrive whole and in time.") from None
        if size > most:
            raise too_large

    def _hold(self, held: bytearray, chunk: bytes) -> None:
        if self._held_bytes + len(chunk) > _MOST_HELD_BYTES:
            raise OverloadedError("The bodies being read take all the room there is.")
        self._held_bytes += len(chunk)
        held += chunk


def hints(kind: WebhookKind, notices: Sequence[Notice]) -> list[Hint]:
    """The hints that notices are: one per entity they speak of, or one that is nobody's, so that none is lost."""
    found = []
    for position, notice in enumerate(notices):
        # Without an id there is nothing to fetch.
        speaks_of = targets(kind, notice.object_type) if notice.reference else ()
        for target in speaks_of or (Target(""),):
            told = (notice.object_type, notice.action, notice.reference, notice.element)
            found.append(Hint(target.entity, target.via, *told, position=position))
    return found


def _delivery_key(kind: WebhookKind, verified: Verified, body: bytes) -> str:
    """The same for a repeat, and for nothing else.

    An event carries its own date to the microsecond. A list of ids is a new fact when it comes again, unless it was
    signed at the same moment.
    """
    moment = b"" if kind is WebhookKind.INTEGRATION_API else f"{verified.signed_at.timestamp():.0f}.".encode()
    return hashlib.sha256(moment + body).hexdigest()


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _answer(status: int, reason: str) -> Response:
    if status == 200:
        return JSONResponse({"status": "stored"})
    # Whoever cannot sign is not told what was wrong.
    response = JSONResponse({"error": "UNAUTHORIZED" if status == 401 else reason}, status_code=status)
    if status == _DOUBT:
        response.headers["retry-after"] = str(_RETRY_AFTER_SECONDS)
    if status in (408, 413, _DOUBT):
        # What is still to come of the body is not read.
        response.headers["connection"] = "close"
    return response
