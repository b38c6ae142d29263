"""From invoice records to tables. Nothing is turned positive here: an invoice is a document, kept as printed."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import (
    big,
    business_date,
    children,
    day,
    field,
    in_base_currency,
    instant,
    money,
    rate,
    rows,
)
from centra_assets.entities.model import TransformContext
from centra_assets.entities.sales import counts_in_totals, line_type, store_type


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the invoices family from decoded invoice records."""
    return {
        "invoices": invoices(records, context),
        "invoice_lines": invoice_lines(records),
        "invoice_payments": invoice_payments(records),
    }


def invoices(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The header of each invoice."""
    base_rate = pl.col("currency_base_rate")
    return rows(records, _identity(context) | _totals()).with_columns(
        tax_total=pl.col("grand_total") - pl.col("grand_total_net"),
        grand_total_base=in_base_currency(pl.col("grand_total"), base_rate),
        grand_total_net_base=in_base_currency(pl.col("grand_total_net"), base_rate),
    )


def _identity(context: TransformContext) -> dict[str, pl.Expr]:
    return {
        "id": field("id"),
        "number": field("number"),
        "type": field("type"),
        "status": field("status"),
        "store_type": store_type(field("__typename")),
        "store_id": field("store.id"),
        "account_id": big("account.id"),
        "country_code": field("billingAddress.country.code"),
        "is_draft": field("isDraft"),
        "is_overdue": field("isOverdue"),
        "created_at": instant("createdAt"),
        "updated_at": instant("updatedAt"),
        "business_date": business_date(instant("createdAt"), context.time_zone),
        "order_date": day("orderDate"),
        "due_date": day("dueDate"),
        "purchase_order_number": field("purchaseOrderNumber"),
        "our_reference": field("ourReference"),
        "additional_information": field("additionalInformation"),
        "company_registration_number": field("companyRegistrationNumber"),
        "used_fallback_tax": field("usedFallbackTax"),
        "external_id": field("externalId"),
    }


def _totals() -> dict[str, pl.Expr]:
    return {
        "currency": field("grandTotal.currency.code"),
        "currency_base_rate": rate("currencyBaseRate"),
        "line_values": money("totals.lineValues"),
        "shipping": money("totals.shipping"),
        "discounts": money("totals.discounts"),
        "tax_added": money("totals.taxAdded"),
        "pre_paid": money("totals.prePaid"),
        "commission": money("totals.commission"),
        "grand_total": money("grandTotal"),
        "grand_total_net": money("grandTotalNet"),
    }


def invoice_lines(records: pl.DataFrame) -> pl.DataFrame:
    """The lines of each invoice."""
    lines = children(
        records,
        "lines",
        position="position",
        invoice_id=field("id"),
        currency=field("grandTotal.currency.code"),
    )
    frame = rows(
        lines,
        {
            "id": field("id"),
            "invoice_id": pl.col("invoice_id"),
            "position": pl.col("position"),
            "order_line_id": field("orderLine.id"),
            "shipment_line_id": field("shipmentLine.id"),
            "line_type": line_type(field("orderLine.__typename")),
            "product_size_id": field("productSize.id"),
            "product_number": field("productNumber"),
            "product_name": field("productName"),
            "product_variant_name": field("productVariantName"),
            "product_brand": field("brandName"),
            "size": field("size"),
            "harmonized_commodity_code": field("harmonizedCommodityCode"),
            "quantity": field("quantity"),
            "currency": pl.col("currency"),
            "tax_percent": rate("taxPercent"),
            "discount_percent": rate("discountPercent"),
            "unit_original_price_net": money("unitOriginalPrice"),
            "unit_price": money("unitPrice"),
            "unit_price_net": money("unitPriceNet"),
            "printed_line_value": money("lineValue"),
            "cogs": money("cogs"),
        },
    )
    return frame.with_columns(counts_in_totals=counts_in_totals())


def invoice_payments(records: pl.DataFrame) -> pl.DataFrame:
    """The payments booked against each invoice."""
    payments = children(records, "payments", invoice_id=field("id"), currency=field("grandTotal.currency.code"))
    return rows(
        payments,
        {
            "id": field("id"),
            "invoice_id": pl.col("invoice_id"),
            "type": field("type"),
            "amount": money("value"),
            "currency": pl.col("currency"),
            "payment_date": day("paymentDate"),
            "created_at": instant("createdAt"),
        },
    )
