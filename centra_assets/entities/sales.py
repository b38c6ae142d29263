"""What orders, shipments, returns and invoices say alike: kinds of store, of line and of payment. No tables."""

import polars as pl

_LINE_TYPES = {
    "ProductOrderLine": "product",
    "BundleOrderLine": "bundle",
    "BundleItemOrderLine": "bundle_item",
    "GiftCertificateOrderLine": "gift_certificate",
}

# Requests, authorisations, failures and cancellations move nothing; neither does a type that we do not know.
_DIRECTIONS = {
    "CAPTURE": "in",
    "CAPTURE_GIFT_CARD": "in",
    "MARKED_AS_PAID": "in",
    "PREPAID": "in",
    "ADDITIONAL_ORDER_PAYMENT": "in",
    "REFUND": "out",
    "REFUND_GIFT_CARD": "out",
    "MARKED_AS_UNPAID": "out",
}


def store_type(typename: pl.Expr) -> pl.Expr:
    """DIRECT_TO_CONSUMER or WHOLESALE, from a type such as `WholesaleOrder`; null for any other."""
    return (
        pl.when(typename.str.starts_with("DirectToConsumer"))
        .then(pl.lit("DIRECT_TO_CONSUMER"))
        .when(typename.str.starts_with("Wholesale"))
        .then(pl.lit("WHOLESALE"))
    )


def line_type(typename: pl.Expr) -> pl.Expr:
    """product, bundle, bundle_item or gift_certificate; a type of a newer Centra stays as it is."""
    return typename.replace(_LINE_TYPES)


def counts_in_totals() -> pl.Expr:
    """Whether a row of lines (with `line_type` and `_record_id`) is the one that counts units and money.

    A bundle is sold as a virtual parent and its parts, which carry the same money in proportion. The parts count,
    because stock, shipments and returns are theirs; the parent counts where its document does not list them.
    """
    is_parent = pl.col("line_type") == "bundle"
    has_parts = (pl.col("line_type") == "bundle_item").any().over("_record_id")
    return (~is_parent | ~has_parts).fill_null(True)


def direction(entry_type: pl.Expr, status: pl.Expr) -> pl.Expr:
    """in, out or none: which way a payment entry of that type and status moved money, seen from the merchant."""
    moved = entry_type.replace_strict(_DIRECTIONS, default="none", return_dtype=pl.String)
    return pl.when(status == "SUCCESS").then(moved).otherwise(pl.lit("none"))


def signed(amount: pl.Expr, way: pl.Expr) -> pl.Expr:
    """A positive amount with the sign of its direction."""
    return pl.when(way == "in").then(amount).when(way == "out").then(-amount).otherwise(amount * 0)
