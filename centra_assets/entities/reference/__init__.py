"""What everything else refers to: stores, markets, currencies, categories, warehouses ... Nothing that is sold."""

from centra_assets.entities.model import Entity
from centra_assets.entities.reference.assortment import BRANDS, CATEGORIES, COLLECTIONS, FOLDERS, SIZE_CHARTS
from centra_assets.entities.reference.attribute_catalogue import ATTRIBUTE_TYPES, MAPPED_ATTRIBUTES
from centra_assets.entities.reference.geography import COUNTRIES, CURRENCIES, LANGUAGES
from centra_assets.entities.reference.logistics import ALLOCATION_RULES, WAREHOUSES
from centra_assets.entities.reference.selling import MARKETS, PRICELISTS, SHIPPING_OPTIONS, STORE_PLUGINS, STORES
from centra_assets.entities.reference.taxes import TAX_RULES

REFERENCE: tuple[Entity, ...] = (
    STORES,
    MARKETS,
    PRICELISTS,
    CURRENCIES,
    LANGUAGES,
    COUNTRIES,
    BRANDS,
    CATEGORIES,
    COLLECTIONS,
    FOLDERS,
    SIZE_CHARTS,
    WAREHOUSES,
    ALLOCATION_RULES,
    TAX_RULES,
    ATTRIBUTE_TYPES,
    MAPPED_ATTRIBUTES,
    SHIPPING_OPTIONS,
    STORE_PLUGINS,
)

__all__ = [
    "ALLOCATION_RULES",
    "ATTRIBUTE_TYPES",
    "BRANDS",
    "CATEGORIES",
    "COLLECTIONS",
    "COUNTRIES",
    "CURRENCIES",
    "FOLDERS",
    "LANGUAGES",
    "MAPPED_ATTRIBUTES",
    "MARKETS",
    "PRICELISTS",
    "REFERENCE",
    "SHIPPING_OPTIONS",
    "SIZE_CHARTS",
    "STORES",
    "STORE_PLUGINS",
    "TAX_RULES",
    "WAREHOUSES",
]
