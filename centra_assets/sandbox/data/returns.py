"""Takes goods back: returns whose amounts are parts of their shipment's, and their refunds. No shipments are made."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import slice_of
from centra_assets.sandbox.data.nodes.fulfilment import (
    DirectToConsumerReturn,
    Return,
    ReturnLine,
    ReturnTotals,
    WholesaleReturn,
)
from centra_assets.sandbox.data.nodes.orders import DirectToConsumerOrder, WholesaleOrder

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.fulfilment import Shipment, ShipmentLine
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.payments import Cashier
    from centra_assets.sandbox.data.shop import Shop

# What a shopper pays for sending goods back, in minor units.
_RETURN_COSTS = {"SEK": 3_900, "NOK": 4_900, "GBP": 295, "USD": 500, "JPY": 500, "EUR": 0}
_REASONS = ("Too small", "Not as pictured", "", None, None, 'Says "itchy"', "破損")


class ReturnsDesk:
    """Makes, completes and refunds returns."""

    def __init__(self, shop: Shop, cashier: Cashier) -> None:
        self.shop = shop
        self.world = shop.world
        self.cashier = cashier

    def create(
        self, rng: random.Random, shipment: Shipment, picks: Sequence[tuple[ShipmentLine, int]], at: datetime
    ) -> Return:
        """A pending return of some units of a shipment."""
        order = shipment.order
        before = shipment.returnedValue
        lines = [self._line(order, line, units) for line, units in picks]
        number = self.world.returns.take_id()
        warehouse = rng.choice(self.world.warehouses.rows()[:3]) if rng.random() < 0.9 else None
        kind = DirectToConsumerReturn if isinstance(order, DirectToConsumerOrder) else WholesaleReturn

        totals, total, tax = self._totals(rng, shipment, lines, before)
        entry: Return = kind(
            id=number,
            returnStatus="PENDING",
            createdAt=at,
            totalQuantity=sum(line.quantity for line in lines),
            grandTotal=order.terms.total(total, tax),
            returnedToStock=warehouse is not None,
            comment=rng.choice(_REASONS),
            createdFrom=rng.choice((None, "AMS", "api")),
            currencyBaseRate=order.currencyBaseRate,
            adminUser=self.world.admin_users.one(4) if rng.random() < 0.5 else None,
            lines=lines,
            returnWarehouse=warehouse,
            store=order.store,
            totals=totals,
            usedFallbackTax=shipment.usedFallbackTax,
            externalId=f"RMA{number}" if rng.random() < 0.3 else None,
            order=order,
            shipment=shipment,
        )
        if isinstance(entry, WholesaleReturn) and isinstance(order, WholesaleOrder):
            entry.account, entry.buyer = order.account, order.buyer
            if order.account is not None:
                order.account.returns = [*order.account.returns, entry]
        for line in lines:
            line.shipmentLine.returnedQuantity += line.quantity
            line.orderLine.returnedQuantity += line.quantity
        shipment.returnedValue += totals.lineValues.minor
        order.updatedAt = shipment.updatedAt = at
        self.world.returns.add(entry)
        self.world.emit("Return", "CREATED", number, order.store, at)
        self._touched(shipment, at)
        return entry

    def withdraw(self, entry: Return, at: datetime) -> None:
        """Delete a shipment's newest return while it is pending: nothing came back, and nothing is owed."""
        shipment, order = entry.shipment, entry.order
        self.world.emit("Return", "DELETED", entry.id, order.store, at)
        self.world.returns.remove(entry.id)
        for line in entry.lines:
            self.world.return_lines.remove(line.id)
            line.shipmentLine.returnedQuantity -= line.quantity
            line.orderLine.returnedQuantity -= line.quantity
        shipment.returnedValue -= entry.totals.lineValues.minor
        if isinstance(order, WholesaleOrder) and order.account is not None:
            order.account.returns = [other for other in order.account.returns if other is not entry]
        order.updatedAt = shipment.updatedAt = at
        self._touched(shipment, at)

    def _touched(self, shipment: Shipment, at: datetime) -> None:
        """A return shows on the lines of its shipment and of its order."""
        self.world.emit("Shipment", "UPDATED", shipment.id, shipment.store, at)
        self.world.emit("Order", "UPDATED", shipment.order.number, shipment.store, at)

    def complete(self, giving_back: Return, at: datetime) -> None:
        """The goods are here: back on the shelf if they are to go there, and the money goes back."""
        giving_back.returnStatus = "COMPLETED"
        order = giving_back.order
        warehouse = giving_back.returnWarehouse
        if warehouse is not None:
            moves = [
                (line.orderLine.productSize, line.quantity)
                for line in giving_back.lines
                if line.orderLine.productSize is not None
            ]
            if moves:
                self.shop.stock.move(at, warehouse, moves, f"Return {giving_back.id}", by=None)
        if order.store.type == "DIRECT_TO_CONSUMER" and giving_back.grandTotal.gross.minor > 0:
            giving_back.refundPaymentHistory = self.cashier.refund(order, giving_back, at)
        order.updatedAt = at
        self.world.emit("Return", "COMPLETED", giving_back.id, order.store, at)
        self.world.emit("Order", "UPDATED", order.number, order.store, at)

    def _line(self, order: Order, line: ShipmentLine, units: int) -> ReturnLine:
        tax = slice_of(order.terms.tax_of(line.lineValue), line.returnedQuantity, units, line.quantity)
        unit = order.terms.list_price(line.unitPrice)
        return self.world.return_lines.add(
            ReturnLine(
                id=self.world.return_lines.take_id(),
                quantity=units,
                lineValue=order.terms.taxed(unit * units, tax),
                unitPrice=line.unitPrice,
                orderLine=line.orderLine,
                shipmentLine=line,
                terms=order.terms,
            )
        )

    def _totals(
        self, rng: random.Random, shipment: Shipment, lines: Sequence[ReturnLine], before: int
    ) -> tuple[ReturnTotals, int, int]:
        """The totals, the amount at pricelist prices, the tax in or on it."""
        order, terms = shipment.order, shipment.order.terms
        values = sum(terms.list_price(line.lineValue) for line in lines)
        whole = shipment.totals.lineValues.minor
        discount = slice_of(shipment.goodsDiscount, before, values, whole)
        discount_tax = slice_of(shipment.goodsDiscountTax, before, values, whole)
        everything = before == 0 and values == whole and shipment.totals.discounts.minor == shipment.goodsDiscount
        shipping = shipment.totals.shipping.minor if everything and rng.random() < 0.5 else 0
        cost = _RETURN_COSTS[order.currency.code] if rng.random() < 0.4 else 0
        if cost + discount > values + shipping:
            cost = 0
        tax = sum(terms.tax_of(line.lineValue) for line in lines) - discount_tax + terms.tax(shipping) - terms.tax(cost)
        mint = terms.mint
        totals = ReturnTotals(
            quantity=sum(line.quantity for line in lines),
            lineValues=mint[values],
            handling=mint[0],
            shipping=mint[shipping],
            discounts=mint[discount],
            returnCost=mint[cost],
            taxAdded=terms.added(tax),
            taxDeducted=terms.deducted(tax),
            taxIncluded=terms.included(tax),
        )
        return totals, values + shipping - discount - cost, tax
