"""One GraphQL request over HTTP: budget, retries, typed errors. What is asked, and paging, is elsewhere."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from re import compile as pattern
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from centra_assets.centra.buckets import Cost, Kind, Priority, RateLimit
from centra_assets.centra.budget import Budget
from centra_assets.centra.decode import AnswerError, Envelope, envelope_decoder
from centra_assets.centra.errors import (
    AuthenticationError,
    CentraError,
    Denial,
    EndpointError,
    PermissionDeniedError,
    RateLimitedError,
    RequestRefusedError,
    ResponseShapeError,
    ServerError,
    TransportError,
    scrub,
)
from centra_assets.centra.retry_after import seconds_to_wait, server_clock
from centra_assets.centra.statistics import ClientStats, counters
from centra_assets.logs import work

# Dear to import: only who opens a connection pays for it, and Dagster's code location opens none.
if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

# Mutations that Centra documents as idempotent: they alone may be sent again after an answer was lost.
_IDEMPOTENT_MUTATIONS = {"setIdConversions", "setEventListeners", "unsetEventListeners"}

_PERMISSION = pattern(r"need (\S+) permission(?: to access ([\w.]+?))?\.?$")

_LONGEST_PAUSE_SECONDS = 30.0

# With 429 after 429 the quota is somebody else's; then a run should end and say so.
_LONGEST_THROTTLING_SECONDS = 7200.0

any_decoder = envelope_decoder(Any)

_LIMITS = "query RateLimits { rateLimits { type intervalSeconds quota remainingQuota } }"
_INTERVALS = {"TEN_SECONDS": 10, "ONE_HOUR": 3600}


@dataclass(frozen=True)
class Request:
    """One operation with its variables; `cost` is what we expect it to draw from the quota."""

    text: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation: str | None = None
    cost: Cost = field(default_factory=Cost)
    mutation_fields: Sequence[str] = ()

    def body(self) -> bytes:
        """The JSON that is posted. A datetime without an offset has no meaning to Centra and is refused here."""
        named = {"operationName": self.operation} if self.operation else {}
        return _encoder.encode({"query": self.text, "variables": _sendable(self.variables), **named})

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although it may have been executed."""
        return set(self.mutation_fields) <= _IDEMPOTENT_MUTATIONS


_encoder = msgspec.json.Encoder(decimal_format="number")


def _sendable(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A datetime variable needs an offset.")
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _sendable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(inner) for inner in value]
    return value


@dataclass(frozen=True)
class Reply:
    """A whole answer without errors. `sent_at` is when it was asked for: no later than what it says was true."""

    envelope: Envelope
    complexity: int
    sent_at: datetime


class _ThrottledError(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _NeverSentError(TransportError):
    """The connection could not be opened: nothing was executed."""


class Transport:
    """Sends requests within the budget. `stats` counts everything that was sent."""

    def __init__(
        self, *, url: str, token: str, budget: Budget, timeout_seconds: float, max_attempts: int, connections: int
    ) -> None:
        import httpx

        self.environment = urlsplit(url).netloc
        self.budget = budget
        self.stats = ClientStats()
        self._url = url
        self._max_attempts = max_attempts
        self._http = httpx.AsyncClient(
            http2=True,
            timeout=httpx.Timeout(timeout_seconds, pool=None),
            limits=httpx.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": "centra_assets",
            },
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()
        await self.budget.close()

    async def rate_limits(self) -> list[RateLimit]:
        """What Centra says is left, outside of the budget's queue. A token that may not ask has no limits known."""
        request = Request(_LIMITS)
        for attempt in range(self._max_attempts):
            try:
                reply = await self._once(request, any_decoder)
                return [_rate_limit(entry) for entry in reply.envelope.data["rateLimits"]]
            except (RequestRefusedError, PermissionDeniedError) as error:
                _log.warning("Centra does not tell its rate limits: %s", error.cause)
                return []
            except (KeyError, TypeError, ValueError) as error:
                raise ResponseShapeError(
                    f"The answer to rateLimits has another shape: {type(error).__name__}."
                ) from None
            except _ThrottledError as throttled:
                self._count(throttled=1)
                await asyncio.sleep(throttled.seconds)
            except CentraError as error:
                if not error.transient or attempt == self._max_attempts - 1:
                    raise
                await asyncio.sleep(_pause(attempt))
        raise RateLimitedError(datetime.now(UTC))

    async def send(
        self, request: Request, priority: Priority, decoder: msgspec.json.Decoder[Envelope] = any_decoder
    ) -> Reply:
        """Waits for quota, sends, and sends again while that can help. Raises CentraError."""
        failures = 0
        give_up = time.monotonic() + _LONGEST_THROTTLING_SECONDS
        while True:
            waited = await self.budget.take(request.cost, priority, read_limits=self.rate_limits)
            self._count(seconds_waited=waited)
            try:
                reply = await self._once(request, decoder)
            except _ThrottledError as throttled:
                await self._after_429(request, throttled.seconds, give_up)
            except CentraError as error:
                never_sent = isinstance(error, _NeverSentError)
                if never_sent:
                    await self.budget.correct(_minus(request.cost))
                failures += 1
                if not error.transient or failures >= self._max_attempts or not (never_sent or request.repeatable):
                    raise
                self._count(retries=1)
                await asyncio.sleep(_pause(failures))
            else:
                await self.budget.correct(Cost(complexity=reply.complexity - request.cost.complexity, requests=0))
                return reply

    async def _after_429(self, request: Request, seconds: float, give_up: float) -> None:
        self._count(throttled=1)
        _log.warning("Centra answered 429; nothing is sent for %.1f s.", seconds)
        # What was refused was not executed; that it was asked counts.
        await self.budget.correct(Cost(-request.cost.complexity, -request.cost.mutations, requests=0))
        await self.budget.throttled(seconds)
        if time.monotonic() + seconds > give_up:
            raise RateLimitedError(datetime.now(UTC) + timedelta(seconds=seconds))

    async def _once(self, request: Request, decoder: msgspec.json.Decoder[Envelope]) -> Reply:
        import httpx

        self._count(requests=1)
        sent_at = datetime.now(UTC)
        try:
            # Ours: Centra gives its answers none. It ties what its log may show to our trail.
            ids = {"X-Request-Id": f"{work().get('request') or secrets.token_hex(6)}-{self.stats.requests}"}
            response = await self._http.post(self._url, content=request.body(), headers=ids)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NeverSentError(f"No connection to Centra: {type(error).__name__}.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransportError(f"The answer did not arrive: {type(error).__name__}.") from None
        _raise_for_status(response, request, sent_at)
        envelope = _decoded(response.content, decoder)
        if envelope.errors:
            _raise_for_errors(envelope.errors, request.variables)
        known = envelope.extensions.complexity if envelope.extensions else None
        complexity = request.cost.complexity if known is None else known
        self._count(complexity=complexity)
        return Reply(envelope, complexity, sent_at)

    def _count(self, **counts: Any) -> None:
        for stats in counters(self.stats):
            stats.add(**counts)


def _minus(cost: Cost) -> Cost:
    return Cost(-cost.complexity, -cost.mutations, -cost.requests)


def _pause(failures: int) -> float:
    """Full jitter: everybody who failed at once comes back at another time."""
    return random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**failures))


