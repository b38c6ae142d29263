"""Selections compiled into functions: each field of a query becomes one, made once and run for every object.

graphql-core's executor resolves, completes and awaits field by field; the same page costs it many times as much.
Where root values come from, and what lists leave out, is decided elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import collect_fields, collect_sub_fields
from graphql.execution.values import get_argument_values

from centra_assets.sandbox.amounts import monetary_reader
from centra_assets.sandbox.analysis import Reading, is_list
from centra_assets.sandbox.data.nodes.stock import total_of
from centra_assets.sandbox.instants import DEFAULT_DATE, DEFAULT_INSTANT, print_date, print_instant
from centra_assets.sandbox.listing import Lister, Slice, Source, related_source
from centra_assets.sandbox.tokens import Token


@dataclass
class Run:
    """One execution: what the compiled functions need besides the object at hand."""

    lister: Lister
    zone: ZoneInfo
    variables: Mapping[str, Any]
    token: Token
    base_currency: Any = None
    int64_as_text: bool = False
    arguments: dict[int, Mapping[str, Any]] = field(default_factory=dict)


Fetch = Callable[[Any, Run, Mapping[str, Any]], Any]
Read = Callable[[Any, Run], Any]
# How root values come about: for a field of Query, Mutation or Counters, a function of its arguments.
Roots = Callable[[str, str, GraphQLField], Fetch | None]


@dataclass
class Compiler:
    """Turns one operation into a function. The @include and @skip of `variables` are settled here."""

    reading: Reading
    variables: Mapping[str, Any]
    roots: Roots
    _slots: int = 0

    def operation(self) -> Callable[[Run], dict[str, Any]]:
        """The whole operation; the answer's keys stand in the order of the query."""
        root = self.reading.root
        found = collect_fields(
            self.reading.schema.graphql,
            dict(self.reading.fragments),
            dict(self.variables),
            root,
            self.reading.operation.selection_set,
        )
        readers = self._fields(root, found, ())
        return lambda run: {key: read(None, run) for key, read in readers}

    def _fields(
        self, holder: GraphQLObjectType, found: Mapping[str, Sequence[FieldNode]], path: tuple[str, ...]
    ) -> list[tuple[str, Read]]:
        return [(key, self._field(holder, list(nodes), (*path, key))) for key, nodes in found.items()]

    def _field(self, holder: GraphQLObjectType, nodes: list[FieldNode], path: tuple[str, ...]) -> Read:
        name = nodes[0].name.value
        if name == "__typename":
            return lambda node, run: holder.name
        definition = holder.fields[name]
        fetch = self.roots(holder.name, name, definition) or _fetch(self.reading, holder, name, definition)
        complete = self._complete(definition.type, nodes, path, f"{holder.name}.{name}")
        if fetch is None:
            return lambda node, run: complete(getattr(node, name, None), run, _NO_ARGUMENTS)
        slot, self._slots = self._slots, self._slots + 1

        def read(node: Any, run: Run) -> Any:
            args = run.arguments.get(slot)
            if args is None:
                args = run.arguments[slot] = get_argument_values(definition, nodes[0], dict(run.variables))
            return complete(fetch(node, run, args), run, args)

        return read

    def _complete(self, output: GraphQLOutputType, nodes: list[FieldNode], path: tuple[str, ...], name: str) -> Fetch:
        """From a value of the world to its JSON."""
        if isinstance(output, GraphQLNonNull):
            return _required(self._complete(output.of_type, nodes, path, name), path, name)
        if isinstance(output, GraphQLList):
            item = self._complete(output.of_type, nodes, path, name)
            return lambda values, run, args: None if values is None else [item(value, run, args) for value in values]
        named = get_named_type(output)
        if is_leaf_type(named):
            return _leaf(named.name)
        if is_abstract_type(named):
            return self._abstract(nodes, path)
        assert isinstance(named, GraphQLObjectType)
        readers = self._object(named, nodes, path)
        if named.name == "MonetaryValue":
            return lambda value, run, args: None if value is None else {key: read(value, run) for key, read in readers}

        def complete(value: Any, run: Run, args: Mapping[str, Any]) -> Any:
            if callable(value):
                value = value()
            if value is None or (run.lister.visible is not None and not run.lister.visible(value)):
                return None
            return {key: read(value, run) for key, read in readers}

        return complete

    def _object(
        self, holder: GraphQLObjectType, nodes: list[FieldNode], path: tuple[str, ...]
    ) -> list[tuple[str, Read]]:
        found = collect_sub_fields(
            self.reading.schema.graphql, dict(self.reading.fragments), dict(self.variables), holder, nodes
        )
        return self._fields(holder, found, path)

    def _abstract(self, nodes: list[FieldNode], path: tuple[str, ...]) -> Fetch:
        """One list of readers for each concrete type, made when the first such object turns up."""
        by_type: dict[str, list[tuple[str, Read]]] = {}

        def complete(value: Any, run: Run, args: Mapping[str, Any]) -> Any:
            if callable(value):
                value = value()
            if value is None or (run.lister.visible is not None and not run.lister.visible(value)):
                return None
            readers = by_type.get(value.typename)
            if readers is None:
                concrete = self.reading.schema.graphql.type_map[value.typename]
                assert isinstance(concrete, GraphQLObjectType)
                readers = by_type[value.typename] = self._object(concrete, nodes, path)
            return {key: read(value, run) for key, read in readers}

        return complete


