"""From shipment records to tables. What a shipment ships is read with the orders."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import business_date, children, field, in_base_currency, instant, money, rate, rows
from centra_assets.entities.model import TransformContext
from centra_assets.entities.sales import counts_in_totals, line_type, store_type


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the shipments family from decoded shipment records."""
    return {"shipments": shipments(records, context), "shipment_lines": shipment_lines(records)}


def shipments(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The header of each shipment."""
    header = rows(records, _identity() | _progress(context) | _totals())
    base_rate = pl.col("currency_base_rate")
    return header.with_columns(
        tax_total=pl.col("grand_total") - pl.col("grand_total_net"),
        grand_total_base=in_base_currency(pl.col("grand_total"), base_rate),
        grand_total_net_base=in_base_currency(pl.col("grand_total_net"), base_rate),
    )


def _identity() -> dict[str, pl.Expr]:
    return {
        "id": field("id"),
        "number": field("number"),
        "order_number": field("order.number"),
        "store_type": store_type(field("__typename")),
        "store_id": field("store.id"),
        "customer_id": field("customer.id"),
        "buyer_id": field("buyer.id"),
        "shipment_plugin_id": field("shipmentPlugin.id"),
        "carrier_name": field("carrierInformation.carrierName"),
        "service_name": field("carrierInformation.serviceName"),
        "tracking_number": field("trackingNumber"),
        "return_tracking_number": field("returnTrackingNumber"),
        "number_of_packages": field("numberOfPackages"),
        "additional_message": field("additionalMessage"),
        "external_id": field("externalId"),
    }


def _progress(context: TransformContext) -> dict[str, pl.Expr]:
    return {
        "is_good_to_go": field("isGoodToGo"),
        "is_printed": field("isPrinted"),
        "is_on_hold": field("isOnHold"),
        "is_paid": field("isPaid"),
        "is_captured": field("isCaptured"),
        "is_shipped": field("isShipped"),
        "created_at": instant("createdAt"),
        "updated_at": instant("updatedAt"),
        "paid_at": instant("paidAt"),
        "captured_at": instant("capturedAt"),
        "shipped_at": instant("shippedAt"),
        "business_date": business_date(instant("createdAt"), context.time_zone),
        "shipped_date": business_date(instant("shippedAt"), context.time_zone),
    }


def _totals() -> dict[str, pl.Expr]:
    return {
        "currency": field("grandTotal.currency.code"),
        "currency_base_rate": rate("currencyBaseRate"),
        "quantity": field("totals.quantity"),
        "line_values": money("totals.lineValues"),
        "shipping": money("totals.shipping"),
        "handling": money("totals.handling"),
        "discounts": money("totals.discounts"),
        "tax_added": money("totals.taxAdded"),
        "tax_deducted": money("totals.taxDeducted"),
        "tax_included": money("totals.taxIncluded"),
        "grand_total": money("grandTotal"),
        "grand_total_net": money("grandTotalNet"),
        "captured_value": money("capturedValue"),
        "internal_shipping_cost": money("internalShippingCost"),
        "used_fallback_tax": field("usedFallbackTax"),
    }


def shipment_lines(records: pl.DataFrame) -> pl.DataFrame:
    """The lines of each shipment."""
    lines = children(
        records,
        "lines",
        shipment_id=field("id"),
        order_number=field("order.number"),
        currency=field("grandTotal.currency.code"),
    )
    frame = rows(
        lines,
        {
            "id": field("id"),
            "shipment_id": pl.col("shipment_id"),
            "order_number": pl.col("order_number"),
            "order_line_id": field("orderLine.id"),
            "line_type": line_type(field("orderLine.__typename")),
            "quantity": field("quantity"),
            "returned_quantity": field("returnedQuantity"),
            "invoiced_quantity": field("invoicedQuantity"),
            "currency": pl.col("currency"),
            "line_value": money("lineValue"),
            "line_value_net": money("lineValueNet"),
        },
    )
    return frame.with_columns(
        counts_in_totals=counts_in_totals(), tax_value=pl.col("line_value") - pl.col("line_value_net")
    )
