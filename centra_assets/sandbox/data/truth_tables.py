"""Which object of the world stands behind each core table, and which of its columns are told. No counting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from centra_assets.sandbox.data.money import Money, Taxed
from centra_assets.sandbox.data.reckoning import counted_lines

# A text or a yes and no is counted by value, an instant by its seconds, everything else is summed.
Columns = dict[str, Callable[[Any], Money | Taxed | datetime | int | str | None]]
Children = Callable[[Any], Iterable[Any]]

_TOTALS: Columns = {
    "grand_total": lambda n: n.grandTotal,
    "grand_total_net": lambda n: n.grandTotal.net,
    "line_values": lambda n: n.totals.lineValues,
    "shipping": lambda n: n.totals.shipping,
    "discounts": lambda n: n.totals.discounts,
    "tax_added": lambda n: n.totals.taxAdded,
}
_TAXES: Columns = {
    "handling": lambda n: n.totals.handling,
    "quantity": lambda n: n.totals.quantity,
    "tax_deducted": lambda n: n.totals.taxDeducted,
    "tax_included": lambda n: n.totals.taxIncluded,
}
_LINE: Columns = {
    "quantity": lambda n: n.quantity,
    "line_value": lambda n: n.lineValue,
    "line_value_net": lambda n: n.lineValue.net,
}
_STOCK: Columns = {
    "physical_quantity": lambda n: n.physicalQuantity,
    "free_to_allocate_quantity": lambda n: n.freeToAllocateQuantity,
    "allocated_quantity": lambda n: n.allocatedQuantity,
    "demand_quantity": lambda n: n.demandQuantity,
    "available_quantity": lambda n: n.availableQuantity,
    "available_now_quantity": lambda n: n.availableNowQuantity,
    "incoming_quantity": lambda n: n.incomingQuantity,
}
_UPDATED: Columns = {"updated_at": lambda n: n.updatedAt}
_STATUS: Columns = {"status": lambda n: n.status}
_PURCHASE_LINE: Columns = {"quantity": lambda n: n.quantity, "unit_cost": lambda n: n.unitCost}

_PRIORITY: Columns = {"priority_number": lambda n: n.priorityNumber}


def _attributes(node: Any) -> Iterable[Any]:
    """One row per element; a value without elements keeps one."""
    return [row for value in node.attributes for row in value.elements or (value,)]


def _translations(node: Any) -> Iterable[Any]:
    return [translated for language in node.translations for translated in language.fields if translated.value]


def _account_addresses(node: Any) -> Iterable[Any]:
    own = (node.accountAddress, node.billingAddress, node.shippingAddress)
    return [*(address for address in own if address is not None), *node.addressBook]


def _of_priority_sets(name: str) -> Children:
    return lambda node: [row for chosen in node.geographyAllocationPrioritySets for row in getattr(chosen, name)]


@dataclass(frozen=True)
class TaxRow:
    """Net and gross of one rate of an order's lines, of its shipping, or of all of it."""

    net: Money
    gross: Money

    @property
    def tax(self) -> Money:
        return Money(self.gross.minor - self.net.minor, self.gross.currency)


def tax_rows(order: Any) -> Iterable[TaxRow]:
    """An order's taxes as its lines, its shipping and its header show them."""
    totals, total = order.totals, order.grandTotal

    def row(net: int, gross: int) -> TaxRow:
        return TaxRow(Money(net, order.currency), Money(gross, order.currency))

    # Prices held tax that the buyer does not owe: it was taken out again.
    exempt = total.gross == total.net and totals.taxDeducted.minor != 0
    by_rate: dict[Decimal, list[Taxed]] = {}
    for line in counted_lines(order):
        if line.quantity > 0:
            by_rate.setdefault(line.taxPercent, []).append(line.lineValue)
    for values in by_rate.values():
        net = sum(value.net.minor for value in values)
        yield row(net, net if exempt else sum(value.gross.minor for value in values))
    added, deducted, included = (
        part.minor if part is not None else 0
        for part in (totals.shippingTaxAdded, totals.shippingTaxDeducted, totals.shippingTaxIncluded)
    )
    if totals.shipping.minor:
        gross = totals.shipping.minor + added - deducted
        yield row(gross - added - included, gross)
    yield TaxRow(total.net, total.gross)


