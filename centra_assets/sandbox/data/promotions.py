"""Builds campaigns and vouchers, and knows which campaign price holds when. What they do to an order is elsewhere."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import part_of
from centra_assets.sandbox.data.nodes.catalogue import LowestPrice
from centra_assets.sandbox.data.nodes.promotions import (
    Campaign,
    CampaignVariant,
    Voucher,
    VoucherAction,
    VoucherActionCriteria,
    VoucherActionResult,
)
from centra_assets.sandbox.data.timeline import black_friday, day_start

if TYPE_CHECKING:
    from centra_assets.sandbox.data.attributes import AttributeBook
    from centra_assets.sandbox.data.nodes.catalogue import Price, ProductVariant
    from centra_assets.sandbox.data.nodes.descriptions import Attribute
    from centra_assets.sandbox.data.nodes.reference import Pricelist, Store
    from centra_assets.sandbox.data.world import World

# name, share of the window at which it starts, days, percent, share of the variants
_CAMPAIGNS = (
    ("Mid-season sale", 0.12, 21, "20", 0.15),
    ("Black week", 0.45, 10, "30", 0.6),
    ("Clearance — “sista chansen”", 0.62, 40, "50", 0.12),
    ("Warm-up", 0.93, 60, "12.5", 0.2),
)
# name, method, code, url, kind of result, percent, combines with others
_VOUCHERS = (
    ("Welcome 10", "CODE", "WELCOME10", None, "CHANGE_ORDER_TOTAL", 10, True),
    ("Free shipping", "CODE", "FREESHIP", None, "SET_FREE_SHIPPING", 0, True),
    ("Friends 15", "URL", None, "friends-15", "CHANGE_SELECTED_PRODUCTS_PRICE", 15, False),
    ("Automatic 5", "AUTO", None, None, "CHANGE_PRODUCT_TOTAL", 5, True),
    ("A free tote", "CODE", "TÖTE", None, "ADD_FREE_PRODUCTS", 0, False),
)


class CampaignBook:
    """Which campaign a variant is in, per store and moment."""

    def __init__(self, world: World) -> None:
        self._by_variant: dict[tuple[int, int], list[CampaignVariant]] = {}
        for entry in world.campaign_variants:
            self._by_variant.setdefault((entry.store.id, entry.productVariant.id), []).append(entry)

    def at(self, store: Store, variant: ProductVariant, moment: datetime) -> CampaignVariant | None:
        """The campaign that sets this variant's price at that moment, if any."""
        for entry in self._by_variant.get((store.id, variant.id), ()):
            if entry.startAt <= moment < entry.stopAt and entry.status == "ACTIVE":
                return entry
        return None


def campaign_price(entry: CampaignVariant, price: int, pricelist: Pricelist) -> int:
    """The price under a campaign, in minor units; a fixed price holds in its own currency only."""
    if entry.fixedPrice is not None:
        return min(price, entry.fixedPrice.minor) if entry.fixedPrice.currency is pricelist.currency else price
    percent = entry.discountPercent or Decimal(0)
    return part_of(price, 10_000 - int(percent * 100), 10_000)


def build_promotions(world: World, book: AttributeBook) -> None:
    """Fill the tables of campaigns, campaign variants, lowest prices and vouchers."""
    rng = world.rng("promotions")
    for store in world.stores:
        for name, start, days, percent, share in _CAMPAIGNS if store.id < 3 else _CAMPAIGNS[:1]:
            begin = _black_week(world) if name == "Black week" else world.timeline.at(start)
            _add_campaign(world, book, rng, store, name, begin, days, percent, share)
        if store.type == "DIRECT_TO_CONSUMER":
            for name, method, code, url, result, off, combines in _VOUCHERS:
                attributes = [book.dynamic("partner", 'Kårhuset "X"')] if url else ()
                add_voucher(
                    world,
                    store,
                    name,
                    method,
                    code,
                    world.timeline.start,
                    url=url,
                    result=result,
                    percent=off,
                    combines=combines,
                    attributes=attributes,
                )
    for market in world.markets:
        market.campaigns = [campaign for campaign in world.campaigns if market in campaign.markets]
    for pricelist in world.pricelists:
        pricelist.campaigns = [campaign for campaign in world.campaigns if pricelist in campaign.pricelists]
    for store in world.stores:
        store.campaigns = [campaign for campaign in world.campaigns if campaign.store is store]
    for display in world.displays:
        entries = [entry for variant in display.productVariants for entry in variant.campaignVariants]
        display.campaignVariants = [entry for entry in entries if entry.store is display.store]
    _note_lowest_prices(world)


