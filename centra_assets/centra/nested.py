"""Lists inside a record that were asked with a limit: which they are, whether they may have been cut, merging the rest.

Asking for the rest is the client's business.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLSchema, IntValueNode, OperationDefinitionNode, get_named_type
from graphql.type import GraphQLField

from centra_assets.centra.complexity import is_connection
from centra_assets.centra.documents import (
    Selected,
    Step,
    fields_below,
    holds_list,
    response_key,
    selected_at,
)


@dataclass(frozen=True)
class LimitedList:
    """A list below the record that holds at most `limit` elements, so one of that length may have been cut.

    `steps` are the response keys from the record to the list. For a connection the last one is `edges`, and `name`,
    the dotted path that `Query.nested` maps, ends before it.
    """

    steps: tuple[Step, ...]
    limit: int
    is_connection: bool

    @property
    def name(self) -> str:
        keys = [step.key for step in self.steps]
        return ".".join(keys[:-1] if self.is_connection else keys)


def limited_lists(
    schema: GraphQLSchema, operation: OperationDefinitionNode, record_path: Sequence[str]
) -> tuple[LimitedList, ...]:
    """Every nested list with a limit, be it written in the document or the schema's default."""
    defaults = {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions
        if isinstance(definition.default_value, IntValueNode)
    }
    found: dict[str, LimitedList] = {}
    for level in selected_at(schema, operation, record_path):
        for limited in _below(schema, level, (), defaults):
            found.setdefault(limited.name, limited)
    return tuple(found.values())


def _below(
    schema: GraphQLSchema, level: Selected, above: tuple[Step, ...], defaults: Mapping[str, int]
) -> Iterator[LimitedList]:
    for node, _, definition in fields_below(schema, level.selections, level.parent):
        if node.selection_set is None:
            continue
        inner = get_named_type(definition.type)
        steps = (*above, Step(response_key(node), holds_list(definition.type)))
        connection = is_connection(inner)
        limit = effective_limit(node, definition, "first" if connection else "limit", defaults)
        if limit is not None and connection:
            yield LimitedList((*steps, Step("edges", True)), limit, is_connection=True)
        elif limit is not None:
            yield LimitedList(steps, limit, is_connection=False)
        yield from _below(schema, Selected(node.selection_set, inner), steps, defaults)


def effective_limit(
    node: FieldNode, definition: GraphQLField, argument_name: str, defaults: Mapping[str, int]
) -> int | None:
    """The limit that holds for a field: as written, a variable's default, or the schema's; None without any."""
    for argument in node.arguments:
        if argument.name.value == argument_name:
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            name = getattr(getattr(argument.value, "name", None), "value", "")
            return defaults.get(name)
    known = definition.args.get(argument_name)
    default = known.default_value if known is not None else None
    return default if isinstance(default, int) else None


@dataclass(frozen=True)
class FullList:
    """One list in one decoded record that has reached its limit. `owner` is the object that `$id` must name."""

    limited: LimitedList
    owner: Mapping[str, Any]
    owner_is_record: bool
    holder: dict[str, Any]

    @property
    def seen(self) -> int:
        """How many elements came with the record."""
        return len(self.holder[self.limited.steps[-1].key])

    def replace(self, elements: list[Any]) -> None:
        """Puts the complete list into the record."""
        key = self.limited.steps[-1].key
        self.holder[key] = [{"node": element} for element in elements] if self.limited.is_connection else elements


def full_lists(record: dict[str, Any], limited: LimitedList) -> Iterator[FullList]:
    """The lists of that path in a decoded record which are as long as their limit."""
    yield from _full(record, record, record, limited, limited.steps)


def _full(
    record: dict[str, Any], owner: dict[str, Any], here: dict[str, Any], limited: LimitedList, steps: Sequence[Step]
) -> Iterator[FullList]:
    value = here.get(steps[0].key)
    if value is None:
        return
    if len(steps) == 1:
        if len(value) >= limited.limit:
            yield FullList(limited, owner, owner is record, here)
    elif steps[0].is_list:
        for element in value:
            if element is not None:
                yield from _full(record, element, element, limited, steps[1:])
    else:
        yield from _full(record, owner, value, limited, steps[1:])
