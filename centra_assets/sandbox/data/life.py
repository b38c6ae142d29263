"""The life of orders as a sequence of events in time: what happens when, drawn once, played in order. No new kinds."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.customers import blank
from centra_assets.sandbox.data.discounts import issue_gift_certificate
from centra_assets.sandbox.data.fulfilment import Dispatch, open_picks
from centra_assets.sandbox.data.invoices import pay_invoice, write_invoice
from centra_assets.sandbox.data.nodes.orders import (
    BundleItemOrderLine,
    DirectToConsumerOrder,
    GiftCertificateOrderLine,
    Order,
)
from centra_assets.sandbox.data.orders import OrderDesk
from centra_assets.sandbox.data.payments import ASYNCHRONOUS, Cashier
from centra_assets.sandbox.data.purchasing import Buyer
from centra_assets.sandbox.data.reckoning import cancel_units, counted_lines
from centra_assets.sandbox.data.returns import ReturnsDesk

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.customers import Customer
    from centra_assets.sandbox.data.nodes.fulfilment import Invoice, Return, Shipment
    from centra_assets.sandbox.data.nodes.stock import PurchaseOrder, PurchaseOrderDelivery
    from centra_assets.sandbox.data.shop import Shop

Action = Callable[[datetime], None]


class Life:
    """Plays events in the order of time; each may plan later ones. What lies after now has not happened yet.

    Live traffic may have been there first, so each event looks whether it still has something to do.
    """

    def __init__(self, shop: Shop, rng: random.Random) -> None:
        self.shop = shop
        self.world = shop.world
        self.rng = rng
        self.cashier = Cashier(shop.world)
        self.desk = OrderDesk(shop)
        self.dispatch = Dispatch(shop, self.cashier)
        self.returns = ReturnsDesk(shop, self.cashier)
        self.buyer = Buyer(shop)
        self._planned: list[tuple[datetime, int, Action]] = []
        self._sequence = 0

    def plan(self, at: datetime, action: Action) -> None:
        """Let something happen at that moment."""
        self._sequence += 1
        heappush(self._planned, (at, self._sequence, action))

    def play(self, until: datetime) -> None:
        """Let everything happen that is due by then."""
        while self._planned and self._planned[0][0] <= until:
            at, _, action = heappop(self._planned)
            action(at)

    def play_some(self, now: datetime, most: int) -> bool:
        """Let some of what is due happen now; says whether anything was due."""
        played = 0
        while played < most and self._planned and self._planned[0][0] <= now:
            heappop(self._planned)[2](now)
            played += 1
        return played > 0

    def order(self, store_id: int, at: datetime, *, line_count: int | None = None, plain: bool = False) -> Order:
        """A new order and the plan of its life; `plain` ones only ship."""
        rng = self.rng
        order = self.desk.place(rng, store_id, at, line_count=line_count)
        # Nothing is paid later than now.
        paid_at = min(at + timedelta(seconds=rng.randrange(2, 40)), max(at, self.world.timeline.now))
        if isinstance(order.lines[0], GiftCertificateOrderLine):
            self.cashier.authorise(rng, order, paid_at)
            self.plan(paid_at + timedelta(seconds=30), partial(self._hand_out_certificate, order))
        elif store_id == 3:
            self.cashier.authorise(rng, order, at)
            self.plan(self._after(at, 0.2, 6), partial(self._confirm, order))
        elif not plain and rng.random() < 0.02:
            self.cashier.await_authorisation(order, paid_at)
            if rng.random() < 0.85:
                self.plan(self._after(at, 0.05, 2), partial(self._clear_payment, order))
        else:
            self.cashier.authorise(rng, order, paid_at)
            self._plan_delivery(order, at, plain=plain)
        return order

    def _plan_delivery(self, order: Order, at: datetime, *, plain: bool) -> None:
        rng, draw = self.rng, self.rng.random()
        if plain or draw >= 0.11:
            self.plan(self._after(at, 0.2, 3), partial(self._ship, order))
        elif draw < 0.03:
            self.plan(self._after(at, 0.02, 1.5), partial(self.cancel, order))
        elif draw < 0.085:
            self.plan(self._after(at, 0.05, 0.3), partial(self._cancel_some, order))
            self.plan(self._after(at, 0.4, 3), partial(self._ship, order))
        else:
            order.isOnHold = True
            if isinstance(order, DirectToConsumerOrder):
                order.orderHoldReason = rng.choice(("WAITING_FOR_FRAUD_CHECK", "PAYMENT_MISMATCH"))
            if rng.random() < 0.8:
                self.plan(self._after(at, 0.5, 6), partial(self._lift_hold, order))

    def _after(self, at: datetime, least: float, most: float) -> datetime:
        return at + timedelta(seconds=self.rng.randrange(int(least * 86400), int(most * 86400)))

    def _touch(self, order: Order, at: datetime, change: str = "UPDATED") -> None:
        order.updatedAt = max(order.updatedAt, at)
        self.world.emit("Order", change, order.number, order.store, at)

    def _hand_out_certificate(self, order: Order, at: datetime) -> None:
        if order.shipments:
            return
        shipment = self.dispatch.create(self.rng, order, open_picks(self.shop, order), at)
        self.dispatch.pay(shipment, at)
        self.dispatch.complete(self.rng, shipment, at)
        issue_gift_certificate(self.shop, order, order.totals.lineValues.minor, at)

    def _confirm(self, order: Order, at: datetime) -> None:
        if order.status == "PENDING":
            order.status = "CONFIRMED"
            self._touch(order, at)
        self.plan(self._after(at, 1, 14), partial(self._ship, order))

    def clear_payment(self, order: Order, at: datetime) -> None:
        """The provider said yes after all."""
        if not order.isWaitingForPayment:
            return
        order.isWaitingForPayment = False
        if isinstance(order, DirectToConsumerOrder):
            order.orderHoldReason = None
        self.cashier.authorise(self.rng, order, at)
        self._touch(order, at)

    def _clear_payment(self, order: Order, at: datetime) -> None:
        self.clear_payment(order, at)
        self.plan(self._after(at, 0.2, 3), partial(self._ship, order))

    def _lift_hold(self, order: Order, at: datetime) -> None:
        if order.isOnHold:
            order.isOnHold = False
            if isinstance(order, DirectToConsumerOrder):
                order.orderHoldReason = None
            self._touch(order, at)
        self.plan(self._after(at, 0.2, 3), partial(self._ship, order))

    def cancel(self, order: Order, at: datetime) -> None:
        """The whole order; its quantities stay as they were."""
        if order.status not in ("PENDING", "CONFIRMED"):
            return
        order.status = "CANCELLED"
        order.isOnHold = False
        for line in counted_lines(order):
            self.shop.stock.release(line, line.quantity, at)
        self.cashier.cancel(order, at)
        self._touch(order, at)

    def _cancel_some(self, order: Order, at: datetime) -> None:
        candidates = [line for line in counted_lines(order) if not isinstance(line, BundleItemOrderLine)]
        if not candidates or order.status != "CONFIRMED" or len(counted_lines(order)) < 2 > candidates[0].quantity:
            return
        line = self.rng.choice(candidates)
        units = line.quantity if len(counted_lines(order)) > 1 and self.rng.random() < 0.7 else line.quantity - 1
        if units > 0:
            self.cancel_line_units(order, {line.id: units}, at)

    def cancel_line_units(self, order: Order, units: dict[int, int], at: datetime) -> None:
        """Some units of an order that has no shipment yet."""
        for line in order.lines:
            if line.id in units:
                self.shop.stock.release(line, units[line.id], at)
        cancel_units(order, units)
        self._touch(order, at)

    def _ship(self, order: Order, at: datetime) -> None:
        if order.status not in ("CONFIRMED", "PROCESSING") or order.isOnHold or order.isWaitingForPayment:
            return
        picks = open_picks(self.shop, order)
        if not picks:
            if any(line.quantity > line.shippedQuantity for line in counted_lines(order)):
                self.plan(at + timedelta(days=3), partial(self._ship, order))
            return
        bundled = any(isinstance(line, BundleItemOrderLine) for line, _ in picks)
        waiting = len(picks) < sum(1 for line in counted_lines(order) if line.quantity > line.shippedQuantity)
        if waiting and (bundled or self.rng.random() < 0.5):
            # Wait until everything is there.
            self.plan(at + timedelta(days=2), partial(self._ship, order))
            return
        if not bundled and not waiting and len(picks) > 1 and self.rng.random() < 0.12:
            picks, waiting = picks[: len(picks) // 2], True
        elif not bundled and len(picks) == 1 and picks[0][1] > 1 and self.rng.random() < 0.2:
            picks, waiting = [(picks[0][0], 1)], True
        shipment = self.dispatch.create(self.rng, order, picks, at)
        self._plan_payment(shipment, at)
        if waiting:
            self.plan(self._after(at, 1, 5), partial(self._ship, order))

    def _plan_payment(self, shipment: Shipment, at: datetime) -> None:
        order, rng = shipment.order, self.rng
        leaves = self._after(at, 0.1, 1.2)
        if order.store.type == "WHOLESALE":
            self.plan(leaves, partial(self.leave, shipment))
            return
        amount = shipment.grandTotal.gross
        plugin = order.paymentMethod.plugin if order.paymentMethod else ""
        if amount.minor > 0 and plugin in ASYNCHRONOUS and rng.random() < 0.5:
            self.cashier.request_capture(order, amount, at)
            answer = self._after(at, 0.01, 0.5)
            if rng.random() < 0.05:
                self.plan(answer, partial(self._refuse_capture, shipment))
                answer += timedelta(hours=20)
                leaves += timedelta(hours=30)
            self.plan(answer, partial(self._pay, shipment))
            leaves = max(leaves, answer + timedelta(minutes=30))
        else:
            self.dispatch.pay(shipment, at)
        self.plan(leaves, partial(self.leave, shipment))

    def _is_there(self, shipment: Shipment) -> bool:
        return self.world.shipments.get(shipment.id) is shipment

    def unpack(self, shipment: Shipment, at: datetime) -> None:
        """A shipment that nobody paid for and that has not left is deleted; the goods are shipped another day."""
        self.dispatch.withdraw(shipment, at)
        self.plan(self._after(at, 0.2, 2), partial(self._ship, shipment.order))

    def _pay(self, shipment: Shipment, at: datetime) -> None:
        if not shipment.isPaid and self._is_there(shipment):
            self.dispatch.pay(shipment, at)

    def _refuse_capture(self, shipment: Shipment, at: datetime) -> None:
        if not shipment.isPaid and self._is_there(shipment):
            self.cashier.fail_capture(shipment.order, shipment.grandTotal.gross, at)
            self._touch(shipment.order, at)

    def leave(self, shipment: Shipment, at: datetime) -> None:
        """The parcel goes out; its invoice is written, and some of it may come back."""
        rng, order = self.rng, shipment.order
        if shipment.isShipped or not self._is_there(shipment):
            return
        self.dispatch.complete(rng, shipment, at)
        if order.store.type == "WHOLESALE":
            invoice = write_invoice(self.world, rng, shipment, at)
            pays = self._after(at, 15, 70)
            self.plan(pays, partial(self.settle_invoice, shipment, invoice))
        elif rng.random() < 0.25:
            write_invoice(self.world, rng, shipment, at)
        if rng.random() < (0.18 if order.store.type == "DIRECT_TO_CONSUMER" else 0.06):
            self.plan(self._after(at, 4, 25), partial(self._send_back, shipment))
        if rng.random() < 0.3:
            self.plan(at + timedelta(days=200), partial(self._archive, order))

    def settle_invoice(self, shipment: Shipment, invoice: Invoice, at: datetime) -> None:
        """The reseller paid."""
        if invoice.payments:
            return
        pay_invoice(self.world, invoice, at)
        self.cashier.mark_paid(shipment.order, shipment.grandTotal.gross, at)
        self.dispatch.mark_paid(shipment, at)

    def _send_back(self, shipment: Shipment, at: datetime) -> None:
        rng = self.rng
        goods = [line for line in shipment.lines if line.returnedQuantity < line.quantity]
        goods = [line for line in goods if not isinstance(line.orderLine, GiftCertificateOrderLine)]
        if not goods:
            return
        chosen = goods if rng.random() < 0.3 else rng.sample(goods, rng.randint(1, len(goods)))
        picks = [(line, rng.randint(1, line.quantity - line.returnedQuantity)) for line in chosen]
        entry = self.returns.create(rng, shipment, picks, at)
        if rng.random() < 0.95:
            self.plan(self._after(at, 0.5, 6), partial(self._take_back, entry))

    def _take_back(self, entry: Return, at: datetime) -> None:
        if entry.returnStatus != "PENDING" or self.world.returns.get(entry.id) is not entry:
            return
        self.returns.complete(entry, at)
        left = sum(line.quantity - line.returnedQuantity for line in entry.shipment.lines)
        if left and self.rng.random() < 0.06:
            self.plan(self._after(at, 1, 9), partial(self._send_back, entry.shipment))

    def _archive(self, order: Order, at: datetime) -> None:
        if order.status == "SHIPPED":
            order.status = "ARCHIVED"
            self._touch(order, at)

    def restock(self, at: datetime) -> None:
        """The weekly look at what ran out."""
        for order in self.buyer.restock(self.rng, at):
            self.plan(self._after(at, 3, 15), partial(self._send_goods, order))

    def _send_goods(self, order: PurchaseOrder, at: datetime) -> None:
        if order.deliveries:
            return
        delivery = self.buyer.send(self.rng, order, at)
        self.plan(self._after(at, 3, 14), partial(self._receive, delivery))

    def _receive(self, delivery: PurchaseOrderDelivery, at: datetime) -> None:
        if delivery.stockChange is None:
            self.buyer.receive(delivery, at)

    def anonymise(self, customer: Customer, at: datetime) -> None:
        """Forget a person everywhere; amounts, dates and numbers stay."""
        self.shop.people.anonymise(customer, at)
        for order in self.shop.orders_of_customer.get(customer.id, ()):
            order.billingAddress, order.shippingAddress = blank(order.billingAddress), blank(order.shippingAddress)
            order.userIP = None
            order.otherComment = ""
            for shipment in order.shipments:
                shipment.shippingAddress = blank(shipment.shippingAddress)
            self._touch(order, at)
