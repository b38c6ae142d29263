"""Reading a question to its end, page after page, nested lists included. One request at a time is the transport's."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from centra_assets.centra.buckets import Priority
from centra_assets.centra.decode import PageBody, exact_decoder, exact_encoder
from centra_assets.centra.documents import Paging, Step, declared
from centra_assets.centra.errors import (
    NestedListCutError,
    PageDriftError,
    PermissionDeniedError,
    RequestRefusedError,
    ResponseShapeError,
)
from centra_assets.centra.nested import FullList, full_lists
from centra_assets.centra.plans import Plan, PreparedQuery, fitting_page
from centra_assets.centra.transport import Reply, Transport

# Lists inside an object allow at most 100 or 200 elements; 100 is right for all of them.
_NESTED_PAGE_LIMIT = 100

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
        self._completing = asyncio.Semaphore(concurrency)

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
        shape, size = self._prepared.plan.shape, self._prepared.page_size
        place: Any = 1 if shape.paging is Paging.LIST else None
        before: list[str] | None = None
        while True:
            page, body = await self._page(variables, size, place)
            yield page
            if self._prepared.plan.shape != shape:
                # Another operation took over with the first page; its paging is another one.
                shape, size = self._prepared.plan.shape, self._prepared.page_size
            following = _next_place(shape.paging, body, size, place)
            if following is None:
                return
            if following == place or (shape.paging is Paging.LIST and page.ids == before):
                raise ResponseShapeError(f"{self._prepared.operation}: the same page comes again and again.")
            place, before = following, page.ids

    async def _page(self, variables: Mapping[str, Any], size: int, place: Any) -> tuple[Page, PageBody]:
        plan, reader, reply = await self._answered(variables, size, place)
        body = reader.split(reply.envelope.data)
        if plan.single_limit is not None and body.longest >= plan.single_limit:
            raise NestedListCutError(f"{plan.name} is not paged, and its list has reached its limit.")
        if body.full:
            await self._complete(plan, body)
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
                self._prepared.learn_cost(request.cost.complexity, reply.complexity)
                return plan, reader, reply
        raise RequestRefusedError(f"{self._prepared.operation} was refused in ever new ways.")

    async def _complete(self, plan: Plan, body: PageBody) -> None:
        """Replaces the nested lists that may have been cut, in place."""

        async def complete(place: int) -> None:
            record = exact_decoder.decode(body.payloads[place])
            # Outer lists first: what they bring may hold full lists itself.
            for limited in sorted(plan.limited, key=lambda candidate: len(candidate.steps)):
                for full in full_lists(record, limited):
                    full.replace(await self._whole(full, body.ids[place]))
            body.payloads[place] = exact_encoder.encode(record).decode()

        await asyncio.gather(*(complete(place) for place in body.full))

    async def _whole(self, full: FullList, record_id: str) -> list[Any]:
        """All elements of a list that was cut, asked for by the id of the object that holds it."""
        name = full.limited.name
        plan = self._prepared.completions.get(name)
        if plan is None:
            raise NestedListCutError(
                f"{self._prepared.operation}: {name} has reached its limit of {full.limited.limit}, "
                "and no operation is named that reads it whole."
            )
        owner_id = record_id if full.owner_is_record else full.owner.get("id")
        if owner_id is None:
            raise NestedListCutError(f"{name} has reached its limit, and the object that holds it came without an id.")
        size = fitting_page(plan, _NESTED_PAGE_LIMIT, self._prepared.complexity_quota)
        return await self._elements(plan, {"id": _as_declared(plan, owner_id)}, size)

    async def _elements(self, plan: Plan, variables: Mapping[str, Any], size: int) -> list[Any]:
        elements: dict[str, Any] = {}
        paging = plan.shape.paging
        place: Any = 1 if paging is Paging.LIST else None
        while True:
            async with self._completing:
                request = plan.request(variables, size=size, place=place)
                reply = await self._transport.send(request, self._priority)
            container = _descend(reply.envelope.data, plan.shape.path)
            if container is None:
                return list(elements.values())
            connection = paging is Paging.CONNECTION
            found = [edge["node"] for edge in container["edges"]] if connection else container
            for element in found:
                key = element.get("id") if isinstance(element, dict) else None
                elements[f"id {key}" if key is not None else f"place {len(elements)}"] = element
            if connection:
                info = container["pageInfo"]
                place = info["endCursor"] if info["hasNextPage"] else None
                if place is None:
                    return list(elements.values())
            elif paging is Paging.SINGLE or len(found) < size:
                return list(elements.values())
            else:
                place += 1


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
    return place + 1 if paging is Paging.LIST and body.longest >= size else None


def _as_declared(plan: Plan, value: Any) -> Any:
    return int(value) if declared(plan.operation).get("id") in ("Int", "Int64") else str(value)


def _descend(data: Any, path: tuple[Step, ...]) -> Any:
    """The container at the end of the path. Lists on the way have one element: what `$id` names."""
    here = data
    for place, step in enumerate(path):
        here = None if here is None else here.get(step.key)
        if step.is_list and place < len(path) - 1:
            here = here[0] if here else None
    return here
