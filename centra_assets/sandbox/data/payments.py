"""Writes the payment history of an order: authorisations, captures, refunds, gift cards. No shipments, no returns."""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.orders import PaymentHistoryEntry

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.fulfilment import Return
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.world import World

# Providers that answer a capture later, with an entry of its own.
ASYNCHRONOUS = ("adyen_drop_in", "klarna_payments")


class Cashier:
    """Adds entries to payment histories."""

    def __init__(self, world: World) -> None:
        self.world = world

    def authorise(self, rng: random.Random, order: Order, at: datetime) -> None:
        """Reserve what the order costs; a part may come from an external gift card."""
        total = order.grandTotal.gross.minor
        if total <= 0:
            return
        if order.store.type == "WHOLESALE":
            self._add(order, at, "INVOICE", "SUCCESS", order.grandTotal.gross)
            return
        if rng.random() < 0.015 and order.totals.quantity:
            card = total // 3
            self._add(order, at, "AUTH_GIFT_CARD", "SUCCESS", order.terms.mint[card])
            total -= card
        if rng.random() < 0.03:
            self._add(order, at, "AUTH", "FAILED", order.terms.mint[total])
        self._add(order, at, "AUTH", "SUCCESS", order.terms.mint[total])

    def fail_authorisation(self, order: Order, at: datetime) -> None:
        """A card that was declined."""
        self._add(order, at, "AUTH", "FAILED", order.grandTotal.gross)

    def await_authorisation(self, order: Order, at: datetime) -> None:
        """The provider has yet to say yes."""
        order.isWaitingForPayment = True
        if hasattr(order, "orderHoldReason"):
            order.orderHoldReason = "WAITING_FOR_PAYMENT"
        self._add(order, at, "AUTH_PENDING", "PENDING", order.grandTotal.gross)

    def authorise_more(self, order: Order, minor: int, at: datetime) -> None:
        """Reserve what an edit added to the order."""
        if minor > 0:
            self._add(order, at, "AUTH", "SUCCESS", order.terms.mint[minor])

    def capture(self, order: Order, amount: Money, at: datetime) -> None:
        """Take money for a shipment: what the gift card still holds first, the rest from the provider."""
        from_card = min(amount.minor, self.open_amount(order, "AUTH_GIFT_CARD", "CAPTURE_GIFT_CARD"))
        if from_card > 0:
            self._add(order, at, "CAPTURE_GIFT_CARD", "SUCCESS", order.terms.mint[from_card])
        if amount.minor > from_card:
            self._add(order, at, "CAPTURE", "SUCCESS", order.terms.mint[amount.minor - from_card])

    def request_capture(self, order: Order, amount: Money, at: datetime) -> None:
        """Ask an asynchronous provider; the answer is an entry of its own."""
        self._add(order, at, "CAPTURE_REQUEST", "PENDING", amount)

    def fail_capture(self, order: Order, amount: Money, at: datetime) -> None:
        """The provider refused a capture."""
        self._add(order, at, "CAPTURE", "FAILED", amount)

    def refund(self, order: Order, giving_back: Return, at: datetime) -> list[PaymentHistoryEntry]:
        """Give money back for a return, at the order's own rate; what came from the provider first."""
        amount = giving_back.grandTotal.gross
        captured = self.open_amount(order, "CAPTURE", "REFUND")
        if amount.minor > captured >= 0 and self.open_amount(order, "CAPTURE_GIFT_CARD", "REFUND_GIFT_CARD"):
            card = order.terms.mint[amount.minor - captured]
            entries = [self._add(order, at, "REFUND_GIFT_CARD", "SUCCESS", card, giving_back)]
            if captured:
                entries.append(self._add(order, at, "REFUND", "SUCCESS", order.terms.mint[captured], giving_back))
            return entries
        return [self._add(order, at, "REFUND", "SUCCESS", amount, giving_back)]

    def cancel(self, order: Order, at: datetime) -> None:
        """Let go of what is reserved."""
        if self.open_amount(order, "AUTH", "CAPTURE") > 0:
            self._add(order, at, "CANCEL", "SUCCESS", None)
        if self.open_amount(order, "AUTH_GIFT_CARD", "CAPTURE_GIFT_CARD") > 0:
            self._add(order, at, "CANCEL_GIFT_CARD", "SUCCESS", None)

    def mark_paid(self, order: Order, amount: Money, at: datetime) -> None:
        """An invoice was paid outside Centra."""
        self._add(order, at, "MARKED_AS_PAID", "SUCCESS", amount)

    def open_amount(self, order: Order, granted: str, used: str) -> int:
        """What entries of one type promised and entries of the other have not used yet, in minor units."""
        left = 0
        for entry in order.paymentHistory:
            if entry.status == "SUCCESS" and entry.value is not None:
                left += entry.value.minor if entry.entryType == granted else 0
                left -= entry.value.minor if entry.entryType == used else 0
        return left

    def _add(
        self,
        order: Order,
        at: datetime,
        kind: str,
        status: str,
        value: Money | None,
        giving_back: Return | None = None,
    ) -> PaymentHistoryEntry:
        number = self.world.payments.take_id()
        method = order.paymentMethod
        entry = PaymentHistoryEntry(
            id=number,
            createdAt=at,
            status=status,
            entryType=kind,
            externalReference=f"psp_{number:010d}" if kind != "MARKED_AS_PAID" else None,
            paramsJSON='{"resultCode":"Authorised"}' if kind == "AUTH" else None,
            value=value,
            paymentMethod=method.uri if method else None,
            source="Adjusted by an agent" if kind == "MARKED_AS_PAID" else None,
            currencyBaseRate=order.currencyBaseRate,
            order=order,
            return_=giving_back,
            adminUser=self.world.admin_users.one(1) if kind == "MARKED_AS_PAID" else None,
            storePlugin=method,
        )
        order.paymentHistory = [*order.paymentHistory, self.world.payments.add(entry)]
        self.world.emit("PaymentHistoryEntry", "CREATED", number, order.store, at)
        return entry
