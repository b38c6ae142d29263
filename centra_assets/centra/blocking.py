"""The client for callers that block, such as Dagster's ops: an event loop in a thread. It decides nothing itself."""

import asyncio
import secrets
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from centra_assets.centra.buckets import Priority, RateLimit
from centra_assets.centra.budget import Budget, LocalBudget
from centra_assets.centra.client import Answer, CentraClient, Secret, environment_of
from centra_assets.centra.documents import Query
from centra_assets.centra.errors import TransportError
from centra_assets.centra.memory import ApiMemory, LocalMemory, PostgresMemory
from centra_assets.centra.paging import Page
from centra_assets.centra.plans import PreparedQuery
from centra_assets.centra.postgres_budget import PostgresBudget
from centra_assets.centra.statistics import ClientStats, measuring
from centra_assets.logs import work, working_on

_T = TypeVar("_T")


class BlockingClient:
    """CentraClient without `await`. A context manager; may be used from several threads."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="centra-client", daemon=True)
        self._client: CentraClient | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._client = self._run(self._made())
        except BaseException:
            self._stop()
            raise
        return self

    async def _made(self) -> CentraClient:
        return CentraClient(**self._options)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._open().close())
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _open(self) -> CentraClient:
        if self._client is None:
            raise RuntimeError("The client is used outside of its `with` block.")
        return self._client

    def _run(self, work: Coroutine[Any, Any, _T], patience_seconds: float | None = None) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience_seconds)
        except BaseException:
            # An interrupt of this thread ends the work in the other one.
            future.cancel()
            raise

    @property
    def stats(self) -> ClientStats:
        """What this client has asked since it was made."""
        return self._open().stats

    @contextmanager
    def measure(self, entity: str = "") -> Iterator[ClientStats]:
        """Statistics of what is asked inside a `with` block, by the thread that opened it.

        What was asked for an entity is kept in ops.api_spending. Requests of the block, lines about them and entries
        in the trail of what came of them carry one id.
        """
        ids = {"entity": entity, "request": work().get("request") or secrets.token_hex(6)}
        with working_on(**ids), measuring() as stats:
            try:
                yield stats
            finally:
                if entity and stats.requests:
                    self._run(self._open().note_spent(entity, stats))

    def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
        priority: Priority | None = None,
        patience_seconds: float | None = None,
    ) -> Answer:
        """See CentraClient.execute. TransportError when patience ends first, waiting for quota included."""
        work = self._open().execute(document, variables, operation=operation, priority=priority)
        try:
            return self._run(work, patience_seconds)
        except TimeoutError:
            raise TransportError(f"No answer within {patience_seconds:g} s, waiting for quota included.") from None

    def prepare(self, query: Query) -> PreparedQuery:
        """See CentraClient.prepare."""
        return self._run(self._open().prepare(query))

    def look_afresh(self) -> None:
        """See CentraClient.look_afresh."""
        self._run(self._open().look_afresh())

    def rate_limits(self) -> list[RateLimit]:
        """See CentraClient.rate_limits."""
        return self._run(self._open().rate_limits())

    def stream(
        self,
        query: PreparedQuery | Query,
        requests: Sequence[Mapping[str, Any]],
        *,
        concurrency: int | None = None,
        priority: Priority | None = None,
    ) -> Iterator[tuple[int, Page]]:
        """See CentraClient.stream. Leaving the loop early stops the reading."""
        pages = self._open().stream(query, requests, concurrency=concurrency, priority=priority)
        try:
            while True:
                try:
                    yield self._run(_next(pages))
                except StopAsyncIteration:
                    return
        finally:
            self._run(pages.aclose())


async def _next(pages: AsyncGenerator[tuple[int, Page], None]) -> tuple[int, Page]:
    return await anext(pages)


def connect(
    *,
    url: str,
    token: Secret | str,
    database_url: str | None = None,
    priority: Priority = Priority.BACKFILL,
    timeout_seconds: float = 60,
    max_attempts: int = 6,
    concurrency: int = 8,
) -> BlockingClient:
    """A blocking client whose budget and memory are shared through PostgreSQL; without a database, its own."""
    budget: Budget = PostgresBudget(database_url, environment_of(url)) if database_url else LocalBudget()
    memory: ApiMemory = PostgresMemory(database_url) if database_url else LocalMemory()
    return BlockingClient(
        url=url,
        token=token,
        budget=budget,
        memory=memory,
        priority=priority,
        timeout_seconds=timeout_seconds,
        max_attempts=max_attempts,
        concurrency=concurrency,
    )
