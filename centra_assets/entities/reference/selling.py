"""Where and for how much is sold: stores, markets, pricelists, shipping options, plugins. Prices are a family apart."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.contract import Contract, flag, instant, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.frames import instant as read_instant
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import reference_entity


class Stores(Contract):
    """One store: a sales channel with its own displays, markets and pricelists."""

    table = "stores"
    id = whole("Id of the store.", key=True)
    name = text("Name of the store.")
    type = text("Kind of store, such as DIRECT_TO_CONSUMER or WHOLESALE.")
    allocation_rule_id = whole("Rule by which the store's orders are allocated.", source="allocationRule.id")


class Markets(Contract):
    """One market: who sees which displays of a store, and from which warehouses they are served."""

    table = "markets"
    id = whole("Id of the market.", key=True)
    store_id = whole("Store that the market belongs to.", source="store.id")
    name = text("Name of the market, unique within its store.")
    comment = text("Note of the merchant's staff on the market.")
    allocation_rule_id = whole("Rule by which the market's orders are allocated.", source="allocationRule.id")
    external_id = text("Id of the market in the system of the token's integration.", source="externalId")
    created_at = instant("When the market was made (inferred: the field's name was not seen).", source="createdAt")


class MarketCountries(Contract):
    """One country that a market is assigned to."""

    table = "market_countries"
    market_id = whole("The market.", source="id", key=True)
    country_id = whole("The country.", source="assignedToCountries.id", key=True)
    country_code = text("ISO 3166 code of the country, two letters.", source="assignedToCountries.code")


class Pricelists(Contract):
    """One pricelist: the prices of a store's products in one currency."""

    table = "pricelists"
    id = whole("Id of the pricelist.", key=True)
    store_id = whole("Store that the pricelist belongs to.", source="store.id")
    name = text("Name of the pricelist.")
    status = text("ACTIVE or INACTIVE.")
    currency_id = whole("Currency of the prices.", source="currency.id")
    currency = text("ISO 4217 code of the currency of the prices.", source="currency.code")
    is_default_for_currency = flag(
        "Whether the pricelist is the one used for its currency where no country decides.",
        source="isDefaultForCurrency",
    )
    default_shipping_option_id = whole(
        "Shipping option proposed with the pricelist.", source="defaultShippingOption.id"
    )
    comment = text("Note of the merchant's staff on the pricelist.")
    external_id = text("Id of the pricelist in the system of the token's integration (inferred).", source="externalId")
    created_at = instant("When the pricelist was made (inferred: the field's name was not seen).", source="createdAt")


class PricelistCountries(Contract):
    """One country that a pricelist is assigned to."""

    table = "pricelist_countries"
    pricelist_id = whole("The pricelist.", source="id", key=True)
    country_id = whole("The country.", source="assignedToCountries.id", key=True)
    country_code = text("ISO 3166 code of the country, two letters.", source="assignedToCountries.code")


class ShippingOptions(Contract):
    """One shipping option that a customer can choose (inferred: the list of all was not seen)."""

    table = "shipping_options"
    id = whole("Id of the shipping option.", key=True)
    name = text("Name of the shipping option.")
    status = text("ACTIVE or INACTIVE.")
    type = text("Kind of shipping option.")
    uri = text("Short name used in addresses and by integrations.")
    store_type = text("Kind of store that it is for.", source="storeType")
    currency = text("ISO 4217 code of the currency of its prices.", source="currency.code")
    is_pickup_point = flag("Whether it delivers to a pickup point.", source="isPickupPoint")
    comment = text("Note of the merchant's staff on the shipping option.")
    updated_at = instant("When the shipping option was last changed.", source="updatedAt")


class ShippingOptionMarkets(Contract):
    """One market in which a shipping option is offered."""

    table = "shipping_option_markets"
    shipping_option_id = whole("The shipping option.", source="id", key=True)
    market_id = whole("The market.", source="markets.id", key=True)


class ShippingOptionStores(Contract):
    """One store in which a shipping option is offered."""

    table = "shipping_option_stores"
    shipping_option_id = whole("The shipping option.", source="id", key=True)
    store_id = whole("The store.", source="stores.id", key=True)


