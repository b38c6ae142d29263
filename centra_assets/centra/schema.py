"""The schemas we work with: the bundled one and the live instance's. What they are used for is elsewhere."""

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from graphql import (
    GraphQLError,
    GraphQLSchema,
    build_client_schema,
    build_schema,
    get_introspection_query,
    print_schema,
)

from centra_assets.centra.errors import ResponseShapeError

INTROSPECTION = get_introspection_query(descriptions=False, input_value_deprecation=False)


def bundled_sdl() -> str:
    """The schema that this release was written against, with its comments."""
    return (files(__package__) / "schema.graphql").read_text(encoding="utf-8")


@cache
def bundled_schema() -> GraphQLSchema:
    """The schema that this release was written against; documents are validated against it."""
    return build_schema(bundled_sdl(), assume_valid=True)


@lru_cache(maxsize=4)
def schema_from(sdl: str) -> GraphQLSchema:
    """The schema of a definition text, built once per process."""
    return build_schema(sdl, assume_valid=True)


def sdl_from_introspection(data: dict[str, Any]) -> str:
    """A live schema's definition text from the answer to INTROSPECTION; the same answer is read once per process."""
    try:
        return _printed(msgspec.json.encode(data))
    except (GraphQLError, TypeError, KeyError) as error:
        raise ResponseShapeError(f"The answer to introspection is no schema: {type(error).__name__}.") from None


@lru_cache(maxsize=2)
def _printed(answer: bytes) -> str:
    return print_schema(build_client_schema(msgspec.json.decode(answer), assume_valid=True))