def _black_week(world: World) -> datetime:
    fridays = [black_friday(year) for year in (world.timeline.start.year, world.timeline.now.year)]
    days = world.timeline.days()
    friday = next((day for day in fridays if day in days), days[len(days) * 45 // 100])
    return day_start(friday - timedelta(days=4))


def _add_campaign(
    world: World,
    book: AttributeBook,
    rng: random.Random,
    store: Store,
    name: str,
    start: datetime,
    days: int,
    percent: str,
    share: float,
) -> None:
    number = world.campaigns.take_id()
    campaign = Campaign(
        id=number,
        name=name,
        createdAt=start - timedelta(days=9),
        updatedAt=world.timeline.clamp(start),
        status="ACTIVE",
        markets=list(store.markets) if share > 0.5 else list(store.markets[:2]),
        pricelists=list(store.pricelists),
        deliveryWindows=world.delivery_windows.rows() if store.type == "WHOLESALE" else (),
        store=store,
        attributes=[book.dynamic("budget_code", f"B-{number:03d}")] if number % 2 else (),
    )
    world.campaigns.add(campaign)
    variants = [v for v in world.variants if any(d.store is store for d in v.displays) and not v.product.isBundle]
    # At full scale one campaign holds at least 500 variants, more than any page.
    count = min(len(variants), max(500, round(len(variants) * share)) if share > 0.5 else round(len(variants) * share))
    entries = []
    for position, variant in enumerate(sorted(rng.sample(variants, count), key=lambda variant: variant.id)):
        fixed = position % 25 == 24
        price = next((p.price for p in variant.prices if p.store is store and p.price is not None), None)
        entry = CampaignVariant(
            id=world.campaign_variants.take_id(),
            discountPercent=None if fixed and price else Decimal(percent),
            fixedPrice=world.mints[price.currency.code][price.minor * 6 // 10] if fixed and price else None,
            type="FIXED_PRICE" if fixed and price else "DISCOUNT_PERCENT",
            createdAt=campaign.createdAt,
            startAt=start,
            stopAt=start + timedelta(days=days),
            status="ACTIVE" if rng.random() < 0.97 else "INACTIVE",
            showSale=True,
            showNews=rng.random() < 0.05,
            campaign=campaign,
            productVariant=variant,
        )
        entries.append(world.campaign_variants.add(entry))
        variant.campaignVariants = [*variant.campaignVariants, entry]
    campaign.campaignVariants = entries


def lowest_price(world: World, price: Price) -> LowestPrice | None:
    """What the campaigns so far made of a price; None where there is no price or was no campaign."""
    pricelist, full = price.pricelist, price.price
    entries = [e for e in price.productVariant.campaignVariants if e.store is pricelist.store]
    started = [e for e in entries if e.startAt <= world.timeline.now]
    if full is None or not started:
        return None
    entry = min(started, key=lambda e: campaign_price(e, full.minor, pricelist))
    return LowestPrice(
        productVariant=price.productVariant,
        pricelist=pricelist,
        originalPrice=full,
        price=world.mints[pricelist.currency.code][campaign_price(entry, full.minor, pricelist)],
        startDate=entry.startAt,
        markets=[market for market in entry.campaign.markets if market.store is pricelist.store],
    )


def _note_lowest_prices(world: World) -> None:
    for pricelist in world.pricelists:
        found = (lowest_price(world, price) for price in pricelist.prices)
        pricelist.lowestPrices = [world.lowest_prices.add(row) for row in found if row is not None]


def add_voucher(
    world: World,
    store: Store,
    name: str,
    method: str,
    code: str | None,
    start: datetime,
    *,
    url: str | None = None,
    result: str = "CHANGE_ORDER_TOTAL",
    percent: int = 5,
    combines: bool = False,
    attributes: Sequence[Attribute] = (),
) -> Voucher:
    """A voucher that anyone may use from `start` on."""
    number = world.vouchers.take_id()
    return world.vouchers.add(
        Voucher(
            id=number,
            status="ACTIVE",
            name=name,
            method=method,
            type="NORMAL",
            code=code,
            entryPointStrategy="FIRST_MATCH",
            startAt=start,
            stopAt=None,
            attributes=attributes,
            actions=[voucher_action(number, result, f'{{"percent":{percent}}}')],
            adminUser=world.admin_users.one(1),
            markets=store.markets,
            store=store,
            url=url,
            conversionHTML=None,
            combineWithOtherVouchers=combines,
            createdAt=start,
            maxUsages=None if code else 1_000_000,
            priority=number,
            reuse=False,
            successfulUsages=0,
            updatedAt=start,
            isExternal=False,
            externalId=None,
        )
    )


def voucher_action(number: int, result: str, params: str) -> VoucherAction:
    """The one action of a voucher: what it asks for, what it does."""
    return VoucherAction(
        id=number,
        isEntryPoint=True,
        continueStrategy="UNKNOWN_VALUE",
        criteria=[VoucherActionCriteria(id=number, type="ALWAYS", paramsJSON=None)],
        result=VoucherActionResult(id=number, type=result, paramsJSON=params),
    )
