"""Faults in stock, in what is for sale, and in the times of records, each breaking one promise and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.breaking import Breaker, Fault, new_place, without

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import Display, Price
    from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation


def _physical(breaker: Breaker) -> None:
    level = breaker.pick(breaker.world.stock, lambda row: row.physicalQuantity > 0)
    breaker.answer(level, "freeToAllocateQuantity", level.freeToAllocateQuantity + 1)
    breaker.touch(level)


def _available(breaker: Breaker) -> None:
    level = breaker.pick(breaker.world.stock, lambda row: row.physicalQuantity > 0)
    breaker.answer(level, "availableQuantity", level.availableQuantity + 1)
    breaker.touch(level)


def _unexplained(breaker: Breaker) -> None:
    begin = breaker.world.stock_changes.rows()[0].createdAt
    level = breaker.pick(breaker.world.stock, lambda row: row.physicalQuantity > 0 and row.product.createdAt >= begin)
    breaker.set(level, "physicalQuantity", level.physicalQuantity + 1)
    breaker.touch(level)


def _price_of(display: Display) -> Price | None:
    """A price that an active display needs in one of its markets."""
    if display.status != "ACTIVE":
        return None
    countries = {country.id for market in display.markets for country in market.assignedToCountries}
    for item in display.displayItems:
        for price in item.productVariant.prices if item.productVariant.status == "ACTIVE" else ():
            reached = countries & {country.id for country in price.pricelist.assignedToCountries}
            if price.store is display.store and price.price is not None and reached:
                return price
    return None


def _price(breaker: Breaker) -> None:
    price = _price_of(breaker.pick(breaker.world.displays, _price_of))
    assert price is not None
    breaker.set(price, "price", None)
    breaker.touch(price)


def _no_prices(breaker: Breaker) -> None:
    """A pricelist for the same countries as one that is in use, activated before anybody filled it."""
    countries = {country.id for market in breaker.world.markets.rows() for country in market.assignedToCountries}
    used = breaker.pick(
        breaker.world.pricelists,
        lambda row: row.status == "ACTIVE" and countries & {country.id for country in row.assignedToCountries},
    )
    empty = replace(used, id=new_place(), prices=[])
    breaker.add("Pricelist", empty)
    breaker.touch(empty)


def _text_of(display: Display) -> LanguageTranslation | None:
    """The texts of an active display in a language that one of its markets speaks."""
    countries = {country.id for market in display.markets for country in market.assignedToCountries}
    for texts in display.translations if display.status == "ACTIVE" else ():
        if texts.language.isActive and countries & {country.id for country in texts.language.countries}:
            return texts
    return None


def _text(breaker: Breaker) -> None:
    display = breaker.pick(breaker.world.displays, _text_of)
    texts = _text_of(display)
    assert texts is not None
    breaker.set(display, "translations", without(display.translations, texts))
    breaker.touch(display)


def _bar_code(breaker: Breaker) -> None:
    product = breaker.pick(
        breaker.world.products,
        lambda row: sum(bool(size.isActive and size.EAN) for v in row.variants for size in v.productSizes) > 1,
    )
    first, second, *_ = (
        size for variant in product.variants for size in variant.productSizes if size.isActive and size.EAN
    )
    # As it comes out of a spreadsheet.
    breaker.set(first, "EAN", f"{second.EAN} ")
    breaker.touch(product)


def _bundle(breaker: Breaker) -> None:
    bundle = breaker.pick(breaker.world.bundles, lambda row: row.type == "FIXED" and row.product.status == "ACTIVE")
    variant = bundle.sections[0].productVariants[0]
    breaker.set(variant, "status", "INACTIVE")
    breaker.touch(variant.product)


def _campaign(breaker: Breaker) -> None:
    entry = breaker.world.campaign_variants.rows()[-1]
    breaker.set(entry, "stopAt", entry.startAt - timedelta(days=1))
    breaker.touch(entry.campaign)


def _voucher(breaker: Breaker) -> None:
    voucher = breaker.pick(breaker.world.vouchers, lambda row: row.startAt)
    assert voucher.startAt is not None
    breaker.set(voucher, "stopAt", voucher.startAt - timedelta(days=1))
    breaker.touch(voucher)


# Core table -> kind of object, of those that say both when they were made and when they were changed.
_TIMED: Mapping[str, str] = {
    "accounts": "Account",
    "campaigns": "Campaign",
    "customers": "Customer",
    "invoices": "Invoice",
    "orders": "Order",
    "products": "Product",
    "purchase_orders": "PurchaseOrder",
    "shipments": "Shipment",
    "vouchers": "Voucher",
}


def _created_too_late(table: str, breaker: Breaker) -> None:
    """Moved by creation, not by change: what seems older than what is known already would not be believed."""
    rows = [row for row in breaker.world.tables[table] if row.createdAt]
    same_day = [row for row in rows if row.createdAt.date() == row.updatedAt.date()]
    node = breaker.pick(same_day or rows, lambda row: True)
    breaker.set(node, "createdAt", node.updatedAt + timedelta(seconds=2))
    breaker.touch(node)


def _timed() -> Iterator[tuple[str, Fault]]:
    for table, kind in _TIMED.items():
        yield f"{table}.updated_after_it_was_created", partial(_created_too_late, kind)


BROKEN_ASSORTMENT: Mapping[str, Fault] = {
    "stock_levels.physical_is_free_plus_allocated": _physical,
    "stock_levels.available_is_free_less_demand": _available,
    "stock_levels.movements_explain_the_level": _unexplained,
    "displays.variants_have_their_prices": _price,
    "pricelists.active_ones_have_prices": _no_prices,
    "displays.texts_are_in_every_language": _text,
    "product_sizes.eans_are_unique": _bar_code,
    "bundles.bundles_are_complete": _bundle,
    "campaign_variants.period_is_sane": _campaign,
    "vouchers.period_is_sane": _voucher,
    **dict(_timed()),
}
