"""The endpoint POST /graphql: tokens, quota, faults and status codes around an execution. Not the admin side."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from centra_assets.sandbox.execution import Prepared, QueryRefusedError, execute, prepare
from centra_assets.sandbox.faults import Fault, FaultKind, RetryAfterForm
from centra_assets.sandbox.instance import Instance
from centra_assets.sandbox.tokens import Token

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Body(msgspec.Struct):
    """What a GraphQL request carries."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None


class GraphQLEndpoint:
    """Answers one instance's GraphQL requests."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def __call__(self, request: Request) -> Response:
        statistics = self._instance.statistics
        statistics.begin()
        status = 500
        try:
            response = await self._answer(request)
            status = response.status_code
        finally:
            statistics.end(status)
        return response

    async def _answer(self, request: Request) -> Response:
        instance = self._instance
        token = instance.tokens.valid(_token_text(request), instance.clock.now())
        raw = await request.body()
        if token is None:
            return JSONResponse({"message": "Access token is invalid or expired."}, 403)
        fault = self._fault(raw)
        if instance.latency_ms or (fault and fault.kind is FaultKind.SLOW):
            extra = fault.seconds if fault and fault.kind is FaultKind.SLOW else 0.0
            await asyncio.sleep(instance.latency_ms / 1000 + extra)
        if fault and (refused := self._refused_by_fault(fault)):
            return refused
        response = self._execute(raw, token)
        return _spoiled(response, fault) if fault else response

    def _execute(self, raw: bytes, token: Token) -> Response:
        instance = self._instance
        try:
            body = msgspec.json.decode(raw, type=Body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._refusal([{"message": "The body is no GraphQL request in JSON."}])
        try:
            prepared = prepare(instance, body.query, body.variables or {}, body.operationName)
        except QueryRefusedError as refused:
            return self._refusal(refused.errors)
        if prepared.complexity > instance.quota.largest_query:
            limit = instance.quota.largest_query
            message = f"Max query complexity should be {limit} but got {prepared.complexity}."
            return self._refusal(QueryRefusedError([GraphQLError(message)]).errors)
        if throttled := self._charge(prepared.complexity, prepared.mutations):
            return throttled
        return self._run(prepared, token)

    def _run(self, prepared: Prepared, token: Token) -> Response:
        began = time.perf_counter()
        answer = _ENCODER.encode(execute(self._instance, prepared, token))
        seconds = time.perf_counter() - began
        self._instance.statistics.executed(prepared.name, prepared.complexity, prepared.mutations, seconds)
        return Response(answer, 200, media_type="application/json")

    def _charge(self, complexity: int, mutations: int) -> Response | None:
        instance = self._instance
        before = instance.quota.refused_by_bucket()
        resume_at = instance.quota.take(instance.clock.timestamp(), complexity=complexity, mutations=mutations)
        if resume_at is None:
            return None
        short = {name for name, count in instance.quota.refused_by_bucket().items() if count > before[name]}
        return self._throttled(resume_at, short or {"too early"})

    def _refusal(self, errors: list[dict[str, Any]]) -> Response:
        """A request that was wrong costs a request token and nothing else."""
        return self._charge(0, 0) or JSONResponse({"errors": errors}, 400)

    def _throttled(self, resume_at: float, causes: set[str]) -> Response:
        instance = self._instance
        instance.statistics.throttled += 1
        instance.statistics.throttled_by.update(causes)
        after = retry_after(resume_at, instance.clock.timestamp(), instance.faults.retry_after)
        return JSONResponse({"message": "Too many requests."}, 429, headers={"Retry-After": after})

    def _fault(self, raw: bytes) -> Fault | None:
        if not self._instance.faults.requests:
            return None
        text, now = raw.decode("utf-8", "replace"), self._instance.clock.timestamp()
        return self._instance.faults.strike(self._instance.rng, text, now)

    def _refused_by_fault(self, fault: Fault) -> Response | None:
        if fault.kind is FaultKind.THROTTLE:
            return self._throttled(self._instance.clock.timestamp() + fault.seconds, {"fault"})
        if fault.kind is FaultKind.STATUS:
            return Response("The instance is out of order on purpose.", fault.status, media_type="text/plain")
        return None


class CutResponse(Response):
    """Announces its whole length and stops half way; the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})


def retry_after(resume_at: float, now: float, form: RetryAfterForm) -> str:
    """The moment to resume, in one of the forms that a client may meet."""
    moment = datetime.fromtimestamp(resume_at, UTC)
    match form:
        case RetryAfterForm.EPOCH:
            return str(int(-(-resume_at // 1)))
        case RetryAfterForm.MILLISECONDS:
            return str(int(-(-resume_at * 1000 // 1)))
        case RetryAfterForm.HTTP_DATE:
            whole = moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)
            return format_datetime(whole, usegmt=True)
        case RetryAfterForm.ISO:
            return moment.isoformat()
        case RetryAfterForm.SECONDS:
            return str(int(-(-(resume_at - now) // 1)))


def _spoiled(response: Response, fault: Fault) -> Response:
    if fault.kind is FaultKind.CUT:
        return CutResponse(response.body, response.status_code, media_type="application/json")
    if fault.kind is FaultKind.MALFORMED:
        body = bytes(response.body)
        return Response(body[: max(len(body) - 20, 1)] + b"<!--", response.status_code, media_type="application/json")
    return response


def _token_text(request: Request) -> str | None:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        return text.strip()
    return request.cookies.get("graphql-access")