class StorePlugins(Contract):
    """One plugin set up for a store, such as a payment or shipping method (inferred: the list of all was not seen)."""

    table = "store_plugins"
    id = whole("Id of the plugin as set up.", key=True)
    store_id = whole("Store that it is set up for.", source="store.id")
    name = text("Name given to it.")
    type = text("What it does, such as PAYMENT_METHOD or SHIPPING_METHOD.")
    plugin = text("Which plugin it is.")
    status = text("ACTIVE or INACTIVE.")
    uri = text("Short name used in addresses and by integrations.")
    external_id = text("Id of the plugin in the system of the token's integration.", source="externalId")


def stores(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Stores, one row each."""
    return {
        "stores": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "type": field("type"),
                "allocation_rule_id": field("allocationRule.id"),
            },
        )
    }


def markets(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Markets and the countries they are assigned to."""
    return {
        "markets": rows(
            records,
            {
                "id": field("id"),
                "store_id": field("store.id"),
                "name": field("name"),
                "comment": field("comment"),
                "allocation_rule_id": field("allocationRule.id"),
                "external_id": field("externalId"),
                "created_at": read_instant("createdAt"),
            },
        ),
        "market_countries": _countries(records, "market_id"),
    }


def pricelists(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Pricelists and the countries they are assigned to."""
    return {
        "pricelists": rows(
            records,
            {
                "id": field("id"),
                "store_id": field("store.id"),
                "name": field("name"),
                "status": field("status"),
                "currency_id": field("currency.id"),
                "currency": field("currency.code"),
                "is_default_for_currency": field("isDefaultForCurrency"),
                "default_shipping_option_id": field("defaultShippingOption.id"),
                "comment": field("comment"),
                "external_id": field("externalId"),
                "created_at": read_instant("createdAt"),
            },
        ),
        "pricelist_countries": _countries(records, "pricelist_id"),
    }


def _countries(records: pl.DataFrame, parent: str) -> pl.DataFrame:
    countries = children(records, "assignedToCountries", position="position", **{parent: field("id")})
    return rows(countries, {parent: pl.col(parent), "country_id": field("id"), "country_code": field("code")})


def shipping_options(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Shipping options, and the markets and stores that offer them."""
    offered_in = children(records, "markets", shipping_option_id=field("id"))
    offered_by = children(records, "stores", shipping_option_id=field("id"))
    return {
        "shipping_options": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "status": field("status"),
                "type": field("type"),
                "uri": field("uri"),
                "store_type": field("storeType"),
                "currency": field("currency.code"),
                "is_pickup_point": field("isPickupPoint"),
                "comment": field("comment"),
                "updated_at": read_instant("updatedAt"),
            },
        ),
        "shipping_option_markets": rows(
            offered_in, {"shipping_option_id": pl.col("shipping_option_id"), "market_id": field("id")}
        ),
        "shipping_option_stores": rows(
            offered_by, {"shipping_option_id": pl.col("shipping_option_id"), "store_id": field("id")}
        ),
    }


def store_plugins(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Plugins as set up for stores, one row each."""
    return {
        "store_plugins": rows(
            records,
            {
                "id": field("id"),
                "store_id": field("store.id"),
                "name": field("name"),
                "type": field("type"),
                "plugin": field("plugin"),
                "status": field("status"),
                "uri": field("uri"),
                "external_id": field("externalId"),
            },
        )
    }


STORES = reference_entity(
    name="stores",
    description="Stores, the merchant's sales channels.",
    document="stores",
    operations=("Stores",),
    tables=(Stores,),
    transform=stores,
)
MARKETS = reference_entity(
    name="markets",
    description="Markets of every store and the countries they are assigned to.",
    document="markets",
    operations=("Markets",),
    tables=(Markets, MarketCountries),
    transform=markets,
    nested={"assignedToCountries": "MarketCountries"},
)
PRICELISTS = reference_entity(
    name="pricelists",
    description="Pricelists of every store and the countries they are assigned to; not the prices.",
    document="pricelists",
    operations=("Pricelists",),
    tables=(Pricelists, PricelistCountries),
    transform=pricelists,
    nested={"assignedToCountries": "PricelistCountries"},
)
SHIPPING_OPTIONS = reference_entity(
    name="shipping_options",
    description="Shipping options, and where they are offered.",
    document="shipping_options",
    operations=("ShippingOptions",),
    tables=(ShippingOptions, ShippingOptionMarkets, ShippingOptionStores),
    transform=shipping_options,
    updated_at="updatedAt",
)
STORE_PLUGINS = reference_entity(
    name="store_plugins",
    description="Plugins as set up for each store, payment and shipping methods among them.",
    document="store_plugins",
    operations=("StorePlugins",),
    tables=(StorePlugins,),
    transform=store_plugins,
)
