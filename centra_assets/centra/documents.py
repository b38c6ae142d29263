"""GraphQL documents as questions: parsing, fragments, how an operation is paged. What is cut away is in pruning.py."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    TypeNameMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    parse,
)
from graphql.language import ObjectValueNode
from graphql.type import GraphQLField, GraphQLOutputType

from centra_assets.centra.errors import CentraError


class DocumentError(CentraError):
    """A document cannot be used as a question: a fault of its author, not of Centra."""

    code = "CENTRA_DOCUMENT"
    remedy = "Correct the .graphql file; docs/client.md says what an operation must look like."


@dataclass(frozen=True)
class Query:
    """What to ask and how to read the answer.

    `operations` ask for the same records, the preferred one first. `record_id`, `updated_at` and `created_at` are
    response keys at the top of a record; `record_id` may be a dotted path, for records that carry only another object's
    id, or empty for records without any (then it is a digest of the payload). `nested` maps the dotted response path
    of a list below the record to the operation that reads it whole, by `$id` (of the object that holds the list),
    `$limit` and `$page`, or `$first` and `$after`. `drop_paths` are dotted response paths below the record that are
    not to be asked for.

    What `rewriting` derives says more. `ids` names the variable that lists the wanted records' ids. `keyset` names the
    variable that the reader moves along `updated_at`, where some operation sorts by it; that operation also declares
    `$to`. `narrowed_by` is the filter without which the question would read everything.
    """

    text: str
    operations: Sequence[str]
    record_id: str = "id"
    updated_at: str | None = None
    created_at: str | None = None
    page_limit: int = 200
    nested: Mapping[str, str] = field(default_factory=dict)
    drop_paths: Sequence[str] = ()
    ids: str | None = None
    keyset: str | None = None
    narrowed_by: str | None = None


class Paging(Enum):
    """How an operation is read to its end."""

    CONNECTION = "connection"
    LIST = "list"
    SINGLE = "single"


@dataclass(frozen=True)
class Step:
    """One response key on the way to the records, and whether a list hangs on it."""

    key: str
    is_list: bool


@dataclass(frozen=True)
class Shape:
    """Where the records of an operation are. `path` runs from `data` to the paged field.

    The records are that field's elements (or the object itself); for a connection, `edges[].node` below it.
    """

    paging: Paging
    path: tuple[Step, ...]

    @property
    def record_path(self) -> tuple[str, ...]:
        """Response keys from `data` to the record, without places in lists."""
        keys = tuple(step.key for step in self.path)
        return (*keys, "edges", "node") if self.paging is Paging.CONNECTION else keys

    @property
    def size_variable(self) -> str | None:
        """The variable that says how many records a page holds."""
        return {Paging.CONNECTION: "first", Paging.LIST: "limit", Paging.SINGLE: None}[self.paging]

    @property
    def place_variable(self) -> str | None:
        """The variable that says where a page begins."""
        return {Paging.CONNECTION: "after", Paging.LIST: "page", Paging.SINGLE: None}[self.paging]


@lru_cache(maxsize=256)
def parsed(text: str) -> DocumentNode:
    """The document's syntax tree. Shared: never change it."""
    try:
        return parse(text, no_location=True)
    except GraphQLError as error:
        raise DocumentError(f"The document cannot be parsed: {error.message}") from None


def operation_named(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation of that name with its fragments written out in place; without a name, the only one there is."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    chosen = [node for node in operations if name is None or (node.name and node.name.value == name)]
    if len(chosen) != 1:
        known = ", ".join(node.name.value if node.name else "(unnamed)" for node in operations)
        raise DocumentError(f"The document has {len(chosen)} operations named {name!r}; it has: {known}.")
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operation = copy(chosen[0])
    operation.selection_set = _written_out(operation.selection_set, fragments, ())
    return operation


def _written_out(
    selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], within: tuple[str, ...]
) -> SelectionSetNode:
    written: list[SelectionNode] = []
    for node in selections.selections:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in within or name not in fragments:
                raise DocumentError(f"The fragment {name} is {'used inside itself' if name in within else 'missing'}.")
            fragment = fragments[name]
            inner = _written_out(fragment.selection_set, fragments, (*within, name))
            written.append(
                InlineFragmentNode(
                    type_condition=fragment.type_condition, directives=node.directives, selection_set=inner
                )
            )
        else:
            replaced = copy(node)
            assert isinstance(replaced, FieldNode | InlineFragmentNode)
            if replaced.selection_set:
                replaced.selection_set = _written_out(replaced.selection_set, fragments, within)
            written.append(replaced)
    return SelectionSetNode(selections=tuple(written))


def response_key(node: FieldNode) -> str:
    """The key under which the field appears in the answer."""
    return node.alias.value if node.alias else node.name.value


def variables_in(node: object) -> Iterator[str]:
    """Names of the variables used in a value, an argument, a directive or a selection."""
    match node:
        case VariableNode():
            yield node.name.value
        case ListValueNode():
            for value in node.values:
                yield from variables_in(value)
        case ObjectValueNode():
            for inner in node.fields:
                yield from variables_in(inner.value)
        case FieldNode() | InlineFragmentNode():
            for argument in (*getattr(node, "arguments", ()), *[a for d in node.directives for a in d.arguments]):
                yield from variables_in(argument.value)
            if node.selection_set:
                yield from variables_in(node.selection_set)
        case SelectionSetNode():
            for selection in node.selections:
                yield from variables_in(selection)


