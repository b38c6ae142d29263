"""The payment history of orders. Which entries moved money, and which way, `entities/sales.py` knows."""

import polars as pl

from centra_assets.entities.frames import business_date, children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext
from centra_assets.entities.sales import direction, signed


def payments(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The payment history of each order."""
    entries = children(
        records,
        "paymentHistory",
        order_number=field("number"),
        currency=field("grandTotal.currency.code"),
        store_id=field("store.id"),
        market_id=field("market.id"),
        is_internal=field("isInternal"),
        is_order_cancelled=field("status") == "CANCELLED",
    )
    frame = rows(
        entries,
        {
            "id": field("id"),
            "order_number": pl.col("order_number"),
            "store_id": pl.col("store_id"),
            "market_id": pl.col("market_id"),
            "is_internal": pl.col("is_internal"),
            "is_order_cancelled": pl.col("is_order_cancelled"),
            "entry_type": field("entryType"),
            "status": field("status"),
            "direction": direction(field("entryType"), field("status")),
            # Centra does not say which sign a refund's value has, so the type alone decides it.
            "amount": money("value").abs(),
            "currency": pl.col("currency"),
            "currency_base_rate": rate("currencyBaseRate"),
            "created_at": instant("createdAt"),
            "business_date": business_date(instant("createdAt"), context.time_zone),
            "payment_method": field("paymentMethod"),
            "external_reference": field("externalReference"),
            "source": field("source"),
            "external_id": field("externalId"),
        },
    )
    return frame.with_columns(signed_amount=signed(pl.col("amount"), pl.col("direction")))
