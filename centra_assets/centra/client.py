"""The client of Centra's Integration API: single requests and streams of pages. Blocking callers use blocking.py."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from graphql import GraphQLSchema, OperationDefinitionNode, OperationType

from centra_assets.centra.buckets import Cost, Kind, Priority, RateLimit
from centra_assets.centra.budget import Budget
from centra_assets.centra.complexity import cost, mutations
from centra_assets.centra.documents import (
    DocumentError,
    Query,
    fields_below,
    operation_named,
    parsed,
    response_key,
    root_type,
)
from centra_assets.centra.errors import (
    AuthenticationError,
    CentraError,
    MutationFailedError,
    PermissionDeniedError,
    RequestRefusedError,
    scrub,
)
from centra_assets.centra.memory import ApiMemory, LocalMemory, fingerprint
from centra_assets.centra.paging import Page, PageFetcher
from centra_assets.centra.plans import Plan, PreparedQuery, choose, page_reader, plan_operation, record_type
from centra_assets.centra.pruning import coordinates_of
from centra_assets.centra.schema import INTROSPECTION, bundled_schema, schema_from, sdl_from_introspection
from centra_assets.centra.slices import SliceReader
from centra_assets.centra.statistics import ClientStats, measuring
from centra_assets.centra.transport import Request, Transport
from centra_assets.logs import mark

_log = logging.getLogger(__name__)

# Centra releases a version every few weeks; a refused document makes us look again at once.
_SCHEMA_LIFE = timedelta(hours=6)
_SCHEMA_MINIMUM_AGE = timedelta(seconds=30)
_INTROSPECTION_COST = Cost(complexity=100)


class Secret(Protocol):
    """What hides a token from logs, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """The token itself."""


@dataclass(frozen=True)
class Answer:
    """One answer: `data` with every decimal number exact, and what it cost. `warnings` are a mutation's."""

    data: Any
    complexity: int
    warnings: tuple[str, ...] = ()


def environment_of(url: str) -> str:
    """The name under which an endpoint's quota, schema and refusals are kept: its host, and port if any."""
    return urlsplit(url).netloc


