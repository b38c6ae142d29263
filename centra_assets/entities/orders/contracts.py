"""What the tables read from orders promise. How they are read is in `transform.py`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.addresses import AddressContract
from centra_assets.entities.attributes import PersonAttributeContract
from centra_assets.entities.contract import SHARE_OF_MONEY, Contract, day, flag, instant, money, rate, text, whole


class Orders(Contract):
    """One row is one order, direct to consumer or wholesale, whatever its status.

    Cancelled, internal and held orders are kept and marked; figures leave them out by `status` and `is_internal`.
    """

    table = "orders"
    quarantine_blocks_above = SHARE_OF_MONEY

    number = whole("The order's number, as people and webhooks know it.", key=True, source="number")
    id = text("The order's 32-character id, used by Centra's mutations.", source="id")
    store_type = text("DIRECT_TO_CONSUMER or WHOLESALE, told by the order's type.", source="__typename")
    store_id = whole("Store that sold it.", source="store.id")
    market_id = whole("Market it was sold in.", source="market.id")
    pricelist_id = whole("Pricelist its prices came from.", source="pricelist.id")
    country_code = text("ISO 3166 code of the country that the order goes to.", source="country.code")
    customer_id = whole("Buying customer; null for wholesale.", source="customer.id")
    account_id = whole("Buying account; null for direct to consumer.", source="account.id")
    buyer_id = whole("Person at the account who bought; null for direct to consumer.", source="buyer.id")
    payment_method_id = whole("Store plugin that takes the payment.", source="paymentMethod.id")
    shipping_price_group_id = whole("Price group that set the shipping cost.", source="shippingPriceGroup.id")
    shipping_option_id = whole("Shipping option chosen.", source="shippingPriceGroup.shippingOption.id")
    status = text(
        "PENDING, CONFIRMED, PROCESSING, SHIPPED (completed), ARCHIVED or CANCELLED; other values may come.",
        source="status",
    )
    hold_reason = text("Why a direct-to-consumer order is held.", source="orderHoldReason")
    is_on_hold = flag("Held: no shipment may be made. A flag beside the status.", source="isOnHold")
    is_waiting_for_payment = flag("The payment provider has not answered yet.", source="isWaitingForPayment")
    is_locked = flag("Locked against edits in Centra's admin.", source="isLocked")
    is_internal = flag("A test or internal order, to be left out of figures.", source="isInternal")
    created_at = instant("When the order was placed.", source="createdAt")
    updated_at = instant("When Centra last changed the order.", source="updatedAt")
    ordered_at = instant("Centra's order date; equals created_at unless an import set it.", source="orderDate")
    business_date = day("Calendar day of created_at in the merchant's time zone.", source="createdAt")
    purchase_order_number = text(
        "The buyer's own reference, whatever was typed; wholesale only.",
        source="purchaseOrderNumber",
        personal_data=True,
    )
    preferred_shipping_date = day(
        "Day the buyer wants it shipped; wholesale only (inferred field).", source="preferredShippingDate"
    )
    estimated_delivery_date = day(
        "Day it should arrive; wholesale only (inferred field).", source="estimatedDeliveryDate"
    )
    cancel_date = day("Day after which the buyer cancels; wholesale only (inferred field).", source="cancelDate")
    currency = text("ISO 4217 code of every amount of this order.", source="grandTotal.currency.code")
    currency_base_rate = rate(
        "Base currency per unit of `currency`, frozen when the order was placed.", source="currencyBaseRate"
    )
    quantity = whole("Units ordered without cancelled ones.", source="totals.quantity")
    original_quantity = whole("Units ordered with cancelled ones.", source="totals.originalQuantity")
    cancelled_quantity = whole("Units cancelled line by line.", source="totals.cancelledQuantity")
    unexpedited_quantity = whole("Units still to ship.", source="totals.unexpeditedQuantity")
    line_values = money("Sum of the lines in the pricelist's tax mode.", source="totals.lineValues")
    shipping = money("Shipping in the pricelist's tax mode.", source="totals.shipping")
    handling = money("Handling in the pricelist's tax mode.", source="totals.handling")
    discounts = money("Discounts on the whole order, positive; sale prices are not in it.", source="totals.discounts")
    tax_added = money("Tax on top of the amounts above.", source="totals.taxAdded")
    tax_deducted = money("Tax taken out of the amounts above, for a buyer who owes none.", source="totals.taxDeducted")
    tax_included = money("Tax inside the amounts above.", source="totals.taxIncluded")
    grand_total = money(
        "What the buyer owes, with tax: line_values + shipping + handling - discounts + tax_added - tax_deducted.",
        source="grandTotal(includingTax: true)",
    )
    grand_total_net = money("What the buyer owes, without tax.", source="grandTotal(includingTax: false)")
    tax_total = money("All tax in grand_total: grand_total - grand_total_net.")
    grand_total_base = money("grand_total in the base currency, by currency_base_rate, rounded half to even.")
    grand_total_net_base = money("grand_total_net in the base currency, by currency_base_rate, rounded half to even.")
    internal_comment = text("Merchant's note; may name people.", source="internalComment", personal_data=True)
    other_comment = text("Buyer's or shop's comment; free text.", source="otherComment", personal_data=True)
    external_id = text("Id in the system that placed it (inferred field).", source="externalId")

    @dy.rule()
    def quantities_are_not_negative(cls) -> pl.Expr:
        return pl.all_horizontal(
            pl.col("quantity", "original_quantity", "cancelled_quantity", "unexpedited_quantity") >= 0
        )

    @dy.rule()
    def the_currency_is_a_three_letter_code(cls) -> pl.Expr:
        return pl.col("currency").str.contains("^[A-Z]{3}$")

    @dy.rule()
    def the_base_rate_is_positive(cls) -> pl.Expr:
        return pl.col("currency_base_rate") > 0


class OrderLines(Contract):
    """One row is one line of an order, fully cancelled lines included.

    A bundle comes as a `bundle` line and its `bundle_item` lines: sum only where `counts_in_totals`.
    """

    table = "order_lines"

    id = whole("The line's id; shipments, returns and invoices refer to it.", key=True, source="lines.id")
    order_number = whole("The order.", nullable=False, source="number")
    position = whole("Place among the order's lines, from 1.")
    line_type = text(
        "product, bundle (the virtual parent), bundle_item (a real part) or gift_certificate.",
        source="lines.__typename",
    )
    counts_in_totals = flag(
        "True where units and money are counted: everything but a bundle parent whose parts stand beside it."
    )
    product_size_id = whole("Size sold; null for virtual lines.", source="lines.productSize.id")
    product_number = text("Product number when it was sold.", source="lines.productNumber")
    product_name = text("Product name when it was sold.", source="lines.productName")
    product_variant_name = text("Variant name when it was sold.", source="lines.productVariantName")
    product_brand = text("Brand name when it was sold.", source="lines.productBrand")
    size = text("Size label when it was sold.", source="lines.size")
    quantity = whole("Units without cancelled ones.", source="lines.quantity")
    cancelled_quantity = whole("Units cancelled.", source="lines.cancelledQuantity")
    shipped_quantity = whole("Units shipped.", source="lines.shippedQuantity")
    returned_quantity = whole("Units returned.", source="lines.returnedQuantity")
    currency = text("ISO 4217 code of the amounts.", source="grandTotal.currency.code")
    tax_percent = rate("Tax in percent of the net value.", source="lines.taxPercent")
    discount_percent = rate("Reduction from unit_original_price in percent.", source="lines.discountPercent")
    has_any_discount = flag("A campaign or a manual price lowered the line.", source="lines.hasAnyDiscount")
    unit_original_price = money(
        "Price of one unit before campaigns, with tax.", source="lines.unitOriginalPrice(includingTax: true)"
    )
    unit_price = money("Price of one unit, with tax: line_value / quantity; null without quantity.")
    line_value = money("Value of `quantity` units, with tax.", source="lines.lineValue(includingTax: true)")
    line_value_net = money("Value of `quantity` units, without tax.", source="lines.lineValue(includingTax: false)")
    tax_value = money("Tax of the line: line_value - line_value_net.")
    price_reduction = money(
        "What campaigns took off, already inside line_value: unit_original_price x quantity - line_value."
    )
    comment = text("Comment on the line; free text.", source="lines.comment", personal_data=True)

    @dy.rule()
    def quantities_are_not_negative(cls) -> pl.Expr:
        return pl.all_horizontal(pl.col("quantity", "cancelled_quantity", "shipped_quantity", "returned_quantity") >= 0)

    @dy.rule()
    def the_net_value_lies_between_zero_and_the_gross_value(cls) -> pl.Expr:
        return (pl.col("line_value_net").abs() <= pl.col("line_value").abs()) & (
            pl.col("line_value_net").sign() * pl.col("line_value").sign() >= 0
        )


class OrderDiscounts(Contract):
    """One row is one discount on an order as a whole. Sale prices are not here: they are inside the lines' values."""

    table = "order_discounts"

    order_number = whole("The order.", key=True, source="number")
    position = whole("Place among the order's discounts, from 1; Centra gives no id.", key=True)
    kind = text(
        "voucher, free_shipping, free_product, credit (a gift certificate paying), manual, or discount (older orders).",
        source="discountsApplied.__typename",
    )
    is_payment_like = flag("True for `credit`: it pays a part of the order and is no price reduction.")
    amount = money("What it takes off, positive, in the pricelist's tax mode.", source="discountsApplied.value")
    currency = text("ISO 4217 code of the amount.", source="grandTotal.currency.code")
    applied_at = instant("When it was applied.", source="discountsApplied.date")
    voucher_name = text("Voucher's name.", source="discountsApplied.voucherName")
    voucher_method = text("How the voucher came in: CODE, URL or AUTO.", source="discountsApplied.voucherMethod")
    voucher_code = text(
        "Code entered, for vouchers by code; it may be one person's own.",
        source="discountsApplied.code",
        personal_data=True,
    )
    voucher_url = text(
        "Path visited, for vouchers by URL; it may be one person's own.",
        source="discountsApplied.url",
        personal_data=True,
    )


