"""What a warehouse filled from this world must hold: counts and sums per core table. No loading and no comparing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from centra_assets.sandbox.data.money import Money, Taxed
from centra_assets.sandbox.data.truth_tables import DATED, DATED_CHILDREN, WHOLE, WHOLE_CHILDREN, Columns

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Currency
    from centra_assets.sandbox.data.world import World


class Truth(TypedDict):
    """`sums`: column -> currency code ("" for plain numbers) -> sum as decimal text.

    `values`: column -> value as text -> rows with it. `instants`: column -> the rows' seconds since 1970, in sum: it
    shows a record that is out of date.
    """

    count: int
    sums: dict[str, dict[str, str]]
    values: dict[str, dict[str, int]]
    instants: dict[str, int]


@dataclass
class _Tally:
    """Whole minor units per column and currency (None for plain numbers)."""

    count: int = 0
    sums: dict[str, dict[Currency | None, int]] = field(default_factory=dict)
    values: dict[str, Counter[str]] = field(default_factory=dict)
    instants: Counter[str] = field(default_factory=Counter)

    def add(self, node: Any, columns: Columns) -> None:
        self.count += 1
        for column, read in columns.items():
            value = read(node)
            if isinstance(value, bool | str):
                self.values.setdefault(column, Counter())[str(value).lower() if isinstance(value, bool) else value] += 1
                continue
            if isinstance(value, datetime):
                self.instants[column] += int(value.timestamp())
                continue
            if isinstance(value, Taxed):
                value = value.gross
            by_currency = self.sums.setdefault(column, {})
            if isinstance(value, Money):
                by_currency[value.currency] = by_currency.get(value.currency, 0) + value.minor
            elif value is not None:
                by_currency[None] = by_currency.get(None, 0) + value

    def truth(self) -> Truth:
        sums: dict[str, dict[str, str]] = {}
        for column, by_currency in sorted(self.sums.items()):
            texts = {
                currency.code if currency else "": str(Money(minor, currency).value if currency else minor)
                for currency, minor in by_currency.items()
            }
            sums[column] = dict(sorted(texts.items()))
        values = {column: dict(sorted(counter.items())) for column, counter in sorted(self.values.items())}
        return {"count": self.count, "sums": sums, "values": values, "instants": dict(self.instants)}


def tell_truth(world: World, from_: datetime | None, to: datetime | None) -> dict[str, Truth]:
    """Counts and sums per core table. The window, `from_` included and `to` excluded, is about createdAt.

    It applies to orders, shipments, returns, invoices, customers and stock changes, and to their children by parent;
    the other tables are told whole.
    """

    def within(node: Any) -> bool:
        return (from_ is None or node.createdAt >= from_) and (to is None or node.createdAt < to)

    truth: dict[str, Truth] = {}
    for name, (table, columns) in WHOLE.items():
        truth[name] = _count(world.tables[table], columns)
    for name, (table, children, columns) in WHOLE_CHILDREN.items():
        truth[name] = _count((child for parent in world.tables[table] for child in children(parent)), columns)
    for name, (table, columns) in DATED.items():
        truth[name] = _count((node for node in world.tables[table] if within(node)), columns)
    for name, (table, children, columns) in DATED_CHILDREN.items():
        parents = (node for node in world.tables[table] if within(node))
        truth[name] = _count((child for parent in parents for child in children(parent)), columns)
    return truth


def _count(nodes: Iterable[Any], columns: Columns) -> Truth:
    tally = _Tally()
    for node in nodes:
        tally.add(node, columns)
    return tally.truth()
