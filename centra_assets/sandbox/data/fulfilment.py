"""Ships orders: shipments whose amounts add up to the order's, capture per shipment, completion. No returns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import slice_of
from centra_assets.sandbox.data.nodes.fulfilment import (
    DirectToConsumerShipment,
    Shipment,
    ShipmentLine,
    ShipmentTotals,
    WholesaleShipment,
)
from centra_assets.sandbox.data.nodes.orders import DirectToConsumerOrder, GiftCertificateOrderLine, WholesaleOrder
from centra_assets.sandbox.data.nodes.reference import CarrierInformation
from centra_assets.sandbox.data.reckoning import counted_lines, discount_parts, discount_taxes, line_values

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order, OrderLine
    from centra_assets.sandbox.data.payments import Cashier
    from centra_assets.sandbox.data.shop import Shop

_CARRIER = CarrierInformation(carrierName="PostNord", serviceName="MyPack Collect")
_SPEDITION = CarrierInformation(carrierName="DSV", serviceName="Road", taxId="GB-EORI-1")


class Dispatch:
    """Makes and completes shipments."""

    def __init__(self, shop: Shop, cashier: Cashier) -> None:
        self.shop = shop
        self.world = shop.world
        self.cashier = cashier

    def create(
        self, rng: random.Random, order: Order, picks: Sequence[tuple[OrderLine, int]], at: datetime
    ) -> Shipment:
        """A shipment of some units. Shipping and handling go on the first one; discounts are shared by value."""
        lines = self._lines(order, picks)
        values = sum(order.terms.list_price(line.lineValue) for line in lines)
        goods, discount, goods_discount_tax, tax = self._shares(order, lines, values)
        totals = order.totals
        first = not order.shipments
        shipping = totals.shipping.minor if first else 0
        handling = totals.handling.minor if first else 0
        mint, terms = order.terms.mint, order.terms
        number = self.world.shipments.take_id()
        kind = DirectToConsumerShipment if isinstance(order, DirectToConsumerOrder) else WholesaleShipment
        shipment: Shipment = kind(
            id=number,
            number=f"{order.number}-{len(order.shipments) + 1}",
            createdAt=at,
            updatedAt=at,
            isPrinted=rng.random() < 0.8,
            consignationWarehouseStatus="UNKNOWN_VALUE",
            numberOfPackages=0,
            internalShippingCost=mint[totals.shipping.minor * 7 // 10] if rng.random() < 0.5 else None,
            grandTotal=terms.total(values + shipping + handling - discount, tax),
            additionalMessage=rng.choice(("", "Tack!\n/Packarna")) if rng.random() < 0.05 else None,
            currencyBaseRate=order.currencyBaseRate,
            usedFallbackTax=rng.random() < 0.01,
            adminUser=self.world.admin_users.one(3) if rng.random() < 0.3 else None,
            carrierInformation=None,
            discountsApplied=order.discountsApplied if first else (),
            lines=lines,
            order=order,
            shipmentPlugin=None,
            shippingAddress=order.shippingAddress,
            store=order.store,
            totals=ShipmentTotals(
                quantity=sum(line.quantity for line in lines),
                lineValues=mint[values],
                handling=mint[handling],
                shipping=mint[shipping],
                discounts=mint[discount],
                taxAdded=terms.added(tax),
                taxDeducted=terms.deducted(tax),
                taxIncluded=terms.included(tax),
            ),
            externalId=f"WMS-{number}" if rng.random() < 0.7 else None,
            goodsDiscount=goods,
            goodsDiscountTax=goods_discount_tax,
        )
        if isinstance(shipment, DirectToConsumerShipment) and isinstance(order, DirectToConsumerOrder):
            shipment.customer = order.customer
        if isinstance(shipment, WholesaleShipment) and isinstance(order, WholesaleOrder):
            shipment.buyer = order.buyer
        self.world.shipments.add(shipment)
        order.shipments = [*order.shipments, shipment]
        order.status = "PROCESSING"
        order.updatedAt = at
        self.world.emit("Shipment", "CREATED", number, order.store, at)
        self.world.emit("Order", "UPDATED", order.number, order.store, at)
        return shipment

    def withdraw(self, shipment: Shipment, at: datetime) -> None:
        """Delete an order's newest shipment, unpaid and not shipped: its units can be picked again."""
        order = shipment.order
        self.world.emit("Shipment", "DELETED", shipment.id, shipment.store, at)
        self.world.shipments.remove(shipment.id)
        for line in shipment.lines:
            self.world.shipment_lines.remove(line.id)
        order.shipments = [other for other in order.shipments if other is not shipment]
        if not order.shipments:
            order.status = "CONFIRMED"
        order.updatedAt = at
        self.world.emit("Order", "UPDATED", order.number, order.store, at)

    def _lines(self, order: Order, picks: Sequence[tuple[OrderLine, int]]) -> list[ShipmentLine]:
        lines = []
        for line, units in picks:
            before = planned_units(order, line)
            tax = slice_of(order.terms.tax_of(line.lineValue), before, units, line.quantity)
            unit = order.terms.list_price(line.unitPrice)
            lines.append(
                self.world.shipment_lines.add(
                    ShipmentLine(
                        id=self.world.shipment_lines.take_id(),
                        quantity=units,
                        returnedQuantity=0,
                        invoicedQuantity=0,
                        lineValue=order.terms.taxed(unit * units, tax),
                        unitPrice=line.unitPrice,
                        orderLine=line,
                        allocations=line.allocations,
                        terms=order.terms,
                    )
                )
            )
        return lines

    def _shares(self, order: Order, lines: Sequence[ShipmentLine], values: int) -> tuple[int, int, int, int]:
        """Goods' discount, whole discount, tax in the goods' discount, tax of the shipment."""
        terms, totals = order.terms, order.totals
        whole = line_values(order)
        on_goods, on_shipping = discount_parts(order, whole)
        goods_tax, shipping_tax = discount_taxes(order, whole, totals.shipping.minor)
        before = sum(shipment.totals.lineValues.minor for shipment in order.shipments)
        goods = slice_of(on_goods, before, values, whole)
        goods_discount_tax = slice_of(goods_tax, before, values, whole)
        tax = sum(terms.tax_of(line.lineValue) for line in lines) - goods_discount_tax
        discount = goods
        if not order.shipments:
            discount += on_shipping
            tax += totals.shippingTax + totals.handlingTax - shipping_tax
        return goods, discount, goods_discount_tax, tax

    def pay(self, shipment: Shipment, at: datetime) -> None:
        """Capture a shipment's amount and mark it paid; nothing is captured where nothing is due."""
        amount = shipment.grandTotal.gross
        if amount.minor > 0:
            self.cashier.capture(shipment.order, amount, at)
            shipment.isCaptured, shipment.capturedAt, shipment.capturedValue = True, at, amount
        self.mark_paid(shipment, at)

    def mark_paid(self, shipment: Shipment, at: datetime) -> None:
        """The shipment counts as paid from now on; that may complete the order."""
        shipment.isPaid, shipment.paidAt, shipment.updatedAt = True, at, at
        self.world.emit("Shipment", "UPDATED", shipment.id, shipment.store, at)
        self.settle(shipment.order, at)

    def complete(self, rng: random.Random, shipment: Shipment, at: datetime) -> None:
        """The parcel leaves: stock goes off the shelf, the order may be complete."""
        shipment.isGoodToGo = shipment.isShipped = True
        shipment.shippedAt = shipment.updatedAt = at
        shipment.numberOfPackages = rng.choice((1, 1, 1, 2))
        shipment.trackingNumber = f"SE{rng.randrange(10**12):012d}" if rng.random() < 0.95 else ""
        shipment.returnTrackingNumber = f"RT{rng.randrange(10**10):010d}" if rng.random() < 0.3 else None
        shipment.carrierInformation = _SPEDITION if shipment.store.type == "WHOLESALE" else _CARRIER
        self.shop.stock.ship(at, shipment.number, shipment.lines)
        for shipped in shipment.lines:
            shipped.orderLine.shippedQuantity += shipped.quantity
        for line in shipment.order.lines:
            if line.product is not None and line.product.isBundle:
                line.shippedQuantity = line.quantity
        order = shipment.order
        order.totals.unexpeditedQuantity = sum(line.quantity - line.shippedQuantity for line in counted_lines(order))
        self.world.emit("Shipment", "COMPLETED", shipment.id, shipment.store, at)
        self.settle(order, at)

    def settle(self, order: Order, at: datetime) -> None:
        """SHIPPED once every unit is shipped or cancelled and every shipment is paid."""
        order.updatedAt = max(order.updatedAt, at)
        shipped = all(line.shippedQuantity >= line.quantity for line in counted_lines(order))
        if shipped and order.shipments and all(s.isPaid and s.isShipped for s in order.shipments):
            order.status = "SHIPPED"
            self.world.emit("Order", "COMPLETED", order.number, order.store, at)
        else:
            self.world.emit("Order", "UPDATED", order.number, order.store, at)


def planned_units(order: Order, line: OrderLine) -> int:
    """Units of a line that are on a shipment already, shipped or not."""
    return sum(entry.quantity for shipment in order.shipments for entry in shipment.lines if entry.orderLine is line)


def open_picks(shop: Shop, order: Order) -> list[tuple[OrderLine, int]]:
    """What could be put on a shipment now: units not planned yet, with stock reserved (a certificate needs none)."""
    picks = []
    for line in counted_lines(order):
        units = line.quantity - planned_units(order, line)
        if units > 0 and (isinstance(line, GiftCertificateOrderLine) or shop.stock.is_allocated(line)):
            picks.append((line, units))
    return picks
