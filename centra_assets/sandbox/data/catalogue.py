"""Builds the catalogue: brands, collections, folders, products, variants, sizes, media. No displays and no prices."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.attributes import AttributeBook
from centra_assets.sandbox.data.nodes.catalogue import (
    Brand,
    Collection,
    Dimensions,
    DimensionsSettings,
    Folder,
    MediaSize,
    MediaSource,
    Product,
    ProductMedia,
    ProductSize,
    ProductVariant,
    ShippingSpecifications,
    ShippingSpecificationSettings,
    Weight,
    WeightSettings,
)
from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation, MeasurementTable, TranslatedField
from centra_assets.sandbox.data.reference import country_of, language_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.descriptions import MappedAttribute, SizeChart
    from centra_assets.sandbox.data.world import World

_BRANDS = ("Fjord & Fell", "Nørd", "Åsa Ö", "Kvist", "Maison d'Hiver", 'Studio "Norr"')
_COLLECTIONS = ("Spring", "Summer", "Autumn", "Winter", "Carry-over", "Archive")
# folder, noun, size chart, price in whole SEK from and to, weight in grams
_KINDS = (
    ("Knitwear", "Jumper", 1, 699, 1899, 420),
    ("Knitwear", "Cardigan", 1, 799, 2199, 460),
    ("Shirts", "Shirt", 1, 599, 1299, 260),
    ("Outerwear", "Jacket", 1, 1499, 4999, 1150),
    ("Shoes", "Boot", 2, 1299, 2999, 1400),
    ("Shoes", "Sneaker", 2, 899, 1799, 980),
    ("Accessories", "Scarf", 3, 299, 899, 140),
    ("Accessories", "Beanie", 3, 249, 499, 90),
    ("Accessories", "Tote", 3, 399, 1299, 380),
    ("Denim", "Jeans", 4, 999, 1599, 690),
    ("Kids", "Overall", 5, 499, 999, 350),
)
_KIND_WEIGHTS = (10, 8, 10, 10, 7, 7, 12, 10, 10, 6, 10)
_NAMES = (
    "Alva",
    "Björk",
    "Crux",
    "Dala",
    "Ebba",
    "Fjäll",
    "Göta",
    "Hav",
    "Idun",
    "Järv",
    "Kaja",
    "Lövö",
    "Mjölk",
    "Nord",
)
_SECOND = ("Classic", "Light", "Heavy", "Rib", "Storm", "Slim", "Relaxed", "Cropped", "Long")
_GERMAN = {"Jumper": "Pullover", "Shirt": "Hemd", "Jacket": "Jacke", "Boot": "Stiefel", "Scarf": "Schal"}
_SWEDISH = {"Jumper": "Tröja", "Shirt": "Skjorta", "Jacket": "Jacka", "Boot": "Känga", "Scarf": "Halsduk"}
_LONG_TEXT = "Warm, light, and made to be mended. " * 120
_PARCEL = Dimensions(length=Decimal("30.5"), width=Decimal(20), height=Decimal("4.25"))
_ORIGINS = ("PT", "PT", "IT", "CN", "IN", "SE")


def product_count(scale: float) -> int:
    """How many products a world of this scale has, bundles included."""
    return max(30, round(300 * scale))


def build_catalogue(world: World, book: AttributeBook) -> None:
    """Fill the tables from brands to media."""
    rng = world.rng("catalogue")
    for number, name in enumerate(_BRANDS, start=1):
        uri = None if number == 6 else "".join(c for c in name.lower() if c.isalnum())
        stores = world.stores.rows()[: 2 + number % 2]
        external = f"B{number}" if number < 5 else None
        world.brands.add(Brand(id=number, name=name, uri=uri, stores=stores, externalId=external))
    for number, name in enumerate(_COLLECTIONS, start=1):
        status = "INACTIVE" if name == "Archive" else "ACTIVE"
        world.collections.add(Collection(id=number, name=name, status=status, uri=name.lower(), externalId=None))
    for store in world.stores:
        store.brands = [brand for brand in world.brands if store in brand.stores]
    _build_folders(world)
    mediasize = MediaSize(name="standard", quality=90, maxWidth=1200, maxHeight=1600)
    count = product_count(world.scale)
    plain = count - max(2, count // 25)
    for moment in _creation_moments(world, rng, plain):
        _add_product(world, book, rng, moment, mediasize)
    _spoil_barcodes(world)
    for folder in world.folders:
        folder.products = [product for product in world.products if product.folder is folder]
    for collection in world.collections:
        collection.products = [product for product in world.products if product.collection is collection]


def _creation_moments(world: World, rng: random.Random, count: int) -> list[datetime]:
    # Seven in ten were there before the window opens, so that the first orders have something to buy.
    window = (world.timeline.now - world.timeline.start).days
    start, early = world.timeline.start, count * 7 // 10
    seconds = [-rng.randrange(86400, 500 * 86400) for _ in range(early)]
    seconds += [rng.randrange(max(1, window * 86400)) for _ in range(count - early)]
    return [start + timedelta(seconds=offset) for offset in sorted(seconds)]


def _build_folders(world: World) -> None:
    top = world.folders.add(Folder(id=1, name="All products", isTopFolder=True, externalId="F1"))
    names = [*dict.fromkeys(kind[0] for kind in _KINDS), "Bundles"]
    top.childFolders = [
        world.folders.add(Folder(id=number, name=name, parentFolder=top, externalId=None))
        for number, name in enumerate(names, start=2)
    ]


def _add_product(
    world: World, book: AttributeBook, rng: random.Random, created: datetime, media_size: MediaSize
) -> None:
    kind = rng.choices(_KINDS, _KIND_WEIGHTS)[0]
    folder_name, noun, chart_id, low, high, grams = kind
    number = world.products.take_id()
    name = f"{rng.choice(_NAMES)} {rng.choice(_SECOND)} {noun}"
    created_late = (world.timeline.now - created).days < 90
    weight = Weight(value=Decimal(grams) / 1000, unit="KILOGRAMS", formattedValue=f"{Decimal(grams) / 1000} kg")
    status = rng.choices(("ACTIVE", "INACTIVE", "CANCELLED"), (94, 4, 2))[0]
    product = Product(
        id=number,
        name=name,
        status=status,
        productNumber=f"FF{number:05d}",
        createdAt=created,
        updatedAt=world.timeline.clamp(created + timedelta(days=rng.randrange(1, 200), seconds=rng.randrange(86400))),
        harmonizedCommodityCode=None if rng.random() < 0.1 else f"61{rng.randrange(10**6):06d}",
        harmonizedCommodityCodeDescription=None if rng.random() < 0.5 else f"{noun}s of textile",
        internalComment=rng.choice((None, None, "", "Reorder in week 34;\ncheck with Åsa", "\\N")),
        weight=None if rng.random() < 0.03 else weight,
        attributes=book.of_product(rng, f"FF{number:05d}"),
        brand=None if rng.random() < 0.01 else rng.choice(world.brands.rows()),
        collection=world.collections.one(rng.randint(1, 4) if created_late else rng.randint(1, 5)),
        countryOfOrigin=country_of(world, rng.choice(_ORIGINS)),
        folder=world.folders.find(lambda folder: folder.name == folder_name),
        translations=_translations(world, noun, name),
        externalId=f"PIM-{number:06d}" if rng.random() < 0.9 else None,
    )
    world.products.add(product)
    if noun == "Jumper":
        tops = world.measurement_charts.one(1)
        product.measurementTable = MeasurementTable(
            chart=tops, inherited=True, contentJSON=tops.contentJSON, values=tops.values
        )
    product.listPrice = (rng.randrange(low, high) // 50 * 50 + 49) * 100
    colors = rng.sample(book.mapped["color"], rng.choices((2, 3, 4), (28, 44, 28))[0])
    chart = world.size_charts.one(chart_id)
    product.variants = [add_variant(world, book, rng, product, color, chart) for color in colors]
    media: list[ProductMedia] = []
    for variant in product.variants:
        variant.media = [_add_media(world, rng, product, media_size) for _ in range(rng.randint(1, 3))]
        media.extend(variant.media)
    product.media = media


def _translations(world: World, noun: str, name: str) -> list[LanguageTranslation]:
    found = []
    for code, words in (("sv", _SWEDISH), ("de", _GERMAN)):
        if noun in words:
            fields = [TranslatedField(field="name", value=name.replace(noun, words[noun]))]
            if code == "sv":
                fields.append(TranslatedField(field="internalComment", value=None))
            found.append(LanguageTranslation(language=language_of(world, code), fields=fields))
    return found


def add_variant(
    world: World,
    book: AttributeBook,
    rng: random.Random,
    product: Product,
    color: MappedAttribute,
    chart: SizeChart,
) -> ProductVariant:
    """A variant with all its sizes; it costs about a third of the product's price."""
    cost = round(product.listPrice * rng.uniform(0.24, 0.38))
    variant = ProductVariant(
        id=world.variants.take_id(),
        name=str(color.elements[0].value) if hasattr(color.elements[0], "value") else color.name,
        variantNumber=f"-{color.name[:3].upper()}",
        status=product.status if product.status != "CANCELLED" else "INACTIVE",
        internalName=None if rng.random() < 0.7 else f"{product.name} / {color.name}",
        unitCost=None if rng.random() < 0.02 else world.mints["SEK"][cost],
        updatedAt=world.timeline.clamp(product.updatedAt + timedelta(seconds=rng.randrange(5_000_000))),
        stockOffset=0 if rng.random() < 0.9 else 2,
        shippingSpecificationSettings=None
        if product.weight is None
        else ShippingSpecificationSettings(
            weight=WeightSettings(weight=product.weight),
            dimensions=DimensionsSettings(dimensions=_PARCEL),
        ),
        attributes=book.of_variant(rng, color),
        product=product,
        sizeChart=chart,
        externalId=None if rng.random() < 0.2 else f"V{product.id}-{color.id}",
    )
    world.variants.add(variant)
    variant.productSizes = [_add_size(world, rng, variant, position) for position in range(len(chart.sizes))]
    return variant