_NO_ARGUMENTS: Mapping[str, Any] = {}


def _required(complete: Fetch, path: tuple[str, ...], name: str) -> Fetch:
    def required(value: Any, run: Run, args: Mapping[str, Any]) -> Any:
        completed = complete(value, run, args)
        if completed is None:
            _no_null(path, name)
        return completed

    return required


def _no_null(path: tuple[str, ...], name: str) -> NoReturn:
    raise GraphQLError(
        f"Cannot return null for non-nullable field {name}.", path=list(path), extensions={"category": "internal"}
    )


def _leaf(type_name: str) -> Fetch:
    if type_name == "DateTimeTz":
        return lambda value, run, args: (
            None if value is None else print_instant(value, run.zone, args.get("format") or DEFAULT_INSTANT)
        )
    if type_name == "Date":
        return lambda value, run, args: (
            None if value is None else print_date(value, run.zone, args.get("format") or DEFAULT_DATE)
        )
    if type_name == "Int64":
        return lambda value, run, args: str(value) if run.int64_as_text and value is not None else value
    return lambda value, run, args: value


def _fetch(reading: Reading, holder: GraphQLObjectType, name: str, definition: GraphQLField) -> Fetch | None:
    """How to get a field's value from its object; None when it is the attribute as it stands."""
    if holder.name == "MonetaryValue":
        return lambda money, run, args: monetary_reader(name, run.base_currency)(money)
    if holder.name.endswith("Connection") or holder.name.endswith("Edge") or holder.name == "PageInfo":
        return _fetch_of_connection(name)
    if name == "stockTotals":
        return lambda node, run, args: total_of(run.lister.filtered(Source(node.stock), definition, args))
    if get_named_type(definition.type).name.endswith("Connection"):
        band = reading.schema.band(holder.name, name)
        return lambda node, run, args: run.lister.connection(_related(node, name), definition, args, band)
    if "includingTax" in definition.args:
        return lambda node, run, args: _taxed(_value(node, name), args.get("includingTax", True))
    if "includeFullyCancelled" in definition.args:
        return lambda node, run, args: _lines(_value(node, name), whole=bool(args.get("includeFullyCancelled")))
    if name == "code" and "type" in definition.args:
        return _country_code
    if {"where", "sort", "limit"} & definition.args.keys():
        band = reading.schema.band(holder.name, name)
        return lambda node, run, args: run.lister.page(_related(node, name), definition, args, band)
    if is_list(definition.type):
        return lambda node, run, args: _seen(_value(node, name) or (), run)
    if "format" in definition.args:
        return lambda node, run, args: getattr(node, name, None)
    return None


def _fetch_of_connection(name: str) -> Fetch:
    """Connections, their edges and page information, from a Slice; a nested connection is cut when it is reached."""
    fetches: dict[str, Fetch] = {
        "totalCount": lambda part, run, args: part.total(),
        "edges": lambda part, run, args: [(part, node) for node in part.nodes],
        "pageInfo": lambda part, run, args: part,
        "cursor": lambda edge, run, args: edge[0].order.cursor(edge[1]),
        "node": lambda edge, run, args: edge[1],
        "hasNextPage": lambda part, run, args: part.has_next,
        "hasPreviousPage": lambda part, run, args: part.has_previous,
        "startCursor": lambda part, run, args: _cursor_at(part, 0),
        "endCursor": lambda part, run, args: _cursor_at(part, -1),
    }
    return fetches[name]


def _cursor_at(part: Slice, position: int) -> str | None:
    return part.order.cursor(part.nodes[position]) if part.nodes else None


def _related(node: Any, name: str) -> Source:
    return related_source(node, name, _value(node, name) or ())


def _value(node: Any, name: str) -> Any:
    value = getattr(node, name, None)
    return value() if callable(value) else value


def _seen(values: Sequence[Any], run: Run) -> Sequence[Any]:
    visible = run.lister.visible
    return values if visible is None else [value for value in values if visible(value)]


def _taxed(value: Any, including_tax: bool | None) -> Any:
    if value is None or not hasattr(value, "gross"):
        return value
    return value.net if including_tax is False else value.gross


def _lines(lines: Sequence[Any], *, whole: bool) -> Sequence[Any]:
    """Fully cancelled lines are left out unless asked for."""
    return lines if whole else [line for line in lines if line.quantity or not line.cancelledQuantity]


def _country_code(node: Any, run: Run, args: Mapping[str, Any]) -> str:
    if args.get("type", "ISO2") != "ISO2":
        raise GraphQLError("This sandbox keeps the two-letter codes of countries only.")
    return str(node.code)
