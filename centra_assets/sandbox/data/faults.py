"""Breaks the world on purpose, record by record or promise by promise, and mends it again. No HTTP faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.breaking import Breaker, Fault, Touched
from centra_assets.sandbox.data.broken_assortment import BROKEN_ASSORTMENT
from centra_assets.sandbox.data.broken_compliance import BROKEN_COMPLIANCE
from centra_assets.sandbox.data.broken_fulfilment import BROKEN_FULFILMENT
from centra_assets.sandbox.data.broken_references import BROKEN_REFERENCES
from centra_assets.sandbox.data.broken_sales import BROKEN_SALES
from centra_assets.sandbox.data.money import Taxed
from centra_assets.sandbox.data.nodes.orders import BundleOrderLine

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.world import World

# Each breaks one promise of the data and no other; it has the name of the check that speaks of it.
NAMED_FAULTS: Mapping[str, Fault] = {
    **BROKEN_SALES,
    **BROKEN_FULFILMENT,
    **BROKEN_ASSORTMENT,
    **BROKEN_REFERENCES,
    **BROKEN_COMPLIANCE,
}


class Faults:
    """What is broken now, and how to put it back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mends: list[Callable[[], None]] = []
        # The named faults that are at work.
        self.at_work: list[str] = []

    def break_promise(self, name: str) -> Sequence[Touched]:
        """Break what the named fault breaks; returns the records that are served differently now.

        Raises LookupError for an unknown name and where the world has nothing that could be broken so.
        """
        fault = NAMED_FAULTS.get(name)
        if fault is None:
            raise LookupError(f"there is no fault {name!r}; GET corrupt lists them")
        breaker = Breaker(self._world)
        with self._world.lock:
            try:
                fault(breaker)
            except LookupError:
                for mend in reversed(breaker.mends):
                    mend()
                raise
            self._mends += breaker.mends
            self.at_work.append(name)
        return breaker.touched

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
            self.at_work.clear()

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