def _add_size(world: World, rng: random.Random, variant: ProductVariant, position: int) -> ProductSize:
    size = variant.sizeChart.sizes[position] if variant.sizeChart else world.sizes.one(1)
    number = world.product_sizes.take_id()
    return world.product_sizes.add(
        ProductSize(
            id=number,
            description=None,
            preorder=False,
            sizeNumber=f"-{position + 1:02d}",
            EAN=None if rng.random() < 0.02 else f"735{number:09d}{number % 10}",
            UPC=None,
            comment=None,
            weight=variant.product.weight,
            shippingSpecifications=ShippingSpecifications(weight=variant.product.weight, dimensions=None),
            updatedAt=variant.updatedAt,
            isActive=variant.status == "ACTIVE",
            size=size,
            productVariant=variant,
        )
    )


def _add_media(world: World, rng: random.Random, product: Product, media_size: MediaSize) -> ProductMedia:
    number = world.media.take_id()
    url = f"https://media.fjordfell.example/{product.productNumber.lower()}/{number}.jpg"
    return world.media.add(
        ProductMedia(
            id=number,
            source=MediaSource(mediaSize=media_size, url=url, mimeType="image/jpeg", type="IMAGE"),
            metaDataJSON=f'{{"originalSha1":"{rng.getrandbits(160):040x}","originalUrl":"{url}"}}',
            altText=rng.choice((None, "", product.name, f"{product.name}, seen from the side")),
            product=product,
        )
    )


def _spoil_barcodes(world: World) -> None:
    # EANs should be unique; in life a few are not, because a retired size's code was used again.
    sizes = world.product_sizes.rows()
    for retired, heir in ((3, 11), (len(sizes) // 3, len(sizes) // 2)):
        sizes[retired].isActive = False
        sizes[heir].EAN = sizes[retired].EAN
    world.products.rows()[5].internalComment = _LONG_TEXT
