"""What the tables of the product catalogue promise. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.attributes import AttributeContract, TranslationContract
from centra_assets.entities.contract import Contract, document, flag, instant, money, rate, text, whole


class Products(Contract):
    """A product: what its variants (colours, mostly) and their sizes share. A bundle is a product too."""

    table = "products"

    id = whole("Id of the product.", source="id", key=True)
    product_number = text("The merchant's own number.", source="productNumber")
    name = text("Name in the default language.", source="name")
    status = text("ACTIVE or INACTIVE; open text, since versions differ.", source="status")
    external_id = text("Id in the system that the token's integration speaks for (inferred).", source="externalId")
    created_at = instant("When the product was created.", source="createdAt")
    updated_at = instant("When Centra last changed the product itself.", source="updatedAt")
    is_bundle = flag("Whether the product is a bundle of others.", source="isBundle")
    is_serializable = flag("Whether its units carry serial numbers.", source="isSerializableProduct")
    brand_id = whole("Brand, as `brands.id`.", source="brand.id")
    collection_id = whole("Collection, as `collections.id`.", source="collection.id")
    folder_id = whole("Folder, as `folders.id`.", source="folder.id")
    country_of_origin_id = whole("Country of origin, as `countries.id`.", source="countryOfOrigin.id")
    country_of_origin_code = text("Country of origin, two letters.", source="countryOfOrigin.code")
    harmonized_commodity_code = text("Customs tariff number.", source="harmonizedCommodityCode")
    harmonized_commodity_code_description = text(
        "Description that goes with the customs tariff number.", source="harmonizedCommodityCodeDescription"
    )
    weight = rate("Weight of one unit, in `weight_unit`.", source="weight.value")
    weight_unit = text("KILOGRAMS, GRAMS, POUNDS or OUNCES.", source="weight.unit")
    measurement_chart_id = whole("Chart of the measurement table.", source="measurementTable.chart.id")
    are_measurements_inherited = flag(
        "Whether the measurement table comes from the chart unchanged.", source="measurementTable.inherited"
    )
    measurements = document("The measurement table's content.", source="measurementTable.contentJSON")
    internal_comment = text("Staff's comment.", source="internalComment", personal_data=True)

    @dy.rule()
    def weight_is_not_negative(cls) -> pl.Expr:
        return pl.col("weight") >= 0


class ProductVariants(Contract):
    """A variant of a product, mostly a colour. Prices, displays and campaigns speak of variants."""

    table = "product_variants"

    id = whole("Id of the variant.", source="variants.id", key=True)
    product_id = whole("Product, as `products.id`.", source="id", nullable=False)
    position = whole("Place among the product's variants, from 1.", source="variants", nullable=False)
    variant_number = text("The merchant's own number, within the product.", source="variants.variantNumber")
    name = text("Name shown to shoppers.", source="variants.name")
    internal_name = text("Name shown to staff.", source="variants.internalName")
    status = text("ACTIVE, INACTIVE or CANCELLED; open text.", source="variants.status")
    external_id = text(
        "Id in the system that the token's integration speaks for (inferred).", source="variants.externalId"
    )
    updated_at = instant("When Centra last changed the variant.", source="variants.updatedAt")
    size_chart_id = whole("Size chart, as `size_charts.id`; never changes.", source="variants.sizeChart.id")
    stock_offset = whole(
        "Units held back from the shop; not yet taken off `stock_levels.free_to_allocate_quantity`.",
        source="variants.stockOffset",
    )
    unit_cost = money("What one unit costs the merchant, in `unit_cost_currency`.", source="variants.unitCost.value")
    unit_cost_currency = text("ISO 4217 code.", source="variants.unitCost.currency.code")

    @dy.rule()
    def unit_cost_is_not_negative(cls) -> pl.Expr:
        return pl.col("unit_cost") >= 0

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("unit_cost_currency").str.len_chars() == 3


class ProductSizes(Contract):
    """A size of a variant: what is sold, stocked and scanned. Its SKU is product + variant + size number."""

    table = "product_sizes"

    id = whole("Id of the product size.", source="variants.productSizes.id", key=True)
    product_variant_id = whole("Variant, as `product_variants.id`.", source="variants.id", nullable=False)
    product_id = whole("Product, as `products.id`.", source="id", nullable=False)
    position = whole("Place among the variant's sizes, from 1.", source="variants.productSizes", nullable=False)
    sku = text("Stock keeping unit, made by Centra.", source="variants.productSizes.SKU")
    size_number = text("The merchant's own number of the size.", source="variants.productSizes.sizeNumber")
    size_id = whole("Size in the size chart, as `sizes.id`.", source="variants.productSizes.size.id")
    size_name = text("Name of that size, such as `M`.", source="variants.productSizes.size.name")
    ean = text("EAN; ought to be unique, yet duplicates happen.", source="variants.productSizes.EAN")
    upc = text("UPC.", source="variants.productSizes.UPC")
    description = text("Description of the size.", source="variants.productSizes.description")
    comment = text("Staff's comment.", source="variants.productSizes.comment", personal_data=True)
    is_active = flag("Whether the size is in use.", source="variants.productSizes.isActive")
    is_preorder = flag("Whether it may be sold before it is in stock.", source="variants.productSizes.preorder")
    quantity = whole(
        "The quantity that Centra states on the size itself, all warehouses together; `stock_levels` tells the kinds "
        "of quantity apart.",
        source="variants.productSizes.quantity",
    )
    weight = rate("Weight of one unit, in `weight_unit`.", source="variants.productSizes.weight.value")
    weight_unit = text("KILOGRAMS, GRAMS, POUNDS or OUNCES.", source="variants.productSizes.weight.unit")
    updated_at = instant("When Centra last changed the size.", source="variants.productSizes.updatedAt")

    @dy.rule()
    def weight_is_not_negative(cls) -> pl.Expr:
        return pl.col("weight") >= 0


class ProductMedia(Contract):
    """A picture or film of a product. Variants and displays choose from these."""

    table = "product_media"

    id = whole("Id of the media.", source="media.id", key=True)
    product_id = whole("Product, as `products.id`.", source="id", nullable=False)
    position = whole("Place among the product's media, from 1.", source="media", nullable=False)
    url = text("Address of the original.", source="media.source.url")
    mime_type = text("MIME type.", source="media.source.mimeType")
    media_type = text("IMAGE or VIDEO; open text.", source="media.source.type")
    alt_text = text("Text for those who cannot see it (inferred).", source="media.altText")
    metadata = document(
        "Whatever the importer noted, such as `originalUrl` and `originalSha1`; null where it is not JSON.",
        source="media.metaDataJSON",
    )


class Bundles(Contract):
    """A bundle: the virtual product's terms. What is in it is in `bundle_items`."""

    table = "bundles"

    id = whole("Id of the bundle.", source="bundle.id", key=True)
    product_id = whole("The virtual product, as `products.id`.", source="id", nullable=False)
    type = text("FIXED (always the same parts) or FLEXIBLE (the shopper chooses).", source="bundle.type")
    price_type = text("STATIC (own price) or DYNAMIC (sum of its parts).", source="bundle.priceType")
    size_chart_id = whole("Size chart, as `size_charts.id`.", source="bundle.sizeChart.id")
    created_at = instant("When the bundle was created.", source="bundle.createdAt")
    updated_at = instant("When Centra last changed the bundle.", source="bundle.updatedAt")


