"""What the tables read from shipments promise. How they are read is in `transform.py`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import SHARE_OF_MONEY, Contract, day, flag, instant, money, rate, text, whole


class Shipments(Contract):
    """One row is one shipment of an order; money is captured per shipment.

    Packed (`is_good_to_go`), paid, captured and shipped are flags of their own, each with its time.
    """

    table = "shipments"
    quarantine_blocks_above = SHARE_OF_MONEY

    id = whole("The shipment's id.", key=True, source="id")
    number = text("The name that people use: the order's number and a counter.", source="number")
    order_number = whole("The order.", source="order.number")
    store_type = text("DIRECT_TO_CONSUMER or WHOLESALE, told by the shipment's type.", source="__typename")
    store_id = whole("Store that sold it (inferred field).", source="store.id")
    customer_id = whole("Customer; null for wholesale (inferred field).", source="customer.id")
    buyer_id = whole("Buyer; null for direct to consumer (inferred field).", source="buyer.id")
    shipment_plugin_id = whole("Store plugin that books the carrier.", source="shipmentPlugin.id")
    is_good_to_go = flag("Packed and ready to leave.", source="isGoodToGo")
    is_printed = flag("Its papers were printed.", source="isPrinted")
    is_on_hold = flag("Held back.", source="isOnHold")
    is_paid = flag("Paid, or marked as paid by hand; says nothing about a capture.", source="isPaid")
    is_captured = flag("Its amount was captured at the payment provider.", source="isCaptured")
    is_shipped = flag("Left the warehouse.", source="isShipped")
    created_at = instant("When it was created.", source="createdAt")
    updated_at = instant("When Centra last changed it.", source="updatedAt")
    paid_at = instant("When it was paid.", source="paidAt")
    captured_at = instant("When it was captured.", source="capturedAt")
    shipped_at = instant("When it left the warehouse: the day of shipped revenue.", source="shippedAt")
    business_date = day("Calendar day of created_at in the merchant's time zone.", source="createdAt")
    shipped_date = day("Calendar day of shipped_at in the merchant's time zone.", source="shippedAt")
    currency = text("ISO 4217 code of every amount of this shipment.", source="grandTotal.currency.code")
    currency_base_rate = rate(
        "Base currency per unit of `currency`, frozen for the shipment.", source="currencyBaseRate"
    )
    quantity = whole("Units in it (inferred field).", source="totals.quantity")
    line_values = money("Sum of the lines in the pricelist's tax mode (inferred field).", source="totals.lineValues")
    shipping = money("Share of the order's shipping (inferred field).", source="totals.shipping")
    handling = money("Share of the order's handling (inferred field).", source="totals.handling")
    discounts = money("Share of the order's discounts, positive (inferred field).", source="totals.discounts")
    tax_added = money("Tax on top of the amounts above (inferred field).", source="totals.taxAdded")
    tax_deducted = money("Tax taken out of the amounts above (inferred field).", source="totals.taxDeducted")
    tax_included = money("Tax inside the amounts above (inferred field).", source="totals.taxIncluded")
    grand_total = money("What the shipment is worth, with tax.", source="grandTotal(includingTax: true)")
    grand_total_net = money("What the shipment is worth, without tax.", source="grandTotal(includingTax: false)")
    tax_total = money("All tax in grand_total: grand_total - grand_total_net.")
    grand_total_base = money("grand_total in the base currency, by currency_base_rate, rounded half to even.")
    grand_total_net_base = money("grand_total_net in the base currency, by currency_base_rate, rounded half to even.")
    captured_value = money("Amount captured for it.", source="capturedValue")
    internal_shipping_cost = money("What the merchant paid the carrier.", source="internalShippingCost")
    carrier_name = text("Carrier.", source="carrierInformation.carrierName")
    service_name = text("Carrier's service.", source="carrierInformation.serviceName")
    tracking_number = text(
        "Carrier's number of the parcel; who has it sees where it goes.", source="trackingNumber", personal_data=True
    )
    return_tracking_number = text(
        "Carrier's number for the way back.", source="returnTrackingNumber", personal_data=True
    )
    number_of_packages = whole("Packages; 0 until shipment information is given.", source="numberOfPackages")
    used_fallback_tax = flag(
        "The external tax engine did not answer and Centra's own rules were used.", source="usedFallbackTax"
    )
    additional_message = text("Message to the receiver; free text.", source="additionalMessage", personal_data=True)
    external_id = text("Id in another system (inferred field).", source="externalId")

    @dy.rule()
    def quantities_are_not_negative(cls) -> pl.Expr:
        return pl.all_horizontal(pl.col("quantity", "number_of_packages") >= 0)

    @dy.rule()
    def the_base_rate_is_positive(cls) -> pl.Expr:
        return pl.col("currency_base_rate") > 0


class ShipmentLines(Contract):
    """One row is one line of a shipment: how many units of an order line left in it."""

    table = "shipment_lines"

    id = whole("The line's id; returns refer to it.", key=True, source="lines.id")
    shipment_id = whole("The shipment.", nullable=False, source="id")
    order_number = whole("The order.", source="order.number")
    order_line_id = whole("The order line that it ships.", source="lines.orderLine.id")
    line_type = text(
        "product, bundle (the virtual parent), bundle_item (a real part) or gift_certificate.",
        source="lines.orderLine.__typename",
    )
    counts_in_totals = flag(
        "True where units and money are counted: everything but a bundle parent whose parts stand beside it."
    )
    quantity = whole("Units shipped.", source="lines.quantity")
    returned_quantity = whole("Units of it that came back.", source="lines.returnedQuantity")
    invoiced_quantity = whole("Units of it that were invoiced.", source="lines.invoicedQuantity")
    currency = text("ISO 4217 code of the amounts.", source="grandTotal.currency.code")
    line_value = money("Value of `quantity` units, with tax.", source="lines.lineValue(includingTax: true)")
    line_value_net = money("Value of `quantity` units, without tax.", source="lines.lineValue(includingTax: false)")
    tax_value = money("Tax of the line: line_value - line_value_net.")

    @dy.rule()
    def quantities_are_not_negative(cls) -> pl.Expr:
        return pl.all_horizontal(pl.col("quantity", "returned_quantity", "invoiced_quantity") >= 0)
