"""What the tables read from returns promise. How they are read is in `transform.py`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import SHARE_OF_MONEY, Contract, day, flag, instant, money, rate, text, whole


class Returns(Contract):
    """One row is one return of goods of one shipment. Amounts are positive: what the customer gets back.

    A return has its own day and its own rate; it never changes the figures of the order's day. Completing a return
    and refunding it are two things: `return_status` tells the one, `refunded_amount` the other.
    """

    table = "returns"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("The return's id.", key=True, source="id")
    order_number = whole("The order.", source="order.number")
    shipment_id = whole("The shipment that it sends back.", source="shipment.id")
    store_type = text("DIRECT_TO_CONSUMER or WHOLESALE, told by the return's type.", source="__typename")
    store_id = whole("Store that sold it.", source="store.id")
    warehouse_id = whole("Warehouse that takes the goods.", source="returnWarehouse.id")
    return_status = text("PENDING or COMPLETED.", source="returnStatus")
    created_from = text("Where it was made: the admin, an API, a plugin.", source="createdFrom")
    is_returned_to_stock = flag("The units went back to stock.", source="returnedToStock")
    created_at = instant("When it was created.", source="createdAt")
    business_date = day("Calendar day of created_at in the merchant's time zone.", source="createdAt")
    currency = text("ISO 4217 code of every amount of this return.", source="grandTotal.currency.code")
    currency_base_rate = rate("Base currency per unit of `currency`: the order's own rate.", source="currencyBaseRate")
    quantity = whole("Units that come back.", source="totalQuantity")
    line_values = money("Sum of the lines in the pricelist's tax mode.", source="totals.lineValues")
    shipping = money("Shipping given back, in the pricelist's tax mode.", source="totals.shipping")
    handling = money("Handling given back, in the pricelist's tax mode.", source="totals.handling")
    discounts = money("Share of the order's discounts that lowers the refund.", source="totals.discounts")
    return_cost = money("What the customer is charged for returning.", source="totals.returnCost")
    tax_added = money("Tax on top of the amounts above.", source="totals.taxAdded")
    tax_deducted = money("Tax taken out of the amounts above.", source="totals.taxDeducted")
    tax_included = money("Tax inside the amounts above.", source="totals.taxIncluded")
    grand_total = money("What the customer gets back, with tax.", source="grandTotal(includingTax: true)")
    grand_total_net = money("What the customer gets back, without tax.", source="grandTotal(includingTax: false)")
    tax_total = money("All tax in grand_total: grand_total - grand_total_net.")
    grand_total_base = money("grand_total in the base currency, by currency_base_rate, rounded half to even.")
    grand_total_net_base = money("grand_total_net in the base currency, by currency_base_rate, rounded half to even.")
    refunded_amount = money(
        "Sum of its successful refunds; null if the token may not read payments.", source="refundPaymentHistory.value"
    )
    first_refunded_at = instant("When money first went back.", source="refundPaymentHistory.createdAt")
    last_refunded_at = instant("When money last went back.", source="refundPaymentHistory.createdAt")
    used_fallback_tax = flag(
        "The external tax engine did not answer and Centra's own rules were used.", source="usedFallbackTax"
    )
    comment = text("Comment on the return; free text.", source="comment", personal_data=True)
    external_id = text("Id in another system.", source="externalId")

    @dy.rule()
    def the_quantity_is_not_negative(cls) -> pl.Expr:
        return pl.col("quantity") >= 0

    @dy.rule()
    def the_base_rate_is_positive(cls) -> pl.Expr:
        return pl.col("currency_base_rate") > 0


class ReturnLines(Contract):
    """One row is one line of a return: how many units of a shipment line came back. Amounts are positive."""

    table = "return_lines"

    id = whole("The line's id.", key=True, source="lines.id")
    return_id = whole("The return.", nullable=False, source="id")
    order_number = whole("The order.", source="order.number")
    order_line_id = whole("The order line that it sends back.", source="lines.orderLine.id")
    shipment_line_id = whole("The shipment line that it sends back.", source="lines.shipmentLine.id")
    line_type = text(
        "product, bundle (the virtual parent), bundle_item (a real part) or gift_certificate.",
        source="lines.orderLine.__typename",
    )
    counts_in_totals = flag(
        "True where units and money are counted: everything but a bundle parent whose parts stand beside it."
    )
    quantity = whole("Units that come back.", source="lines.quantity")
    currency = text("ISO 4217 code of the amounts.", source="grandTotal.currency.code")
    line_value = money("Value of `quantity` units, with tax.", source="lines.lineValue(includingTax: true)")
    line_value_net = money("Value of `quantity` units, without tax.", source="lines.lineValue(includingTax: false)")
    tax_value = money("Tax of the line: line_value - line_value_net.")

    @dy.rule()
    def the_quantity_is_not_negative(cls) -> pl.Expr:
        return pl.col("quantity") >= 0


class ReturnRefunds(Contract):
    """One row ties a payment entry to the return that it pays back; the entry itself is in `payments`.

    Refunds belong to their own day, `business_date`, not to the order's and not to the return's.
    """

    table = "return_refunds"
    quarantine_blocks_above = SHARE_OF_MONEY

    return_id = whole("The return.", key=True, source="id")
    payment_id = whole("The payment entry.", key=True, source="refundPaymentHistory.id")
    order_number = whole("The order.", source="order.number")
    entry_type = text("REFUND, REFUND_REQUEST and their kin.", source="refundPaymentHistory.entryType")
    status = text("SUCCESS, PENDING or FAILED.", source="refundPaymentHistory.status")
    direction = text("out where money went back, none for requests and failures.")
    amount = money("Amount of the entry, always positive.", source="refundPaymentHistory.value")
    currency = text("ISO 4217 code of the amount: the return's.", source="grandTotal.currency.code")
    currency_base_rate = rate("Base currency per unit.", source="refundPaymentHistory.currencyBaseRate")
    created_at = instant("When the entry was written.", source="refundPaymentHistory.createdAt")
    business_date = day(
        "Calendar day of created_at in the merchant's time zone.", source="refundPaymentHistory.createdAt"
    )
