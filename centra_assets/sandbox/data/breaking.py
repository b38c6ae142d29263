"""What faults break a world with, each tool with its mend, and the list of what was touched. No fault lives here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.base import Node
    from centra_assets.sandbox.data.nodes.reference import Currency
    from centra_assets.sandbox.data.world import World

Kind = TypeVar("Kind")
# No object of the world has an id like it, and it still fits GraphQL's Int.
GHOSTS_FROM = 2_000_000_000
# ISO 4217 keeps this code for tests: no shop has it.
NO_CURRENCY = "XTS"
# Enough to be no rounding, in minor units.
A_LOT = 1_000


@dataclass(frozen=True)
class Touched:
    """A record that GraphQL now serves differently. `within` is the id of the store, pricelist or warehouse to ask."""

    type: str
    id: int
    within: int | None = None


Fault = Callable[["Breaker"], None]
_new_places = count(GHOSTS_FROM + 100_000_000)


class Breaker:
    """One fault under way. Raises LookupError from `pick` where the world has nothing that could be broken so."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.touched: list[Touched] = []
        self.mends: list[Callable[[], None]] = []

    def pick(self, rows: Iterable[Kind], fits: Callable[[Kind], object]) -> Kind:
        """The newest object that fits."""
        for row in reversed(tuple(rows)):
            if fits(row):
                return row
        raise LookupError("this world has nothing to break in this way; a larger scale may have")

    def set(self, node: Any, name: str, value: Any) -> None:
        """Let an object hold another value."""
        before = getattr(node, name)
        setattr(node, name, value)
        self.mends.append(lambda: setattr(node, name, before))

    def answer(self, node: Node, name: str, value: Any) -> None:
        """Let an object answer with a value that it otherwise reckons itself."""
        kind = type(node)
        self.become(node, type(kind.__name__, (kind,), {"__slots__": (), name: property(lambda _: value)}))

    def become(self, node: Node, kind: type[Node]) -> None:
        """Let an object be of another kind with the same fields."""
        before = type(node)
        node.__class__ = kind

        def mend() -> None:
            node.__class__ = before

        self.mends.append(mend)

    def change(self, node: Any, name: str, **values: Any) -> None:
        """Let an object hold a changed copy of a part of it that others may share."""
        part = copy.copy(getattr(node, name))
        for key, value in values.items():
            setattr(part, key, value)
        self.set(node, name, part)

    def add(self, table: str, node: Node) -> None:
        """Put an object into a table of the world."""
        before = self.world.tables[table].next_id
        self.world.tables[table].add(node)

        def mend() -> None:
            self.world.tables[table].remove(getattr(node, "id", before))
            self.world.tables[table].next_id = before

        self.mends.append(mend)

    def touch(self, root: Any) -> None:
        """Note the record that an object is served as."""
        kind = root.typename
        if kind == "Stock":
            touched = Touched("Stock", root.productSize.id, root.warehouse.id)
        elif kind in ("Price", "LowestPrice"):
            touched = Touched(kind, getattr(root, "id", 0), root.pricelist.id)
        elif kind == "Display":
            touched = Touched(kind, root.id, root.store.id)
        else:
            table = _table_of(kind)
            touched = Touched(table, root.number if table == "Order" else root.id)
        if touched not in self.touched:
            self.touched.append(touched)


def _table_of(kind: str) -> str:
    for store_type in ("DirectToConsumer", "Wholesale"):
        kind = kind.removeprefix(store_type)
    return kind


def new_place() -> int:
    """An id for an object that comes into the world and goes again."""
    return next(_new_places)


def ghost(node: Kind) -> Kind:
    """A copy of an object that no list of Centra has: by its id, its number, its code it is somebody else."""
    twin = copy.copy(node)
    assert is_dataclass(node)
    names = {entry.name for entry in fields(node)}
    for name in ("id", "number"):
        place = getattr(node, name, None)
        if isinstance(place, int):
            setattr(twin, name, GHOSTS_FROM + place)
    if "denominator" in names:
        setattr(twin, "code", NO_CURRENCY)  # noqa: B010 - a currency, which the type of the copy does not tell
    return twin


def more(money: Money, minor: int = A_LOT) -> Money:
    """The amount and a lot."""
    return _money(money.minor + minor, money.currency)


def in_currency(money: Money, currency: Currency) -> Money:
    """As many units of another currency's smallest coin."""
    return _money(money.minor, currency)


def _money(minor: int, currency: Currency) -> Money:
    from centra_assets.sandbox.data.money import Money

    return Money(minor, currency)


def without(items: Sequence[Kind], left_out: Kind) -> list[Kind]:
    """The list without one of its elements."""
    return [item for item in items if item is not left_out]
