"""Cutting out of an operation what the live schema lacks or the token may not read. Reports it; remembers nothing."""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_leaf_type,
    print_ast,
    strip_ignored_characters,
    validate,
)
from graphql.language import ObjectValueNode
from graphql.type import GraphQLField, GraphQLInputType
from graphql.utilities import do_types_overlap

from centra_assets.centra.documents import (
    DocumentError,
    declared,
    field_of,
    fields_below,
    fragment_type,
    response_key,
    root_type,
    variables_in,
)
from centra_assets.centra.errors import Denial, FilterMissingError, PermissionDeniedError, SchemaMismatchError

# Arguments of nested fields that can go without making the values wrong: order, and lines that would come anyway.
_HARMLESS_ARGUMENTS = {"sort", "includeFullyCancelled"}

# Without these beside the records a connection cannot be read to its end.
_PAGING = {"pageInfo", "hasNextPage", "endCursor"}

_LACKS = "the live schema lacks it"


@dataclass(frozen=True)
class Pruned:
    """Something that is not asked for: its dotted response path below the record, and why.

    `argument` names what went of a field that is still asked for, such as `sort`.
    """

    path: str
    reason: str
    argument: str = ""


@dataclass(frozen=True)
class PrunedOperation:
    """What is left of an operation: fit to be sent to the schema it was pruned against."""

    operation: OperationDefinitionNode
    text: str
    pruned: tuple[Pruned, ...]


@dataclass(frozen=True)
class Cuts:
    """What to cut besides what the schema lacks.

    `denied` maps coordinates (`Type.field`) to the permission that the token lacks; `dropped` are response paths from
    `data`; `record_path` is where the records are, below which paths are reported; without `record_id` (a
    dotted response path below it) they are of no use.
    """

    record_path: tuple[str, ...] = ()
    record_id: str | None = None
    denied: Mapping[str, str] = field(default_factory=dict)
    dropped: Collection[tuple[str, ...]] = ()


def prune(live: GraphQLSchema, operation: OperationDefinitionNode, cuts: Cuts | None = None) -> PrunedOperation:
    """The operation (fragments written out) as the live schema can answer it.

    SchemaMismatchError when something on the way to the records is gone, such as the root field, a filter
    (FilterMissingError) or a variable's type: the caller may try another operation.
    """
    pruner = _Pruner(live, cuts or Cuts())
    kept = copy(operation)
    selections = pruner.selections(operation.selection_set, root_type(live, operation), ())
    if selections is None:
        raise SchemaMismatchError(f"The live schema has nothing of what {_name(operation)} asks for.")
    kept.selection_set = selections
    used = set(variables_in(selections))
    kept.variable_definitions = tuple(d for d in operation.variable_definitions if d.variable.name.value in used)
    for name, type_name in declared(kept).items():
        if type_name not in live.type_map:
            raise SchemaMismatchError(f"The live schema lacks the type {type_name} of ${name} in {_name(operation)}.")
    document = DocumentNode(definitions=(kept,))
    problems = validate(live, document)
    if problems:
        raise SchemaMismatchError(f"{_name(operation)} does not fit the live schema: {problems[0].message}")
    return PrunedOperation(kept, strip_ignored_characters(print_ast(document)), tuple(pruner.pruned))


