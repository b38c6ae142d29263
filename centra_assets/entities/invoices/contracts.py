"""What the tables read from invoices promise. How they are read is in `transform.py`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import SHARE_OF_MONEY, Contract, day, flag, instant, money, rate, text, whole


class Invoices(Contract):
    """One row is one invoice, draft or sent; mostly wholesale. Amounts are as Centra prints them."""

    table = "invoices"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("The invoice's id.", key=True, source="id")
    number = whole("Number within its number series.", source="number")
    type = text("INVOICE or another kind of document; Centra does not list the others.", source="type")
    status = text("Status in Centra's words.", source="status")
    store_type = text("DIRECT_TO_CONSUMER or WHOLESALE, told by the invoice's type.", source="__typename")
    store_id = whole("Store that issued it.", source="store.id")
    account_id = whole("Account that owes it; null for direct to consumer.", source="account.id")
    country_code = text("ISO 3166 code of the billing country.", source="billingAddress.country.code")
    is_draft = flag("Not sent yet.", source="isDraft")
    is_overdue = flag("Past its due date and unpaid, when it was read.", source="isOverdue")
    created_at = instant("When it was created.", source="createdAt")
    updated_at = instant("When Centra last changed it.", source="updatedAt")
    business_date = day("Calendar day of created_at in the merchant's time zone.", source="createdAt")
    order_date = day("Day of the order as printed.", source="orderDate")
    due_date = day("Day it is due.", source="dueDate")
    purchase_order_number = text(
        "The buyer's own reference, whatever was typed.", source="purchaseOrderNumber", personal_data=True
    )
    our_reference = text("The merchant's contact; may name a person.", source="ourReference", personal_data=True)
    additional_information = text("Free text printed on it.", source="additionalInformation", personal_data=True)
    company_registration_number = text(
        "The buyer's registration number; a sole trader's is a person's.",
        source="companyRegistrationNumber",
        personal_data=True,
    )
    currency = text("ISO 4217 code of every amount of this invoice.", source="grandTotal.currency.code")
    currency_base_rate = rate("Base currency per unit of `currency`, frozen for it.", source="currencyBaseRate")
    line_values = money("Sum of the lines (inferred field).", source="totals.lineValues")
    shipping = money("Shipping (inferred field).", source="totals.shipping")
    discounts = money("Discounts, positive (inferred field).", source="totals.discounts")
    tax_added = money("Tax on top of the amounts above (inferred field).", source="totals.taxAdded")
    pre_paid = money("Paid before it was issued (inferred field).", source="totals.prePaid")
    commission = money("Commission (inferred field).", source="totals.commission")
    grand_total = money("What is owed, with tax.", source="grandTotal(includingTax: true)")
    grand_total_net = money("What is owed, without tax.", source="grandTotal(includingTax: false)")
    tax_total = money("All tax in grand_total: grand_total - grand_total_net.")
    grand_total_base = money("grand_total in the base currency, by currency_base_rate, rounded half to even.")
    grand_total_net_base = money("grand_total_net in the base currency, by currency_base_rate, rounded half to even.")
    used_fallback_tax = flag(
        "The external tax engine did not answer and Centra's own rules were used (inferred field).",
        source="usedFallbackTax",
    )
    external_id = text("Id in another system (inferred field).", source="externalId")

    @dy.rule()
    def the_base_rate_is_positive(cls) -> pl.Expr:
        return pl.col("currency_base_rate") > 0


class InvoiceLines(Contract):
    """One row is one line of an invoice. Unit prices are stored in both tax modes, by name."""

    table = "invoice_lines"

    id = whole("The line's id.", key=True, source="lines.id")
    invoice_id = whole("The invoice.", nullable=False, source="id")
    position = whole("Place among the invoice's lines, from 1.")
    order_line_id = whole("The order line that it bills.", source="lines.orderLine.id")
    shipment_line_id = whole("The shipment line that it bills.", source="lines.shipmentLine.id")
    line_type = text(
        "product, bundle (the virtual parent), bundle_item (a real part) or gift_certificate.",
        source="lines.orderLine.__typename",
    )
    counts_in_totals = flag(
        "True where units and money are counted: everything but a bundle parent whose parts stand beside it."
    )
    product_size_id = whole("Size billed.", source="lines.productSize.id")
    product_number = text("Product number as printed.", source="lines.productNumber")
    product_name = text("Product name as printed.", source="lines.productName")
    product_variant_name = text("Variant name as printed.", source="lines.productVariantName")
    product_brand = text("Brand name as printed.", source="lines.brandName")
    size = text("Size label as printed.", source="lines.size")
    harmonized_commodity_code = text("Customs tariff code.", source="lines.harmonizedCommodityCode")
    quantity = whole("Units billed.", source="lines.quantity")
    currency = text("ISO 4217 code of the amounts.", source="grandTotal.currency.code")
    tax_percent = rate("Tax in percent of the net value.", source="lines.taxPercent")
    discount_percent = rate("Reduction from the original price in percent.", source="lines.discountPercent")
    unit_original_price_net = money(
        "Price of one unit before reductions, without tax.", source="lines.unitOriginalPrice(includingTax: false)"
    )
    unit_price = money("Price of one unit, with tax.", source="lines.unitPrice(includingTax: true)")
    unit_price_net = money("Price of one unit, without tax.", source="lines.unitPrice(includingTax: false)")
    printed_line_value = money(
        "Value of the line as printed; Centra offers no tax mode here, so tell it by the unit prices.",
        source="lines.lineValue",
    )
    cogs = money("Cost of the goods.", source="lines.cogs")


class InvoicePayments(Contract):
    """One row is one payment booked against an invoice."""

    table = "invoice_payments"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("The payment's id.", key=True, source="payments.id")
    invoice_id = whole("The invoice.", nullable=False, source="id")
    type = text("Kind of payment in Centra's words.", source="payments.type")
    amount = money("Amount paid.", source="payments.value")
    currency = text("ISO 4217 code of the amount: the invoice's.", source="grandTotal.currency.code")
    payment_date = day("Day it was paid, as booked.", source="payments.paymentDate")
    created_at = instant("When it was booked.", source="payments.createdAt")
