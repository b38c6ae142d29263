"""What a warehouse filled from this world must hold: counts and sums per core table. No loading and no comparing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from centra_assets.sandbox.data.money import Money, Taxed

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Currency
    from centra_assets.sandbox.data.world import World


class Truth(TypedDict):
    """`sums`: column -> currency code ("" for plain numbers) -> sum as decimal text."""

    count: int
    sums: dict[str, dict[str, str]]


Columns = dict[str, Callable[[Any], Money | Taxed | int | None]]


@dataclass
class _Tally:
    """Whole minor units per column and currency (None for plain numbers)."""

    count: int = 0
    sums: dict[str, dict[Currency | None, int]] = field(default_factory=dict)

    def add(self, node: Any, columns: Columns) -> None:
        self.count += 1
        for column, read in columns.items():
            value = read(node)
            if isinstance(value, Taxed):
                value = value.gross
            by_currency = self.sums.setdefault(column, {})
            if isinstance(value, Money):
                by_currency[value.currency] = by_currency.get(value.currency, 0) + value.minor
            elif value is not None:
                by_currency[None] = by_currency.get(None, 0) + value

    def truth(self) -> Truth:
        sums: dict[str, dict[str, str]] = {}
        for column, by_currency in sorted(self.sums.items()):
            texts = {
                currency.code if currency else "": str(Money(minor, currency).value if currency else minor)
                for currency, minor in by_currency.items()
            }
            sums[column] = dict(sorted(texts.items()))
        return {"count": self.count, "sums": sums}


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
_PURCHASE_LINE: Columns = {"quantity": lambda n: n.quantity, "unit_cost": lambda n: n.unitCost}

# Tables of objects that stand for themselves: core table -> (table of the world, columns to sum).
_WHOLE: dict[str, tuple[str, Columns]] = {
    "accounts": ("Account", {"credit_limit": lambda n: n.creditLimit}),
    "buyers": ("Buyer", {}),
    "newsletter_subscriptions": ("NewsletterSubscription", {}),
    "products": ("Product", {}),
    "product_variants": ("ProductVariant", {"unit_cost": lambda n: n.unitCost}),
    "product_sizes": ("ProductSize", {}),
    "product_media": ("ProductMedia", {}),
    "bundles": ("Bundle", {}),
    "displays": ("Display", {}),
    "display_items": ("DisplayItem", {}),
    "prices": ("Price", {"price": lambda n: n.price, "recommended_retail_price": lambda n: n.recommendedRetailPrice}),
    "lowest_prices": ("LowestPrice", {"price": lambda n: n.price, "original_price": lambda n: n.originalPrice}),
    "stock_levels": ("Stock", _STOCK),
    "suppliers": ("Supplier", {}),
    "purchase_orders": (
        "PurchaseOrder",
        {"total_quantity": lambda n: n.totalQuantity, "total_cost": lambda n: n.totalCost},
    ),
    "deliveries": ("PurchaseOrderDelivery", {"shipping_cost": lambda n: n.shippingCost}),
    "campaigns": ("Campaign", {}),
    "campaign_variants": ("CampaignVariant", {"fixed_price": lambda n: n.fixedPrice}),
    "vouchers": ("Voucher", {"successful_usages": lambda n: n.successfulUsages}),
    "stores": ("Store", {}),
    "markets": ("Market", {}),
    "pricelists": ("Pricelist", {}),
    "currencies": ("Currency", {}),
    "languages": ("Language", {}),
    "countries": ("Country", {}),
    "country_states": ("CountryState", {}),
    "brands": ("Brand", {}),
    "categories": ("Category", {}),
    "collections": ("Collection", {}),
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
_WHOLE_CHILDREN: dict[str, tuple[str, Callable[[Any], Iterable[Any]], Columns]] = {
    "bundle_items": ("Bundle", lambda n: [v for s in n.sections for v in s.productVariants], {}),
    "display_categories": ("Display", lambda n: n.categories, {}),
    "display_markets": ("Display", lambda n: n.markets, {}),
    "display_media": ("Display", lambda n: n.media, {}),
    "display_relations": ("Display", lambda n: n.related, {}),
    "display_tags": ("Display", lambda n: n.tags, {}),
    "product_attributes": ("Product", lambda n: [e for a in n.attributes for e in a.elements], {}),
    "product_variant_attributes": ("ProductVariant", lambda n: [e for a in n.attributes for e in a.elements], {}),
    "display_attributes": ("Display", lambda n: [e for a in n.attributes for e in a.elements], {}),
    "product_translations": ("Product", lambda n: [f for t in n.translations for f in t.fields if f.value], {}),
    "display_translations": ("Display", lambda n: [f for t in n.translations for f in t.fields if f.value], {}),
    "purchase_order_lines": ("PurchaseOrder", lambda n: n.lines, _PURCHASE_LINE),
    "delivery_lines": ("PurchaseOrderDelivery", lambda n: n.lines, _PURCHASE_LINE),
    "campaign_markets": ("Campaign", lambda n: n.markets, {}),
    "campaign_pricelists": ("Campaign", lambda n: n.pricelists, {}),
    "voucher_markets": ("Voucher", lambda n: n.markets, {}),
    "voucher_actions": ("Voucher", lambda n: n.actions, {}),
}
# Objects of a day: core table -> (table of the world, columns).
_DATED: dict[str, tuple[str, Columns]] = {
    "orders": ("Order", {**_TOTALS, **_TAXES}),
    "shipments": ("Shipment", {**_TOTALS, **_TAXES, "captured_value": lambda n: n.capturedValue}),
    "returns": (
        "Return",
        {**_TOTALS, **_TAXES, "return_cost": lambda n: n.totals.returnCost},
    ),
    "invoices": ("Invoice", {**_TOTALS, "pre_paid": lambda n: n.totals.prePaid}),
    "customers": ("Customer", {"total_orders": lambda n: n.totalOrders}),
    "stock_changes": ("StockChange", {}),
}
_DATED_CHILDREN: dict[str, tuple[str, Callable[[Any], Iterable[Any]], Columns]] = {
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
    "order_attributes": ("Order", lambda n: [e for a in n.attributes for e in a.elements], {}),
    "order_addresses": ("Order", lambda n: [a for a in (n.billingAddress, n.shippingAddress) if a is not None], {}),
    "payments": ("Order", lambda n: n.paymentHistory, {"amount": lambda n: n.value}),
    "shipment_lines": ("Shipment", lambda n: n.lines, {**_LINE, "returned_quantity": lambda n: n.returnedQuantity}),
    "return_lines": ("Return", lambda n: n.lines, _LINE),
    "return_refunds": ("Return", lambda n: n.refundPaymentHistory, {"amount": lambda n: n.value}),
    "invoice_lines": (
        "Invoice",
        lambda n: n.lines,
        {"quantity": lambda n: n.quantity, "printed_line_value": lambda n: n.lineValue},
    ),
    "invoice_payments": ("Invoice", lambda n: n.payments, {"amount": lambda n: n.value}),
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


def tell_truth(world: World, from_: datetime | None, to: datetime | None) -> dict[str, Truth]:
    """Counts and sums per core table. The window, `from_` included and `to` excluded, is about createdAt.

    It applies to orders, shipments, returns, invoices, customers and stock changes, and to their children by parent;
    the other tables are told whole.
    """

    def within(node: Any) -> bool:
        return (from_ is None or node.createdAt >= from_) and (to is None or node.createdAt < to)

    truth: dict[str, Truth] = {}
    for name, (table, columns) in _WHOLE.items():
        truth[name] = _count(world.tables[table], columns)
    for name, (table, children, columns) in _WHOLE_CHILDREN.items():
        truth[name] = _count((child for parent in world.tables[table] for child in children(parent)), columns)
    for name, (table, columns) in _DATED.items():
        truth[name] = _count((node for node in world.tables[table] if within(node)), columns)
    for name, (table, children, columns) in _DATED_CHILDREN.items():
        parents = (node for node in world.tables[table] if within(node))
        truth[name] = _count((child for parent in parents for child in children(parent)), columns)
    return truth


def _count(nodes: Iterable[Any], columns: Columns) -> Truth:
    tally = _Tally()
    for node in nodes:
        tally.add(node, columns)
    return tally.truth()
