"""Who owns which part of the graph and how it is grouped. Groups hold 5 to 15 nodes, so that each fits on a screen."""

from collections.abc import Mapping
from enum import StrEnum

from centra_assets.entities.model import Entity


class Owner(StrEnum):
    """The teams that answer for assets."""

    COMMERCE = "team:commerce"
    FINANCE = "team:finance"
    LOGISTICS = "team:logistics"
    MERCHANDISING = "team:merchandising"
    PLATFORM = "team:platform"


# Group of each raw entity; its core tables follow it.
GROUPS: Mapping[str, str] = {
    "orders": "orders",
    "shipments": "fulfilment",
    "returns": "fulfilment",
    "invoices": "fulfilment",
    "customers": "customers",
    "newsletter_subscriptions": "customers",
    "accounts": "customers",
    "products": "products",
    "product_variant_details": "products",
    "displays": "displays",
    "prices": "pricing",
    "lowest_prices": "pricing",
    "campaigns": "pricing",
    "vouchers": "pricing",
    "stock": "stock",
    "stock_changes": "stock",
    "suppliers": "purchasing",
    "purchase_orders": "purchasing",
    "deliveries": "purchasing",
    "stores": "markets",
    "markets": "markets",
    "pricelists": "markets",
    "currencies": "markets",
    "languages": "markets",
    "countries": "tax",
    "tax_rules": "tax",
    "brands": "catalogue_structure",
    "categories": "catalogue_structure",
    "collections": "catalogue_structure",
    "folders": "catalogue_structure",
    "size_charts": "catalogue_structure",
    "attribute_types": "attributes",
    "mapped_attributes": "attributes",
    "warehouses": "logistics",
    "allocation_rules": "logistics",
    "shipping_options": "logistics",
    "store_plugins": "logistics",
}

OWNERS: Mapping[str, Owner] = {
    "orders": Owner.COMMERCE,
    "fulfilment": Owner.LOGISTICS,
    "customers": Owner.COMMERCE,
    "products": Owner.MERCHANDISING,
    "displays": Owner.MERCHANDISING,
    "pricing": Owner.FINANCE,
    "stock": Owner.LOGISTICS,
    "purchasing": Owner.LOGISTICS,
    "markets": Owner.PLATFORM,
    "catalogue_structure": Owner.MERCHANDISING,
    "attributes": Owner.MERCHANDISING,
    "tax": Owner.FINANCE,
    "logistics": Owner.LOGISTICS,
}


def group_of(entity: Entity) -> str:
    """The group of an entity; KeyError when a new entity was not given one."""
    return GROUPS[entity.name]


def owner_of(entity: Entity) -> str:
    """The team that answers for an entity's assets, as plain text: Dagster serializes no enums but its own."""
    return OWNERS[group_of(entity)].value
