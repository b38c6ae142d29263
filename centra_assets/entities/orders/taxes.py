"""Taxes of an order, derived from what its header and lines say; Centra's own tax rule lists cost ten times as much."""

import polars as pl

from centra_assets.entities.frames import carried, field, money
from centra_assets.entities.model import CARRIED_COLUMNS

_AMOUNTS = ("net", "tax", "gross", "tax_added", "tax_deducted", "tax_included")


def order_taxes(records: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Rows per order: one per rate of its lines, one for its shipping if it costs anything, one in total."""
    return pl.concat([_of_lines(lines), _of_shipping(records), _in_total(records)])


def _of_lines(lines: pl.DataFrame) -> pl.DataFrame:
    of_the_order = ["currency", *CARRIED_COLUMNS]
    taxed = lines.filter(pl.col("counts_in_totals"), pl.col("quantity") > 0, pl.col("tax_percent").is_not_null())
    per_rate = taxed.group_by("order_number", "tax_percent").agg(
        pl.col(of_the_order).first(),
        net=_sum("line_value_net"),
        tax=_sum("tax_value"),
        gross=_sum("line_value"),
    )
    nothing = pl.lit(None, dtype=per_rate.schema["tax"])
    return per_rate.select(
        pl.col("order_number"),
        pl.lit("line").alias("kind"),
        pl.col("tax_percent").rank("dense").over("order_number").cast(pl.Int64).alias("position"),
        pl.col("tax_percent"),
        pl.col("currency"),
        *[pl.col(name) if name in per_rate.columns else nothing.alias(name) for name in _AMOUNTS],
        *carried(),
    )


def _sum(column: str) -> pl.Expr:
    """The sum, or null where a part is unknown: a token that may not read a value does not make it zero."""
    return pl.when(pl.col(column).null_count() == 0).then(pl.col(column).sum())


def _of_shipping(records: pl.DataFrame) -> pl.DataFrame:
    added, deducted, included = (money(f"totals.shippingTax{part}") for part in ("Added", "Deducted", "Included"))
    base = money("totals.shipping")
    tax = added.fill_null(0) + included.fill_null(0)
    gross = base + added.fill_null(0) - deducted.fill_null(0)
    known = pl.any_horizontal(added.is_not_null(), deducted.is_not_null(), included.is_not_null())
    return _header_rows(
        records.filter(base != 0, known),
        "shipping",
        {
            "net": gross - tax,
            "tax": tax,
            "gross": gross,
            "tax_added": added,
            "tax_deducted": deducted,
            "tax_included": included,
        },
    )


def _in_total(records: pl.DataFrame) -> pl.DataFrame:
    net, gross = money("grandTotalNet"), money("grandTotal")
    return _header_rows(
        records,
        "total",
        {
            "net": net,
            "tax": gross - net,
            "gross": gross,
            "tax_added": money("totals.taxAdded"),
            "tax_deducted": money("totals.taxDeducted"),
            "tax_included": money("totals.taxIncluded"),
        },
    )


def _header_rows(records: pl.DataFrame, kind: str, amounts: dict[str, pl.Expr]) -> pl.DataFrame:
    return records.select(
        field("number").alias("order_number"),
        pl.lit(kind).alias("kind"),
        pl.lit(1, dtype=pl.Int64).alias("position"),
        # The shipping's rate is not given by Centra and several rates may meet in a total.
        pl.lit(None, dtype=pl.Decimal(38, 8)).alias("tax_percent"),
        field("grandTotal.currency.code").alias("currency"),
        *[amounts[name].alias(name) for name in _AMOUNTS],
        *carried(),
    )
