"""Turns objects into the JSON that a GraphQL server answers to a document with. It knows no field by name."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    is_leaf_type,
    value_from_ast_untyped,
)

# An object: fields by Centra's names, `__typename` where the field's type is abstract. What is missing is made up.
Node = Mapping[str, Any]
Render = Callable[[Any], str]

_Abstract = GraphQLInterfaceType | GraphQLUnionType

_MISSING: Any = object()
_MADE_UP: Mapping[str, Any] = {
    "Int": 1,
    "Int64": 1,
    "Float": "1.00",
    "Boolean": False,
    "Date": "2025-06-01",
    "DateTimeTz": "2025-06-01T12:00:00+02:00",
}


class Taxed(tuple[Any, Any]):
    """The two values of a field that takes `includingTax`: with tax, without."""


class Renderer:
    """Compiles a document's selections into functions from objects to JSON text, once per concrete type."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def object(self, parent: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> Render:
        """A function for objects of a concrete type."""
        fields: dict[str, list[FieldNode]] = {}
        for selection in selections:
            self._collect(parent, selection, fields)
        rendered = [(f"{json.dumps(key)}:", self._field(parent, nodes)) for key, nodes in fields.items()]
        return lambda node: "{" + ",".join([key + render(node) for key, render in rendered]) + "}"

    def _collect(
        self, parent: GraphQLObjectType, selections: SelectionSetNode, fields: dict[str, list[FieldNode]]
    ) -> None:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                fields.setdefault(key, []).append(selection)
                continue
            assert isinstance(selection, InlineFragmentNode), "named fragments are written out before"
            if selection.type_condition is None or self._applies(parent, selection.type_condition.name.value):
                self._collect(parent, selection.selection_set, fields)

    def _applies(self, parent: GraphQLObjectType, condition: str) -> bool:
        wanted = self._schema.type_map[condition]
        return wanted is parent or (isinstance(wanted, _Abstract) and self._schema.is_sub_type(wanted, parent))

    def _field(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Render:
        name = nodes[0].name.value
        if name == "__typename":
            typename = json.dumps(parent.name)
            return lambda _: typename
        field = parent.fields[name]
        arguments = {argument.name.value: value_from_ast_untyped(argument.value) for argument in nodes[0].arguments}
        declared = field.args.get("includingTax")
        with_tax = arguments.get("includingTax", declared.default_value if declared else True)
        render = self._value(field.type, [node.selection_set for node in nodes if node.selection_set])
        place = 0 if with_tax else 1

        def read(node: Node) -> str:
            value = node.get(name, _MISSING)
            return render(value[place] if isinstance(value, Taxed) else value)

        return read

    def _value(self, kind: GraphQLOutputType, selections: Sequence[SelectionSetNode]) -> Render:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, selections)
        if isinstance(kind, GraphQLList):
            element = self._value(kind.of_type, selections)
            return lambda values: "[]" if values is _MISSING else "[" + ",".join([element(it) for it in values]) + "]"
        if is_leaf_type(kind):
            return _leaf(kind)
        assert isinstance(kind, GraphQLObjectType | _Abstract)
        concrete = [kind] if isinstance(kind, GraphQLObjectType) else self._schema.get_possible_types(kind)
        by_type = {member.name: self.object(member, selections) for member in concrete}
        only = by_type[concrete[0].name]
        if len(by_type) == 1:
            return lambda node: "null" if node is None else only({} if node is _MISSING else node)
        return lambda node: "null" if node is None or node is _MISSING else by_type[node["__typename"]](node)


def _leaf(kind: Any) -> Render:
    made_up = next(iter(kind.values.keys())) if isinstance(kind, GraphQLEnumType) else _MADE_UP.get(kind.name)
    if kind.name in ("Float", "Int", "Int64"):
        # A Float is handed over as the text of the number, so that it is printed with the digits it was given.
        return lambda value: "null" if value is None else str(made_up if value is _MISSING else value)
    if kind.name == "Boolean":
        return lambda value: "null" if value is None else "true" if value is True else "false"
    quote = json.JSONEncoder(ensure_ascii=False).encode
    return lambda value: "null" if value is None else quote(made_up or kind.name if value is _MISSING else value)
