"""The Polars type of an answer, derived from schema and document. Decoding with it is in decode.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)
from graphql.type import GraphQLOutputType

from centra_assets.centra.documents import (
    DocumentError,
    Selected,
    fields_below,
    nullable,
    operation_named,
    parsed,
    response_key,
    selected_at,
    shape_of,
)


@dataclass(frozen=True)
class ResponseType:
    """The type of one record. `float_keys` are the response keys of GraphQL type Float, which become text."""

    dtype: pl.Struct
    float_keys: frozenset[str]


def response_type(
    schema: GraphQLSchema, text: str, operation: str | None = None, record_path: Sequence[str] | None = None
) -> ResponseType:
    """The type of the records that the operation asks for, at `record_path` (default: where its paging says)."""
    return operation_type(schema, operation_named(parsed(text), operation), record_path)


def operation_type(
    schema: GraphQLSchema, operation: OperationDefinitionNode, record_path: Sequence[str] | None = None
) -> ResponseType:
    """As `response_type`, for an operation whose fragments are written out."""
    path = shape_of(schema, operation).record_path if record_path is None else record_path
    selected = selected_at(schema, operation, path)
    if not selected:
        raise DocumentError(f"The operation selects nothing at {'.'.join(path)}.")
    floats: set[str] = set()
    return ResponseType(_struct(schema, selected, floats), frozenset(floats))


def _struct(schema: GraphQLSchema, levels: Iterable[Selected], floats: set[str]) -> pl.Struct:
    """One struct of everything that the fragments select; a key that several select is merged."""
    outputs: dict[str, GraphQLOutputType] = {}
    below: dict[str, list[Selected]] = {}
    for level in levels:
        for node, _, definition in fields_below(schema, level.selections, level.parent):
            key = response_key(node)
            outputs.setdefault(key, definition.type)
            if node.selection_set:
                below.setdefault(key, []).append(Selected(node.selection_set, get_named_type(definition.type)))
    return pl.Struct({key: _type(schema, key, output, below.get(key, ()), floats) for key, output in outputs.items()})


def _type(
    schema: GraphQLSchema, key: str, output: GraphQLOutputType, below: Iterable[Selected], floats: set[str]
) -> pl.DataType:
    plain = nullable(output)
    if isinstance(plain, GraphQLList):
        return pl.List(_type(schema, key, plain.of_type, below, floats))
    if isinstance(plain, GraphQLScalarType | GraphQLEnumType):
        if plain.name == "Float":
            floats.add(key)
        return _LEAVES.get(plain.name, pl.String)()
    return _struct(schema, below, floats)


# Every other scalar and every enum is text: new enum values appear, Float and Int64 must stay exact.
_LEAVES: dict[str, type[pl.DataType]] = {"Int": pl.Int64, "Boolean": pl.Boolean}
