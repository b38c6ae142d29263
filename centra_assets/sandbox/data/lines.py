"""Makes the lines of an order: products, bundles with their parts, gift certificates. No totals."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import apportion
from centra_assets.sandbox.data.nodes.orders import (
    BundleItemOrderLine,
    BundleOrderLine,
    GiftCertificateOrderLine,
    OrderLine,
    ProductOrderLine,
)
from centra_assets.sandbox.data.nodes.promotions import OrderLineCampaign
from centra_assets.sandbox.data.promotions import campaign_price
from centra_assets.sandbox.data.reckoning import value_line

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import Display, Product, ProductSize
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.pricing import Offer
    from centra_assets.sandbox.data.shop import Shop

# Face values of gift certificates per currency, in minor units.
_FACE_VALUES = {"SEK": 50_000, "NOK": 50_000, "GBP": 5_000, "USD": 5_000, "JPY": 5_000, "EUR": 5_000}
_LINE_COMMENTS = ("Gift wrap", "", 'Engrave "E & Å"', "\\N", "two\nlines")


def product_line(shop: Shop, rng: random.Random, order: Order, offer: Offer, quantity: int) -> OrderLine:
    """A product bought as itself, at the campaign's price if one is on."""
    line = _line(shop, ProductOrderLine, order, offer.size, offer.display, quantity, order.terms.rate)
    line.comment = rng.choice(_LINE_COMMENTS) if rng.random() < 0.02 else None
    price = offer.price
    entry = shop.campaigns.at(order.store, offer.variant, order.createdAt)
    if entry is not None and order.pricelist is not None:
        price = campaign_price(entry, offer.price, order.pricelist)
        if price < offer.price:
            mint = order.terms.mint
            line.hasAnyDiscount = True
            line.discountPercent = (Decimal(100 * (offer.price - price)) / offer.price).quantize(Decimal("0.01"))
            line.lineCampaign = OrderLineCampaign(
                discount=mint[offer.price - price],
                originalDiscount=mint[offer.price - price],
                type=entry.type,
                discountPercent=entry.discountPercent,
                fixedPrice=entry.fixedPrice,
                showSale=entry.showSale,
                showNews=entry.showNews,
                startAt=entry.startAt,
                stopAt=entry.stopAt,
                name=entry.campaign.name,
                campaign=entry.campaign,
            )
    line.unitOriginalPrice = order.terms.taxed(offer.price, order.terms.tax(offer.price))
    value_line(line, order.terms, price)
    return line


def bundle_lines(
    shop: Shop, rng: random.Random, order: Order, product: Product, display: Display, price: int
) -> list[OrderLine]:
    """A bundle and its parts; the parts' values add up to the bundle's, and only they are counted."""
    parent = _line(shop, BundleOrderLine, order, product.variants[0].productSizes[0], display, 1, order.terms.rate)
    sections = product.bundle.sections if product.bundle else ()
    sizes = [rng.choice(rng.choice(section.productVariants).productSizes) for section in sections]
    weights = [size.product.listPrice * section.quantity for size, section in zip(sizes, sections, strict=True)]
    units: list[tuple[int, int]] = []
    for share, section in zip(apportion(price, weights), sections, strict=True):
        units.append((share // section.quantity, section.quantity))
    parts: list[OrderLine] = []
    for size, (unit, quantity) in zip(sizes, units, strict=True):
        part = _line(shop, BundleItemOrderLine, order, size, None, quantity, order.terms.rate)
        part.unitOriginalPrice = order.terms.taxed(unit, order.terms.tax(unit))
        value_line(part, order.terms, unit)
        parts.append(part)
    whole = sum(unit * quantity for unit, quantity in units)
    parent.unitOriginalPrice = order.terms.taxed(whole, order.terms.tax(whole))
    value_line(parent, order.terms, whole)
    return [parent, *parts]


def gift_certificate_line(shop: Shop, rng: random.Random, order: Order) -> OrderLine:
    """A gift certificate: money taken for later, so no tax yet."""
    value = _FACE_VALUES[order.terms.mint.currency.code] * rng.choice((1, 1, 2))
    taxed = order.terms.taxed(value, 0)
    line = GiftCertificateOrderLine(
        id=shop.world.order_lines.take_id(),
        size="",
        productNumber="GIFTCERT",
        productName="Gift certificate",
        quantity=1,
        cancelledQuantity=0,
        returnedQuantity=0,
        shippedQuantity=0,
        unitOriginalPrice=taxed,
        unitPrice=taxed,
        lineValue=taxed,
        discountPercent=Decimal(0),
        taxPercent=Decimal(0),
    )
    value_line(line, order.terms, value)
    return line


def _line(
    shop: Shop,
    kind: type[OrderLine],
    order: Order,
    size: ProductSize,
    display: Display | None,
    quantity: int,
    rate: Decimal,
) -> OrderLine:
    variant, product = size.productVariant, size.product
    nothing = order.terms.mint.taxed(0, 0)
    return kind(
        id=shop.world.order_lines.take_id(),
        size=size.size.name or "",
        productNumber=product.productNumber,
        productName=product.name,
        productBrand=product.brand.name if product.brand else None,
        productVariantName=variant.name,
        folderName=product.folder.name if product.folder else None,
        frontendItemId=str(display.id) if display else None,
        quantity=quantity,
        cancelledQuantity=0,
        returnedQuantity=0,
        shippedQuantity=0,
        unitOriginalPrice=nothing,
        unitPrice=nothing,
        lineValue=nothing,
        discountPercent=Decimal(0),
        taxPercent=rate,
        brand=product.brand,
        category=display.canonicalCategory if display else None,
        collection=product.collection,
        display=display,
        product=product,
        productVariant=variant,
        productSize=size,
    )
