"""Reading along the time of change, where every record may move while it is read. Other questions are in slices.py."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from centra_assets.centra.documents import DocumentError
from centra_assets.centra.errors import PageDriftError, ResponseShapeError
from centra_assets.centra.paging import Page, PageFetcher, is_last
from centra_assets.centra.rewriting import TO

# Centra writes instants to the second; what happened within one cannot be told apart.
_PRECISION = timedelta(seconds=1)

# How much larger a page may be than the one before it, where nothing says how many records are left.
_GROWTH = 4

# Reads a window to its end by cursors or page numbers.
Whole = Callable[[Mapping[str, Any]], AsyncGenerator[Page, None]]


async def pages_in_order(
    fetcher: PageFetcher, whole: Whole, variables: Mapping[str, Any]
) -> AsyncGenerator[Page, None]:
    """What changed at the keyset variable's instant or later, in order of change, until a page comes that is not full.

    When a page arrives, every record has been delivered that last changed before the page's last `updated_at`; so a
    caller that has stored the page may begin again at that instant, inclusive. No page is asked for by its place: the
    next one begins at the instant of the last record, inclusive, and what came just so before is passed over. What
    changes meanwhile therefore only moves to the end, where it is met again in its new state. More records of one
    instant than a page holds are read by cursor or page number, in a window of that instant.

    PageDriftError when records come in another order, or fewer remain than must. Where Centra turns out not to sort
    by time of change before anything was delivered, all is read in any order, and `PreparedQuery.in_order` is false.
    """
    prepared = fetcher.prepared
    moved = prepared.query.keyset or ""
    if variables.get(moved) is None:
        raise DocumentError(f"{prepared.operation} is asked without ${moved}.")
    frontier, size = _Frontier(_whole_second(variables[moved])), fetcher.first_size()
    is_first = True
    while True:
        page, body = await fetcher.page({**variables, moved: frontier.text}, size)
        if not prepared.in_order:
            if not is_first:
                raise PageDriftError(f"{prepared.operation}: Centra no longer sorts by time of change.")
            async with aclosing(whole(variables)) as pages:
                async for unordered in pages:
                    yield unordered
            return
        instants = frontier.checked(page, prepared.operation)
        fresh = frontier.unseen(page)
        if fresh.ids or is_first:
            yield fresh
        is_first = False
        if is_last(prepared.plan.shape.paging, body, size):
            return
        if not instants:
            raise ResponseShapeError(f"{prepared.operation}: an empty page, and yet there is a next one.")
        is_one_instant = instants[0] == instants[-1]
        if is_one_instant and (frontier.instant == instants[-1] or size >= prepared.page_size):
            end = instants[-1] + _PRECISION
            crowd = frontier.after(page, instants)
            async with aclosing(whole({**variables, moved: crowd.text, TO: end.isoformat()})) as pages:
                async for part in pages:
                    rest = crowd.unseen(part.only(_before(part, end)))
                    if rest.ids:
                        yield rest
            frontier, size = _Frontier(end.isoformat()), fetcher.first_size()
        else:
            frontier = frontier.after(page, instants)
            # Without a count, small pages grow: what they hold need not be read again.
            size = min(prepared.page_size, frontier.least or size * _GROWTH)


class _Frontier:
    """Where the next page begins: whatever last changed earlier has been delivered."""

    def __init__(self, text: str, delivered: Mapping[str, str] | None = None, least: int = 0) -> None:
        self.text = text
        self.instant = _instant(text)
        # The payloads that were delivered of records at the frontier itself.
        self._delivered = delivered or {}
        # As many records as Centra must still count: a change moves one to the end, and only a deletion takes it away.
        self.least = least

    def checked(self, page: Page, operation: str) -> list[datetime]:
        """When the page's records changed. PageDriftError when they are not what must come from here on."""
        instants = [instant for text in page.updated_at if (instant := _instant(text)) is not None]
        if len(instants) < len(page.ids):
            raise ResponseShapeError(f"{operation}: a record came without a readable time of change.")
        begin = [self.instant] if self.instant is not None else []
        if any(later < earlier for earlier, later in pairwise([*begin, *instants])):
            raise PageDriftError(f"{operation}: the records are not in order of their change.")
        if page.total_count is not None and page.total_count < self.least:
            raise PageDriftError(
                f"{operation}: at least {self.least} records were left, and Centra counts {page.total_count}."
            )
        return instants

    def unseen(self, page: Page) -> Page:
        """The page without what was delivered just so."""
        return page.only(
            [place for place, key in enumerate(page.ids) if self._delivered.get(key) != page.payloads[place]]
        )

    def after(self, page: Page, instants: Sequence[datetime]) -> "_Frontier":
        """The frontier at the page's last instant."""
        last = instants[-1]
        delivered = dict(self._delivered) if last == self.instant else {}
        earlier = sum(instant < last for instant in instants)
        for place in range(earlier, len(page.ids)):
            delivered[page.ids[place]] = page.payloads[place]
        return _Frontier(page.updated_at[-1] or "", delivered, max(0, (page.total_count or 0) - earlier))


def _before(page: Page, end: datetime) -> list[int]:
    """The places of what changed before the window's end; what did so at its end comes in its turn."""
    return [
        place for place, text in enumerate(page.updated_at) if (instant := _instant(text)) is not None and instant < end
    ]


def _whole_second(text: str) -> str:
    """The begin of the second: Centra says of a record no more than its second, which must not seem to come before."""
    instant = _instant(text)
    return text if instant is None else instant.replace(microsecond=0).isoformat()


def _instant(text: str | None) -> datetime | None:
    """None for what is no instant with an offset, such as Centra's relative expressions ("-1 hour")."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
