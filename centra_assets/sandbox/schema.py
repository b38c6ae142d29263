"""The schema that the sandbox serves, with what its comments say: permissions and limits. It answers no query."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from graphql import (
    DefinitionNode,
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_ast_schema,
    get_named_type,
    is_introspection_type,
    parse,
)

from centra_assets.sandbox.instants import read_date, read_instant

_BLOCK = re.compile(r"^(type|interface|input)\s+(\w+)")
_FIELD = re.compile(r"^  (\w+)[(:]")
_PERMISSION = re.compile(r"\bperm:?\s+([A-Z]\w*(?:\.\w+)?:(?:read|write))")
_NO_PERMISSION = re.compile(r"\bperm:?\s+none\b")
_BAND = re.compile(r"\b1-(\d+)\b")

# Root fields that need no permission, or one that their type does not tell.
_ROOT_PERMISSIONS: dict[str, str | None] = {
    "counters": None,
    "rateLimits": None,
    "translatableFields": None,
    "eventListeners": "Event:read",
    "setEventListeners": "Event:write",
    "unsetEventListeners": "Event:write",
    "confirmEvents": "Event:write",
}
DEFAULT_BAND = 200


@dataclass(frozen=True)
class LiveSchema:
    """What one version of the instance serves. `removed` names what this version lacks, as `Type.field`."""

    graphql: GraphQLSchema
    removed: tuple[str, ...]
    _permissions: dict[tuple[str, str], str | None]
    _type_permissions: dict[str, str]
    _bands: dict[tuple[str, str], int]

    def permission(self, type_name: str, field_name: str) -> str | None:
        """The permission a field needs beyond those of the fields above it; None when it needs none."""
        if type_name in ("Query", "Mutation") and field_name in _ROOT_PERMISSIONS:
            return _ROOT_PERMISSIONS[field_name]
        for holder in self._with_interfaces(type_name):
            if (holder, field_name) in self._permissions:
                return self._permissions[holder, field_name]
        return self._root_permission(field_name) if type_name == "Query" else self._counted(type_name, field_name)

    def band(self, type_name: str, field_name: str) -> int:
        """The largest limit that a paged field takes."""
        return next(
            (self._bands[h, field_name] for h in self._with_interfaces(type_name) if (h, field_name) in self._bands),
            DEFAULT_BAND,
        )

    def _root_permission(self, field_name: str) -> str | None:
        definition = self.graphql.query_type.fields.get(field_name) if self.graphql.query_type else None
        if definition is None:
            return None
        name = get_named_type(definition.type).name.removesuffix("Connection")
        return self._type_permissions.get(name, f"{name}:read")

    def _counted(self, type_name: str, field_name: str) -> str | None:
        """Counting orders tells as much as reading them."""
        counted = {"orders": "Order:read", "customers": "Customer:read", "products": "Product:read"}
        return counted.get(field_name) if type_name == "Counters" else None

    def _with_interfaces(self, type_name: str) -> Iterable[str]:
        yield type_name
        holder = self.graphql.type_map.get(type_name)
        if isinstance(holder, GraphQLObjectType):
            yield from (interface.name for interface in holder.interfaces)


def live_schema(removed: Iterable[str] = ()) -> LiveSchema:
    """The schema without what `removed` names: fields, arguments' input fields or enum values, as `Type.name`.

    What is removed from an interface is removed from its types, and the other way about. Raises KeyError for a name
    that the schema does not have.
    """
    return _live_schema(tuple(sorted(set(removed))))


@cache
def _live_schema(removed: tuple[str, ...]) -> LiveSchema:
    document = _without(_document(), removed)
    schema = build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)
    _give_scalars_their_forms(schema)
    permissions, bands = _comments()
    return LiveSchema(schema, removed, permissions, _type_permissions(schema, permissions), bands)


@cache
def _source() -> str:
    # By path, not by import: the sandbox shares no code with the client, only the text of the schema.
    return (files("centra_assets") / "centra" / "schema.graphql").read_text("utf-8")


@cache
def _document() -> DocumentNode:
    return parse(_source(), no_location=True)


@cache
def _comments() -> tuple[dict[tuple[str, str], str | None], dict[tuple[str, str], int]]:
    permissions: dict[tuple[str, str], str | None] = {}
    bands: dict[tuple[str, str], int] = {}
    block = ""
    for line in _source().splitlines():
        if opened := _BLOCK.match(line):
            block = opened[2]
        if not (named := _FIELD.match(line)) or "#" not in line:
            continue
        comment = line.split("#", 1)[1]
        if permission := _PERMISSION.search(comment):
            permissions[block, named[1]] = permission[1]
        elif _NO_PERMISSION.search(comment):
            permissions[block, named[1]] = None
        if band := _BAND.search(comment):
            bands[block, named[1]] = int(band[1])
    return permissions, bands


def _type_permissions(schema: GraphQLSchema, permissions: dict[tuple[str, str], str | None]) -> dict[str, str]:
    """The permission that most fields of a type ask for: DisplayItem needs Display:read, and so on."""
    seen: dict[str, Counter[str]] = {}
    for (holder, name), permission in permissions.items():
        definition = getattr(schema.type_map.get(holder), "fields", {}).get(name)
        if definition is not None and permission and "." not in permission:
            type_name = get_named_type(definition.type).name
            # "taxGroup: TaxGroup # perm TaxRule:read" tells of TaxGroup; a type's own name always wins.
            weight = 1000 if permission == f"{type_name}:read" else 1
            seen.setdefault(type_name, Counter())[permission] += weight
    return {name: counter.most_common(1)[0][0] for name, counter in seen.items()}


def _without(document: DocumentNode, removed: tuple[str, ...]) -> DocumentNode:
    if not removed:
        return document
    wanted: dict[str, set[str]] = {}
    for coordinate in removed:
        holder, _, name = coordinate.partition(".")
        for relative in _relatives(document, holder):
            wanted.setdefault(relative, set()).add(name)
    found: set[str] = set()
    definitions = tuple(_definition_without(d, wanted, found) for d in document.definitions)
    if missing := {coordinate.partition(".")[2] for coordinate in removed} - found:
        raise KeyError(f"the schema has no {', '.join(sorted(missing))}")
    return DocumentNode(definitions=definitions)


def _relatives(document: DocumentNode, holder: str) -> set[str]:
    relatives = {holder}
    for definition in document.definitions:
        if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            interfaces = {interface.name.value for interface in definition.interfaces}
            if definition.name.value == holder:
                relatives |= interfaces
            elif holder in interfaces:
                relatives.add(definition.name.value)
    return relatives


def _definition_without(definition: DefinitionNode, wanted: dict[str, set[str]], found: set[str]) -> DefinitionNode:
    name = getattr(definition, "name", None)
    names = wanted.get(name.value) if name is not None else None
    if not names:
        return definition
    slimmed = copy(definition)
    for part in ("fields", "values"):
        nodes = getattr(definition, part, None)
        if nodes:
            found |= {node.name.value for node in nodes} & names
            setattr(slimmed, part, tuple(node for node in nodes if node.name.value not in names))
    return slimmed


def _give_scalars_their_forms(schema: GraphQLSchema) -> None:
    """Inputs are checked when the query is; they stay text, since "-1 hour" means something only when it runs."""
    some_moment, some_zone = datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC")

    def checked(check: Callable[[str], object]) -> Callable[[object], object]:
        def read(value: object) -> object:
            if not isinstance(value, str):
                raise GraphQLError(f"Expected a text, got {value!r}.")
            try:
                check(value)
            except ValueError as problem:
                raise GraphQLError(str(problem)) from problem
            return value

        return read

    def whole(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise GraphQLError(f"Int64 cannot represent {value!r}.")
        try:
            return int(value)
        except ValueError as problem:
            raise GraphQLError(f"Int64 cannot represent {value!r}.") from problem

    forms: dict[str, Callable[[object], object]] = {
        "DateTimeTz": checked(lambda text: read_instant(text, some_zone, some_moment)),
        "Date": checked(read_date),
        "Int64": whole,
    }
    for name, read in forms.items():
        scalar = schema.type_map[name]
        if isinstance(scalar, GraphQLScalarType) and not is_introspection_type(scalar):
            scalar.parse_value = read  # type: ignore[method-assign, assignment]
