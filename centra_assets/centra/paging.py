"""Reading a question to its end, page after page, nested lists included. One request at a time is the transport's."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from centra_assets.centra.buckets import Priority
from centra_assets.centra.completion import Completion
from centra_assets.centra.decode import PageBody
from centra_assets.centra.documents import Paging
from centra_assets.centra.errors import (
    NestedListCutError,
    PageDriftError,
    PermissionDeniedError,
    RequestRefusedError,
    ResponseShapeError,
)
from centra_assets.centra.plans import Plan, PreparedQuery
from centra_assets.centra.transport import Reply, Transport

# Records of a first look, and the points of a page that is too cheap to be worth one.
_FIRST_LOOK = 20
_CHEAP_PAGE = 3_000

# Every refusal of a field costs a request; a document has fewer guarded fields than this.
_MOST_REPLANNINGS = 60


@dataclass(frozen=True)
class Page:
    """Records in the order of the answer. Payloads are JSON texts as Centra sent them.

    `fetched_at` is the moment before the request went out, so nothing in the page is newer than what Centra knew
    then or later.
    """

    ids: list[str]
    updated_at: list[str | None]
    created_at: list[str | None]
    payloads: list[str]
    total_count: int | None
    fetched_at: datetime
    complexity: int


# Finds another plan after a refusal, or raises it.
Replan = Callable[[PreparedQuery, Plan, PermissionDeniedError | RequestRefusedError], Awaitable[None]]


class SliceReader:
    """Reads slices of one prepared query."""

    def __init__(
        self, transport: Transport, prepared: PreparedQuery, replan: Replan, *, priority: Priority, concurrency: int
    ) -> None:
        self._transport = transport
        self._prepared = prepared
        self._replan = replan
        self._priority = priority
        self._completion = Completion(transport, prepared, priority=priority, concurrency=concurrency)

    async def pages(self, variables: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """All pages of a slice; a record comes once. The first page comes even when it is empty."""
        seen: set[str] = set()
        total: int | None = None
        # A second reading only brings what the first one missed.
        for _ in range(2):
            async with aclosing(self._reading(variables)) as reading:
                async for page in reading:
                    fresh = _unseen(page, seen)
                    seen.update(fresh.ids)
                    if fresh.ids or total is None:
                        yield fresh
                    total = page.total_count if page.total_count is not None else total or 0
            if self._prepared.plan.shape.paging is not Paging.CONNECTION or len(seen) >= (total or 0):
                return
        raise PageDriftError(f"{self._prepared.operation}: Centra counts {total} records, its pages held {len(seen)}.")

    async def _reading(self, variables: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """The pages as they come, from the first to the last."""
        shape, size = self._prepared.plan.shape, self._first_size()
        place: Any = None
        before: list[str] | None = None
        read = 0
        while True:
            page, body = await self._page(variables, size, place)
            if self._prepared.plan.shape != shape:
                # Another operation has taken over, and this place meant nothing to it.
                shape, size = self._prepared.plan.shape, self._first_size()
                if place is not None:
                    place, before, read = None, None, 0
                    continue
            yield page
            read += len(page.ids)
            following = _next_place(shape.paging, body, size, place)
            if following is None:
                return
            if following == place or (shape.paging is Paging.LIST and page.ids == before):
                raise ResponseShapeError(f"{self._prepared.operation}: the same page comes again and again.")
            place, before = following, page.ids
            whole = self._prepared.page_size
            if shape.paging is Paging.CONNECTION:
                size = min(whole, max(1, (body.total_count or read + whole) - read))
            elif size < whole:
                # Page numbers of one size mean nothing in another: begin again; what came already is passed over.
                place, before, size = None, None, whole

    def _first_size(self) -> int:
        """Centra charges for what a page may hold, not for what it holds: dear records are first asked for in a small
        page, which often is all, and otherwise tells how many more to ask for."""
        whole = self._prepared.page_size
        return min(whole, _FIRST_LOOK) if self._prepared.record_cost * whole > _CHEAP_PAGE else whole

    async def _page(self, variables: Mapping[str, Any], size: int, place: Any) -> tuple[Page, PageBody]:
        plan, reader, reply = await self._answered(variables, size, place)
        body = reader.split(reply.envelope.data)
        if plan.single_limit is not None and body.longest >= plan.single_limit:
            raise NestedListCutError(f"{plan.name} is not paged, and its list has reached its limit.")
        if body.full:
            await self._completion.complete(plan, body)
        page = Page(
            body.ids,
            body.updated_at,
            body.created_at,
            body.payloads,
            body.total_count,
            reply.sent_at,
            reply.complexity,
        )
        return page, body

    async def _answered(self, variables: Mapping[str, Any], size: int, place: Any) -> tuple[Plan, Any, Reply]:
        for _ in range(_MOST_REPLANNINGS):
            plan, reader = self._prepared.plan, self._prepared.reader
            request = plan.request(variables, size=size, place=place, factor=self._prepared.cost_factor)
            try:
                reply = await self._transport.send(request, self._priority, reader.decoder)
            except (PermissionDeniedError, RequestRefusedError) as error:
                if self._prepared.plan is plan:
                    await self._replan(self._prepared, plan, error)
            else:
                self._prepared.learn_cost(plan, size, reply.complexity)
                return plan, reader, reply
        raise RequestRefusedError(f"{self._prepared.operation} was refused in ever new ways.")


def _unseen(page: Page, seen: set[str]) -> Page:
    """The page without the records that came before, on other pages or on this one."""
    kept = list({record_id: place for place, record_id in enumerate(page.ids) if record_id not in seen}.values())
    if len(kept) == len(page.ids):
        return page
    return replace(
        page,
        ids=[page.ids[place] for place in kept],
        updated_at=[page.updated_at[place] for place in kept],
        created_at=[page.created_at[place] for place in kept],
        payloads=[page.payloads[place] for place in kept],
    )


def _next_place(paging: Paging, body: PageBody, size: int, place: Any) -> Any:
    """Where the next page begins; None at the end."""
    if paging is Paging.CONNECTION:
        if body.has_next and body.end_cursor is None:
            raise ResponseShapeError("There is a next page, but no cursor to ask for it.")
        return body.end_cursor if body.has_next else None
    # A page of exactly the size asked for may be the last one; only the next one tells.
    return (place or 1) + 1 if paging is Paging.LIST and body.longest >= size else None
