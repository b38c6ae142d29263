"""Live traffic: one thing that happens in a shop, drawn by weight; what happens to orders. The rest is in upkeep."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.edits import Edits, editable
from centra_assets.sandbox.data.fulfilment import open_picks
from centra_assets.sandbox.data.lines import product_line
from centra_assets.sandbox.data.nodes.orders import (
    BundleItemOrderLine,
    DirectToConsumerOrder,
    GiftCertificateOrderLine,
)
from centra_assets.sandbox.data.reckoning import counted_lines, line_values, reckon
from centra_assets.sandbox.data.upkeep import RECENT, Act, Upkeep

if TYPE_CHECKING:
    from centra_assets.sandbox.data.life import Life
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.nodes.reference import Address


class Traffic:
    """Lets the world live on, one event at a time."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.world = life.world
        self.edits = Edits(life)
        self._latest = life.world.timeline.now
        self.kinds: list[tuple[str, int, Act]] = [
            ("order placed", 34, self._order),
            ("what was due", 20, self._planned),
            ("shipment created", 14, self._ship),
            ("shipment completed", 14, self._complete),
            ("payment captured", 6, self._capture),
            ("payment cleared", 2, self._clear_payment),
            ("return", 6, self._return),
            ("return completed", 5, self._take_back),
            ("order cancelled", 2, self._cancel),
            ("line cancelled", 2, self._cancel_line),
            ("line added", 2, self._add_line),
            ("address edited", 3, self._edit_address),
            ("hold", 2, self._hold),
            ("comment", 2, self._comment),
            *Upkeep(life).kinds(),
        ]

    def step(self, rng: random.Random, now: datetime, only: Sequence[str] = ()) -> str:
        """One thing happens; where nothing of the kind is possible, an order is placed.

        With `only`, one of these kinds or nothing, which is an empty word.
        """
        now = now.astimezone(self.world.timeline.now.tzinfo).replace(microsecond=0)
        # Money and time only go forward, also when the clock does not.
        now = max(now, self._latest, self.world.orders.rows()[-1].createdAt)
        self._latest = now
        self.life.rng = rng
        kinds = [kind for kind in self.kinds if not only or kind[0] in only]
        (label, _, act), *_ = rng.choices(kinds, [weight for _, weight, _ in kinds])
        if act(rng, now):
            return label
        if only:
            return ""
        self._order(rng, now)
        return "order placed"

    def _recent(self) -> tuple[Order, ...]:
        return self.world.orders.rows()[-RECENT:]

    def _editable(self, rng: random.Random) -> Order | None:
        found = [order for order in self._recent() if editable(order)]
        return rng.choice(found) if found else None

    def _order(self, rng: random.Random, now: datetime) -> bool:
        store = rng.choices((1, 2, 3), (64, 29, 7))[0]
        self.life.order(store, now)
        return True

    def _planned(self, rng: random.Random, now: datetime) -> bool:
        # More than an order plans, or the queue would only grow.
        return self.life.play_some(now, 10)

    def _ship(self, rng: random.Random, now: datetime) -> bool:
        ready = [
            order
            for order in self._recent()
            if order.status in ("CONFIRMED", "PROCESSING") and not order.isOnHold and not order.isWaitingForPayment
        ]
        for order in rng.sample(ready, min(len(ready), 8)):
            picks = open_picks(self.life.shop, order)
            bundled = any(isinstance(line, BundleItemOrderLine) for line in order.lines)
            if not picks or (bundled and len(picks) < len(counted_lines(order))):
                continue
            if not bundled and len(picks) > 1 and rng.random() < 0.15:
                picks = picks[:1]
            shipment = self.life.dispatch.create(rng, order, picks, now)
            if order.store.type == "DIRECT_TO_CONSUMER" and rng.random() < 0.6:
                self.life.dispatch.pay(shipment, now)
            return True
        return False

    def _capture(self, rng: random.Random, now: datetime) -> bool:
        unpaid = [
            shipment
            for shipment in self.world.shipments.rows()[-RECENT:]
            if not shipment.isPaid and shipment.store.type == "DIRECT_TO_CONSUMER"
        ]
        if unpaid:
            self.life.dispatch.pay(rng.choice(unpaid), now)
        return bool(unpaid)

    def _clear_payment(self, rng: random.Random, now: datetime) -> bool:
        waiting = [order for order in self._recent() if order.isWaitingForPayment and order.status == "CONFIRMED"]
        if waiting:
            self.life.clear_payment(rng.choice(waiting), now)
        return bool(waiting)

    def _complete(self, rng: random.Random, now: datetime) -> bool:
        open_shipments = [
            shipment
            for shipment in self.world.shipments.rows()[-RECENT:]
            if not shipment.isShipped and (shipment.isPaid or shipment.store.type == "WHOLESALE")
        ]
        if not open_shipments:
            return False
        self.life.leave(rng.choice(open_shipments), now)
        return True

    def _return(self, rng: random.Random, now: datetime) -> bool:
        candidates = [
            (shipment, line)
            for shipment in self.world.shipments.rows()[-RECENT:]
            if shipment.isShipped and shipment.store.type == "DIRECT_TO_CONSUMER"
            for line in shipment.lines
            if line.returnedQuantity < line.quantity and not isinstance(line.orderLine, GiftCertificateOrderLine)
        ]
        if not candidates:
            return False
        shipment, line = rng.choice(candidates)
        self.life.returns.create(rng, shipment, [(line, 1)], now)
        return True

    def _take_back(self, rng: random.Random, now: datetime) -> bool:
        pending = [entry for entry in self.world.returns.rows()[-RECENT:] if entry.returnStatus == "PENDING"]
        if not pending:
            return False
        self.life.returns.complete(rng.choice(pending), now)
        return True

    def _cancel(self, rng: random.Random, now: datetime) -> bool:
        order = self._editable(rng)
        if order is not None:
            self.life.cancel(order, now)
        return order is not None

    def _cancel_line(self, rng: random.Random, now: datetime) -> bool:
        order = self._editable(rng)
        lines = [line for line in order.lines if line.quantity] if order else []
        if order is None or len(lines) < 2:
            return False
        line = rng.choice(lines)
        self.life.cancel_line_units(order, {line.id: rng.randint(1, line.quantity)}, now)
        return True

    def _add_line(self, rng: random.Random, now: datetime) -> bool:
        order = self._editable(rng)
        if order is None or order.pricelist is None or order.isWaitingForPayment or not line_values(order):
            return False
        offer = self.life.shop.assortments[order.pricelist.id].draw(rng, now)
        line = self.world.order_lines.add(product_line(self.life.shop, rng, order, offer, 1))
        authorised = order.grandTotal.gross.minor
        order.lines = [*order.lines, line]
        # What was given on the old lines stays; the new line has its full price.
        reckon(order, order.totals.shipping.minor, order.totals.handling.minor)
        self.life.shop.stock.allocate(line, order.allocationRule, now)
        self.life.cashier.authorise_more(order, order.grandTotal.gross.minor - authorised, now)
        self._touch(order, now)
        return True

    def _edit_address(self, rng: random.Random, now: datetime) -> bool:
        order = self._editable(rng)
        if order is None or order.market is None or order.shippingAddress is None:
            return False
        # The country of an order cannot be changed.
        address: Address = self.life.shop.people.other_address(rng, order.market)
        address.country, address.state = order.shippingAddress.country, order.shippingAddress.state
        order.shippingAddress = address
        self._touch(order, now)
        return True

    def _hold(self, rng: random.Random, now: datetime) -> bool:
        order = self._editable(rng)
        if not isinstance(order, DirectToConsumerOrder):
            return False
        order.isOnHold = not order.isOnHold
        order.orderHoldReason = "WAITING_FOR_FRAUD_CHECK" if order.isOnHold else None
        self._touch(order, now)
        return True

    def _comment(self, rng: random.Random, now: datetime) -> bool:
        order = rng.choice(self._recent())
        order.internalComment = rng.choice(("Called the customer", "", "Sista chansen?\nFråga Åsa", "\\N"))
        self._touch(order, now)
        return True

    def _touch(self, order: Order, now: datetime) -> None:
        order.updatedAt = max(order.updatedAt, now)
        self.world.emit("Order", "UPDATED", order.number, order.store, now)