def _name(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name else "the operation"


class _Pruner:
    """One walk over an operation; `pruned` gathers what was cut."""

    def __init__(self, live: GraphQLSchema, cuts: Cuts) -> None:
        self._live = live
        self._cuts = cuts
        self._identity = tuple(cuts.record_id.split(".")) if cuts.record_id else ()
        self.pruned: list[Pruned] = []

    def selections(
        self, selections: SelectionSetNode, parent: GraphQLNamedType, path: tuple[str, ...]
    ) -> SelectionSetNode | None:
        kept: list[SelectionNode] = []
        for node in selections.selections:
            if isinstance(node, InlineFragmentNode):
                fragment = self._fragment(node, parent, path)
                kept.extend([fragment] if fragment else [])
            elif isinstance(node, FieldNode):
                wanted = self._field(node, parent, (*path, response_key(node)))
                kept.extend([wanted] if wanted else [])
        return SelectionSetNode(selections=tuple(kept)) if kept else None

    def _fragment(
        self, node: InlineFragmentNode, parent: GraphQLNamedType, path: tuple[str, ...]
    ) -> InlineFragmentNode | None:
        inner = fragment_type(self._live, node, parent)
        if inner is None or not _overlap(self._live, parent, inner):
            name = node.type_condition.name.value if node.type_condition else parent.name
            for key in _keys(node.selection_set):
                self._report((*path, key), f"the live schema has no {name} here")
            return None
        selections = self.selections(node.selection_set, inner, path)
        if selections is None:
            return None
        kept = copy(node)
        kept.selection_set = selections
        return kept

    def _field(self, node: FieldNode, parent: GraphQLNamedType, path: tuple[str, ...]) -> FieldNode | None:
        definition = field_of(parent, node.name.value)
        coordinate = f"{parent.name}.{node.name.value}"
        if path in self._cuts.dropped:
            # Whoever does not want it knows why.
            return None
        if coordinate in self._cuts.denied:
            permission = self._cuts.denied[coordinate]
            if self._is_needed(path):
                raise PermissionDeniedError([Denial(path, permission)])
            self._report(path, f"the token lacks {permission}")
            return None
        if definition is None:
            self._cut(path, f"{_LACKS} ({coordinate})")
            return None
        if is_leaf_type(get_named_type(definition.type)) is not (node.selection_set is None):
            self._cut(path, f"the live schema has another kind of {coordinate}")
            return None
        kept = copy(node)
        arguments = self._arguments(node, definition, path)
        if arguments is None:
            return None
        kept.arguments = arguments
        if node.selection_set is not None:
            selections = self.selections(node.selection_set, get_named_type(definition.type), path)
            if selections is None:
                self._cut(path, "nothing of it can be read")
                return None
            kept.selection_set = selections
        return kept

    def _arguments(
        self, node: FieldNode, definition: GraphQLField, path: tuple[str, ...]
    ) -> tuple[ArgumentNode, ...] | None:
        kept: list[ArgumentNode] = []
        for argument in node.arguments:
            name = argument.name.value
            known = definition.args.get(name)
            value = None if known is None else _value(argument.value, known.type)
            if value is not None:
                if value is not argument.value:
                    self._report(path, f"the live schema lacks a value of its argument {name}", name)
                    argument = copy(argument)
                    argument.value = value
                kept.append(argument)
            elif name in _HARMLESS_ARGUMENTS:
                self._report(path, f"its argument {name}: {_LACKS}", name)
            else:
                # Without the argument the values would be other ones: rather none than wrong ones.
                reason = f"its argument {name} or a part of it: {_LACKS}"
                if name == "where" and self._is_needed(path):
                    raise FilterMissingError(f"{'.'.join(path)} cannot be asked for: {reason}.")
                self._cut(path, reason)
                return None
        return tuple(kept)

    def _cut(self, path: tuple[str, ...], reason: str) -> None:
        """Reports; or stops everything when the cut lies on the way to the records."""
        if self._is_needed(path):
            raise SchemaMismatchError(f"{'.'.join(path)} cannot be asked for: {reason}.")
        self._report(path, reason)

    def _is_needed(self, path: tuple[str, ...]) -> bool:
        """Whether the path lies on the way to the records, or what pages or identifies them."""
        way = self._cuts.record_path
        if path[: len(way)] == way:
            below = path[len(way) :]
            return below == self._identity[: len(below)]
        return path == way[: len(path)] or path[-1] in _PAGING

    def _report(self, path: tuple[str, ...], reason: str, argument: str = "") -> None:
        way = self._cuts.record_path
        below = path[len(way) :] if path[: len(way)] == way else path
        entry = Pruned(".".join(below), reason, argument)
        if entry not in self.pruned:
            self.pruned.append(entry)


def _overlap(live: GraphQLSchema, parent: GraphQLNamedType, inner: GraphQLNamedType) -> bool:
    try:
        return do_types_overlap(live, parent, inner)  # type: ignore[arg-type]
    except (AttributeError, KeyError):
        return False


def _keys(selections: SelectionSetNode) -> list[str]:
    keys: list[str] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            keys.append(response_key(node))
        elif isinstance(node, InlineFragmentNode):
            keys.extend(_keys(node.selection_set))
    return keys


def _value(node: ValueNode, wanted: GraphQLInputType) -> ValueNode | None:
    """The value without the enum values of a list that the live type lacks; None when nothing fit is left."""
    named = get_named_type(wanted)
    if isinstance(node, ListValueNode):
        kept = tuple(inner for inner in node.values if _value(inner, wanted) is not None)
        if kept == node.values:
            return node
        # A shorter list of enum values still sorts; a shorter list of filters lets too much through.
        return ListValueNode(values=kept) if kept and isinstance(named, GraphQLEnumType) else None
    if isinstance(node, EnumValueNode) and isinstance(named, GraphQLEnumType):
        return node if node.value in named.values else None
    if isinstance(node, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
        for inner in node.fields:
            known = named.fields.get(inner.name.value)
            if known is None or _value(inner.value, known.type) is None:
                return None
    return node


def coordinates_of(schema: GraphQLSchema, operation: OperationDefinitionNode, path: Sequence[str]) -> list[str]:
    """The coordinates (`Type.field`) at a response path from `data`; of a single name, wherever it is asked for."""
    found: list[str] = []
    _search(schema, operation.selection_set, root_type(schema, operation), (), tuple(path), found)
    return list(dict.fromkeys(found))


def _search(
    schema: GraphQLSchema,
    selections: SelectionSetNode,
    parent: GraphQLNamedType,
    above: tuple[str, ...],
    wanted: tuple[str, ...],
    found: list[str],
) -> None:
    for node, holder, definition in fields_below(schema, selections, parent):
        here = (*above, response_key(node))
        if here == wanted or (len(wanted) == 1 and wanted[0] == node.name.value):
            found.append(f"{holder.name}.{node.name.value}")
        if node.selection_set:
            _search(schema, node.selection_set, get_named_type(definition.type), here, wanted, found)


def check(schema: GraphQLSchema, document: DocumentNode) -> None:
    """DocumentError with the first problem when the document is not valid against the schema."""
    problems = validate(schema, document)
    if problems:
        raise DocumentError(f"The document does not fit the schema: {problems[0].message}")