# Tables of objects that stand for themselves: core table -> (table of the world, columns to sum).
WHOLE: dict[str, tuple[str, Columns]] = {
    "accounts": ("Account", {**_STATUS, **_UPDATED, "credit_limit": lambda n: n.creditLimit}),
    "buyers": ("Buyer", _STATUS),
    "newsletter_subscriptions": ("NewsletterSubscription", {"is_active": lambda n: n.isActive}),
    "products": ("Product", {**_STATUS, **_UPDATED}),
    "product_variants": ("ProductVariant", {**_STATUS, **_UPDATED, "unit_cost": lambda n: n.unitCost}),
    "product_sizes": ("ProductSize", {"is_active": lambda n: n.isActive, **_UPDATED}),
    "product_media": ("ProductMedia", {}),
    "bundles": ("Bundle", _UPDATED),
    "displays": ("Display", {**_STATUS, **_UPDATED}),
    "display_items": ("DisplayItem", {}),
    "prices": ("Price", {"price": lambda n: n.price, "recommended_retail_price": lambda n: n.recommendedRetailPrice}),
    "lowest_prices": ("LowestPrice", {"price": lambda n: n.price, "original_price": lambda n: n.originalPrice}),
    "stock_levels": ("Stock", _STOCK),
    "suppliers": ("Supplier", _STATUS),
    "purchase_orders": (
        "PurchaseOrder",
        {**_STATUS, **_UPDATED, "total_quantity": lambda n: n.totalQuantity, "total_cost": lambda n: n.totalCost},
    ),
    "deliveries": ("PurchaseOrderDelivery", {**_STATUS, "shipping_cost": lambda n: n.shippingCost}),
    "campaigns": ("Campaign", {**_STATUS, **_UPDATED}),
    "campaign_variants": (
        "CampaignVariant",
        {**_STATUS, "fixed_price": lambda n: n.fixedPrice},
    ),
    "vouchers": ("Voucher", {**_STATUS, **_UPDATED, "successful_usages": lambda n: n.successfulUsages}),
    "stores": ("Store", {}),
    "markets": ("Market", {}),
    "pricelists": ("Pricelist", _STATUS),
    "currencies": ("Currency", _UPDATED),
    "languages": ("Language", {}),
    "countries": ("Country", {}),
    "country_states": ("CountryState", {}),
    "brands": ("Brand", {}),
    "categories": ("Category", _STATUS),
    "collections": ("Collection", _STATUS),
    "folders": ("Folder", {}),
    "size_charts": ("SizeChart", {}),
    "sizes": ("Size", {}),
    "warehouses": ("Warehouse", {}),
    "allocation_rules": ("AllocationRule", {}),
    "tax_rules": ("TaxRule", {}),
    "attribute_types": ("AttributeType", {}),
    "mapped_attributes": ("MappedAttribute", {}),
    "store_plugins": ("StorePlugin", {}),
    "shipping_options": ("ShippingOption", {}),
}
# Children that have no table of their own in the world: core table -> (parents, how to reach them, columns).
WHOLE_CHILDREN: dict[str, tuple[str, Children, Columns]] = {
    "bundle_items": ("Bundle", lambda n: [v for s in n.sections for v in s.productVariants], {}),
    "display_categories": ("Display", lambda n: n.categories, {}),
    "display_markets": ("Display", lambda n: n.markets, {}),
    "display_media": ("Display", lambda n: n.media, {}),
    "display_relations": ("Display", lambda n: n.related, {}),
    "display_tags": ("Display", lambda n: n.tags, {}),
    "product_attributes": ("Product", _attributes, {}),
    "product_variant_attributes": ("ProductVariant", _attributes, {}),
    "display_attributes": ("Display", _attributes, {}),
    "product_translations": ("Product", _translations, {}),
    "display_translations": ("Display", _translations, {}),
    "purchase_order_lines": ("PurchaseOrder", lambda n: n.lines, _PURCHASE_LINE),
    "delivery_lines": ("PurchaseOrderDelivery", lambda n: n.lines, _PURCHASE_LINE),
    "campaign_markets": ("Campaign", lambda n: n.markets, {}),
    "campaign_pricelists": ("Campaign", lambda n: n.pricelists, {}),
    "voucher_markets": ("Voucher", lambda n: n.markets, {}),
    "campaign_attributes": ("Campaign", _attributes, {}),
    "voucher_attributes": ("Voucher", _attributes, {}),
    "account_attributes": ("Account", _attributes, {}),
    "account_addresses": ("Account", _account_addresses, {}),
    "category_attributes": ("Category", _attributes, {}),
    "category_translations": ("Category", _translations, {}),
    "category_children": ("Category", lambda n: n.childCategories, {}),
    "folder_children": ("Folder", lambda n: n.childFolders, {}),
    "market_countries": ("Market", lambda n: n.assignedToCountries, {}),
    "pricelist_countries": ("Pricelist", lambda n: n.assignedToCountries, {}),
    "language_countries": ("Language", lambda n: n.countries, {}),
    "allocation_rule_priorities": ("AllocationRule", _of_priority_sets("priorities"), _PRIORITY),
    "allocation_rule_locations": ("AllocationRule", _of_priority_sets("locations"), {}),
    "tax_rule_countries": ("TaxRule", lambda n: n.countries, {}),
    "tax_rule_states": ("TaxRule", lambda n: n.states, {}),
    "tax_rule_classes": ("TaxRule", lambda n: n.taxClasses, {}),
    "attribute_type_elements": ("AttributeType", lambda n: n.elements, {}),
    "mapped_attribute_elements": ("MappedAttribute", lambda n: n.elements, {}),
    "mapped_attribute_translations": ("MappedAttribute", _translations, {}),
    "shipping_option_markets": ("ShippingOption", lambda n: n.markets, {}),
    "shipping_option_stores": ("ShippingOption", lambda n: n.stores, {}),
    "product_variant_translations": ("ProductVariant", _translations, {}),
    "product_variant_media": ("ProductVariant", lambda n: n.media, {}),
    "voucher_actions": ("Voucher", lambda n: n.actions, {}),
}
# Objects of a day: core table -> (table of the world, columns).
DATED: dict[str, tuple[str, Columns]] = {
    "orders": ("Order", {**_TOTALS, **_TAXES, **_STATUS, **_UPDATED}),
    "shipments": (
        "Shipment",
        {
            **_TOTALS,
            **_TAXES,
            **_UPDATED,
            "captured_value": lambda n: n.capturedValue,
            "is_paid": lambda n: n.isPaid,
            "is_shipped": lambda n: n.isShipped,
        },
    ),
    "returns": (
        "Return",
        {**_TOTALS, **_TAXES, "return_cost": lambda n: n.totals.returnCost, "return_status": lambda n: n.returnStatus},
    ),
    "invoices": ("Invoice", {**_TOTALS, **_STATUS, **_UPDATED, "pre_paid": lambda n: n.totals.prePaid}),
    "customers": ("Customer", {**_STATUS, **_UPDATED, "total_orders": lambda n: n.totalOrders}),
    "stock_changes": ("StockChange", {}),
}
DATED_CHILDREN: dict[str, tuple[str, Children, Columns]] = {
    "order_lines": (
        "Order",
        lambda n: n.lines,
        {
            **_LINE,
            "cancelled_quantity": lambda n: n.cancelledQuantity,
            "shipped_quantity": lambda n: n.shippedQuantity,
            "returned_quantity": lambda n: n.returnedQuantity,
        },
    ),
    "order_discounts": ("Order", lambda n: n.discountsApplied, {"amount": lambda n: n.value}),
    "order_taxes": ("Order", tax_rows, {"net": lambda n: n.net, "tax": lambda n: n.tax, "gross": lambda n: n.gross}),
    "order_attributes": ("Order", _attributes, {}),
    "order_addresses": ("Order", lambda n: [a for a in (n.billingAddress, n.shippingAddress) if a is not None], {}),
    "payments": ("Order", lambda n: n.paymentHistory, {**_STATUS, "amount": lambda n: n.value}),
    "shipment_lines": ("Shipment", lambda n: n.lines, {**_LINE, "returned_quantity": lambda n: n.returnedQuantity}),
    "return_lines": ("Return", lambda n: n.lines, _LINE),
    "return_refunds": ("Return", lambda n: n.refundPaymentHistory, {**_STATUS, "amount": lambda n: n.value}),
    "invoice_lines": (
        "Invoice",
        lambda n: n.lines,
        {"quantity": lambda n: n.quantity, "printed_line_value": lambda n: n.lineValue},
    ),
    "invoice_payments": ("Invoice", lambda n: n.payments, {"amount": lambda n: n.value}),
    "customer_attributes": ("Customer", _attributes, {}),
    "customer_addresses": ("Customer", lambda n: [] if n.billingAddress is None else [n.billingAddress], {}),
    "stock_change_lines": (
        "StockChange",
        lambda n: n.lines,
        {
            "delivered_quantity": lambda n: n.deliveredQuantity,
            "free_to_allocate_quantity": lambda n: n.freeToAllocateQuantity,
            "unit_cost": lambda n: n.unitCost,
        },
    ),
}
