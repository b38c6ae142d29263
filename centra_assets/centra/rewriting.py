"""Three more questions derived from a document's own: by id, changed since, what exists. Asking them is elsewhere.

The selection stays as it is written, so that a payload's text is the same whichever question brought it.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import polars as pl
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    NameNode,
    OperationDefinitionNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    parse_type,
    parse_value,
    print_ast,
    visit,
)
from graphql.language import ObjectFieldNode, ObjectValueNode
from graphql.type import GraphQLField, GraphQLInputType

from centra_assets.centra.documents import (
    Paging,
    Query,
    fields_below,
    paging_of,
    parsed,
    root_type,
    variables_in,
)
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema

IDS, FROM, TO = "ids", "from", "to"

# Orders by time of change; the id behind it makes the order of one timestamp the same on every page.
CHANGE_ORDER, TIE_BREAK = "updatedAt_ASC", "id_ASC"

_CHANGED = "updatedAt"
_WINDOW = frozenset({FROM, TO})


def by_ids(query: Query, id_filter: str) -> Query | None:
    """The records whose `id_filter` is among `$ids`; the window of a base question goes, its `$key` stays.

    None where no operation's filter has that field. `$ids` may not be null, so that a forgotten one is refused by
    Centra instead of reading everything.
    """
    derived = _derived(query.text, tuple(query.operations), tuple(sorted(query.nested.values())), id_filter)
    if derived is None:
        return None
    return replace(query, text=derived.text, operations=derived.operations, ids=IDS, narrowed_by=id_filter)


def changed_since(query: Query) -> Query | None:
    """The records that changed at `$from` or later, in order of change where an operation can sort by it.

    None where records have no time of change or no operation can filter by it. `$to`, inclusive like `$from`, may be
    left open.
    """
    if query.updated_at is None:
        return None
    derived = _derived(query.text, tuple(query.operations), tuple(sorted(query.nested.values())), None)
    if derived is None:
        return None
    return replace(
        query,
        text=derived.text,
        operations=derived.operations,
        keyset=FROM if derived.is_ordered else None,
        narrowed_by=_CHANGED,
    )


def census(query: Query, also: Sequence[str] = ()) -> Query:
    """The same records with nothing but id, time of creation and time of change: about one point each.

    `also` are the response paths of more to ask for, such as `store.id`; each object on the way is a point or more.

    Where records have no id of their own, their payload identifies them, and the question stays whole.
    """
    if not query.record_id:
        return query
    heads = [path for path in (query.record_id, query.created_at, query.updated_at, *also) if path]
    return replace(query, drop_paths=besides(query, heads), nested={})


def besides(query: Query, paths: Sequence[str]) -> Sequence[str]:
    """Dotted response paths of all that a record has besides these."""
    dtype = response_type(bundled_schema(), query.text, query.operations[0]).dtype
    return tuple(".".join(path) for path in _beside(dtype, [tuple(path.split(".")) for path in paths], ()))


def _beside(dtype: Any, kept: Collection[tuple[str, ...]], above: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for field in dtype.fields:
        path = (*above, field.name)
        if path in kept:
            continue
        if any(head[: len(path)] == path for head in kept) and isinstance(field.dtype, pl.Struct):
            found.extend(_beside(field.dtype, kept, path))
        else:
            found.append(path)
    return found


@dataclass(frozen=True)
class _Derived:
    """A rewritten document; `operations` are those that could be rewritten."""

    text: str
    operations: tuple[str, ...]
    is_ordered: bool


@lru_cache(maxsize=256)
def _derived(text: str, names: tuple[str, ...], beside: tuple[str, ...], id_filter: str | None) -> _Derived | None:
    """The document with its operations narrowed to `$ids`, or without an `id_filter` to what changed since `$from`.

    Fragments and the operations `beside`, which complete nested lists, stay as they are.
    """
    by_name = {
        node.name.value: node
        for node in parsed(text).definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    }
    rewritten = [_narrowed(by_name[name], id_filter) for name in names]
    fit = [narrowed for narrowed in rewritten if narrowed is not None]
    if not fit:
        return None
    fragments = [node for node in parsed(text).definitions if isinstance(node, FragmentDefinitionNode)]
    completions = [by_name[name] for name in dict.fromkeys(beside)]
    document = DocumentNode(definitions=(*[narrowed.operation for narrowed in fit], *completions, *fragments))
    return _Derived(
        print_ast(document),
        tuple(narrowed.name for narrowed in fit),
        any(narrowed.is_ordered for narrowed in fit),
    )


@dataclass(frozen=True)
class _Narrowed:
    name: str
    operation: OperationDefinitionNode
    is_ordered: bool = False


def _narrowed(operation: OperationDefinitionNode, id_filter: str | None) -> _Narrowed | None:
    """The operation under its new filter; None where the schema has none."""
    paged, definition = _paged_field(operation)
    if paged is None or definition is None:
        return None
    arguments = {argument.name.value: argument.value for argument in paged.arguments}
    if id_filter is not None:
        accepted = _filter_type(definition, id_filter)
        if not isinstance(accepted, GraphQLList):
            return None
        arguments["where"] = _where(arguments.get("where"), id_filter, parse_value(f"${IDS}"))
        return _rewritten(operation, "ByIds", paged, arguments, {IDS: f"{accepted}!"})
    if _filter_type(definition, _CHANGED) is None:
        return None
    arguments["where"] = _where(arguments.get("where"), _CHANGED, parse_value(f"{{from: ${FROM}, to: ${TO}}}"))
    order = _change_order(definition)
    if order:
        arguments["sort"] = parse_value(f"[{', '.join(order)}]")
    changed = _rewritten(operation, "Changed", paged, arguments, {FROM: "DateTimeTz!", TO: "DateTimeTz"})
    return replace(changed, is_ordered=bool(order))


def _paged_field(operation: OperationDefinitionNode) -> tuple[FieldNode, GraphQLField] | tuple[None, None]:
    """The field that is paged. It stands in the operation itself, never in a fragment."""
    schema = bundled_schema()
    waiting = [(operation.selection_set, root_type(schema, operation))]
    while waiting:
        selections, parent = waiting.pop()
        for node, _, definition in fields_below(schema, selections, parent):
            if paging_of(node) is not Paging.SINGLE:
                return node, definition
            if node.selection_set:
                waiting.append((node.selection_set, get_named_type(definition.type)))
    return None, None


def _filter_type(definition: GraphQLField, name: str) -> GraphQLInputType | None:
    """The type of a field of the `where` argument; None where there is no such field."""
    argument = definition.args.get("where")
    filters = get_named_type(argument.type) if argument is not None else None
    if not isinstance(filters, GraphQLInputObjectType) or name not in filters.fields:
        return None
    accepted: GraphQLInputType = filters.fields[name].type
    return accepted


def _change_order(definition: GraphQLField) -> list[str]:
    argument = definition.args.get("sort")
    orders = get_named_type(argument.type) if argument is not None else None
    if not isinstance(orders, GraphQLEnumType) or CHANGE_ORDER not in orders.values:
        return []
    return [order for order in (CHANGE_ORDER, TIE_BREAK) if order in orders.values]


def _where(present: ValueNode | None, name: str, value: ValueNode) -> ObjectValueNode:
    """The filter without the window it had, and with one more condition."""
    conditions = present.fields if isinstance(present, ObjectValueNode) else ()
    kept = [condition for condition in conditions if not _WINDOW & set(variables_in(condition.value))]
    return ObjectValueNode(fields=(*kept, ObjectFieldNode(name=NameNode(value=name), value=value)))


def _rewritten(
    operation: OperationDefinitionNode,
    suffix: str,
    paged: FieldNode,
    arguments: Mapping[str, ValueNode],
    types: Mapping[str, str],
) -> _Narrowed:
    """The operation with other arguments on its paged field, and variables of these types instead of its window's."""
    changed = copy(paged)
    changed.arguments = tuple(ArgumentNode(name=NameNode(value=key), value=value) for key, value in arguments.items())
    kept = copy(operation)
    kept.selection_set = visit(operation.selection_set, _Replace(paged, changed))
    name = f"{operation.name.value if operation.name else ''}{suffix}"
    kept.name = NameNode(value=name)
    others = [d for d in operation.variable_definitions if d.variable.name.value not in _WINDOW]
    kept.variable_definitions = (*others, *(_variable(key, written) for key, written in types.items()))
    return _Narrowed(name, kept)


def _variable(name: str, written: str) -> VariableDefinitionNode:
    return VariableDefinitionNode(
        variable=VariableNode(name=NameNode(value=name)), type=parse_type(written), directives=()
    )


class _Replace(Visitor):
    """Puts one node in the place of another."""

    def __init__(self, old: FieldNode, new: FieldNode) -> None:
        super().__init__()
        self._old, self._new = old, new

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        return self._new if node is self._old else None
