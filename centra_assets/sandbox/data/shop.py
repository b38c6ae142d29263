"""What the builders and the traffic share while orders live: stock, people, offers, promotions, rates. No behaviour."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.attributes import AttributeBook
from centra_assets.sandbox.data.customers import People, markets_by_store
from centra_assets.sandbox.data.logistics import terms_for
from centra_assets.sandbox.data.pricing import assortments, sellable_bundles
from centra_assets.sandbox.data.promotions import CampaignBook
from centra_assets.sandbox.data.stock import StockKeeper

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.nodes.promotions import Voucher, VoucherReusableValue
    from centra_assets.sandbox.data.nodes.reference import Country, CountryState, Pricelist, StorePlugin
    from centra_assets.sandbox.data.terms import Terms
    from centra_assets.sandbox.data.world import World


class Shop:
    """The working memory around a world's tables."""

    def __init__(self, world: World, book: AttributeBook) -> None:
        self.world = world
        self.book = book
        self.stock = StockKeeper(world)
        self.people = People(world, book)
        self.markets = markets_by_store(world)
        self.assortments = assortments(world)
        self.bundles = {pricelist.id: sellable_bundles(world, pricelist) for pricelist in world.pricelists}
        self.campaigns = CampaignBook(world)
        self.vouchers: dict[int, list[Voucher]] = {
            store.id: [voucher for voucher in world.vouchers if voucher.store is store] for store in world.stores
        }
        self.gift_values: dict[int, list[VoucherReusableValue]] = {pricelist.id: [] for pricelist in world.pricelists}
        self.orders_of_customer: dict[int, list[Order]] = {}
        self._terms: dict[tuple[int, int, int], Terms] = {}
        self._payment_methods = {
            store.id: [p for p in world.store_plugins if p.store is store and p.type == "PAYMENT_METHOD"]
            for store in world.stores
        }

    def terms(self, pricelist: Pricelist, country: Country, state: CountryState | None) -> Terms:
        """The tax terms of an order; one object for all orders alike."""
        key = (pricelist.id, country.id, state.id if state else 0)
        if key not in self._terms:
            self._terms[key] = terms_for(self.world, pricelist, country, state)
        return self._terms[key]

    def base_rate(self, rng: random.Random, code: str, at: datetime) -> Decimal:
        """The currency's rate to the base currency at that moment; it drifts from order to order."""
        rates = self.world.rates[code]
        day = min(len(rates) - 1, max(0, (at - self.world.timeline.start).days))
        if code == "SEK":
            return rates[day]
        # Most rates have few decimals; some integrations send all that they have.
        digits = Decimal("1E-12") if rng.random() < 0.1 else Decimal("1E-6")
        return (rates[day] * Decimal(1_000_000 + rng.randint(-300, 300)) / 1_000_000).quantize(digits)

    def payment_method(self, rng: random.Random, store_id: int) -> StorePlugin:
        """How the order is paid."""
        return rng.choice(self._payment_methods[store_id])
