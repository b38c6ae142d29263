"""A query from its text to its answer: parsed, validated, weighed, permitted, run. HTTP is the endpoint's part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from centra_assets.sandbox.analysis import Need, Reading
from centra_assets.sandbox.instance import Instance
from centra_assets.sandbox.paths import UnknownPathError
from centra_assets.sandbox.roots import Roots
from centra_assets.sandbox.selection import Compiler, Run
from centra_assets.sandbox.tokens import Token

APP_VERSION = "v1.60.0"
_KEPT_DOCUMENTS = 500
Made = TypeVar("Made")


class QueryRefusedError(Exception):
    """A query that will not run, with what the answer says about it."""

    def __init__(self, errors: Sequence[GraphQLError], status: int = 400) -> None:
        super().__init__(errors[0].message)
        self.errors = [_formatted(error, "graphql") for error in errors]
        self.status = status


@dataclass(frozen=True)
class Prepared:
    """An operation that may run, with its price."""

    name: str
    key: tuple[object, ...]
    reading: Reading
    variables: Mapping[str, Any]
    needs: Sequence[Need]
    complexity: int
    mutations: int

    @property
    def extensions(self) -> dict[str, Any]:
        """What Centra adds to every answer."""
        extensions: dict[str, Any] = {
            "complexity": self.complexity,
            "permissionsUsed": sorted({need.permission for need in self.needs}),
            "appVersion": APP_VERSION,
        }
        if deprecated := self.reading.deprecated():
            extensions["deprecatedFieldsUsed"] = deprecated
        return extensions


def prepare(instance: Instance, query: str, variables: Mapping[str, Any], operation_name: str | None) -> Prepared:
    """Parse, validate and weigh. Raises QueryRefusedError."""
    schema = instance.schema
    key = (schema.removed, query, operation_name)
    reading, needs = _kept(instance, key, lambda: _read(instance, query, operation_name))
    definitions = reading.operation.variable_definitions
    coerced = get_variable_values(schema.graphql, definitions, dict(variables))
    if isinstance(coerced, list):
        raise QueryRefusedError(coerced)
    complexity = reading.complexity(coerced)
    name = reading.operation.name.value if reading.operation.name else _root_names(reading.operation)
    return Prepared(name, key, reading, coerced, needs, complexity, reading.mutations)


def execute(instance: Instance, prepared: Prepared, token: Token) -> dict[str, Any]:
    """Run it: `data`, or `errors` when a permission is missing or a field cannot be answered."""
    denied = instance.faults.denied_permissions
    missing = [n for n in prepared.needs if n.permission in denied or not token.may(n.permission)]
    if missing:
        return {"errors": [_missing_permission(need) for need in missing[:1]], "extensions": prepared.extensions}
    switches = tuple(sorted((k, v) for k, v in prepared.variables.items() if isinstance(v, bool)))
    try:
        with instance.world.lock:
            plan: Callable[[Run], dict[str, Any]] = _kept(
                instance, (*prepared.key, switches), lambda: _compile(instance, prepared)
            )
            data = plan(instance.run(token, prepared.variables))
    except GraphQLError as error:
        return {"errors": [_formatted(error, "internal")], "extensions": prepared.extensions}
    except UnknownPathError as error:
        return {"errors": [_formatted(GraphQLError(str(error)), "internal")], "extensions": prepared.extensions}
    return {"data": data, "extensions": prepared.extensions}


def _kept(instance: Instance, key: object, make: Callable[[], Made]) -> Made:
    made: Made | None = instance.prepared.get(key)
    if made is None:
        if len(instance.prepared) >= _KEPT_DOCUMENTS:
            instance.prepared.clear()
        made = instance.prepared[key] = make()
    return made


def _read(instance: Instance, query: str, operation_name: str | None) -> tuple[Reading, Sequence[Need]]:
    try:
        document = parse(query)
    except GraphQLError as error:
        raise QueryRefusedError([error]) from error
    if errors := validate(instance.schema.graphql, document):
        raise QueryRefusedError(errors)
    operation = _operation(document, operation_name)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    reading = Reading(instance.schema, operation, fragments)
    return reading, reading.needs()


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    chosen = [o for o in operations if name is None or (o.name and o.name.value == name)]
    if len(chosen) != 1:
        wanted = f'Unknown operation named "{name}".' if name else "Must provide operation name."
        raise QueryRefusedError([GraphQLError(wanted)])
    return chosen[0]


def _compile(instance: Instance, prepared: Prepared) -> Callable[[Run], dict[str, Any]]:
    reading = prepared.reading
    asked = [s for s in reading.operation.selection_set.selections if isinstance(s, FieldNode)]
    if asked and all(node.name.value.startswith("__") for node in asked):
        answer = _introspect(prepared)
        return lambda run: answer
    return Compiler(reading, prepared.variables, Roots(instance)).operation()


def _introspect(prepared: Prepared) -> dict[str, Any]:
    """Questions about the schema go through graphql-core's own executor; no object of the shop is in them."""
    reading = prepared.reading
    document = DocumentNode(definitions=(reading.operation, *reading.fragments.values()))
    result = execute_sync(reading.schema.graphql, document, variable_values=dict(prepared.variables))
    assert isinstance(result, ExecutionResult)
    if result.errors:
        raise result.errors[0]
    return result.data or {}


def _root_names(operation: OperationDefinitionNode) -> str:
    names = [s.name.value for s in operation.selection_set.selections if isinstance(s, FieldNode)]
    return "+".join(dict.fromkeys(names)) or "anonymous"


def _missing_permission(need: Need) -> dict[str, Any]:
    return {
        "message": f"You need {need.permission} permission to access {need.field_name}.",
        "extensions": {"category": "authorization"},
        "locations": [{"line": need.line, "column": need.column}],
        "path": list(need.path),
    }


def _formatted(error: GraphQLError, category: str) -> dict[str, Any]:
    formatted: dict[str, Any] = {
        "message": error.message,
        "extensions": {"category": (error.extensions or {}).get("category", category)},
    }
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        formatted["path"] = list(error.path)
    return formatted
