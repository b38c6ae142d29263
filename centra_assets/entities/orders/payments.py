"""Payment entries and the one place that knows which of them moved money, and which way."""

import polars as pl

from centra_assets.entities.frames import business_date, children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext

# Requests, authorisations, failures and cancellations move nothing; neither does a type that we do not know.
DIRECTIONS = {
    "CAPTURE": "in",
    "CAPTURE_GIFT_CARD": "in",
    "MARKED_AS_PAID": "in",
    "PREPAID": "in",
    "ADDITIONAL_ORDER_PAYMENT": "in",
    "REFUND": "out",
    "REFUND_GIFT_CARD": "out",
    "MARKED_AS_UNPAID": "out",
}


def direction(entry_type: pl.Expr, status: pl.Expr) -> pl.Expr:
    """in, out or none for an entry of that type and status."""
    moved = entry_type.replace_strict(DIRECTIONS, default="none", return_dtype=pl.String)
    return pl.when(status == "SUCCESS").then(moved).otherwise(pl.lit("none"))


def signed(amount: pl.Expr, way: pl.Expr) -> pl.Expr:
    """A positive amount with the sign of its direction."""
    return pl.when(way == "in").then(amount).when(way == "out").then(-amount).otherwise(amount * 0)


def payments(records: pl.DataFrame, context: TransformContext) -> pl.DataFrame:
    """The payment history of each order."""
    entries = children(
        records, "paymentHistory", order_number=field("number"), currency=field("grandTotal.currency.code")
    )
    frame = rows(
        entries,
        {
            "payment_id": field("id"),
            "order_number": pl.col("order_number"),
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
