"""Live traffic behind the till: what merchandisers, finance and service change, and what they remove. No orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.promotions import add_voucher, lowest_price

if TYPE_CHECKING:
    from centra_assets.sandbox.data.life import Life
    from centra_assets.sandbox.data.nodes.catalogue import Price

Act = Callable[[random.Random, datetime], bool]
# How many of the newest objects are looked at.
RECENT = 400
_STAFF_VOUCHER = "Staff"


class Upkeep:
    """One thing at a time; each act says whether there was anything of the kind to do."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.world = life.world

    def kinds(self) -> Sequence[tuple[str, int, Act]]:
        """What can happen, with its weight."""
        return [
            ("price changed", 4, self._change_price),
            ("stock changed", 6, self._change_stock),
            ("restocked", 1, self._restock),
            ("customer registered", 4, self._register),
            ("customer edited", 3, self._edit_customer),
            ("customer anonymised", 1, self._anonymise),
            ("account edited", 1, self._edit_account),
            ("product edited", 2, self._edit_product),
            ("display edited", 2, self._edit_display),
            ("campaign edited", 1, self._edit_campaign),
            ("voucher made", 1, self._make_voucher),
            ("voucher removed", 1, self._remove_voucher),
            ("unsubscribed", 2, self._unsubscribe),
            ("subscription removed", 1, self._remove_subscription),
            ("invoice paid", 2, self._pay_invoice),
            ("shipment deleted", 1, self._delete_shipment),
            ("return deleted", 1, self._delete_return),
        ]

    def _change_price(self, rng: random.Random, now: datetime) -> bool:
        price = rng.choice(rng.choice(self.world.pricelists.rows()).prices)
        if price.price is None:
            return False
        mint = self.world.mints[price.pricelist.currency.code]
        price.price = mint[max(1, price.price.minor * rng.choice((90, 95, 105, 110)) // 100)]
        self.world.emit("Price", "UPDATED", price.id, price.store, now)
        self.world.emit("ProductVariant", "DEPENDENT_DATA_CHANGED", price.productVariant.id, price.store, now)
        self._lower(price, now)
        return True

    def _lower(self, price: Price, now: datetime) -> None:
        """The price under a campaign follows the price itself."""
        row = next((r for r in price.pricelist.lowestPrices if r.productVariant is price.productVariant), None)
        lowest = lowest_price(self.world, price) if row else None
        if row is not None and lowest is not None:
            row.originalPrice, row.price, row.startDate = lowest.originalPrice, lowest.price, lowest.startDate
            row.markets = lowest.markets
            self.world.emit("LowestPrice", "UPDATED", self.world.lowest_prices.key_of(row), price.store, now)

    def _change_stock(self, rng: random.Random, now: datetime) -> bool:
        warehouse = rng.choice(self.world.warehouses.rows())
        levels = rng.sample(warehouse.stock, min(len(warehouse.stock), rng.randint(1, 5)))
        moves = [(level.productSize, rng.choice((-1, 1, 2, 5, 10))) for level in levels]
        self.life.shop.stock.move(now, warehouse, moves, "Count: found / lost", by=2)
        return True

    def _restock(self, rng: random.Random, now: datetime) -> bool:
        open_orders = [order for order in self.world.purchase_orders.rows()[-RECENT:] if not order.deliveries]
        if open_orders:
            self.life.buyer.receive(self.life.buyer.send(rng, rng.choice(open_orders), now), now)
            return True
        return bool(self.life.buyer.restock(rng, now))

    def _register(self, rng: random.Random, now: datetime) -> bool:
        market = rng.choice(self.world.markets.rows()[:6])
        self.life.shop.people.arrive(rng, market, now, registered=True)
        return True

    def _edit_customer(self, rng: random.Random, now: datetime) -> bool:
        customer = rng.choice(self.world.customers.rows())
        if customer.isAnonymized or customer.market is None:
            return False
        moved = self.life.shop.people.other_address(rng, customer.market)
        # Somebody moved house, and is still the same person.
        customer.billingAddress = replace(
            moved, firstName=customer.firstName, lastName=customer.lastName, email=customer.email
        )
        customer.updatedAt = now
        self.world.emit("Customer", "UPDATED", customer.id, customer.store, now)
        return True

    def _anonymise(self, rng: random.Random, now: datetime) -> bool:
        known = [customer for customer in self.world.customers.rows()[-RECENT:] if not customer.isAnonymized]
        if known:
            self.life.anonymise(rng.choice(known), now)
        return bool(known)

    def _edit_account(self, rng: random.Random, now: datetime) -> bool:
        account = rng.choice(self.world.accounts.rows())
        account.internalComment = f"Called about terms, {rng.randrange(1000)}"
        account.updatedAt = now
        self.world.emit("Account", "UPDATED", account.id, account.market.store if account.market else None, now)
        return True

    def _edit_product(self, rng: random.Random, now: datetime) -> bool:
        product = rng.choice(self.world.products.rows())
        product.internalComment = f"Edited {rng.randrange(1000)}"
        product.updatedAt = now
        self.world.emit("Product", "UPDATED", product.id, None, now)
        for display in product.displays:
            self.world.emit("Display", "DEPENDENT_DATA_CHANGED", display.id, display.store, now)
        return True

    def _edit_display(self, rng: random.Random, now: datetime) -> bool:
        display = rng.choice(self.world.displays.rows())
        display.shortDescription = f"Worn by {rng.randrange(2, 1000)} people"
        display.tags = rng.sample(("new", "organic", "unisex", "sista chansen"), rng.randint(0, 3))
        display.updatedAt = now
        self.world.emit("Display", "UPDATED", display.id, display.store, now)
        return True

    def _edit_campaign(self, rng: random.Random, now: datetime) -> bool:
        campaign = rng.choice(self.world.campaigns.rows())
        if not campaign.campaignVariants:
            return False
        entry = rng.choice(campaign.campaignVariants)
        entry.showNews = not entry.showNews
        campaign.updatedAt = now
        self.world.emit("Campaign", "UPDATED", campaign.id, campaign.store, now)
        return True

    def _make_voucher(self, rng: random.Random, now: datetime) -> bool:
        store = rng.choice([store for store in self.world.stores if store.type == "DIRECT_TO_CONSUMER"])
        name = f"{_STAFF_VOUCHER} {self.world.vouchers.next_id}"
        # Nobody knows the code, so nobody uses it.
        voucher = add_voucher(self.world, store, name, "CODE", f"STAFF-{rng.randrange(10**8):08d}", now)
        self.world.emit("Voucher", "CREATED", voucher.id, store, now)
        return True

    def _remove_voucher(self, rng: random.Random, now: datetime) -> bool:
        unused = [voucher for voucher in self.world.vouchers if voucher.name.startswith(_STAFF_VOUCHER)]
        if unused:
            voucher = rng.choice(unused)
            self.world.emit("Voucher", "DELETED", voucher.id, voucher.store, now)
            self.world.vouchers.remove(voucher.id)
        return bool(unused)

    def _unsubscribe(self, rng: random.Random, now: datetime) -> bool:
        active = [entry for entry in self.world.newsletter_subscriptions.rows()[-RECENT:] if entry.isActive]
        if active:
            entry = rng.choice(active)
            entry.isActive = False
            self.world.emit("NewsletterSubscription", "UPDATED", entry.id, entry.store, now)
        return bool(active)

    def _remove_subscription(self, rng: random.Random, now: datetime) -> bool:
        left = [entry for entry in self.world.newsletter_subscriptions if not entry.isActive]
        if left:
            entry = rng.choice(left)
            self.world.emit("NewsletterSubscription", "DELETED", entry.id, entry.store, now)
            self.world.newsletter_subscriptions.remove(entry.id)
        return bool(left)

    def _pay_invoice(self, rng: random.Random, now: datetime) -> bool:
        unpaid = [
            invoice
            for invoice in self.world.invoices.rows()[-RECENT:]
            if not invoice.payments and invoice.store.type == "WHOLESALE"
        ]
        if unpaid:
            invoice = rng.choice(unpaid)
            self.life.settle_invoice(invoice.shipments[0], invoice, now)
        return bool(unpaid)

    def _delete_shipment(self, rng: random.Random, now: datetime) -> bool:
        packed = [
            shipment
            for shipment in self.world.shipments.rows()[-RECENT:]
            # Only an order's newest one: what it took of the order goes back to where the next one takes it from.
            if not shipment.isShipped and not shipment.isPaid and shipment.order.shipments[-1] is shipment
        ]
        if packed:
            self.life.unpack(rng.choice(packed), now)
        return bool(packed)

    def _delete_return(self, rng: random.Random, now: datetime) -> bool:
        returns = self.world.returns.rows()[-RECENT:]
        newest = {entry.shipment.id: entry for entry in returns}
        pending = [entry for entry in newest.values() if entry.returnStatus == "PENDING"]
        if pending:
            self.life.returns.withdraw(rng.choice(pending), now)
        return bool(pending)
