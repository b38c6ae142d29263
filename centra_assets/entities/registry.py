"""Every entity there is, family by family. Nothing is found by magic: what is not listed here does not exist."""

from centra_assets.entities.accounts import ACCOUNTS
from centra_assets.entities.customers import CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS
from centra_assets.entities.displays import DISPLAYS
from centra_assets.entities.invoices import INVOICES
from centra_assets.entities.model import Entity
from centra_assets.entities.orders import ORDERS
from centra_assets.entities.prices import LOWEST_PRICES, PRICES
from centra_assets.entities.products import PRODUCT_VARIANT_DETAILS, PRODUCTS
from centra_assets.entities.promotions import PROMOTIONS
from centra_assets.entities.purchasing import DELIVERIES, PURCHASE_ORDERS, SUPPLIERS
from centra_assets.entities.reference import REFERENCE
from centra_assets.entities.returns import RETURNS
from centra_assets.entities.shipments import SHIPMENTS
from centra_assets.entities.stock import STOCK
from centra_assets.entities.stock_changes import STOCK_CHANGES

ENTITIES: tuple[Entity, ...] = (
    *REFERENCE,
    ORDERS,
    SHIPMENTS,
    RETURNS,
    INVOICES,
    CUSTOMERS,
    NEWSLETTER_SUBSCRIPTIONS,
    ACCOUNTS,
    PRODUCTS,
    PRODUCT_VARIANT_DETAILS,
    DISPLAYS,
    PRICES,
    LOWEST_PRICES,
    *PROMOTIONS,
    STOCK,
    STOCK_CHANGES,
    SUPPLIERS,
    PURCHASE_ORDERS,
    DELIVERIES,
)


def entity(name: str) -> Entity:
    """The entity of that name; KeyError names the known ones."""
    for candidate in ENTITIES:
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(e.name for e in ENTITIES))
    raise KeyError(f"no entity {name!r}; known: {known}")