class CentraClient:
    """Talks to one Centra environment. An async context manager; all calls within one event loop."""

    def __init__(
        self,
        *,
        url: str,
        token: Secret | str,
        budget: Budget,
        priority: Priority = Priority.BACKFILL,
        timeout_seconds: float = 60,
        max_attempts: int = 6,
        concurrency: int = 8,
        memory: ApiMemory | None = None,
    ) -> None:
        plain = (token if isinstance(token, str) else token.get_secret_value()).strip()
        if not (plain.isascii() and plain.isprintable()):
            raise AuthenticationError("The token holds characters that cannot be sent.")
        mark(plain)
        self._transport = Transport(
            url=url,
            token=plain,
            budget=budget,
            timeout_seconds=timeout_seconds,
            max_attempts=max_attempts,
            connections=concurrency,
        )
        self._token = fingerprint(plain)
        self._environment = environment_of(url)
        self._priority = priority
        self._concurrency = concurrency
        self._memory = memory or LocalMemory()
        self._live: tuple[GraphQLSchema, datetime] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections to Centra and to the budget."""
        await self._transport.close()

    @property
    def stats(self) -> ClientStats:
        """What this client has asked since it was made."""
        return self._transport.stats

    def measure(self) -> AbstractContextManager[ClientStats]:
        """Statistics of what is asked inside a `with` block."""
        return measuring()

    async def note_spent(self, entity: str, spent: ClientStats) -> None:
        """Keeps what was asked for an entity. Nothing depends on it, so a database that is away is only told of."""
        try:
            await self._memory.add_spent(self._environment, entity, spent)
        except CentraError as error:
            _log.warning("What was asked for %s is not on record: %s", entity, error.code)

    async def rate_limits(self) -> list[RateLimit]:
        """The quotas and what is left of them, from Centra; the budget takes the news over."""
        return list(await self._transport.budget.refreshed(self._transport.rate_limits))

    async def live_schema(self, *, refresh: bool = False) -> GraphQLSchema:
        """The instance's own schema, from memory or by introspection; the bundled one where that is refused."""
        async with self._one_at_a_time:
            now = datetime.now(UTC)
            if self._live is None and not refresh:
                known = await self._memory.schema(self._environment)
                if known is not None:
                    self._live = (schema_from(known[0]), known[1])
            if self._live is not None and not refresh and now - self._live[1] < _SCHEMA_LIFE:
                return self._live[0]
            self._live = (await self._introspected(), now)
            return self._live[0]

    async def look_afresh(self) -> None:
        """Forgets what this token was refused and asks for the live schema again: either may have changed."""
        await self._memory.forget_denied(self._environment, self._token)
        await self.live_schema(refresh=True)

    async def _introspected(self) -> GraphQLSchema:
        try:
            reply = await self._transport.send(Request(INTROSPECTION, cost=_INTROSPECTION_COST), self._priority)
        except (RequestRefusedError, PermissionDeniedError) as error:
            _log.warning("Centra does not tell its schema, ours is used: %s", error.cause)
            return bundled_schema()
        sdl = sdl_from_introspection(reply.envelope.data)
        await self._memory.remember_schema(self._environment, sdl)
        return schema_from(sdl)

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        priority: Priority | None = None,
    ) -> Answer:
        """Sends one operation as it is. MutationFailedError when a mutation's `userErrors` are not empty."""
        schema = self._live[0] if self._live else bundled_schema()
        node = operation_named(parsed(document), operation)
        given = variables or {}
        roots = _mutation_fields(schema, node)
        request = Request(
            document,
            given,
            operation,
            Cost(cost(schema, node, given), mutations(schema, node)),
            tuple(roots.values()),
        )
        reply = await self._transport.send(request, priority or self._priority)
        data = reply.envelope.data
        warnings = tuple(warning for key in roots for warning in _outcome(key, data[key], given))
        return Answer(data, reply.complexity, warnings)

    async def prepare(self, query: Query) -> PreparedQuery:
        """Chooses the operation, prunes it, prices it. PermissionDeniedError, SchemaMismatchError."""
        live = await self.live_schema()
        denied = await self._memory.denied(self._environment, self._token)
        plan = choose(query, live, denied)
        quota = await self._transport.budget.quota(Kind.COMPLEXITY, read_limits=self._transport.rate_limits)
        prepared = PreparedQuery(
            query=query,
            plan=plan,
            response=record_type(query, plan.name),
            complexity_quota=quota,
            reader=page_reader(query, plan),
        )
        self._plan_completions(prepared, denied)
        _report(prepared)
        return prepared

    def _plan_completions(self, prepared: PreparedQuery, denied: Mapping[str, str]) -> None:
        for path, name in prepared.query.nested.items():
            if any(limited.name == path for limited in prepared.plan.limited):
                drop = [
                    inner.removeprefix(f"{path}.")
                    for inner in prepared.query.drop_paths
                    if inner.startswith(f"{path}.")
                ]
                prepared.completions[path] = plan_operation(
                    prepared.query.text, name, prepared.plan.live, denied, record_id=None, drop=drop
                )

    async def _replan(
        self, prepared: PreparedQuery, plan: Plan, error: PermissionDeniedError | RequestRefusedError
    ) -> None:
        """After a refusal: without the refused fields, or by a schema that has changed meanwhile; else raises it."""
        denied = dict(await self._memory.denied(self._environment, self._token))
        live = plan.live
        if isinstance(error, PermissionDeniedError):
            found = {
                coordinate: denial.permission
                for denial in error.denials
                for coordinate in coordinates_of(plan.live, plan.operation, denial.path)
            }
            if not found:
                raise error
            await self._memory.remember_denied(self._environment, self._token, found)
            denied |= found
        else:
            live = await self._changed_schema(error)
        if prepared.plan is not plan:
            return
        better = choose(prepared.query, live, denied)
        if better.text == plan.text:
            raise error
        prepared.adopt(better)
        self._plan_completions(prepared, denied)
        _report(prepared)

    async def _changed_schema(self, error: RequestRefusedError) -> GraphQLSchema:
        fetched_at = self._live[1] if self._live else datetime.min.replace(tzinfo=UTC)
        if datetime.now(UTC) - fetched_at < _SCHEMA_MINIMUM_AGE:
            raise error
        return await self.live_schema(refresh=True)

    async def stream(
        self,
        query: PreparedQuery | Query,
        requests: Sequence[Mapping[str, Any]],
        *,
        concurrency: int | None = None,
        priority: Priority | None = None,
    ) -> AsyncGenerator[tuple[int, Page], None]:
        """Reads several sets of variables at once, the pages of each in order: (place in `requests`, page).

        How each kind of question is read is said in slices.py and, along the time of change, in keyset.py.

        At most a few pages are held, so a slow reader slows the reading. Close the iterator (`aclosing`) to stop.
        """
        prepared = query if isinstance(query, PreparedQuery) else await self.prepare(query)
        width = max(1, min(concurrency or self._concurrency, len(requests)))
        fetcher = PageFetcher(
            self._transport,
            prepared,
            self._replan,
            priority=priority or self._priority,
            concurrency=self._concurrency,
        )
        slices = SliceReader(fetcher)
        queue: asyncio.Queue[tuple[int, Page] | BaseException | None] = asyncio.Queue(maxsize=width)
        waiting = iter(enumerate(requests))

        async def work() -> None:
            try:
                for place, variables in waiting:
                    async with aclosing(slices.pages(variables)) as pages:
                        async for page in pages:
                            await queue.put((place, page))
                await queue.put(None)
            except Exception as error:
                await queue.put(error)

        workers = [asyncio.create_task(work()) for _ in range(width)]
        try:
            running = len(workers)
            while running:
                item = await queue.get()
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


def _report(prepared: PreparedQuery) -> None:
    if prepared.pruned:
        cuts = "; ".join(f"{pruned.path}: {pruned.reason}" for pruned in prepared.pruned)
        _log.warning("%s does not ask for %d things: %s", prepared.operation, len(prepared.pruned), cuts)


def _mutation_fields(schema: GraphQLSchema, operation: OperationDefinitionNode) -> dict[str, str]:
    """Response key to name of every mutation. Each must ask for its `userErrors`: they alone tell of a failure."""
    if operation.operation is not OperationType.MUTATION:
        return {}
    fields: dict[str, str] = {}
    for node, _, _ in fields_below(schema, operation.selection_set, root_type(schema, operation)):
        selected = node.selection_set.selections if node.selection_set else ()
        if not any(getattr(getattr(inner, "name", None), "value", "") == "userErrors" for inner in selected):
            raise DocumentError(f"The mutation {node.name.value} does not ask for its userErrors.")
        fields[response_key(node)] = node.name.value
    return fields


def _outcome(name: str, payload: Any, variables: Mapping[str, Any]) -> list[str]:
    """The warnings of an executed mutation; raises its errors."""
    errors = [scrub(entry.get("message", ""), variables) for entry in payload.get("userErrors") or ()]
    if errors:
        raise MutationFailedError(f"{name}: {'; '.join(errors)}")
    return [scrub(entry.get("message", ""), variables) for entry in payload.get("userWarnings") or ()]