class OrderTaxes(Contract):
    """One row is the tax on one part of an order: its lines by rate, its shipping, or the order as a whole.

    Never sum across kinds: `total` holds the others, less the tax on what discounts took off.
    """

    table = "order_taxes"

    order_number = whole("The order.", key=True, source="number")
    kind = text("line (lines of one rate), shipping or total.", key=True)
    position = whole("Place among the rates of the kind, from 1, lowest rate first.", key=True)
    tax_percent = rate("Rate in percent; null where Centra gives only the amount.", source="lines.taxPercent")
    currency = text("ISO 4217 code of the amounts.", source="grandTotal.currency.code")
    net = money("Amount without tax; lines before discounts on the order.")
    tax = money("Tax in the amount.")
    gross = money("Amount with tax.")
    tax_added = money("Part of `tax` that came on top of the pricelist's prices; null for lines.")
    tax_deducted = money("Tax that the prices held and the buyer does not owe; for lines of exempt orders only.")
    tax_included = money("Part of `tax` that the pricelist's prices held; null for lines.")


class _OrderAndKind(Contract):
    """What tells the addresses of orders apart."""

    order_number = whole("The order.", key=True, source="number")
    kind = text("billing or shipping.", key=True)


class OrderAddresses(_OrderAndKind, AddressContract):
    """One row is the billing or the shipping address of an order, as it was written on the order."""

    table = "order_addresses"


