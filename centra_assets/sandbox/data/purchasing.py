"""Buys stock: opening stock, suppliers, purchase orders, deliveries that become movements. No orders of customers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.reference import Address
from centra_assets.sandbox.data.nodes.stock import (
    ProductVariantSupply,
    PurchaseOrder,
    PurchaseOrderDelivery,
    PurchaseOrderDeliveryLine,
    PurchaseOrderLine,
    Supplier,
)
from centra_assets.sandbox.data.reference import country_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import ProductSize, ProductVariant
    from centra_assets.sandbox.data.nodes.stock import Warehouse
    from centra_assets.sandbox.data.shop import Shop

# name, country, currency
_SUPPLIERS = (
    ("Têxteis do Norte, Lda.", "PT", "EUR"),
    ("Shaoxing Weaving Co.", "CN", "USD"),
    ("Maglificio Bellini S.r.l.", "IT", "EUR"),
    ("Tiruppur Knits", "IN", "USD"),
    ("Gulf Trims", "IN", "KWD"),
)
# A change longer than any page of lines.
_LONG_CHANGE = 450


class Buyer:
    """Orders from suppliers what ran out, and takes the deliveries in."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.world = shop.world
        self._supply: dict[tuple[int, int], ProductVariantSupply] = {}
        self.open_orders: list[PurchaseOrder] = []

    def build_suppliers(self) -> None:
        """Fill the table of suppliers."""
        for number, (name, country, currency) in enumerate(_SUPPLIERS, start=1):
            place = country_of(self.world, country)
            self.world.suppliers.add(
                Supplier(
                    id=number,
                    name=name,
                    status="ACTIVE",
                    address=Address(companyName=name, address1=f"Rua {number}", city="Braga", country=place),
                    comment="" if number == 2 else None,
                    currency=self.world.mints[currency].currency,
                    paymentTerms=self.world.payment_terms.one(1 + number % 3),
                    preferredWarehouse=self.world.warehouses.one(1 + number % 2),
                    shippingTerms=self.world.shipping_terms.one(1 + number % 3),
                )
            )

    def open_warehouses(self, rng: random.Random, plan: Callable[[datetime, Callable[[datetime], None]], None]) -> None:
        """Opening stock of every size, some of it in other warehouses, counted in long changes.

        What was not in the catalogue yet gets its first units, by `plan`, when it comes into it.
        """
        begin = self.world.timeline.start - timedelta(days=20)
        shares = (1.0, 0.9, 0.55, 0.45)
        for warehouse, share in zip(self.world.warehouses, shares, strict=True):
            sizes = [s for s in self.world.product_sizes if not s.product.isBundle and rng.random() < share]
            counted = [(size, rng.randrange(3, 26)) for size in sizes]
            there = [move for move in counted if move[0].product.createdAt < begin]
            late = counted[len(there) :]
            if len(there) < _LONG_CHANGE:
                # In a small shop a size lies on three shelves, so that the count is long all the same.
                there = [shelf for size, units in there for shelf in ((size, 1), (size, 1), (size, units - 2))]
            for first in range(0, len(there), _LONG_CHANGE):
                at = begin + timedelta(minutes=first + warehouse.id)
                self.shop.stock.move(at, warehouse, there[first : first + _LONG_CHANGE], "Opening count", by=1)
            for product, moves in groupby(late, lambda move: move[0].product):
                plan(
                    product.createdAt + timedelta(minutes=warehouse.id), partial(self._stock_up, warehouse, list(moves))
                )

    def _stock_up(self, warehouse: Warehouse, moves: list[tuple[ProductSize, int]], at: datetime) -> None:
        self.shop.stock.move(at, warehouse, moves, "First units", by=1)

    def restock(self, rng: random.Random, at: datetime) -> list[PurchaseOrder]:
        """Order what ran out: one purchase order per warehouse and supplier."""
        wanted: dict[tuple[int, int], list[tuple[ProductSize, int]]] = {}
        for level in list(self.shop.stock.short):
            if level.incomingQuantity >= level.demandQuantity + 10:
                continue
            supplier = 1 + level.product.id % len(_SUPPLIERS)
            units = level.demandQuantity + rng.randrange(20, 90)
            wanted.setdefault((level.warehouse.id, supplier), []).append((level.productSize, units))
        return [
            self._order(rng, self.world.warehouses.one(w), self.world.suppliers.one(s), wants, at)
            for (w, s), wants in sorted(wanted.items(), key=lambda item: item[0])
        ]

    def _order(
        self,
        rng: random.Random,
        warehouse: Warehouse,
        supplier: Supplier,
        wants: list[tuple[ProductSize, int]],
        at: datetime,
    ) -> PurchaseOrder:
        world = self.world
        code = supplier.currency.code if supplier.currency else "EUR"
        mint = world.mints[code]
        lines, total = [], 0
        number = world.purchase_orders.take_id()
        for size, units in wants:
            level = self.shop.stock.open_level(size, warehouse)
            linked = min(units, level.demandQuantity)
            level.incomingQuantity += units
            level.linkedIncomingQuantity += linked
            cost = self._cost(size.productVariant, code)
            total += cost * units
            lines.append(
                PurchaseOrderLine(
                    quantity=units,
                    linkedQuantity=linked,
                    unlinkedQuantity=units - linked,
                    unitCost=mint[cost],
                    customsType="UNKNOWN_VALUE",
                    customsPercent=Decimal("12") if supplier.id in (2, 4) else Decimal(0),
                    customsValue=mint[cost * 12 // 100 if supplier.id in (2, 4) else 0],
                    product=size.product,
                    productVariant=size.productVariant,
                    productSize=size,
                )
            )
        order = PurchaseOrder(
            id=number,
            status="UNKNOWN_VALUE",
            createdAt=at,
            updatedAt=at,
            ETA=at + timedelta(days=25),
            requestedETD=at + timedelta(days=14),
            confirmedETD=at + timedelta(days=15) if rng.random() < 0.7 else None,
            internalComment=rng.choice((None, "", "Split shipment ok")),
            externalComment=None,
            ourReference=f"Buyer {rng.randint(1, 3)}",
            totalQuantity=sum(units for _, units in wants),
            totalCost=mint[total],
            currency=mint.currency,
            lines=lines,
            paymentTerms=supplier.paymentTerms,
            preferredWarehouse=warehouse,
            shippingAddress=Address(companyName=warehouse.name, country=warehouse.country),
            shippingTerms=supplier.shippingTerms,
            supplier=supplier,
            supplierAddress=supplier.address,
            externalId=f"ERP-PO-{number}" if rng.random() < 0.6 else None,
        )
        world.purchase_orders.add(order)
        supplier.purchaseOrders = [*supplier.purchaseOrders, order]
        for line in lines:
            self._note_supply(line, supplier, order)
        world.emit("PurchaseOrder", "CREATED", number, None, at)
        return order

    def send(self, rng: random.Random, order: PurchaseOrder, at: datetime) -> PurchaseOrderDelivery:
        """The supplier sends what was ordered; it is on its way until it is received."""
        number = self.world.deliveries.take_id()
        warehouse = order.preferredWarehouse
        assert warehouse is not None
        mint = self.world.mints[order.currency.code]
        lines = [
            PurchaseOrderDeliveryLine(
                quantity=line.quantity,
                linkedQuantity=line.linkedQuantity,
                unlinkedQuantity=line.unlinkedQuantity,
                unitCost=line.unitCost,
                customsType=line.customsType,
                customsPercent=line.customsPercent,
                customsValue=line.customsValue,
                landedCost=mint[line.unitCost.minor + line.customsValue.minor],
                product=line.product,
                productVariant=line.productVariant,
                productSize=line.productSize,
            )
            for line in order.lines
        ]
        for line in lines:
            if line.productSize is not None:
                self.shop.stock.open_level(line.productSize, warehouse).onDeliveryQuantity += line.quantity
        delivery = PurchaseOrderDelivery(
            id=number,
            number=f"{order.id}-1",
            status="UNKNOWN_VALUE",
            createdAt=at,
            exFactoryDate=at,
            ETA=at + timedelta(days=12),
            comment=rng.choice((None, "", "2 cartons wet")),
            shippingCost=mint[order.totalCost.minor * 3 // 100],
            otherCosts=mint[0],
            shippingDistributionMethod="UNKNOWN_VALUE",
            currency=order.currency,
            lines=lines,
            supplier=order.supplier,
            purchaseOrder=order,
            warehouse=warehouse,
        )
        self.world.deliveries.add(delivery)
        order.deliveries = [*order.deliveries, delivery]
        order.supplier.purchaseOrderDeliveries = [*order.supplier.purchaseOrderDeliveries, delivery]
        order.updatedAt = at
        self.world.emit("PurchaseOrderDelivery", "CREATED", number, None, at)
        return delivery

    def receive(self, delivery: PurchaseOrderDelivery, at: datetime) -> None:
        """Onto the shelf; orders that waited get their units."""
        moves = []
        for line in delivery.lines:
            if line.productSize is not None and delivery.warehouse is not None:
                level = self.shop.stock.open_level(line.productSize, delivery.warehouse)
                level.incomingQuantity -= line.quantity
                level.linkedIncomingQuantity -= line.linkedQuantity
                level.onDeliveryQuantity -= line.quantity
                moves.append((line.productSize, line.quantity))
        if delivery.warehouse is not None:
            comment = f"Delivery {delivery.number}"
            delivery.stockChange = self.shop.stock.move(at, delivery.warehouse, moves, comment, by=1)
        delivery.purchaseOrder.updatedAt = at
        self.world.emit("PurchaseOrderDelivery", "COMPLETED", delivery.id, None, at)
        self.world.emit("PurchaseOrder", "COMPLETED", delivery.purchaseOrder.id, None, at)

    def _cost(self, variant: ProductVariant, code: str) -> int:
        ore = variant.unitCost.minor if variant.unitCost else variant.product.listPrice // 3
        currency = self.world.mints[code].currency
        return int(Decimal(ore) / 100 / currency.currentBaseRate * currency.denominator)

    def _note_supply(self, line: PurchaseOrderLine, supplier: Supplier, order: PurchaseOrder) -> None:
        variant = line.productVariant
        if variant is None:
            return
        key = (supplier.id, variant.id)
        if key not in self._supply:
            supply = ProductVariantSupply(
                unitCost=line.unitCost,
                customsType=line.customsType,
                customsPercent=line.customsPercent,
                customsValue=line.customsValue,
                productVariant=variant,
                supplier=supplier,
            )
            self._supply[key] = supply
            variant.supply = [*variant.supply, supply]
            supplier.supply = [*supplier.supply, supply]
        if order not in variant.purchaseOrders:
            variant.purchaseOrders = [*variant.purchaseOrders, order]
            self._supply[key].purchaseOrders = [*self._supply[key].purchaseOrders, order]
