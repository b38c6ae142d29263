"""Pages: `limit` and `page` over lists, `first`/`after` over connections, within the bands. It reads no fields."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

from graphql import GraphQLError, GraphQLField

from centra_assets.sandbox.data.table import Table
from centra_assets.sandbox.filters import Moment, Where, compile_where
from centra_assets.sandbox.indexes import Indexes
from centra_assets.sandbox.ordering import Order, Ranked, rank

DEFAULT_LIMIT = 20
_LONG_LIST = 200
Visible = Callable[[Any], bool]


@dataclass(frozen=True)
class Source:
    """Where a list comes from: a whole table, or the related objects of one.

    Under a `name` the list's order is kept between requests. `get` finds an object of a table by each of `keys`.
    """

    nodes: Sequence[Any]
    name: Hashable = None
    is_table: bool = False
    keys: tuple[str, ...] = ()
    get: Callable[[Any], Any] | None = None

    def of_keys(self, wanted: Mapping[str, Any]) -> "Source":
        """Only the objects that a filter names by key, when it does; they are few, so they need no index."""
        for name in self.keys:
            given = wanted.get(name)
            if given and self.get and name not in (wanted.get("negate") or ()):
                found = (self.get(key) for key in dict.fromkeys(given))
                return Source([node for node in found if node is not None], None, self.is_table)
        return self


def table_source(table: Table[Any]) -> Source:
    """A whole table of the world."""
    rows = table.rows()
    # Orders are kept by number and known by their hash as well; kinds without an id have no key that anyone knows.
    keys = ("id", "number") if table.name == "Order" else ("id",) if rows and hasattr(rows[0], "id") else ()
    return Source(rows, table.name, True, keys, table.get)


def related_source(node: Any, field_name: str, nodes: Sequence[Any]) -> Source:
    """The objects related to one. A long list is worth keeping in order (a warehouse's levels, page by page)."""
    key = getattr(node, "id", None) if len(nodes) > _LONG_LIST else None
    return Source(nodes, None if key is None else (type(node).__name__, key, field_name))


@dataclass(frozen=True)
class Lister:
    """How lists are cut for one request."""

    moment: Moment
    indexes: Indexes
    visible: Visible | None
    page_drift: int = 0

    def page(self, source: Source, field: GraphQLField, args: Mapping[str, Any], band: int) -> Sequence[Any]:
        """A plain list: filtered, sorted, cut. A nested one without a limit is whole, a table's has 20."""
        limit, page = args.get("limit"), args.get("page")
        page = 1 if page is None else page
        if limit is None and "limit" in field.args and source.is_table:
            limit = DEFAULT_LIMIT
        _check_band("limit", limit, band)
        if page < 1:
            _refuse("page must be 1 or more.")
        source = source.of_keys(args.get("where") or {})
        where = self._where(field, args)
        if self.visible is None and not where.tests and not args.get("sort") and limit is None:
            return source.nodes
        matching = self._matching(source, where, args)
        if limit is None:
            return list(matching)
        start = max((page - 1) * (limit + self.page_drift), 0)
        return list(islice(matching, start, start + limit))

    def connection(self, source: Source, field: GraphQLField, args: Mapping[str, Any], band: int) -> "Slice":
        """A stretch of a connection between cursors; 20 from the start when nothing is said."""
        first, last = args.get("first"), args.get("last")
        if first is not None and last is not None:
            _refuse("first and last exclude each other.")
        _check_band("first", first, band)
        _check_band("last", last, band)
        source = source.of_keys(args.get("where") or {})
        order = Order.of(args.get("sort"), self.moment.zone)
        ranked = self._ranked(source, order)
        where = self._where(field, args)
        begin, end, rest = _narrow(ranked, order, where)
        lower, upper = begin, end
        if args.get("after"):
            lower = max(begin, bisect_right(ranked.keys, order.place(args["after"])))
        if args.get("before"):
            upper = min(end, bisect_left(ranked.keys, order.place(args["before"])))
        wanted = last if last is not None else first if first is not None else DEFAULT_LIMIT
        nodes, more = self._stretch(ranked, range(lower, max(lower, upper)), rest, wanted, backwards=last is not None)
        # What lies beyond the cursor exists by its own right: it was passed to get there.
        before, after = (more, upper < end) if last is not None else (lower > begin, more)
        return Slice(nodes, order, before, after, lambda: self._count(ranked, begin, end, rest))

    def count(self, source: Source, field: GraphQLField, args: Mapping[str, Any]) -> int:
        """How many pass the filter."""
        where = self._where(field, args)
        return sum(1 for node in source.nodes if self._passes(where, node))

    def filtered(self, source: Source, field: GraphQLField, args: Mapping[str, Any]) -> Sequence[Any]:
        """Everything that passes the filter."""
        where = self._where(field, args)
        return [node for node in source.nodes if self._passes(where, node)]

    def _where(self, field: GraphQLField, args: Mapping[str, Any]) -> Where:
        argument = field.args.get("where")
        return compile_where(argument.type, args.get("where"), self.moment) if argument else Where((), ())

    def _matching(self, source: Source, where: Where, args: Mapping[str, Any]) -> Iterator[Any]:
        sorts = args.get("sort")
        if not sorts:
            return (node for node in source.nodes if self._passes(where, node))
        order = Order.of(sorts, self.moment.zone)
        if source.name is None:
            passing = [node for node in source.nodes if self._passes(where, node)]
            return iter(rank(passing, order).nodes)
        ranked = self._ranked(source, order)
        begin, end, rest = _narrow(ranked, order, where)
        return (node for node in islice(ranked.nodes, begin, end) if self._passes(rest, node))

    def _ranked(self, source: Source, order: Order) -> Ranked:
        if source.name is None:
            return rank(source.nodes, order)
        return self.indexes.ranked(source.name, source.nodes, order, source.get)

    def _passes(self, where: Where, node: Any) -> bool:
        return (self.visible is None or self.visible(node)) and where.passes(node)

    def _stretch(
        self, ranked: Ranked, positions: range, where: Where, wanted: int, *, backwards: bool
    ) -> tuple[Sequence[Any], bool]:
        passing = (
            ranked.nodes[position]
            for position in (reversed(positions) if backwards else positions)
            if self._passes(where, ranked.nodes[position])
        )
        found = list(islice(passing, wanted + 1))
        kept = found[:wanted]
        return (kept[::-1] if backwards else kept), len(found) > wanted

    def _count(self, ranked: Ranked, begin: int, end: int, where: Where) -> int:
        if self.visible is None and not where.tests:
            return end - begin
        return sum(1 for node in islice(ranked.nodes, begin, end) if self._passes(where, node))


@dataclass(frozen=True)
class Slice:
    """A page of a connection. The total is counted only when someone asks."""

    nodes: Sequence[Any]
    order: Order
    has_previous: bool
    has_next: bool
    total: Callable[[], int]


def _narrow(ranked: Ranked, order: Order, where: Where) -> tuple[int, int, Where]:
    """The stretch of an index that can pass, and what is left to test within it."""
    for span in where.spans:
        bounds = order.bounds(span, ranked.keys)
        if bounds is not None:
            return *bounds, where.without(span)
    return 0, len(ranked.nodes), where


def _check_band(name: str, given: int | None, band: int) -> None:
    if given is not None and not 1 <= given <= band:
        _refuse(f"{name} must be between 1 and {band}, {given} given.")


def _refuse(message: str) -> NoReturn:
    raise GraphQLError(message, extensions={"category": "graphql"})