class Payments(Contract):
    """One row is one entry of an order's payment history: an authorisation, a capture, a refund, a failure.

    Only entries with a direction moved money; `signed_amount` is the one place that knows the sign. What figures by the
    entry's own day need to know of the order stands on the entry, so that a change of the order changes it too.
    """

    table = "payments"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("The entry's id.", key=True, source="paymentHistory.id")
    order_number = whole("The order.", nullable=False, source="number")
    store_id = whole("Store that sold the order.", source="store.id")
    market_id = whole("Market the order was sold in.", source="market.id")
    is_internal = flag("The order is a test or internal one, to be left out of figures.", source="isInternal")
    is_order_cancelled = flag("The order is cancelled as a whole.", source="status")
    entry_type = text("AUTH, CAPTURE, REFUND and their kin; other values may come.", source="paymentHistory.entryType")
    status = text("SUCCESS, PENDING or FAILED.", source="paymentHistory.status")
    direction = text("in, out or none: money moved only by a successful capture, refund or marking by hand.")
    amount = money("Amount of the entry, always positive.", source="paymentHistory.value")
    signed_amount = money("amount for `in`, -amount for `out`, 0 for `none`: sums to what the merchant holds.")
    currency = text("ISO 4217 code of the amount: the order's.", source="grandTotal.currency.code")
    currency_base_rate = rate("Base currency per unit, frozen on the entry.", source="paymentHistory.currencyBaseRate")
    created_at = instant("When the entry was written.", source="paymentHistory.createdAt")
    business_date = day("Calendar day of created_at in the merchant's time zone.", source="paymentHistory.createdAt")
    payment_method = text("Method as the provider names it.", source="paymentHistory.paymentMethod")
    external_reference = text("The provider's reference.", source="paymentHistory.externalReference")
    source = text("Interface or system that wrote the entry.", source="paymentHistory.source")
    external_id = text("Id in another system.", source="paymentHistory.externalId")

    @dy.rule()
    def the_base_rate_is_positive(cls) -> pl.Expr:
        return pl.col("currency_base_rate") > 0


class OrderAttributes(PersonAttributeContract):
    """One row is one element of a custom attribute on an order; empty where the instance defines none for orders."""

    table = "order_attributes"
