"""Reading a question to its end: connections, lists, records by id. Along the time of change it is keyset.py."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from centra_assets.centra.decode import PageBody
from centra_assets.centra.documents import DocumentError, Paging, declared
from centra_assets.centra.errors import PageDriftError, ResponseShapeError
from centra_assets.centra.keyset import pages_in_order
from centra_assets.centra.paging import Page, PageFetcher, is_last
from centra_assets.centra.plans import Plan, fitting_page, listing_of, page_reader

# What GraphQL's Int can hold; a greater number would have the whole request refused.
_LARGEST_INT, _LARGEST_INT64 = 2**31 - 1, 2**63 - 1


@dataclass
class _Course:
    """What is remembered of one reading of a slice."""

    # Records per page; None leaves it to the query, with a small page first.
    size: int | None = None
    # Requests since the reading last began.
    requests: int = 0
    # The most records that Centra counted meanwhile.
    total: int = 0


class SliceReader:
    """Reads slices of one prepared query."""

    def __init__(self, fetcher: PageFetcher) -> None:
        self._fetcher = fetcher
        self._prepared = fetcher.prepared

    def pages(self, variables: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """All pages of a slice. The first page comes even when it is empty, except for a lookup without ids.

        A record comes once; of a question in order of change, once for every state that it was seen in.
        """
        if self._prepared.query.ids is not None:
            return self._looked_up(variables)
        if self._prepared.in_order:
            return pages_in_order(self._fetcher, self._whole, variables)
        return self._whole(variables)

    async def _looked_up(self, variables: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """The records of the ids in `variables`, as many at a time as a page holds: no paging, so no drift."""
        name = self._prepared.query.ids or ""
        if variables.get(name) is None:
            raise DocumentError(f"{self._prepared.operation} is asked without ${name}.")
        wanted = list(dict.fromkeys(str(given) for given in variables[name]))
        while wanted:
            size = self._prepared.page_size
            chunk, wanted = wanted[:size], wanted[size:]
            askable = _askable(chunk, declared(self._prepared.plan.operation).get(name))
            if not askable:
                continue
            page, body = await self._fetcher.page({**variables, name: askable}, len(askable))
            if body.has_next or not set(page.ids) <= set(chunk):
                raise ResponseShapeError(f"{self._prepared.operation}: records came that were not asked for.")
            yield page.unseen(())

    async def _whole(self, variables: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        """Reads to the end, sees whether a record slipped between two pages, and then brings what is missing."""
        seen: set[str] = set()
        course = _Course()
        async with aclosing(self._unseen(variables, seen, course)) as pages:
            async for page in pages:
                yield page
        rest: AsyncGenerator[Page, None] | None = None
        if self._paging is Paging.CONNECTION and len(seen) < course.total:
            rest = self._rest_of_connection(variables, seen)
        elif self._paging is Paging.LIST and course.requests > 1:
            rest = self._rest_of_list(variables, seen, course.size or 1)
        if rest is not None:
            async with aclosing(rest) as pages:
                async for page in pages:
                    yield page

    async def _rest_of_connection(self, variables: Mapping[str, Any], seen: set[str]) -> AsyncGenerator[Page, None]:
        """What a second reading finds besides; Centra's count says whether that is all."""
        course = _Course()
        async with aclosing(self._unseen(variables, seen, course)) as pages:
            async for page in pages:
                if page.ids:
                    yield page
        if len(seen) < course.total:
            raise PageDriftError(
                f"{self._prepared.operation}: Centra counts {course.total} records, its pages held {len(seen)}."
            )

    async def _rest_of_list(
        self, variables: Mapping[str, Any], seen: set[str], size: int
    ) -> AsyncGenerator[Page, None]:
        """What only a list of the ids knows of. A list has no count, so the ids are read once more by themselves.

        Each reading has pages of another size: what falls between two pages of one lies in the midst of another's.
        """
        listing = listing_of(self._prepared.query, self._prepared.plan)
        listing_size = _other_than((size,), fitting_page(listing, self._prepared.query.page_limit, self._quota))
        missing = await self._listed(listing, variables, listing_size) - seen
        if not missing:
            return
        course = _Course(_other_than((size, listing_size), size))
        async with aclosing(self._unseen(variables, seen, course)) as pages:
            async for page in pages:
                if page.ids:
                    yield page
        if missing - seen:
            raise PageDriftError(
                f"{self._prepared.operation}: {len(missing - seen)} records were listed and could not be read."
            )

    async def _listed(self, plan: Plan, variables: Mapping[str, Any], size: int) -> set[str]:
        reader = page_reader(self._prepared.query, plan)
        ids: set[str] = set()
        place, before = 1, None
        while True:
            body = await self._fetcher.body(plan, reader, variables, size, place)
            ids.update(body.ids)
            if is_last(Paging.LIST, body, size):
                return ids
            self._see_that_it_goes_on(body.ids == before)
            place, before = place + 1, body.ids

    async def _unseen(
        self, variables: Mapping[str, Any], seen: set[str], course: _Course
    ) -> AsyncGenerator[Page, None]:
        """The pages of one reading without the records of earlier ones; empty pages only before anything came."""
        is_first = True
        async with aclosing(self._reading(variables, course)) as pages:
            async for page in pages:
                fresh = page.unseen(seen)
                seen.update(fresh.ids)
                if fresh.ids or is_first:
                    yield fresh
                is_first = False

    async def _reading(self, variables: Mapping[str, Any], course: _Course) -> AsyncGenerator[Page, None]:
        """The pages as they come, from the first to the last."""
        given = course.size
        shape, size = self._prepared.plan.shape, given or self._fetcher.first_size()
        place: Any = None
        before: list[str] | None = None
        read = 0
        while True:
            page, body = await self._fetcher.page(variables, size, place)
            course.requests, course.size = course.requests + 1, size
            if self._prepared.plan.shape != shape:
                # Another operation has taken over, and this place meant nothing to it.
                shape, size = self._prepared.plan.shape, given or self._fetcher.first_size()
                if place is not None:
                    place, before, read, course.requests = None, None, 0, 0
                    continue
            course.total = max(course.total, page.total_count or 0)
            yield page
            read += len(page.ids)
            if is_last(shape.paging, body, size):
                return
            following = _next_place(shape.paging, body, place)
            self._see_that_it_goes_on(following == place or (shape.paging is Paging.LIST and page.ids == before))
            place, before = following, page.ids
            whole = given or self._prepared.page_size
            if shape.paging is Paging.CONNECTION:
                size = min(whole, max(1, (body.total_count or read + whole) - read))
            elif size < whole:
                # Page numbers of one size mean nothing in another: begin again; what came already is passed over.
                place, before, size, course.requests = None, None, whole, 0

    def _see_that_it_goes_on(self, is_stuck: bool) -> None:
        if is_stuck:
            raise ResponseShapeError(f"{self._prepared.operation}: the same page comes again and again.")

    @property
    def _paging(self) -> Paging:
        return self._prepared.plan.shape.paging

    @property
    def _quota(self) -> int | None:
        return self._prepared.complexity_quota


def _next_place(paging: Paging, body: PageBody, place: Any) -> Any:
    """Where the page after this one begins."""
    if paging is Paging.LIST:
        return (place or 1) + 1
    if body.end_cursor is None:
        raise ResponseShapeError("There is a next page, but no cursor to ask for it.")
    return body.end_cursor


def _other_than(sizes: Sequence[int], largest: int) -> int:
    """The largest page size that is none of these; a page of one record has no other."""
    return next((size for size in range(largest, 0, -1) if size not in sizes), largest)


def _askable(ids: Sequence[str], type_name: str | None) -> list[int] | list[str]:
    """The ids as the variable's type has them, without what cannot be one: no record has it, and Centra would refuse
    all the others with it."""
    if type_name not in ("Int", "Int64"):
        return list(ids)
    largest = _LARGEST_INT if type_name == "Int" else _LARGEST_INT64
    return [int(given) for given in ids if given.isascii() and given.isdigit() and int(given) <= largest]
