"""One page of a question: asked for, planned anew after a refusal, completed. Which page comes next is in slices.py."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from centra_assets.centra.buckets import Priority
from centra_assets.centra.completion import Completion
from centra_assets.centra.decode import PageBody, PageReader
from centra_assets.centra.documents import Paging
from centra_assets.centra.errors import NestedListCutError, PermissionDeniedError, RequestRefusedError
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

    def only(self, places: Sequence[int]) -> "Page":
        """The page with the records at these places alone."""
        if len(places) == len(self.ids):
            return self
        return replace(
            self,
            ids=[self.ids[place] for place in places],
            updated_at=[self.updated_at[place] for place in places],
            created_at=[self.created_at[place] for place in places],
            payloads=[self.payloads[place] for place in places],
        )

    def unseen(self, seen: Collection[str]) -> "Page":
        """The page without the records that came before, on other pages or on this one."""
        last = {record_id: place for place, record_id in enumerate(self.ids) if record_id not in seen}
        return self.only(list(last.values()))


# Finds another plan after a refusal, or raises it.
Replan = Callable[[PreparedQuery, Plan, PermissionDeniedError | RequestRefusedError], Awaitable[None]]


class PageFetcher:
    """Asks for pages of one prepared query."""

    def __init__(
        self, transport: Transport, prepared: PreparedQuery, replan: Replan, *, priority: Priority, concurrency: int
    ) -> None:
        self.prepared = prepared
        self._transport = transport
        self._replan = replan
        self._priority = priority
        self._completion = Completion(transport, prepared, priority=priority, concurrency=concurrency)

    def first_size(self) -> int:
        """Centra charges for what a page may hold, not for what it holds: dear records are first asked for in a small
        page, which often is all, and otherwise tells how many more to ask for."""
        whole = self.prepared.page_size
        return min(whole, _FIRST_LOOK) if self.prepared.record_cost * whole > _CHEAP_PAGE else whole

    async def page(self, variables: Mapping[str, Any], size: int, place: Any = None) -> tuple[Page, PageBody]:
        """The page at a place (a cursor or a page number; None is the first), and what paging needs to know of it."""
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

    async def body(
        self, plan: Plan, reader: PageReader, variables: Mapping[str, Any], size: int, place: Any
    ) -> PageBody:
        """The page of another plan, such as one for ids alone. Nothing is planned anew, nothing completed."""
        request = plan.request(variables, size=size, place=place)
        reply = await self._transport.send(request, self._priority, reader.decoder)
        return reader.split(reply.envelope.data)

    async def _answered(self, variables: Mapping[str, Any], size: int, place: Any) -> tuple[Plan, PageReader, Reply]:
        for _ in range(_MOST_REPLANNINGS):
            plan, reader = self.prepared.plan, self.prepared.reader
            request = plan.request(variables, size=size, place=place, factor=self.prepared.cost_factor)
            try:
                reply = await self._transport.send(request, self._priority, reader.decoder)
            except (PermissionDeniedError, RequestRefusedError) as error:
                if self.prepared.plan is plan:
                    await self._replan(self.prepared, plan, error)
            else:
                self.prepared.learn_cost(plan, size, reply.complexity)
                return plan, reader, reply
        raise RequestRefusedError(f"{self.prepared.operation} was refused in ever new ways.")


def is_last(paging: Paging, body: PageBody, size: int) -> bool:
    """Whether nothing comes after this page. One of exactly the size asked for may be a list's last; none can tell."""
    match paging:
        case Paging.CONNECTION:
            return not body.has_next
        case Paging.LIST:
            return body.longest < size
        case Paging.SINGLE:
            return True
