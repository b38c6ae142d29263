"""Faults that let a field point at an object that no list has, one for each reference of the core tables."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from centra_assets.sandbox.data.breaking import Breaker, Fault, ghost, in_currency, new_place
from centra_assets.sandbox.data.broken_fulfilment import extra_shipment
from centra_assets.sandbox.data.money import Money, Taxed
from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation, TranslatedField
from centra_assets.sandbox.data.nodes.stock import Stock

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Language

# Column of a core table -> the field that it is read from, the kind of object there.
_FIELDS: Mapping[str, tuple[str, str]] = {
    "stores.allocation_rule_id": ("Store.allocationRule", "AllocationRule"),
    "markets.store_id": ("Market.store", "Store"),
    "markets.allocation_rule_id": ("Market.allocationRule", "AllocationRule"),
    "market_countries.country_id": ("Market.assignedToCountries", "Country"),
    "pricelists.store_id": ("Pricelist.store", "Store"),
    "pricelists.currency": ("Pricelist.currency", "Currency"),
    "pricelists.default_shipping_option_id": ("Pricelist.defaultShippingOption", "ShippingOption"),
    "pricelist_countries.country_id": ("Pricelist.assignedToCountries", "Country"),
    "language_countries.country_id": ("Language.countries", "Country"),
    "categories.store_id": ("Category.store", "Store"),
    "categories.parent_category_id": ("Category.parentCategory", "Category"),
    "category_children.child_category_id": ("Category.childCategories", "Category"),
    "category_translations.language_id": ("Category.translations.language", "Language"),
    "folders.parent_folder_id": ("Folder.parentFolder", "Folder"),
    "folder_children.child_folder_id": ("Folder.childFolders", "Folder"),
    "warehouses.country_id": ("Warehouse.country", "Country"),
    "warehouses.state_id": ("Warehouse.state", "CountryState"),
    "allocation_rules.fallback_rule_id": ("AllocationRule.fallbackRule", "AllocationRule"),
    "allocation_rule_priorities.warehouse_id": (
        "AllocationRule.geographyAllocationPrioritySets.priorities.warehouse",
        "Warehouse",
    ),
    "allocation_rule_priorities.demand_visible_in_warehouse_id": (
        "AllocationRule.geographyAllocationPrioritySets.demandVisibleInWarehouse",
        "Warehouse",
    ),
    "allocation_rule_locations.country_id": (
        "AllocationRule.geographyAllocationPrioritySets.locations.country",
        "Country",
    ),
    "allocation_rule_locations.state_id": (
        "AllocationRule.geographyAllocationPrioritySets.locations.state",
        "CountryState",
    ),
    "tax_rule_countries.country_id": ("TaxRule.countries", "Country"),
    "tax_rule_states.state_id": ("TaxRule.states", "CountryState"),
    "mapped_attribute_translations.language_id": ("MappedAttribute.translations.language", "Language"),
    "shipping_options.currency": ("ShippingOption.currency", "Currency"),
    "shipping_option_markets.market_id": ("ShippingOption.markets", "Market"),
    "shipping_option_stores.store_id": ("ShippingOption.stores", "Store"),
    "store_plugins.store_id": ("StorePlugin.store", "Store"),
    "orders.store_id": ("Order.store", "Store"),
    "orders.market_id": ("Order.market", "Market"),
    "orders.pricelist_id": ("Order.pricelist", "Pricelist"),
    "orders.customer_id": ("Order.customer", "Customer"),
    "orders.account_id": ("Order.account", "Account"),
    "orders.buyer_id": ("Order.buyer", "Buyer"),
    "orders.payment_method_id": ("Order.paymentMethod", "StorePlugin"),
    "orders.shipping_option_id": ("Order.shippingPriceGroup.shippingOption", "ShippingOption"),
    "orders.currency": ("Order.grandTotal.currency", "Currency"),
    "order_lines.product_size_id": ("Order.lines.productSize", "ProductSize"),
    "shipments.store_id": ("Shipment.store", "Store"),
    "shipments.customer_id": ("Shipment.customer", "Customer"),
    "shipments.buyer_id": ("Shipment.buyer", "Buyer"),
    "shipments.shipment_plugin_id": ("Shipment.shipmentPlugin", "StorePlugin"),
    "shipments.currency": ("Shipment.grandTotal.currency", "Currency"),
    "returns.order_number": ("Return.order", "Order"),
    "returns.shipment_id": ("Return.shipment", "Shipment"),
    "returns.store_id": ("Return.store", "Store"),
    "returns.warehouse_id": ("Return.returnWarehouse", "Warehouse"),
    "returns.currency": ("Return.grandTotal.currency", "Currency"),
    "return_lines.order_line_id": ("Return.lines.orderLine", "OrderLine"),
    "return_lines.shipment_line_id": ("Return.lines.shipmentLine", "ShipmentLine"),
    "invoices.store_id": ("Invoice.store", "Store"),
    "invoices.account_id": ("Invoice.account", "Account"),
    "invoices.currency": ("Invoice.grandTotal.currency", "Currency"),
    "invoice_lines.shipment_line_id": ("Invoice.lines.shipmentLine", "ShipmentLine"),
    "invoice_lines.product_size_id": ("Invoice.lines.productSize", "ProductSize"),
    "customers.store_id": ("Customer.store", "Store"),
    "customers.market_id": ("Customer.market", "Market"),
    "customers.pricelist_id": ("Customer.pricelist", "Pricelist"),
    "newsletter_subscriptions.store_id": ("NewsletterSubscription.store", "Store"),
    "newsletter_subscriptions.product_variant_id": ("NewsletterSubscription.productVariant", "ProductVariant"),
    "newsletter_subscriptions.product_size_id": ("NewsletterSubscription.productSize", "ProductSize"),
    "accounts.market_id": ("Account.market", "Market"),
    "accounts.pricelist_id": ("Account.pricelist", "Pricelist"),
    "accounts.allocation_rule_id": ("Account.allocationRule", "AllocationRule"),
    "accounts.credit_limit_currency": ("Account.creditLimit.currency", "Currency"),
    "buyers.store_id": ("Account.buyers.store", "Store"),
    "products.brand_id": ("Product.brand", "Brand"),
    "products.collection_id": ("Product.collection", "Collection"),
    "products.folder_id": ("Product.folder", "Folder"),
    "products.country_of_origin_id": ("Product.countryOfOrigin", "Country"),
    "product_variants.size_chart_id": ("Product.variants.sizeChart", "SizeChart"),
    "product_variants.unit_cost_currency": ("Product.variants.unitCost.currency", "Currency"),
    "product_sizes.size_id": ("Product.variants.productSizes.size", "Size"),
    "bundles.size_chart_id": ("Product.bundle.sizeChart", "SizeChart"),
    "bundle_items.product_variant_id": ("Product.bundle.sections.productVariants", "ProductVariant"),
    "product_translations.language_id": ("Product.translations.language", "Language"),
    "product_variant_media.media_id": ("ProductVariant.media", "ProductMedia"),
    "displays.product_id": ("Display.product", "Product"),
    "displays.canonical_category_id": ("Display.canonicalCategory", "Category"),
    "display_items.product_variant_id": ("Display.displayItems.productVariant", "ProductVariant"),
    "display_categories.category_id": ("Display.categories", "Category"),
    "display_markets.market_id": ("Display.markets", "Market"),
    "display_media.media_id": ("Display.media", "ProductMedia"),
    "display_relations.target_display_id": ("Display.related.targetDisplay", "Display"),
    "display_translations.language_id": ("Display.translations.language", "Language"),
    "prices.product_id": ("Price.product", "Product"),
    "prices.currency": ("Price.price.currency", "Currency"),
    "lowest_prices.product_variant_id": ("LowestPrice.productVariant", "ProductVariant"),
    "lowest_prices.currency": ("LowestPrice.originalPrice.currency", "Currency"),
    "campaigns.store_id": ("Campaign.store", "Store"),
    "campaign_variants.product_variant_id": ("Campaign.campaignVariants.productVariant", "ProductVariant"),
    "campaign_variants.currency": ("Campaign.campaignVariants.fixedPrice.currency", "Currency"),
    "campaign_markets.market_id": ("Campaign.markets", "Market"),
    "campaign_pricelists.pricelist_id": ("Campaign.pricelists", "Pricelist"),
    "vouchers.store_id": ("Voucher.store", "Store"),
    "vouchers.parent_voucher_id": ("Voucher.parentVoucher", "Voucher"),
    "voucher_markets.market_id": ("Voucher.markets", "Market"),
    "stock_changes.warehouse_id": ("StockChange.warehouse", "Warehouse"),
    "stock_change_lines.product_size_id": ("StockChange.lines.productSize", "ProductSize"),
    "stock_change_lines.warehouse_id": ("StockChange.lines.warehouse", "Warehouse"),
    "stock_change_lines.currency": ("StockChange.lines.unitCost.currency", "Currency"),
    "stock_change_lines.shipment_line_id": ("StockChange.lines.createdFromShipmentLine", "ShipmentLine"),
    "suppliers.currency": ("Supplier.currency", "Currency"),
    "suppliers.preferred_warehouse_id": ("Supplier.preferredWarehouse", "Warehouse"),
    "purchase_orders.supplier_id": ("PurchaseOrder.supplier", "Supplier"),
    "purchase_orders.preferred_warehouse_id": ("PurchaseOrder.preferredWarehouse", "Warehouse"),
    "purchase_orders.currency": ("PurchaseOrder.currency", "Currency"),
    "purchase_order_lines.product_id": ("PurchaseOrder.lines.product", "Product"),
    "purchase_order_lines.product_variant_id": ("PurchaseOrder.lines.productVariant", "ProductVariant"),
    "purchase_order_lines.product_size_id": ("PurchaseOrder.lines.productSize", "ProductSize"),
    "deliveries.purchase_order_id": ("PurchaseOrderDelivery.purchaseOrder", "PurchaseOrder"),
    "deliveries.supplier_id": ("PurchaseOrderDelivery.supplier", "Supplier"),
    "deliveries.warehouse_id": ("PurchaseOrderDelivery.warehouse", "Warehouse"),
    "deliveries.stock_change_id": ("PurchaseOrderDelivery.stockChange", "StockChange"),
    "deliveries.currency": ("PurchaseOrderDelivery.currency", "Currency"),
    "delivery_lines.product_id": ("PurchaseOrderDelivery.lines.product", "Product"),
    "delivery_lines.product_variant_id": ("PurchaseOrderDelivery.lines.productVariant", "ProductVariant"),
    "delivery_lines.product_size_id": ("PurchaseOrderDelivery.lines.productSize", "ProductSize"),
}


def _point_nowhere(path: str, kind: str, breaker: Breaker) -> None:
    """Let the field of one object of the world name a ghost, or hold one more where it is a list."""
    root_kind, *steps = path.split(".")
    nobody = ghost(breaker.world.tables[kind].rows()[0])
    rows = breaker.world.tables[root_kind].rows()
    # Goods of the first days came before the ledger's judgement begins; orders without shipments have no followers.
    candidates = rows if root_kind == "StockChange" else _plain_first(rows)
    for root in candidates:
        for holder in _holders(root, steps[:-1]):
            if hasattr(holder.node, steps[-1]):
                _put(breaker, holder.node, steps[-1], nobody)
                holder.hang_in(breaker)
                breaker.touch(root)
                return
    raise LookupError(f"no {root_kind} of this world reaches {path}; a larger scale may have one")


def _plain_first(rows: tuple[Any, ...]) -> list[Any]:
    return sorted(rows, key=lambda row: bool(getattr(row, "shipments", ())))


class _Holder:
    """The object that has the field, and how it comes back into the record where it is a copy of a shared one."""

    def __init__(self, node: Any, parent: _Holder | None = None, name: str = "", *, in_list: bool = False) -> None:
        self.node, self._parent, self._name, self._in_list = node, parent, name, in_list

    def hang_in(self, breaker: Breaker) -> None:
        """Put the copies where they are reached."""
        if self._parent is None:
            return
        if self._in_list:
            breaker.set(self._parent.node, self._name, [*getattr(self._parent.node, self._name), self.node])
        elif self._name:
            breaker.set(self._parent.node, self._name, self.node)
        self._parent.hang_in(breaker)


def _holders(node: Any, steps: list[str], parent: _Holder | None = None) -> Iterator[_Holder]:
    """Where a path leads. Elements with an id belong to the record; anything else may be shared and is copied."""
    holder = parent or _Holder(node)
    if not steps:
        yield holder
        return
    value = getattr(holder.node, steps[0], None)
    for item in reversed(value) if isinstance(value, list | tuple) else [value]:
        if isinstance(value, list | tuple):
            own = hasattr(item, "id")
            below = _Holder(item, holder) if own else _Holder(copy.copy(item), holder, steps[0], in_list=True)
        elif item is None:
            continue
        else:
            below = _Holder(copy.copy(item), holder, steps[0])
        yield from _holders(below.node, steps[1:], below)


def _put(breaker: Breaker, holder: Any, name: str, nobody: Any) -> None:
    value = getattr(holder, name)
    if isinstance(value, list | tuple):
        breaker.set(holder, name, [*value, nobody])
    else:
        breaker.set(holder, name, nobody)


def _spend_nowhere(path: str, breaker: Breaker) -> None:
    """Let an amount be in a currency that no list has."""
    root_kind, *steps = path.removesuffix(".currency").split(".")
    for root in _plain_first(breaker.world.tables[root_kind].rows()):
        for holder in _holders(root, steps[:-1]):
            amount = getattr(holder.node, steps[-1], None)
            if amount is not None:
                breaker.set(holder.node, steps[-1], _nowhere(amount))
                breaker.touch(root)
                return
    raise LookupError(f"no {root_kind} of this world has an amount at {path}")


def _nowhere(amount: Money | Taxed) -> Money | Taxed:
    if isinstance(amount, Taxed):
        currency = ghost(amount.gross.currency)
        return Taxed(in_currency(amount.gross, currency), in_currency(amount.net, currency))
    return in_currency(amount, ghost(amount.currency))


def _order_of_shipment(breaker: Breaker) -> None:
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.isShipped)
    twin = extra_shipment(breaker, shipment)
    twin.lines = []
    twin.order = ghost(shipment.order)


def _line_of_shipment(breaker: Breaker) -> None:
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.isShipped and row.lines)
    twin = extra_shipment(breaker, shipment)
    twin.lines = [twin.lines[0]]
    twin.lines[0].orderLine = ghost(shipment.lines[0].orderLine)


def _line_of_invoice(breaker: Breaker) -> None:
    """Its shipment line stays what it is: it says which order the line bills."""
    invoice = breaker.pick(breaker.world.invoices, lambda row: row.lines and row.lines[0].shipmentLine)
    breaker.set(invoice.lines[0], "orderLine", ghost(invoice.lines[0].orderLine))
    breaker.touch(invoice)


def _entry_of_refund(breaker: Breaker) -> None:
    entry = breaker.pick(breaker.world.returns, lambda row: row.refundPaymentHistory)
    first, *others = entry.refundPaymentHistory
    breaker.set(entry, "refundPaymentHistory", [ghost(first), *others])
    breaker.touch(entry)


def _size_of_level(breaker: Breaker) -> None:
    level = breaker.world.stock.rows()[0]
    extra = Stock(productSize=ghost(level.productSize), warehouse=level.warehouse)
    breaker.add("Stock", extra)
    breaker.set(level.warehouse, "stock", [*level.warehouse.stock, extra])
    breaker.touch(extra)


def _variant_of_price(breaker: Breaker) -> None:
    price = breaker.world.prices.rows()[-1]
    extra = replace(price, id=new_place(), productVariant=ghost(price.productVariant))
    breaker.add("Price", extra)
    breaker.set(price.pricelist, "prices", [*price.pricelist.prices, extra])
    breaker.touch(extra)


def _variant_of_no_product(kept: str, breaker: Breaker) -> None:
    """A variant that no product has, with one kind of children only."""
    variant = breaker.pick(breaker.world.variants, lambda row: row.attributes and row.media)
    extra = replace(variant, id=new_place(), translations=[_texts_in(breaker.world.languages.rows()[0])])
    for name in {"attributes", "translations", "media"} - {kept}:
        setattr(extra, name, ())
    breaker.add("ProductVariant", extra)
    breaker.touch(extra)


def _language_of_variant(breaker: Breaker) -> None:
    variant = breaker.world.variants.rows()[-1]
    texts = _texts_in(ghost(breaker.world.languages.rows()[0]))
    breaker.set(variant, "translations", [*variant.translations, texts])
    breaker.touch(variant)


def _texts_in(language: Language) -> LanguageTranslation:
    return LanguageTranslation(language=language, fields=[TranslatedField(field="name", value="Nobody's")])


def _faults() -> Iterator[tuple[str, Fault]]:
    for column, (path, kind) in _FIELDS.items():
        if kind == "Currency" and path.count(".") > 1:
            yield f"{column}_is_known", partial(_spend_nowhere, path)
        else:
            yield f"{column}_is_known", partial(_point_nowhere, path, kind)


BROKEN_REFERENCES: Mapping[str, Fault] = {
    **dict(_faults()),
    "shipments.order_number_is_known": _order_of_shipment,
    "shipment_lines.order_line_id_is_known": _line_of_shipment,
    "invoice_lines.order_line_id_is_known": _line_of_invoice,
    "return_refunds.payment_id_is_known": _entry_of_refund,
    "stock_levels.product_size_id_is_known": _size_of_level,
    "prices.product_variant_id_is_known": _variant_of_price,
    "product_variant_attributes.object_id_is_known": partial(_variant_of_no_product, "attributes"),
    "product_variant_translations.object_id_is_known": partial(_variant_of_no_product, "translations"),
    "product_variant_translations.language_id_is_known": _language_of_variant,
    "product_variant_media.product_variant_id_is_known": partial(_variant_of_no_product, "media"),
}
