"""The `sort` argument: keys, cursors, objects put in order. What passes a filter is not decided here."""

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import total_ordering
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from centra_assets.sandbox.filters import Span, comparable
from centra_assets.sandbox.paths import Reader, reader

Key = tuple[tuple[int, Any], ...]


@total_ordering
@dataclass(frozen=True)
class Backwards:
    """A text that sorts the other way round."""

    text: str

    def __lt__(self, other: "Backwards") -> bool:
        return other.text < self.text


@dataclass(frozen=True)
class Order:
    """A `sort` argument with a tie-break by id behind it, so that no two objects share a place."""

    sorts: tuple[str, ...]
    zone: ZoneInfo
    _by_kind: dict[type[Any], Sequence[tuple[Reader, bool]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, sorts: Sequence[str] | None, zone: ZoneInfo) -> "Order":
        given = tuple(sorts or ())
        tied = any(sort.rsplit("_", 1)[0] in ("id", "number") for sort in given)
        return cls(given if tied else (*given, "id_ASC"), zone)

    @property
    def fields(self) -> set[str]:
        """What it sorts by."""
        return {sort.rsplit("_", 1)[0] for sort in self.sorts}

    def key(self, node: Any) -> Key:
        """Where a node stands: comparable with every other node's key, and able to go into a cursor."""
        components = []
        for read, falls in self._readers(type(node)):
            values = read(node)
            value = values[0] if values else None
            # Whole numbers and instants are nearly all there is: they need no look at what else a value may be.
            if type(value) is int:
                components.append((0, -value) if falls else (1, value))
            else:
                components.append(_component(comparable(value, self.zone), falls))
        return tuple(components)

    def cursor(self, node: Any) -> str:
        """An opaque text that holds the node's place; it stays good when other objects come and go."""
        key = [[flag, value.text if isinstance(value, Backwards) else value] for flag, value in self.key(node)]
        return base64.urlsafe_b64encode(json.dumps([self.sorts, key], separators=(",", ":")).encode()).decode()

    def place(self, cursor: str) -> Key:
        """The key inside a cursor of the same sort. Raises GraphQLError for anything else."""
        try:
            sorts, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            if tuple(sorts) != self.sorts:
                raise ValueError("a cursor of another sort")
            return tuple(
                (int(flag), Backwards(value) if isinstance(value, str) and _falls(sort) else value)
                for (flag, value), sort in zip(key, self.sorts, strict=True)
            )
        except (ValueError, TypeError, binascii.Error) as problem:
            raise GraphQLError("Invalid cursor.", extensions={"category": "graphql"}) from problem

    def bounds(self, span: Span, keys: Sequence[Key]) -> tuple[int, int] | None:
        """The stretch of sorted keys that a range covers, when the range is on what leads the sort."""
        name = self.sorts[0].rsplit("_", 1)[0]
        if name != span.field_name or not all(isinstance(end, datetime | None) for end in (span.low, span.high)):
            return None
        falls = _falls(self.sorts[0])
        # What has no value passes no range: flags keep it apart, before the rest or behind it.
        flag = 0 if falls else 1
        first, last = (span.high, span.low) if falls else (span.low, span.high)
        begin = bisect_left(keys, ((flag,) if first is None else _component(first, falls),))
        end = bisect_left(keys, ((flag + 1,) if last is None else (flag, _component(last, falls)[1] + 1),))
        return begin, max(begin, end)

    def _readers(self, kind: type[Any]) -> Sequence[tuple[Reader, bool]]:
        found = self._by_kind.get(kind)
        if found is None:
            named = [(sort.rsplit("_", 1)[0], _falls(sort)) for sort in self.sorts]
            # Kinds without an id (stock levels) share a place where they are equal, and keep the table's order in it.
            found = self._by_kind[kind] = [
                (reader(kind, name), falls) for name, falls in named if name != "id" or hasattr(kind, "id")
            ]
        return found


def _falls(sort: str) -> bool:
    return sort.endswith("_DESC")


def _component(value: Any, falls: bool) -> tuple[int, Any]:
    """Nothing comes before everything, as in the instance's database; behind it when the sort falls."""
    if value is None:
        return (1, 0) if falls else (0, 0)
    flag = 0 if falls else 1
    if isinstance(value, datetime):
        value = int(value.timestamp()) * 1_000_000 + value.microsecond
    elif isinstance(value, Decimal):
        value = int(value * 1_000_000)
    elif isinstance(value, bool):
        value = int(value)
    if isinstance(value, int):
        return flag, -value if falls else value
    return flag, Backwards(str(value)) if falls else str(value)


@dataclass(frozen=True)
class Ranked:
    """Objects in order, with their keys beside them."""

    nodes: list[Any]
    keys: list[Key]


def rank(nodes: Sequence[Any], order: Order) -> Ranked:
    """Put objects in order."""
    pairs = sorted(((order.key(node), position) for position, node in enumerate(nodes)))
    return Ranked([nodes[position] for _, position in pairs], [key for key, _ in pairs])
