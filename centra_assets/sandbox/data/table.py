"""A table of the world: objects of one kind by key, in order. What the objects mean lives elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from centra_assets.sandbox.data.nodes.base import Node

Kind = TypeVar("Kind", bound=Node)
Key = int | str


class Table(Generic[Kind]):
    """Objects of one kind. Iteration is in the order of keys and safe beside changes: it walks a snapshot.

    A kind without an id of its own (Stock, LowestPrice, Country states ...) gets a running number as its key.
    """

    def __init__(self, name: str, key: str | None = "id", alias: str | None = None) -> None:
        self.name = name
        self._key = key
        self._alias = alias
        self._nodes: dict[Key, Kind] = {}
        self._aliases: dict[Key, Kind] = {}
        self._last: Key = 0
        self._snapshot: tuple[Kind, ...] | None = None
        self.next_id = 1

    def take_id(self) -> int:
        """A key that no object of this table has had."""
        taken = self.next_id
        self.next_id += 1
        return taken

    def add(self, node: Kind) -> Kind:
        """Put an object in; its key must be new."""
        key: Key = self.take_id() if self._key is None else getattr(node, self._key)
        if key in self._nodes:
            raise ValueError(f"{self.name} {key} is there already")
        if isinstance(key, int):
            self.next_id = max(self.next_id, key + 1)
            if isinstance(self._last, int) and key < self._last:
                self._nodes[key] = node
                self._nodes = dict(sorted(self._nodes.items()))
            else:
                self._last = key
        self._nodes[key] = node
        if self._alias is not None:
            self._aliases[getattr(node, self._alias)] = node
        self._snapshot = None
        return node

    def extend(self, nodes: Sequence[Kind]) -> None:
        """Put several objects in, in the order of their keys."""
        for node in nodes:
            self.add(node)

    def remove(self, key: Key) -> Kind:
        """Take an object out."""
        node = self._nodes.pop(key)
        if self._alias is not None:
            del self._aliases[getattr(node, self._alias)]
        self._snapshot = None
        return node

    def get(self, key: Key) -> Kind | None:
        """The object of this key, or of this alias (an order's hash), or None."""
        node = self._nodes.get(key)
        return node if node is not None else self._aliases.get(key)

    def key_of(self, node: Kind) -> int:
        """The running number of an object that has no id of its own."""
        return next(key for key, other in self._nodes.items() if other is node and isinstance(key, int))

    def one(self, key: Key) -> Kind:
        """The object of this key; it must be there."""
        return self._nodes[key]

    def find(self, is_it: Callable[[Kind], bool]) -> Kind:
        """The first object that answers yes; there must be one."""
        return next(node for node in self.rows() if is_it(node))

    def rows(self) -> tuple[Kind, ...]:
        """Every object in the order of keys, as it is now."""
        if self._snapshot is None:
            self._snapshot = tuple(self._nodes.values())
        return self._snapshot

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self._nodes)
