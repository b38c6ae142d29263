"""From price records to the price tables. What the tables promise is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import field, instant, money, rows
from centra_assets.entities.model import TransformContext

# Both entities are read pricelist by pricelist, so the partition says which one, and asking for it would cost.
_PRICELIST = pl.col("_partition").cast(pl.Int64)


def transform_prices(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """One row per price; without a price the amounts and the currency stay null."""
    prices = rows(
        records,
        {
            "id": field("id"),
            "pricelist_id": _PRICELIST,
            "product_id": field("product.id"),
            "product_variant_id": field("productVariant.id"),
            "price": money("price"),
            "recommended_retail_price": money("recommendedRetailPrice"),
            "currency": pl.coalesce(field("price.currency.code"), field("recommendedRetailPrice.currency.code")),
        },
    )
    return {"prices": prices}


def transform_lowest_prices(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """One row per lowest price and set of markets."""
    market_ids = field("markets").list.eval(pl.element().struct.field("id").sort().cast(pl.String)).list.join(",")
    lowest_prices = rows(
        records,
        {
            "pricelist_id": _PRICELIST,
            "product_variant_id": field("productVariant.id"),
            "market_ids": market_ids.fill_null(""),
            "original_price": money("originalPrice"),
            "price": money("price"),
            "currency": field("originalPrice.currency.code"),
            "starts_at": instant("startDate"),
        },
    )
    return {"lowest_prices": lowest_prices}
