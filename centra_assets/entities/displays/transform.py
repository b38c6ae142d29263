"""From display records to the displays' tables. What the tables promise is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.attributes import attribute_rows, translation_rows
from centra_assets.entities.frames import children, field, instant, rows
from centra_assets.entities.model import TransformContext


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the display record."""
    display_id = field("id")
    return {
        "displays": _displays(records),
        "display_items": _items(records),
        "display_categories": _categories(records),
        "display_markets": _markets(records),
        "display_media": _media(records),
        "display_relations": _relations(records),
        "display_tags": _tags(records),
        "display_attributes": attribute_rows(records, "Display", display_id),
        "display_translations": translation_rows(records, "Display", display_id),
    }


def _displays(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        records,
        {
            "id": field("id"),
            "store_id": field("store.id"),
            "product_id": field("product.id"),
            "name": field("name"),
            "uri": field("uri"),
            "status": field("status"),
            "canonical_category_id": field("canonicalCategory.id"),
            "tax_group_id": field("taxGroup.id"),
            "minimum_order_quantity": field("minimumOrderQuantity"),
            "order_quantity_denominator": field("orderQuantityDenominator"),
            "short_description": field("shortDescription"),
            "description": field("description"),
            "meta_title": field("metaTitle"),
            "meta_description": field("metaDescription"),
            "meta_keywords": field("metaKeywords"),
            "comment": field("comment"),
            "updated_at": instant("updatedAt"),
        },
    )


def _items(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        children(records, "displayItems", position="position", display_id=field("id")),
        {
            "id": field("id"),
            "display_id": pl.col("display_id"),
            "product_variant_id": field("productVariant.id"),
            "position": pl.col("position"),
        },
    )


def _categories(records: pl.DataFrame) -> pl.DataFrame:
    categories = children(
        records, "categories", position="position", display_id=field("id"), canonical=field("canonicalCategory.id")
    )
    return rows(
        categories,
        {
            "display_id": pl.col("display_id"),
            "category_id": field("id"),
            "position": pl.col("position"),
            # Without a canonical category none of them is it.
            "is_canonical": field("id").eq_missing(pl.col("canonical")),
        },
    )


def _markets(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        children(records, "markets", display_id=field("id")),
        {"display_id": pl.col("display_id"), "market_id": field("id")},
    )


def _media(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        children(records, "media", position="position", display_id=field("id")),
        {"display_id": pl.col("display_id"), "media_id": field("id"), "position": pl.col("position")},
    )


def _relations(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        children(records, "related", position="position", display_id=field("id")),
        {
            "id": field("id"),
            "display_id": pl.col("display_id"),
            "target_display_id": field("targetDisplay.id"),
            "type": field("type"),
            "position": pl.col("position"),
        },
    )


def _tags(records: pl.DataFrame) -> pl.DataFrame:
    tags = children(records, "tags", display_id=field("id"))
    # Nothing forbids writing the same tag twice.
    return tags.rename({"record": "tag"}).unique(["display_id", "tag"], maintain_order=True)
