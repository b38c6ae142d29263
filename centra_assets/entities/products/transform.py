"""From product and variant records to the catalogue's tables. What the tables promise is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.attributes import attribute_rows, translation_rows
from centra_assets.entities.frames import children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext


def transform_products(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """The tables of the product record: the product, its variants and sizes, texts, media and bundle."""
    product_id = field("id")
    variants = children(records, "variants", position="position", product_id=product_id)
    return {
        "products": _products(records),
        "product_variants": _variants(variants),
        "product_sizes": _sizes(variants),
        "product_media": _media(records),
        "bundles": _bundles(records),
        "bundle_items": _bundle_items(records),
        "product_attributes": attribute_rows(records, "Product", product_id),
        "product_translations": translation_rows(records, "Product", product_id),
    }


def transform_variant_details(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """What is dear to ask of a variant: its attributes, its translations and its choice of media."""
    variant_id = field("id")
    media = children(records, "media", position="position", product_variant_id=variant_id)
    return {
        "product_variant_attributes": attribute_rows(records, "ProductVariant", variant_id),
        "product_variant_translations": translation_rows(records, "ProductVariant", variant_id),
        "product_variant_media": rows(
            media,
            {
                "product_variant_id": pl.col("product_variant_id"),
                "media_id": field("id"),
                "position": pl.col("position"),
            },
        ),
    }


def _products(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        records,
        {
            "id": field("id"),
            "product_number": field("productNumber"),
            "name": field("name"),
            "status": field("status"),
            "external_id": field("externalId"),
            "created_at": instant("createdAt"),
            "updated_at": instant("updatedAt"),
            "is_bundle": field("isBundle"),
            "is_serializable": field("isSerializableProduct"),
            "brand_id": field("brand.id"),
            "collection_id": field("collection.id"),
            "folder_id": field("folder.id"),
            "country_of_origin_id": field("countryOfOrigin.id"),
            "country_of_origin_code": field("countryOfOrigin.code"),
            "harmonized_commodity_code": field("harmonizedCommodityCode"),
            "harmonized_commodity_code_description": field("harmonizedCommodityCodeDescription"),
            "weight": rate("weight.value"),
            "weight_unit": field("weight.unit"),
            "measurement_chart_id": field("measurementTable.chart.id"),
            "are_measurements_inherited": field("measurementTable.inherited"),
            "measurements": _json("measurementTable.contentJSON"),
            "internal_comment": field("internalComment"),
        },
    )


def _variants(variants: pl.DataFrame) -> pl.DataFrame:
    return rows(
        variants,
        {
            "id": field("id"),
            "product_id": pl.col("product_id"),
            "position": pl.col("position"),
            "variant_number": field("variantNumber"),
            "name": field("name"),
            "internal_name": field("internalName"),
            "status": field("status"),
            "external_id": field("externalId"),
            "updated_at": instant("updatedAt"),
            "size_chart_id": field("sizeChart.id"),
            "stock_offset": field("stockOffset"),
            "unit_cost": money("unitCost"),
            "unit_cost_currency": field("unitCost.currency.code"),
        },
    )


def _sizes(variants: pl.DataFrame) -> pl.DataFrame:
    sizes = children(
        variants,
        "productSizes",
        position="position",
        product_id=pl.col("product_id"),
        product_variant_id=field("id"),
    )
    return rows(
        sizes,
        {
            "id": field("id"),
            "product_variant_id": pl.col("product_variant_id"),
            "product_id": pl.col("product_id"),
            "position": pl.col("position"),
            "sku": field("SKU"),
            "size_number": field("sizeNumber"),
            "size_id": field("size.id"),
            "size_name": field("size.name"),
            "ean": field("EAN"),
            "upc": field("UPC"),
            "description": field("description"),
            "comment": field("comment"),
            "is_active": field("isActive"),
            "is_preorder": field("preorder"),
            "quantity": field("quantity"),
            "weight": rate("weight.value"),
            "weight_unit": field("weight.unit"),
            "updated_at": instant("updatedAt"),
        },
    )


def _media(records: pl.DataFrame) -> pl.DataFrame:
    media = children(records, "media", position="position", product_id=field("id"))
    return rows(
        media,
        {
            "id": field("id"),
            "product_id": pl.col("product_id"),
            "position": pl.col("position"),
            "url": field("source.url"),
            "mime_type": field("source.mimeType"),
            "media_type": field("source.type"),
            "alt_text": field("altText"),
            "metadata": _json("metaDataJSON"),
        },
    )


def _bundles(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        records.filter(field("bundle.id").is_not_null()),
        {
            "id": field("bundle.id"),
            "product_id": field("id"),
            "type": field("bundle.type"),
            "price_type": field("bundle.priceType"),
            "size_chart_id": field("bundle.sizeChart.id"),
            "created_at": instant("bundle.createdAt"),
            "updated_at": instant("bundle.updatedAt"),
        },
    )


def _bundle_items(records: pl.DataFrame) -> pl.DataFrame:
    sections = children(
        records.filter(field("bundle.id").is_not_null()),
        "bundle.sections",
        position="section_position",
        product_id=field("id"),
        bundle_id=field("bundle.id"),
    )
    parts = children(
        sections,
        "productVariants",
        position="position",
        product_id=pl.col("product_id"),
        bundle_id=pl.col("bundle_id"),
        section_position=pl.col("section_position"),
        section_id=field("id"),
        quantity=field("quantity"),
    )
    return rows(
        parts,
        {
            "section_id": pl.col("section_id"),
            "product_variant_id": field("id"),
            "bundle_id": pl.col("bundle_id"),
            "product_id": pl.col("product_id"),
            "section_position": pl.col("section_position"),
            "position": pl.col("position"),
            "quantity": pl.col("quantity"),
        },
    )


def _json(path: str) -> pl.Expr:
    """The JSON text at a path; null where it is none, so that one odd text does not refuse the record."""
    return field(path).str.json_path_match("$")
