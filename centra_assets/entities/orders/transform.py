"""From order records to tables: header, lines, discounts, addresses. Payments and taxes stand beside it."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.addresses import address_columns
from centra_assets.entities.attributes import attribute_rows
from centra_assets.entities.frames import (
    big,
    business_date,
    carried,
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
from centra_assets.entities.orders.payments import payments
from centra_assets.entities.orders.taxes import order_taxes
from centra_assets.entities.sales import counts_in_totals, line_type, store_type

DISCOUNT_KINDS = {
    "AppliedVoucherDiscount": "voucher",
    "AppliedVoucherFreeShipping": "free_shipping",
    "AppliedVoucherFreeProduct": "free_product",
    "AppliedVoucherCredit": "credit",
    "AdminDiscount": "manual",
    "AppliedDiscount": "discount",
}


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the orders family from decoded order records."""
    lines = order_lines(records)
    return {
        "orders": orders(records, context),
        "order_lines": lines,
        "order_discounts": order_discounts(records),
        "order_taxes": order_taxes(records, lines),
        "order_addresses": order_addresses(records),
        "payments": payments(records, context),
        "order_attributes": attribute_rows(records, "Order", field("number")),
    }


def orders(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The header of each order."""
    header = rows(records, _identity() | _state(context) | _totals())
    base_rate = pl.col("currency_base_rate")
    return header.with_columns(
        tax_total=pl.col("grand_total") - pl.col("grand_total_net"),
        grand_total_base=in_base_currency(pl.col("grand_total"), base_rate),
        grand_total_net_base=in_base_currency(pl.col("grand_total_net"), base_rate),
    )


def _identity() -> dict[str, pl.Expr]:
    return {
        "number": field("number"),
        "id": field("id"),
        "store_type": store_type(field("__typename")),
        "store_id": field("store.id"),
        "market_id": field("market.id"),
        "pricelist_id": field("pricelist.id"),
        "country_code": field("country.code"),
        "customer_id": field("customer.id"),
        "account_id": big("account.id"),
        "buyer_id": field("buyer.id"),
        "payment_method_id": field("paymentMethod.id"),
        "shipping_price_group_id": field("shippingPriceGroup.id"),
        "shipping_option_id": field("shippingPriceGroup.shippingOption.id"),
        "purchase_order_number": field("purchaseOrderNumber"),
        "external_id": field("externalId"),
    }


def _state(context: TransformContext) -> dict[str, pl.Expr]:
    return {
        "status": field("status"),
        "hold_reason": field("orderHoldReason"),
        "is_on_hold": field("isOnHold"),
        "is_waiting_for_payment": field("isWaitingForPayment"),
        "is_locked": field("isLocked"),
        "is_internal": field("isInternal"),
        "created_at": instant("createdAt"),
        "updated_at": instant("updatedAt"),
        "ordered_at": instant("orderDate"),
        "business_date": business_date(instant("createdAt"), context.time_zone),
        "preferred_shipping_date": day("preferredShippingDate"),
        "estimated_delivery_date": day("estimatedDeliveryDate"),
        "cancel_date": day("cancelDate"),
        "internal_comment": field("internalComment"),
        "other_comment": field("otherComment"),
    }


def _totals() -> dict[str, pl.Expr]:
    return {
        "currency": field("grandTotal.currency.code"),
        "currency_base_rate": rate("currencyBaseRate"),
        "quantity": field("totals.quantity"),
        "original_quantity": field("totals.originalQuantity"),
        "cancelled_quantity": field("totals.cancelledQuantity"),
        "unexpedited_quantity": field("totals.unexpeditedQuantity"),
        "line_values": money("totals.lineValues"),
        "shipping": money("totals.shipping"),
        "handling": money("totals.handling"),
        "discounts": money("totals.discounts"),
        "tax_added": money("totals.taxAdded"),
        "tax_deducted": money("totals.taxDeducted"),
        "tax_included": money("totals.taxIncluded"),
        "grand_total": money("grandTotal"),
        "grand_total_net": money("grandTotalNet"),
    }


def order_lines(records: pl.DataFrame) -> pl.DataFrame:
    """The lines of each order, with the one representation of a bundle that counts."""
    lines = children(
        records,
        "lines",
        position="position",
        order_number=field("number"),
        currency=field("grandTotal.currency.code"),
    )
    plain = {
        "id": field("id"),
        "order_number": pl.col("order_number"),
        "position": pl.col("position"),
        "line_type": line_type(field("__typename")),
        "product_size_id": field("productSize.id"),
        "product_number": field("productNumber"),
        "product_name": field("productName"),
        "product_variant_name": field("productVariantName"),
        "product_brand": field("productBrand"),
        "size": field("size"),
        "quantity": field("quantity"),
        "cancelled_quantity": field("cancelledQuantity"),
        "shipped_quantity": field("shippedQuantity"),
        "returned_quantity": field("returnedQuantity"),
        "currency": pl.col("currency"),
        "tax_percent": rate("taxPercent"),
        "discount_percent": rate("discountPercent"),
        "has_any_discount": field("hasAnyDiscount"),
        "unit_original_price": money("unitOriginalPrice"),
        "line_value": money("lineValue"),
        "line_value_net": money("lineValueNet"),
        "comment": field("comment"),
    }
    return rows(lines, plain).with_columns(_derived_line_columns())


def _derived_line_columns() -> list[pl.Expr]:
    quantity, value = pl.col("quantity"), pl.col("line_value")
    return [
        counts_in_totals().alias("counts_in_totals"),
        pl.when(quantity > 0).then(value / quantity).alias("unit_price"),
        (value - pl.col("line_value_net")).alias("tax_value"),
        (pl.col("unit_original_price") * quantity - value).alias("price_reduction"),
    ]


def order_discounts(records: pl.DataFrame) -> pl.DataFrame:
    """The discounts on each order as a whole."""
    discounts = children(
        records,
        "discountsApplied",
        position="position",
        order_number=field("number"),
        currency=field("grandTotal.currency.code"),
    )
    kind = field("__typename").replace(DISCOUNT_KINDS)
    return rows(
        discounts,
        {
            "order_number": pl.col("order_number"),
            "position": pl.col("position"),
            "kind": kind,
            "is_payment_like": kind == "credit",
            "amount": money("value"),
            "currency": pl.col("currency"),
            "applied_at": instant("date"),
            "voucher_name": field("voucherName"),
            "voucher_method": field("voucherMethod"),
            "voucher_code": field("code"),
            "voucher_url": field("url"),
        },
    )


def order_addresses(records: pl.DataFrame) -> pl.DataFrame:
    """The billing and the shipping address of each order that has them."""
    return pl.concat([_addresses(records, kind) for kind in ("billing", "shipping")])


def _addresses(records: pl.DataFrame, kind: str) -> pl.DataFrame:
    path = f"{kind}Address"
    written = records.filter(field(path).is_not_null())
    return written.select(
        field("number").alias("order_number"),
        pl.lit(kind).alias("kind"),
        *address_columns(path),
        *carried(),
    )
