"""Builds bundles: virtual products whose stock is that of their parts. No prices."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.attributes import AttributeBook
from centra_assets.sandbox.data.catalogue import add_variant, product_count
from centra_assets.sandbox.data.nodes.catalogue import Bundle, BundleSection, Product

if TYPE_CHECKING:
    from centra_assets.sandbox.data.world import World


def build_bundles(world: World, book: AttributeBook) -> None:
    """Add the bundles: two in three fixed, the rest flexible."""
    rng = world.rng("bundles")
    parts = [product for product in world.products if product.status == "ACTIVE"]
    section_id = 1
    for position in range(product_count(world.scale) - len(world.products)):
        flexible = position % 3 == 2
        chosen = rng.sample(parts[: len(parts) * 2 // 3], rng.randint(2, 3))
        product = _add_bundle_product(world, book, rng, chosen, position)
        moment = product.createdAt
        sections = []
        for part in chosen:
            variants = list(part.variants) if flexible else list(part.variants[:1])
            sections.append(
                BundleSection(id=section_id, quantity=1, createdAt=moment, updatedAt=moment, productVariants=variants)
            )
            section_id += 1
        if not flexible and position % 2 == 0:
            sections[0].quantity = 2
        product.bundle = world.bundles.add(
            Bundle(
                id=product.id,
                createdAt=moment,
                updatedAt=product.updatedAt,
                type="FLEXIBLE" if flexible else "FIXED",
                priceType="DYNAMIC" if position % 4 == 3 else "STATIC",
                sizeChart=world.size_charts.one(3),
                sizes=world.size_charts.one(3).sizes,
                sections=sections,
                product=product,
            )
        )
        units = sum(part.listPrice * section.quantity for part, section in zip(chosen, sections, strict=True))
        product.listPrice = units if product.bundle.priceType == "DYNAMIC" else units * 85 // 10000 * 100


def _add_bundle_product(
    world: World, book: AttributeBook, rng: random.Random, parts: list[Product], position: int
) -> Product:
    number = world.products.take_id()
    created = max(world.products.rows()[-1].createdAt, max(part.createdAt for part in parts))
    product = Product(
        id=number,
        name=f"Set {position + 1}: {' + '.join(part.name.split()[-1] for part in parts)}",
        status="ACTIVE",
        productNumber=f"FFB{number:04d}",
        createdAt=world.timeline.clamp(created + timedelta(minutes=5)),
        updatedAt=world.timeline.clamp(created + timedelta(hours=5)),
        isBundle=True,
        brand=parts[0].brand,
        folder=world.folders.find(lambda folder: folder.name == "Bundles"),
        listPrice=sum(part.listPrice for part in parts),
        externalId=None,
    )
    world.products.add(product)
    product.variants = [
        add_variant(world, book, rng, product, rng.choice(book.mapped["color"]), world.size_charts.one(3))
    ]
    return product