class BundleItems(Contract):
    """A variant that fills, or may fill, one section of a bundle. A flexible section has several to choose from."""

    table = "bundle_items"

    section_id = whole("Id of the bundle's section.", source="bundle.sections.id", key=True)
    product_variant_id = whole(
        "The part, as `product_variants.id`.", source="bundle.sections.productVariants.id", key=True
    )
    bundle_id = whole("Bundle, as `bundles.id`.", source="bundle.id", nullable=False)
    product_id = whole("The virtual product, as `products.id`.", source="id", nullable=False)
    section_position = whole("Place of the section in the bundle, from 1.", source="bundle.sections", nullable=False)
    position = whole(
        "Place of the variant in the section, from 1.", source="bundle.sections.productVariants", nullable=False
    )
    quantity = whole("Units of the section in one bundle.", source="bundle.sections.quantity")

    @dy.rule()
    def quantity_is_not_negative(cls) -> pl.Expr:
        return pl.col("quantity") >= 0


class ProductAttributes(AttributeContract):
    """One element of one custom attribute value of a product."""

    table = "product_attributes"


class ProductTranslations(TranslationContract):
    """One field of a product in one language."""

    table = "product_translations"


class ProductVariantAttributes(AttributeContract):
    """One element of one custom attribute value of a product variant."""

    table = "product_variant_attributes"


class ProductVariantTranslations(TranslationContract):
    """One field of a product variant in one language."""

    table = "product_variant_translations"


class ProductVariantMedia(Contract):
    """A picture or film of the product that a variant shows."""

    table = "product_variant_media"

    product_variant_id = whole("Variant, as `product_variants.id`.", source="id", key=True)
    media_id = whole("Media, as `product_media.id`.", source="media.id", key=True)
    position = whole("Place among the variant's media, from 1.", source="media", nullable=False)