def is_variable(value: ValueNode, name: str) -> bool:
    """Whether the value is exactly that variable."""
    return isinstance(value, VariableNode) and value.name.value == name


def root_type(schema: GraphQLSchema, operation: OperationDefinitionNode) -> GraphQLNamedType:
    """The type that the operation starts at."""
    root = schema.query_type if operation.operation is OperationType.QUERY else schema.mutation_type
    if root is None:
        raise DocumentError(f"The schema has no {operation.operation.value} type.")
    return root


def field_of(parent: GraphQLNamedType, name: str) -> GraphQLField | None:
    """The field's definition, if the type has fields and this one among them."""
    if name == "__typename":
        return TypeNameMetaFieldDef
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        found: GraphQLField | None = parent.fields.get(name)
        return found
    return None


def fragment_type(schema: GraphQLSchema, node: InlineFragmentNode, parent: GraphQLNamedType) -> GraphQLNamedType | None:
    """The type that an inline fragment speaks of; None when the schema lacks it."""
    return schema.type_map.get(node.type_condition.name.value) if node.type_condition else parent


def nullable(output: GraphQLOutputType) -> GraphQLOutputType:
    """The type without its exclamation mark."""
    return output.of_type if isinstance(output, GraphQLNonNull) else output


def holds_list(output: GraphQLOutputType) -> bool:
    """Whether the type is a list, null or not."""
    return isinstance(nullable(output), GraphQLList)


def fields_below(
    schema: GraphQLSchema, selections: SelectionSetNode, parent: GraphQLNamedType
) -> Iterator[tuple[FieldNode, GraphQLNamedType, GraphQLField]]:
    """The fields that a selection set asks for, through inline fragments, with their parents' types."""
    for node in selections.selections:
        if isinstance(node, InlineFragmentNode):
            inner = fragment_type(schema, node, parent)
            if inner is not None:
                yield from fields_below(schema, node.selection_set, inner)
        elif isinstance(node, FieldNode):
            definition = field_of(parent, node.name.value)
            if definition is not None:
                yield node, parent, definition


def root_field(operation: OperationDefinitionNode) -> FieldNode:
    """The single field that a question starts with."""
    roots = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    if len(roots) != 1 or len(operation.selection_set.selections) != 1:
        name = operation.name.value if operation.name else "(unnamed)"
        raise DocumentError(f"The operation {name} must ask for exactly one root field.")
    return roots[0]


def shape_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Shape:
    """How the operation is paged: by the field that uses `$first` or `$limit`, or not at all."""
    root_field(operation)
    found = _paged(schema, operation.selection_set, root_type(schema, operation), ())
    if found is not None:
        return found
    node, _, definition = next(
        fields_below(schema, operation.selection_set, root_type(schema, operation)), (None, None, None)
    )
    if node is None or definition is None:
        raise DocumentError(f"The schema has no field {root_field(operation).name.value} to start at.")
    return Shape(Paging.SINGLE, (Step(response_key(node), holds_list(definition.type)),))


def paging_of(node: FieldNode) -> Paging:
    """How a field is paged: by the variable that says how much of it is asked for."""
    for argument in node.arguments:
        if argument.name.value == "first" and is_variable(argument.value, "first"):
            return Paging.CONNECTION
        if argument.name.value == "limit" and is_variable(argument.value, "limit"):
            return Paging.LIST
    return Paging.SINGLE


def _paged(
    schema: GraphQLSchema, selections: SelectionSetNode, parent: GraphQLNamedType, above: tuple[Step, ...]
) -> Shape | None:
    for node, _, definition in fields_below(schema, selections, parent):
        path = (*above, Step(response_key(node), holds_list(definition.type)))
        paging = paging_of(node)
        if paging is not Paging.SINGLE:
            return Shape(paging, path)
        if node.selection_set:
            found = _paged(schema, node.selection_set, get_named_type(definition.type), path)
            if found is not None:
                return found
    return None


@dataclass(frozen=True)
class Selected:
    """A selection set together with the type it selects from; one for each fragment that leads there."""

    selections: SelectionSetNode
    parent: GraphQLNamedType


def selected_at(schema: GraphQLSchema, operation: OperationDefinitionNode, path: Sequence[str]) -> list[Selected]:
    """What is selected below the response path. Several fragments may each select a part."""
    here = [Selected(operation.selection_set, root_type(schema, operation))]
    for key in path:
        here = [
            Selected(node.selection_set, get_named_type(definition.type))
            for level in here
            for node, _, definition in fields_below(schema, level.selections, level.parent)
            if response_key(node) == key and node.selection_set
        ]
    return here


def declared(operation: OperationDefinitionNode) -> dict[str, str]:
    """The operation's variables and the names of their types, such as `{"id": "Int"}`."""
    types: dict[str, str] = {}
    for definition in operation.variable_definitions:
        inner = definition.type
        while not isinstance(inner, NamedTypeNode):
            assert isinstance(inner, NonNullTypeNode) or hasattr(inner, "type")
            inner = inner.type
        types[definition.variable.name.value] = inner.name.value
    return types