def _rate_limit(entry: Mapping[str, Any]) -> RateLimit:
    interval = entry["intervalSeconds"]
    seconds = _INTERVALS[interval] if interval in _INTERVALS else int(interval)
    return RateLimit(Kind(entry["type"]), seconds, int(entry["quota"]), int(entry["remainingQuota"]))


def _raise_for_status(response: "httpx.Response", request: Request, sent_at: datetime) -> None:
    status = response.status_code
    if status == 200:
        return
    if status == 429:
        now = server_clock(response.headers.get("date"), local=sent_at)
        raise _ThrottledError(seconds_to_wait(response.headers.get("retry-after"), now=now))
    if status in (401, 403):
        raise AuthenticationError(f"Centra answered HTTP {status}: the token is invalid or has expired.")
    if status in (408, 425, 499) or status >= 500:
        raise ServerError(f"Centra answered HTTP {status}.")
    try:
        errors = any_decoder.decode(response.content).errors
    except msgspec.MsgspecError:
        errors = None
    if errors:
        _raise_for_errors(errors, request.variables)
    if status in (404, 405) or status < 400:
        raise EndpointError(f"HTTP {status} and no GraphQL answer.")
    raise RequestRefusedError(f"Centra answered HTTP {status} without saying why.")


def _decoded(body: bytes, decoder: msgspec.json.Decoder[Envelope]) -> Envelope:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        # With errors, `data` may be incomplete; they matter more than its shape.
        try:
            envelope = any_decoder.decode(body)
        except msgspec.MsgspecError:
            envelope = Envelope()
        if envelope.errors:
            return envelope
        raise ResponseShapeError(
            f"The answer is not what was asked for: {str(error).rsplit(' - at ', 1)[-1]}."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TransportError("The answer is not whole JSON.") from None


def _raise_for_errors(errors: Sequence[AnswerError], variables: Mapping[str, Any]) -> None:
    denied = [error for error in errors if _category(error) == "authorization"]
    others = [error for error in errors if _category(error) != "authorization"]
    if not others:
        raise PermissionDeniedError([_denial(error) for error in denied])
    cause = f"Centra answered: {scrub(others[0].message, variables)}"
    if _category(others[0]) == "internal" or others[0].message.lower().startswith("internal server error"):
        raise ServerError(cause)
    raise RequestRefusedError(cause)


def _category(error: AnswerError) -> Any:
    return (error.extensions or {}).get("category")


def _denial(error: AnswerError) -> Denial:
    found = _PERMISSION.search(error.message)
    permission, name = (found[1], found[2] or "") if found else ("an unnamed permission", "")
    path = tuple(key for key in error.path or () if isinstance(key, str))
    return Denial(path or (name,), permission)
