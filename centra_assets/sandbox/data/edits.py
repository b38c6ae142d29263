"""Changes one order on demand, whatever its age, so that the change can be followed. No live traffic."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.orders import (
    BundleItemOrderLine,
    DirectToConsumerOrder,
    GiftCertificateOrderLine,
)
from centra_assets.sandbox.data.reckoning import reckon

if TYPE_CHECKING:
    from centra_assets.sandbox.data.life import Life
    from centra_assets.sandbox.data.nodes.orders import Order

Changed = dict[str, tuple[str, str]]


def editable(order: Order) -> bool:
    """A shopper's order that nothing was shipped of and that has no bundle or certificate in it."""
    odd = (BundleItemOrderLine, GiftCertificateOrderLine)
    return (
        order.status == "CONFIRMED"
        and isinstance(order, DirectToConsumerOrder)
        and not order.shipments
        and not any(isinstance(line, odd) for line in order.lines)
    )


class Edits:
    """Edits orders as an agent would: takes a unit off, waives the shipping, or at least writes a comment."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._world = life.world
        self._count = 0

    def choose(
        self, rng: random.Random, now: datetime, *, number: int | None, age_days: float | None, money: bool
    ) -> Order:
        """The order to edit. Raises LookupError when there is none."""
        if number is not None:
            order = self._world.orders.get(number)
            if order is None:
                raise LookupError(f"there is no order {number}")
            return order
        rows = self._world.orders.rows()
        orders = [order for order in rows if self._can_lose_money(order)] if money else rows
        if not orders:
            raise LookupError("there is no order whose amounts could change")
        if age_days is None:
            return rng.choice(orders)
        # Orders are numbered as they come, so they lie in the order of time.
        wanted = now - timedelta(days=age_days)
        place = bisect_left(orders, wanted, key=lambda order: order.createdAt)
        return min(orders[max(place - 1, 0) : place + 1], key=lambda order: abs(order.createdAt - wanted))

    def edit(self, order: Order, now: datetime) -> Changed:
        """Change an order: its money where Centra would allow it, its internal comment always."""
        before = _shown(order)
        self._count += 1
        # A comment that no order had before, so that an edit always changes something.
        order.internalComment = f"Edited on demand, {self._count} at {now:%H:%M:%S.%f}"
        at = max(now.replace(microsecond=0), order.updatedAt)
        spare = _spare_line(order)
        if spare is not None:
            self._life.cancel_line_units(order, {spare: 1}, at)
        else:
            if _shipping_can_go(order):
                reckon(order, 0, order.totals.handling.minor)
            order.updatedAt = at
            self._world.emit("Order", "UPDATED", order.number, order.store, at)
        after = _shown(order)
        return {column: (before[column], after[column]) for column in before if before[column] != after[column]}

    @staticmethod
    def _can_lose_money(order: Order) -> bool:
        return _spare_line(order) is not None or _shipping_can_go(order)


def _spare_line(order: Order) -> int | None:
    """The line that can lose a unit without leaving an empty order behind."""
    if not editable(order) or sum(line.quantity for line in order.lines) < 2:
        return None
    return next(line.id for line in order.lines if line.quantity)


def _shipping_can_go(order: Order) -> bool:
    # A voucher may have paid for the shipping already.
    return editable(order) and not order.discountsApplied and order.totals.shipping.minor > 0


def _shown(order: Order) -> dict[str, str]:
    """Columns of core.orders that an edit can change, as text."""
    return {
        "internal_comment": order.internalComment or "",
        "grand_total": str(order.grandTotal.gross.value),
        "quantity": str(order.totals.quantity),
        "shipping": str(order.totals.shipping.value),
        "updated_at": order.updatedAt.isoformat(),
    }
