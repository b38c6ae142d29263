"""What the price tables promise. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import SHARE_OF_MONEY, Contract, instant, money, text, whole


class Prices(Contract):
    """A variant in a pricelist. Centra keeps a row without a price too: then it is not for sale there."""

    table = "prices"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("Id of the price.", source="id", key=True)
    pricelist_id = whole("Pricelist, as `pricelists.id`; the partition.", nullable=False)
    product_id = whole("Product, as `products.id`.", source="product.id")
    product_variant_id = whole("Variant, as `product_variants.id`.", source="productVariant.id")
    price = money(
        "The price in `currency`, with or without tax as the pricelist's market says; null: no price.",
        source="price.value",
    )
    recommended_retail_price = money(
        "Recommended retail price in `currency`; wholesale pricelists only.", source="recommendedRetailPrice.value"
    )
    currency = text(
        "ISO 4217 code of the pricelist; null where there is neither price nor recommended price.",
        source="price.currency.code | recommendedRetailPrice.currency.code",
    )

    @dy.rule()
    def price_is_not_negative(cls) -> pl.Expr:
        return pl.col("price") >= 0

    @dy.rule()
    def recommended_retail_price_is_not_negative(cls) -> pl.Expr:
        return pl.col("recommended_retail_price") >= 0

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3


class LowestPrices(Contract):
    """The lowest recent price of a variant in a pricelist, for a set of markets, as shops must state it in the EU."""

    table = "lowest_prices"

    pricelist_id = whole("Pricelist, as `pricelists.id`; the partition.", key=True)
    product_variant_id = whole("Variant, as `product_variants.id`.", source="productVariant.id", key=True)
    market_ids = text(
        "Ids of the markets in which it holds, ascending, with commas; empty if none is named. Part of the key "
        "because Centra gives these rows no id.",
        source="markets.id",
        key=True,
    )
    original_price = money("The price before the reduction, in `currency` (inferred).", source="originalPrice.value")
    price = money("The lowest price, in `currency` (inferred).", source="price.value")
    currency = text("ISO 4217 code of both (inferred).", source="originalPrice.currency.code")
    starts_at = instant("Since when the present price holds (inferred).", source="startDate")

    @dy.rule()
    def prices_are_not_negative(cls) -> pl.Expr:
        return (pl.col("original_price") >= 0) & (pl.col("price") >= 0)

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3
