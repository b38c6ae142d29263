"""What a query costs and which permissions it needs, read from its text before it runs. Nothing is resolved here.

Complexity by Centra's published rule: a scalar is 0, an expensive one 2, an object 1 plus what is in it, a list its
limit (10 when none is given) times one item; a connection takes first or last as its limit and its edges add nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_location,
    get_named_type,
    is_leaf_type,
    value_from_ast,
)

from centra_assets.sandbox.schema import LiveSchema

LIST_WITHOUT_LIMIT = 10
MUTATION = 100
EXPENSIVE_SCALAR = 2
_EXPENSIVE_HOLDERS = frozenset({"Stock", "StockTotals"})
_CHEAP_QUANTITY = "freeToAllocateQuantity"

Fragments = Mapping[str, FragmentDefinitionNode]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Need:
    """A permission that a field asks for, and where the field stands in the answer."""

    permission: str
    field_name: str
    path: Path
    line: int
    column: int


@dataclass(frozen=True)
class Reading:
    """One operation of a document, ready to be weighed."""

    schema: LiveSchema
    operation: OperationDefinitionNode
    fragments: Fragments

    @property
    def root(self) -> GraphQLObjectType:
        root = self.schema.graphql.get_root_type(self.operation.operation)
        assert root is not None  # validation refuses operations without a root type
        return root

    @property
    def mutations(self) -> int:
        """How many mutation tokens the operation costs: one for each field at its root."""
        if self.operation.operation is not OperationType.MUTATION:
            return 0
        return sum(1 for _ in self._fields(self.operation.selection_set, self.root))

    def complexity(self, variables: Mapping[str, Any]) -> int:
        """Points by the published rule. Inline fragments of an interface add up, as every selection does."""
        return self._cost(self.operation.selection_set, self.root, variables) + MUTATION * self.mutations

    def needs(self) -> list[Need]:
        """Every permission asked for, in the order of the document; a list's first element stands for all."""
        return list(self._needs(self.operation.selection_set, self.root, ()))

    def deprecated(self) -> list[str]:
        """Deprecated fields in use, as Centra words them."""
        found = {
            f"Field: {holder.name}.{node.name.value}, reason: {definition.deprecation_reason}"
            for node, holder, definition in self._everything(self.operation.selection_set, self.root)
            if definition.deprecation_reason
        }
        return sorted(found)

    def _cost(self, selections: SelectionSetNode, holder: GraphQLNamedType, variables: Mapping[str, Any]) -> int:
        return sum(self._field_cost(*found, variables) for found in self._fields(selections, holder))

    def _field_cost(
        self, node: FieldNode, holder: GraphQLNamedType, definition: GraphQLField, variables: Mapping[str, Any]
    ) -> int:
        inner = get_named_type(definition.type)
        if is_leaf_type(inner) or node.selection_set is None:
            return EXPENSIVE_SCALAR if _is_expensive(holder.name, node.name.value) else 0
        if inner.name.endswith("Connection"):
            edges, beside = 0, 0
            for edge, edge_holder, edge_definition in self._fields(node.selection_set, inner):
                if edge.name.value == "edges" and edge.selection_set is not None:
                    edges += self._cost(edge.selection_set, get_named_type(edge_definition.type), variables)
                else:
                    beside += self._field_cost(edge, edge_holder, edge_definition, variables)
            return _limit(node, definition, ("first", "last"), variables) * edges + beside
        cost = 1 + self._cost(node.selection_set, inner, variables)
        return _limit(node, definition, ("limit",), variables) * cost if is_list(definition.type) else cost

    def _needs(self, selections: SelectionSetNode, holder: GraphQLNamedType, path: Path) -> Iterator[Need]:
        for node, owner, definition in self._fields(selections, holder):
            name = node.name.value
            here = (*path, node.alias.value if node.alias else name)
            if permission := self.schema.permission(owner.name, name):
                line, column = _place(node)
                yield Need(permission, name, here, line, column)
            if node.selection_set is not None:
                below = (*here, 0) if is_list(definition.type) else here
                yield from self._needs(node.selection_set, get_named_type(definition.type), below)

    def _everything(
        self, selections: SelectionSetNode, holder: GraphQLNamedType
    ) -> Iterator[tuple[FieldNode, GraphQLNamedType, GraphQLField]]:
        for node, owner, definition in self._fields(selections, holder):
            yield node, owner, definition
            if node.selection_set is not None:
                yield from self._everything(node.selection_set, get_named_type(definition.type))

    def _fields(
        self, selections: SelectionSetNode, holder: GraphQLNamedType
    ) -> Iterator[tuple[FieldNode, GraphQLNamedType, GraphQLField]]:
        """The fields of a selection, through its fragments, with the type that each is asked of."""
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                definition = self._definition(holder, selection.name.value)
                if definition is not None:
                    yield selection, holder, definition
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self.schema.graphql.type_map[condition.name.value] if condition else holder
                yield from self._fields(selection.selection_set, inner)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                inner = self.schema.graphql.type_map[fragment.type_condition.name.value]
                yield from self._fields(fragment.selection_set, inner)

    @staticmethod
    def _definition(holder: GraphQLNamedType, name: str) -> GraphQLField | None:
        """None for the fields of introspection, which cost nothing and need no permission."""
        if name.startswith("__") or not isinstance(holder, GraphQLObjectType | GraphQLInterfaceType):
            return None
        definition: GraphQLField = holder.fields[name]
        return definition


def is_list(output: GraphQLOutputType) -> bool:
    """Whether a field's type is a list, null or not."""
    inner = output.of_type if isinstance(output, GraphQLNonNull) else output
    return isinstance(inner, GraphQLList)


def _limit(node: FieldNode, definition: GraphQLField, names: tuple[str, ...], variables: Mapping[str, Any]) -> int:
    for argument in node.arguments:
        name = argument.name.value
        if name in names:
            given = value_from_ast(argument.value, definition.args[name].type, dict(variables))
            if isinstance(given, int):
                return max(given, 0)
    return LIST_WITHOUT_LIMIT


def _place(node: FieldNode) -> tuple[int, int]:
    if node.loc is None:
        return 1, 1
    place = get_location(node.loc.source, node.loc.start)
    return place.line, place.column


def _is_expensive(holder: str, name: str) -> bool:
    return holder in _EXPENSIVE_HOLDERS and name.endswith("Quantity") and name != _CHEAP_QUANTITY
