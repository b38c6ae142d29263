"""What the tables of the displays promise. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.attributes import AttributeContract, TranslationContract
from centra_assets.entities.contract import Contract, flag, instant, text, whole


class Displays(Contract):
    """A display: how a store shows a product. Without an active display and a price nothing sells."""

    table = "displays"

    id = whole("Id of the display.", source="id", key=True)
    store_id = whole("Store, as `stores.id`.", source="store.id")
    product_id = whole("Product shown, as `products.id`.", source="product.id")
    name = text("Name shown to shoppers, default language.", source="name")
    uri = text("Last part of the page's address; unique within the store.", source="uri")
    status = text("ACTIVE, INACTIVE or CANCELLED; open text.", source="status")
    canonical_category_id = whole("Main category, as `categories.id`.", source="canonicalCategory.id")
    tax_group_id = whole("Tax group that overrides the store's own.", source="taxGroup.id")
    minimum_order_quantity = whole("Fewest units in one order.", source="minimumOrderQuantity")
    order_quantity_denominator = whole("Units are ordered in multiples of this.", source="orderQuantityDenominator")
    short_description = text("Short description, default language.", source="shortDescription")
    description = text("Description, default language.", source="description")
    meta_title = text("Title for search engines.", source="metaTitle")
    meta_description = text("Description for search engines.", source="metaDescription")
    meta_keywords = text("Keywords for search engines.", source="metaKeywords")
    comment = text("Staff's comment.", source="comment", personal_data=True)
    updated_at = instant("When Centra last changed the display.", source="updatedAt")

    @dy.rule()
    def order_quantities_are_not_negative(cls) -> pl.Expr:
        return (pl.col("minimum_order_quantity") >= 0) & (pl.col("order_quantity_denominator") >= 0)


class DisplayItems(Contract):
    """A variant on a display: what the storefront calls a product, with an id of its own."""

    table = "display_items"

    id = whole("Id of the display item, which storefronts use as the product's id.", source="displayItems.id", key=True)
    display_id = whole("Display, as `displays.id`.", source="id", nullable=False)
    product_variant_id = whole("Variant, as `product_variants.id`.", source="displayItems.productVariant.id")
    position = whole("Place on the display, from 1.", source="displayItems", nullable=False)


class DisplayCategories(Contract):
    """A category in which a display stands."""

    table = "display_categories"

    display_id = whole("Display, as `displays.id`.", source="id", key=True)
    category_id = whole("Category, as `categories.id`.", source="categories.id", key=True)
    position = whole("Place among the display's categories, from 1.", source="categories", nullable=False)
    is_canonical = flag("Whether it is the display's main category.", source="canonicalCategory.id")


class DisplayMarkets(Contract):
    """A market in which a display is shown."""

    table = "display_markets"

    display_id = whole("Display, as `displays.id`.", source="id", key=True)
    market_id = whole("Market, as `markets.id`.", source="markets.id", key=True)


class DisplayMedia(Contract):
    """A picture or film that a display shows."""

    table = "display_media"

    display_id = whole("Display, as `displays.id`.", source="id", key=True)
    media_id = whole("Media, as `product_media.id`.", source="media.id", key=True)
    position = whole("Place on the display, from 1.", source="media", nullable=False)


class DisplayRelations(Contract):
    """A link from one display to another, such as an accessory or another colour."""

    table = "display_relations"

    id = whole("Id of the relation.", source="related.id", key=True)
    display_id = whole("Display that has the link, as `displays.id`.", source="id", key=True)
    target_display_id = whole("Display it leads to, as `displays.id`.", source="related.targetDisplay.id")
    type = text("Kind of relation, in the merchant's words.", source="related.type")
    position = whole("Place among the display's relations, from 1.", source="related", nullable=False)


class DisplayTags(Contract):
    """A tag of a display."""

    table = "display_tags"

    display_id = whole("Display, as `displays.id`.", source="id", key=True)
    tag = text("The tag.", source="tags", key=True)


class DisplayAttributes(AttributeContract):
    """One element of one custom attribute value of a display."""

    table = "display_attributes"


class DisplayTranslations(TranslationContract):
    """One field of a display in one language."""

    table = "display_translations"
