"""From return records to tables. Amounts turn positive here and nowhere else."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import business_date, children, field, in_base_currency, instant, money, rate, rows
from centra_assets.entities.model import TransformContext
from centra_assets.entities.sales import counts_in_totals, direction, line_type, store_type


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the returns family from decoded return records."""
    refunds = return_refunds(records, context)
    return {
        "returns": returns(records, refunds, context),
        "return_lines": return_lines(records),
        "return_refunds": refunds,
    }


def returns(records: pl.DataFrame, refunds: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The header of each return, with what was refunded for it."""
    base_rate = pl.col("currency_base_rate")
    header = rows(records, _identity(context) | _totals()).with_columns(
        tax_total=pl.col("grand_total") - pl.col("grand_total_net"),
        grand_total_base=in_base_currency(pl.col("grand_total"), base_rate),
        grand_total_net_base=in_base_currency(pl.col("grand_total_net"), base_rate),
    )
    paid_back = (
        refunds.filter(pl.col("direction") == "out")
        .group_by("return_id")
        .agg(
            pl.col("amount").sum().alias("refunded_amount"),
            pl.col("created_at").min().alias("first_refunded_at"),
            pl.col("created_at").max().alias("last_refunded_at"),
        )
    )
    joined = header.join(paid_back, left_on="id", right_on="return_id", how="left", maintain_order="left")
    readable = pl.col("_refunds_readable")
    return joined.with_columns(refunded_amount=pl.when(readable).then(pl.col("refunded_amount").fill_null(0))).drop(
        "_refunds_readable"
    )


def _identity(context: TransformContext) -> dict[str, pl.Expr]:
    return {
        "id": field("id"),
        "order_number": field("order.number"),
        "shipment_id": field("shipment.id"),
        "store_type": store_type(field("__typename")),
        "store_id": field("store.id"),
        "warehouse_id": field("returnWarehouse.id"),
        "return_status": field("returnStatus"),
        "created_from": field("createdFrom"),
        "is_returned_to_stock": field("returnedToStock"),
        "created_at": instant("createdAt"),
        "business_date": business_date(instant("createdAt"), context.time_zone),
        "used_fallback_tax": field("usedFallbackTax"),
        "comment": field("comment"),
        "external_id": field("externalId"),
        "_refunds_readable": field("refundPaymentHistory").is_not_null(),
    }


def _totals() -> dict[str, pl.Expr]:
    # Whether Centra signs a return's amounts is not documented. The lines' sum tells, and all follow it.
    sign = pl.when(money("totals.lineValues") < 0).then(-1).otherwise(1)
    amounts = {
        "line_values": "totals.lineValues",
        "shipping": "totals.shipping",
        "handling": "totals.handling",
        "discounts": "totals.discounts",
        "return_cost": "totals.returnCost",
        "tax_added": "totals.taxAdded",
        "tax_deducted": "totals.taxDeducted",
        "tax_included": "totals.taxIncluded",
        "grand_total": "grandTotal",
        "grand_total_net": "grandTotalNet",
    }
    return {
        "currency": field("grandTotal.currency.code"),
        "currency_base_rate": rate("currencyBaseRate"),
        "quantity": field("totalQuantity"),
    } | {column: money(path) * sign for column, path in amounts.items()}


def return_lines(records: pl.DataFrame) -> pl.DataFrame:
    """The lines of each return."""
    lines = children(
        records,
        "lines",
        return_id=field("id"),
        order_number=field("order.number"),
        currency=field("grandTotal.currency.code"),
    )
    frame = rows(
        lines,
        {
            "id": field("id"),
            "return_id": pl.col("return_id"),
            "order_number": pl.col("order_number"),
            "order_line_id": field("orderLine.id"),
            "shipment_line_id": field("shipmentLine.id"),
            "line_type": line_type(field("orderLine.__typename")),
            "quantity": field("quantity"),
            "currency": pl.col("currency"),
            "line_value": money("lineValue").abs(),
            "line_value_net": money("lineValueNet").abs(),
        },
    )
    return frame.with_columns(
        counts_in_totals=counts_in_totals(), tax_value=pl.col("line_value") - pl.col("line_value_net")
    )


def return_refunds(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The payment entries that belong to each return."""
    entries = children(
        records,
        "refundPaymentHistory",
        return_id=field("id"),
        order_number=field("order.number"),
        currency=field("grandTotal.currency.code"),
    )
    return rows(
        entries,
        {
            "return_id": pl.col("return_id"),
            "payment_id": field("id"),
            "order_number": pl.col("order_number"),
            "entry_type": field("entryType"),
            "status": field("status"),
            "direction": direction(field("entryType"), field("status")),
            "amount": money("value").abs(),
            "currency": pl.col("currency"),
            "currency_base_rate": rate("currencyBaseRate"),
            "created_at": instant("createdAt"),
            "business_date": business_date(instant("createdAt"), context.time_zone),
        },
    )
