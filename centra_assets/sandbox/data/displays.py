"""Builds what shoppers see: category trees, displays, their items and relations. No prices."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.attributes import AttributeBook
from centra_assets.sandbox.data.nodes.catalogue import Category, Display, DisplayItem, DisplayRelation
from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation, TranslatedField
from centra_assets.sandbox.data.reference import language_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import Product, ProductVariant
    from centra_assets.sandbox.data.nodes.reference import Market, Store
    from centra_assets.sandbox.data.world import World

# Top category -> second level -> the folders' products below it, third level
_TREE: dict[str, dict[str, Sequence[str]]] = {
    "Women": {"Tops": ("Knitwear", "Shirts"), "Coats": ("Outerwear",), "Footwear": ("Shoes",)},
    "Men": {"Tops": ("Knitwear", "Shirts"), "Coats": ("Outerwear",), "Bottoms": ("Denim",)},
    "Kids": {"Outdoor": ("Kids",)},
    "Extras": {"All": ("Accessories", "Bundles")},
}
_SHARES = (0.95, 0.8, 0.85)


def build_displays(world: World, book: AttributeBook) -> None:
    """Fill the tables of categories, displays and display items."""
    rng = world.rng("displays")
    for store in world.stores:
        by_folder = _build_categories(world, book, store)
        for product in world.products:
            if rng.random() < _SHARES[store.id - 1]:
                _add_displays(world, book, rng, store, product, by_folder)
    _relate(world, rng)
    for market in world.markets:
        market.displays = [display for display in world.displays if market in display.markets]


def _build_categories(world: World, book: AttributeBook, store: Store) -> dict[str, list[Category]]:
    by_folder: dict[str, list[Category]] = {}
    for top_name, branches in _TREE.items():
        top = _add_category(world, store, top_name, None, is_top=True)
        if top_name == "Women":
            top.attributes = [book.dynamic("banner", "https://media.fjordfell.example/banner/women.jpg")]
        for branch_name, folders in branches.items():
            branch = _add_category(world, store, branch_name, top)
            for folder in folders:
                by_folder.setdefault(folder, []).append(_add_category(world, store, folder, branch))
    store.categories = [category for category in world.categories if category.store is store]
    return by_folder


def _add_category(world: World, store: Store, name: str, parent: Category | None, *, is_top: bool = False) -> Category:
    category = Category(
        id=world.categories.take_id(),
        name=name,
        status="ACTIVE",
        isTopCategory=is_top,
        uri=f"{parent.uri}/{name.lower()}" if parent else name.lower(),
        metaTitle=f"{name} | {store.name}" if parent is None else None,
        metaDescription="" if parent else None,
        parentCategory=parent,
        store=store,
    )
    if name == "Shoes":
        fields = [TranslatedField(field="name", value="Skor"), TranslatedField(field="uri", value="skor")]
        category.translations = [LanguageTranslation(language=language_of(world, "sv"), fields=fields)]
    if parent is not None:
        parent.childCategories = [*parent.childCategories, category]
    return world.categories.add(category)


def _add_displays(
    world: World,
    book: AttributeBook,
    rng: random.Random,
    store: Store,
    product: Product,
    by_folder: dict[str, list[Category]],
) -> None:
    together = rng.random() < 0.8 or product.isBundle
    groups = [list(product.variants)] if together else [[variant] for variant in product.variants]
    candidates = by_folder.get(product.folder.name if product.folder else "", [])
    for variants in groups:
        _add_display(world, book, rng, store, product, variants, candidates)


def _add_display(
    world: World,
    book: AttributeBook,
    rng: random.Random,
    store: Store,
    product: Product,
    variants: list[ProductVariant],
    candidates: list[Category],
) -> Display:
    number = world.displays.take_id()
    uri = f"{product.name.lower().replace(' ', '-')}-{number}"
    markets = [market for market in store.markets if rng.random() < 0.95] or list(store.markets)
    categories = rng.sample(candidates, min(len(candidates), rng.randint(1, 2)))
    display = Display(
        id=number,
        name=product.name,
        status="ACTIVE" if product.status == "ACTIVE" and rng.random() < 0.96 else "INACTIVE",
        uri=uri,
        minimumOrderQuantity=6 if store.type == "WHOLESALE" and rng.random() < 0.1 else None,
        orderQuantityDenominator=None,
        description=rng.choice((None, "", f"<p>{product.name} — made to be worn for years.</p>\n<p>Fits “true”.</p>")),
        shortDescription=None,
        metaTitle=product.name if rng.random() < 0.5 else None,
        comment=None,
        tags=rng.sample(("new", "organic", "unisex", "förhandsvisning"), rng.randint(0, 2)),
        updatedAt=world.timeline.clamp(product.updatedAt + timedelta(seconds=rng.randrange(8_000_000))),
        attributes=book.of_display(rng, uri),
        categories=sorted(categories, key=lambda category: category.id),
        canonicalCategory=categories[0] if categories else None,
        translations=_texts(world, product, markets),
        markets=markets,
        media=[media for variant in variants for media in variant.media],
        product=product,
        productVariants=variants,
        store=store,
        taxGroup=world.tax_groups.one(1),
    )
    items = []
    for variant in variants:
        item = DisplayItem(id=world.display_items.take_id(), display=display, productVariant=variant)
        items.append(world.display_items.add(item))
        variant.displays = [*variant.displays, display]
        variant.displayItems = [*variant.displayItems, item]
    display.displayItems = items
    product.displays = [*product.displays, display]
    for category in display.categories:
        category.displayConnection = [*category.displayConnection, display]
    return world.displays.add(display)


def _texts(world: World, product: Product, markets: Sequence[Market]) -> list[LanguageTranslation]:
    """A name in every language that is spoken where the display is shown; English needs none, it is the default."""
    texts = list(product.translations)
    translated = {text.language.code for text in texts}
    countries = {country.code for market in markets for country in market.assignedToCountries}
    for language in world.languages:
        if language.isActive and language.countryCode in countries and language.code not in {"en", *translated}:
            fields = [TranslatedField(field="name", value=f"{product.name} ({language.code})")]
            texts.append(LanguageTranslation(language=language, fields=fields))
    return texts


def _relate(world: World, rng: random.Random) -> None:
    number = 1
    for store in world.stores:
        own = [display for display in world.displays if display.store is store]
        for display in own:
            if rng.random() < 0.25:
                others = rng.sample(own, min(len(own), 4))
                related = [other for other in others if other is not display]
                display.related = [
                    DisplayRelation(id=number + i, type=rng.choice(("standard", "upsell")), targetDisplay=other)
                    for i, other in enumerate(related)
                ]
                number += len(related)
