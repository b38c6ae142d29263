"""Centra's published complexity rule, applied before a request is sent. Spending it is the budget's business.

A scalar costs 0, an expensive one 2; an object 1 plus what is in it; a list its limit times one item, ten assumed
without a limit. A connection counts `first` or `last` as its limit, and `edges` adds nothing. Where the rule is silent
we assume: `node` is the item; everything beside `edges` (`pageInfo`) counts once; inline fragments add up, whatever
the types; a mutation costs 100 and its payload. `extensions.complexity` of the answer has the last word.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)
from graphql.type import GraphQLField

from centra_assets.centra.documents import field_of, fields_below, holds_list, response_key, root_type

_ASSUMED_LIMIT = 10
_MUTATION = 100
_EXPENSIVE_SCALAR = 2

# The quantities on these types that Centra computes on demand.
_COSTLY_TYPES = {"Stock", "StockTotals"}
_CHEAP_QUANTITY = "freeToAllocateQuantity"


def cost(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """Points for one execution with these variables. What the schema lacks costs nothing, since it is refused."""
    values = _defaults(operation) | dict(variables)
    root = root_type(schema, operation)
    points = _selection(schema, operation.selection_set, root, values)
    return points + _MUTATION * mutations(schema, operation)


def mutations(schema: GraphQLSchema, operation: OperationDefinitionNode) -> int:
    """How many mutations the operation counts as: one for each root field, under whatever alias."""
    if operation.operation is not OperationType.MUTATION:
        return 0
    found = fields_below(schema, operation.selection_set, root_type(schema, operation))
    return max(1, len({response_key(node) for node, _, _ in found}))


def _selection(
    schema: GraphQLSchema, selections: SelectionSetNode, parent: GraphQLNamedType, values: Mapping[str, Any]
) -> int:
    return sum(
        _field(schema, node, holder, definition, values)
        for node, holder, definition in fields_below(schema, selections, parent)
    )


def _field(
    schema: GraphQLSchema,
    node: FieldNode,
    holder: GraphQLNamedType,
    definition: GraphQLField,
    values: Mapping[str, Any],
) -> int:
    inner = get_named_type(definition.type)
    if is_leaf_type(inner) or node.selection_set is None:
        return _EXPENSIVE_SCALAR if _is_expensive(holder.name, node.name.value) else 0
    if is_connection(inner):
        return _connection(schema, node, inner, values)
    item = 1 + _selection(schema, node.selection_set, inner, values)
    return _limit(node, ("limit",), values) * item if holds_list(definition.type) else item


def _connection(schema: GraphQLSchema, node: FieldNode, connection: GraphQLNamedType, values: Mapping[str, Any]) -> int:
    assert node.selection_set is not None
    each = beside = 0
    for inner, holder, definition in fields_below(schema, node.selection_set, connection):
        if inner.name.value == "edges" and inner.selection_set:
            each += _selection(schema, inner.selection_set, get_named_type(definition.type), values)
        else:
            beside += _field(schema, inner, holder, definition, values)
    return _limit(node, ("first", "last"), values) * each + beside


def is_connection(candidate: GraphQLNamedType) -> bool:
    """Whether the type is a Relay connection."""
    return field_of(candidate, "edges") is not None and field_of(candidate, "pageInfo") is not None


def _limit(node: FieldNode, names: tuple[str, ...], values: Mapping[str, Any]) -> int:
    for argument in node.arguments:
        if argument.name.value in names:
            limit = _whole(argument.value, values)
            if limit is not None:
                return limit
    return _ASSUMED_LIMIT


def _whole(value: object, values: Mapping[str, Any]) -> int | None:
    if isinstance(value, IntValueNode):
        return int(value.value)
    if isinstance(value, VariableNode):
        given = values.get(value.name.value)
        return given if isinstance(given, int) else None
    return None


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions
        if isinstance(definition.default_value, IntValueNode)
    }


def _is_expensive(type_name: str, field_name: str) -> bool:
    return type_name in _COSTLY_TYPES and field_name.endswith("Quantity") and field_name != _CHEAP_QUANTITY
