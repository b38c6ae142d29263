"""Which entities a hint speaks of, by the kind of channel and the name it uses. Nothing here fetches or stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# How a reference leads to records. Anything else is `table.column`: the core table's rows with that value tell.
DIRECT = ""  # it is the record's id
WHOLE = "*"  # it tells nothing that could be asked for: the entity is swept
PARTITION = "@"  # it is the key of a partition, which is swept
LEDGER = "ledger"  # it is a stock change; the levels of its lines have moved


@dataclass(frozen=True)
class Target:
    """An entity that a hint speaks of, and how its reference leads to records of it."""

    entity: str
    via: str = DIRECT


def _each(**entities: str) -> dict[str, Sequence[Target]]:
    return {object_type: (Target(entity),) for object_type, entity in entities.items()}


# The plugin for the Integration API names objects by their own ids (orders: the number).
INTEGRATION_API: Mapping[str, Sequence[Target]] = _each(
    order="orders", shipment="shipments", customer="customers", account="accounts", **{"return": "returns"}
)

# The storefront's product is a display item; Centra's display is what holds it.
_DISPLAY_ITEM = (Target("displays", "display_items.id"),)

# `pricelists` and its like say that something about the whole list changed.
_PRICELIST = (Target("pricelists"), Target("prices", PARTITION), Target("lowest_prices", PARTITION))

CHECKOUT_API: Mapping[str, Sequence[Target]] = {
    "products": _DISPLAY_ITEM,
    "pricelists": _PRICELIST,
    **_each(
        categories="categories",
        warehouses="warehouses",
        brands="brands",
        markets="markets",
        campaigns="campaigns",
    ),
}

STOREFRONT_API: Mapping[str, Sequence[Target]] = {
    "DisplayItems": _DISPLAY_ITEM,
    "Pricelists": _PRICELIST,
    **_each(
        Categories="categories",
        Markets="markets",
        Collections="collections",
        Brands="brands",
        Languages="languages",
        Warehouses="warehouses",
        Campaigns="campaigns",
    ),
}

# EventObjectType of the event queue.
EVENTS: Mapping[str, Sequence[Target]] = {
    **_each(
        Account="accounts",
        AllocationRule="allocation_rules",
        Brand="brands",
        Bundle="products",
        Campaign="campaigns",
        Category="categories",
        Collection="collections",
        Country="countries",
        Currency="currencies",
        Customer="customers",
        Display="displays",
        Folder="folders",
        Invoice="invoices",
        Language="languages",
        MappedAttribute="mapped_attributes",
        Market="markets",
        NewsletterSubscription="newsletter_subscriptions",
        Order="orders",
        Price="prices",
        Pricelist="pricelists",
        Product="products",
        PurchaseOrder="purchase_orders",
        PurchaseOrderDelivery="deliveries",
        Return="returns",
        Shipment="shipments",
        ShippingOption="shipping_options",
        SizeChart="size_charts",
        Store="stores",
        StorePlugin="store_plugins",
        Supplier="suppliers",
        TaxRule="tax_rules",
        Voucher="vouchers",
        Warehouse="warehouses",
    ),
    "Buyer": (Target("accounts", "buyers.id"),),
    "LowestPrice": (Target("lowest_prices", WHOLE),),
    "PaymentHistoryEntry": (Target("orders", "payments.id"),),
    "ProductMedia": (Target("products", "product_media.id"),),
    "ProductSize": (Target("products", "product_sizes.id"),),
    "ProductVariant": (Target("products", "product_variants.id"), Target("product_variant_details")),
    "StockChange": (Target("stock_changes"), Target("stock", LEDGER)),
}

# By the kind of channel that brings the hint.
TARGETS: Mapping[str, Mapping[str, Sequence[Target]]] = {
    "integration_api": INTEGRATION_API,
    "checkout_api": CHECKOUT_API,
    "storefront_api": STOREFRONT_API,
    "event": EVENTS,
}


def targets(kind: str, object_type: str) -> Sequence[Target]:
    """The entities that an object type of this kind of channel speaks of; none for what we have no entity for."""
    return TARGETS[kind].get(object_type, ())
