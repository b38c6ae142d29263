"""Breaks records on purpose, so that they keep no consumer's contract, and mends them again. No HTTP faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import Taxed
from centra_assets.sandbox.data.nodes.orders import BundleOrderLine

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.world import World


class Faults:
    """What is broken now, and how to put it back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mends: list[Callable[[], None]] = []

    def corrupt_orders(self, share: float, rng: random.Random) -> list[int]:
        """Break a share of the orders, at least one; returns their numbers in order.

        Three ways in turn: a negative quantity, a net value above the gross one, a negative count of shipped units.
        """
        with self._world.lock:
            orders = [order for order in self._world.orders if order.lines]
            chosen = sorted(rng.sample(orders, max(1, round(len(orders) * share))), key=lambda order: order.number)
            for position, order in enumerate(chosen):
                (self._negate, self._misvalue, self._overship)[position % 3](order)
            return [order.number for order in chosen]

    def heal(self) -> None:
        """Mend everything that was broken."""
        with self._world.lock:
            while self._mends:
                self._mends.pop()()

    def _negate(self, order: Order) -> None:
        line, quantity = order.lines[0], order.lines[0].quantity

        def mend() -> None:
            line.quantity = quantity

        line.quantity = -abs(quantity) - 1
        self._mends.append(mend)

    def _misvalue(self, order: Order) -> None:
        line = next((line for line in order.lines if not isinstance(line, BundleOrderLine)), order.lines[0])
        value = line.lineValue

        def mend() -> None:
            line.lineValue = value

        mint = order.terms.mint
        line.lineValue = Taxed(mint[value.gross.minor], mint[value.gross.minor * 2 + 100])
        self._mends.append(mend)

    def _overship(self, order: Order) -> None:
        line, shipped = order.lines[0], order.lines[0].shippedQuantity

        def mend() -> None:
            line.shippedQuantity = shipped

        line.shippedQuantity = -1
        self._mends.append(mend)
