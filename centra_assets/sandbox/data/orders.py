"""Places orders: who buys what, at which price and tax, where it goes. What happens to an order next is elsewhere."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.discounts import choose_discounts
from centra_assets.sandbox.data.lines import bundle_lines, gift_certificate_line, product_line
from centra_assets.sandbox.data.logistics import SHIPPING_PRICES
from centra_assets.sandbox.data.nodes.orders import DirectToConsumerOrder, Order, OrderLine, WholesaleOrder
from centra_assets.sandbox.data.reckoning import line_values, reckon
from centra_assets.sandbox.data.timeline import INSTANCE_ZONE

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Address, Market, Pricelist
    from centra_assets.sandbox.data.shop import Shop

FIRST_NUMBER = 10_001
_COMMENTS = (
    "Leave at the door",
    'Ring "twice", then wait',
    "\\N",
    "Bitte nicht knicken!\r\nDanke",
    "贈り物です 🎁",
    "C:\\temp\\new",
    "a,b;c\td",
    "'; DROP TABLE orders; --",
    "Très long. " * 400,
)


class OrderDesk:
    """Writes new orders into the world; numbers follow the order of time."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.world = shop.world
        self.world.orders.next_id = FIRST_NUMBER

    def place(self, rng: random.Random, store_id: int, at: datetime, *, line_count: int | None = None) -> Order:
        """A new order of a shopper or of a reseller's buyer."""
        if store_id == 3:
            return self._place_wholesale(rng, at, line_count)
        markets, shares = self.shop.markets[store_id]
        market = rng.choices(markets, shares)[0]
        customer = self.shop.people.shopper(rng, market, at)
        pricelist = self._pricelist(market)
        address = customer.billingAddress or self.shop.people.address_of(rng, customer)
        order = self._draft(rng, DirectToConsumerOrder, market, pricelist, address, at)
        assert isinstance(order, DirectToConsumerOrder)
        order.customer = customer
        order.userIP = f"203.0.113.{rng.randrange(1, 255)}" if rng.random() < 0.9 else None
        if rng.random() < 0.12:
            order.billingAddress = self.shop.people.other_address(rng, market)
        draw = rng.random()
        if draw < 0.012 and line_count is None:
            order.lines = [gift_certificate_line(self.shop, rng, order)]
            self._finish(order, shipping=0, handling=0)
        else:
            order.lines = self._shop_for(rng, order, line_count)
            goods = line_values(order)
            shipping, free_from = SHIPPING_PRICES[pricelist.currency.code]
            shipping = 0 if goods >= free_from else shipping
            handling = SHIPPING_PRICES[pricelist.currency.code][0] // 2 if rng.random() < 0.04 else 0
            order.discountsApplied = choose_discounts(self.shop, rng, order, goods, shipping)
            self._finish(order, shipping, handling)
        customer.totalOrders += 1
        customer.updatedAt = max(customer.updatedAt, at)
        self.world.emit("Customer", "UPDATED", customer.id, customer.store, at)
        self.shop.orders_of_customer.setdefault(customer.id, []).append(order)
        return order

    def _place_wholesale(self, rng: random.Random, at: datetime, line_count: int | None) -> Order:
        account = rng.choice([a for a in self.world.accounts if a.status == "ACTIVE"])
        market, pricelist = account.market, account.pricelist
        assert market is not None
        assert pricelist is not None
        assert account.billingAddress is not None
        order = self._draft(rng, WholesaleOrder, market, pricelist, account.billingAddress, at)
        assert isinstance(order, WholesaleOrder)
        order.account, order.buyer = account, rng.choice(account.buyers)
        order.isInternal = account.isInternal
        order.shippingAddress = account.shippingAddress
        order.purchaseOrderNumber = rng.choice((None, f"PO-{order.number}", f"4500{order.number}", "see e-mail"))
        today = at.astimezone(INSTANCE_ZONE).date()
        preorder = rng.random() < 0.15
        order.deliveryWindows = [self.world.delivery_windows.one(2 if preorder else 1)]
        order.preferredShippingDate = today + timedelta(days=rng.randrange(5, 60)) if rng.random() < 0.5 else None
        order.estimatedDeliveryDate = today + timedelta(days=14) if rng.random() < 0.3 else None
        order.cancelDate = today + timedelta(days=120) if rng.random() < 0.2 else None
        lines = []
        for _ in range(line_count or rng.randint(4, 14)):
            offer = self.shop.assortments[pricelist.id].draw(rng, at)
            line = product_line(self.shop, rng, order, offer, rng.choice((1, 2, 3, 4, 6, 8)))
            line.deliveryWindow = order.deliveryWindows[0]
            lines.append(line)
        order.lines = lines
        self._finish(order, SHIPPING_PRICES["EUR"][0] if rng.random() < 0.6 else 0, 0, preorder=preorder)
        order.status = "PENDING"
        account.orders = [*account.orders, order]
        return order

    def _draft(
        self,
        rng: random.Random,
        kind: type[DirectToConsumerOrder] | type[WholesaleOrder],
        market: Market,
        pricelist: Pricelist,
        address: Address,
        at: datetime,
    ) -> Order:
        country = address.country or market.assignedToCountries[0]
        number = self.world.orders.take_id()
        terms = self.shop.terms(pricelist, country, address.state)
        option = pricelist.defaultShippingOption
        nothing = terms.mint.taxed(0, 0)
        return kind(
            id=hashlib.md5(f"{self.world.seed}/{number}".encode(), usedforsecurity=False).hexdigest(),
            number=number,
            status="CONFIRMED",
            grandTotal=nothing,
            createdAt=at,
            updatedAt=at,
            orderDate=at,
            internalComment=rng.choice(("VIP", "Called in", "")) if rng.random() < 0.03 else None,
            otherComment=rng.choice(_COMMENTS) if rng.random() < 0.04 else "",
            currencyBaseRate=self.shop.base_rate(rng, pricelist.currency.code, at),
            attributes=self.shop.book.of_order(rng),
            billingAddress=address,
            shippingAddress=address,
            country=country,
            market=market,
            paymentMethod=self.shop.payment_method(rng, market.store.id),
            pricelist=pricelist,
            shippingPriceGroup=option.shippingPriceGroups[0] if option else None,
            store=market.store,
            totals=None,  # type: ignore[arg-type]  # reckoned before anyone sees the order
            allocationRule=market.allocationRule,
            isInternal=rng.random() < 0.006,
            externalId=f"WEB-{number}" if rng.random() < 0.4 else None,
            terms=terms,
        )

    def _finish(self, order: Order, shipping: int, handling: int, *, preorder: bool = False) -> None:
        reckon(order, shipping, handling)
        self.world.orders.add(order)
        for line in order.lines:
            self.world.order_lines.add(line)
            if line.productSize is not None and not (line.product and line.product.isBundle):
                ahead = preorder or line.productSize.preorder
                self.shop.stock.allocate(line, order.allocationRule, order.createdAt, preorder=ahead)
        self.world.emit("Order", "CREATED", order.number, order.store, order.createdAt)

    def _shop_for(self, rng: random.Random, order: Order, line_count: int | None) -> Sequence[OrderLine]:
        assert order.pricelist is not None
        lines: list[OrderLine] = []
        bundles = self.shop.bundles[order.pricelist.id]
        if bundles and rng.random() < 0.04:
            product, display, price = rng.choice(bundles)
            lines.extend(bundle_lines(self.shop, rng, order, product, display, price))
        count = line_count or rng.choices((1, 2, 3, 4, 6), (46, 28, 14, 8, 4))[0]
        for _ in range(count):
            offer = self.shop.assortments[order.pricelist.id].draw(rng, order.createdAt)
            quantity = rng.choices((1, 2, 3), (88, 10, 2))[0]
            lines.append(product_line(self.shop, rng, order, offer, quantity))
        return lines

    def _pricelist(self, market: Market) -> Pricelist:
        country = market.assignedToCountries[0]
        return next(p for p in market.store.pricelists if country in p.assignedToCountries)
