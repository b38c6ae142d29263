"""Builds prices: per pricelist and variant, altered ones, and what can be bought at which price. No campaigns."""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import rounded
from centra_assets.sandbox.data.nodes.catalogue import Price, PriceAlteration
from centra_assets.sandbox.data.timeline import INSTANCE_ZONE

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import Display, Product, ProductSize, ProductVariant
    from centra_assets.sandbox.data.nodes.reference import Currency, Pricelist
    from centra_assets.sandbox.data.world import World


@dataclass(slots=True, frozen=True)
class Offer:
    """A size that can be bought from a display at a pricelist's price (minor units)."""

    display: Display
    variant: ProductVariant
    size: ProductSize
    price: int


class Assortment:
    """What a pricelist's customers can buy, and how popular each thing is."""

    def __init__(self, offers: list[Offer], rng: random.Random) -> None:
        self.offers = offers
        popularity = {offer.variant.product.id: rng.paretovariate(1.1) for offer in offers}
        self._weights = list(accumulate(popularity[offer.variant.product.id] for offer in offers))
        self._oldest = min(offers, key=lambda offer: offer.variant.product.createdAt)

    def draw(self, rng: random.Random, at: datetime) -> Offer:
        """Something that existed at that time."""
        for _ in range(4):
            offer = self.offers[bisect_right(self._weights, rng.random() * self._weights[-1])]
            if offer.variant.product.createdAt <= at:
                return offer
        return self._oldest


def price_in(currency: Currency, list_price: int, *, wholesale: bool) -> int:
    """A price in öre as a rounded price of another currency, in its minor units."""
    amount = Decimal(list_price) / 100 / currency.currentBaseRate
    if wholesale:
        # Without tax and at the reseller's share.
        return rounded(amount * Decimal("0.36") * currency.denominator)
    if currency.denominator == 1:
        return max(100, rounded(amount / 100) * 100)
    whole = max(10, rounded(amount))
    return whole * currency.denominator - (5 if currency.code in ("GBP", "USD") else 0)


def build_prices(world: World) -> None:
    """Fill the table of prices, and the altered prices of the wholesale store."""
    rng = world.rng("prices")
    for pricelist in world.pricelists:
        mint = world.mints[pricelist.currency.code]
        wholesale = pricelist.store.type == "WHOLESALE"
        prices = []
        for variant in world.variants:
            displays = [display for display in variant.displays if display.store is pricelist.store]
            # What is shown has its price; what is not may lack it.
            is_shown = any(display.status == "ACTIVE" for display in displays)
            if not displays or (rng.random() < 0.1 and not is_shown):
                continue
            minor = price_in(pricelist.currency, variant.product.listPrice, wholesale=wholesale)
            retail = price_in(pricelist.currency, variant.product.listPrice, wholesale=False)
            price = Price(
                id=world.prices.take_id(),
                price=None if rng.random() < 0.1 and not is_shown else mint[minor],
                recommendedRetailPrice=mint[retail] if wholesale else None,
                pricelist=pricelist,
                product=variant.product,
                productVariant=variant,
            )
            prices.append(world.prices.add(price))
            variant.prices = [*variant.prices, price]
        pricelist.prices = prices
    for display in world.displays:
        display.prices = [p for v in display.productVariants for p in v.prices if p.store is display.store]
    for bundle in world.bundles:
        bundle.prices = bundle.product.variants[0].prices
        bundle.maxPrices = bundle.prices if bundle.type == "FLEXIBLE" else ()
    _alter_wholesale(world)


def _alter_wholesale(world: World) -> None:
    day = (world.timeline.now + timedelta(days=40)).astimezone(INSTANCE_ZONE).date()
    wholesale = world.pricelists.one(6)
    mint = world.mints[wholesale.currency.code]
    altered = []
    for number, price in enumerate(wholesale.prices[:40], start=1):
        if price.price is not None:
            altered.append(
                Price(
                    id=1_000_000 + number,
                    price=mint[price.price.minor * 105 // 100],
                    recommendedRetailPrice=price.recommendedRetailPrice,
                    pricelist=wholesale,
                    product=price.product,
                    productVariant=price.productVariant,
                )
            )
    world.price_alterations.add(
        PriceAlteration(
            id=1,
            name="Next season +5 %",
            status="ACTIVE",
            store=wholesale.store,
            startDate=day,
            endDate=None,
            deliveryWindows=[world.delivery_windows.one(2)],
            prices=altered,
        )
    )


def assortments(world: World) -> dict[int, Assortment]:
    """What can be bought, by pricelist. Bundles are left out: an order adds them in its own way."""
    return {
        pricelist.id: Assortment(
            [
                Offer(display, price.productVariant, size, price.price.minor)
                for price in pricelist.prices
                if price.price is not None and not price.product.isBundle
                for display in price.productVariant.displays[:6]
                if display.store is pricelist.store and display.status == "ACTIVE"
                for size in price.productVariant.productSizes
            ],
            world.rng(f"assortment {pricelist.id}"),
        )
        for pricelist in world.pricelists
    }


def sellable_bundles(world: World, pricelist: Pricelist) -> list[tuple[Product, Display, int]]:
    """The bundles that a pricelist sells, with their display and their price in minor units."""
    found = []
    for price in pricelist.prices:
        displays = [d for d in price.productVariant.displays if d.store is pricelist.store and d.status == "ACTIVE"]
        if price.product.isBundle and price.price is not None and displays:
            found.append((price.product, displays[0], price.price.minor))
    return found
