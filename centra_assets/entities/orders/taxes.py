"""Taxes of an order, derived from what its header and lines say; Centra's own tax rule lists cost ten times as much."""

import polars as pl

from centra_assets.entities.frames import carried, field, money
from centra_assets.entities.model import CARRIED_COLUMNS

_AMOUNTS = ("net", "tax", "gross", "tax_added", "tax_deducted", "tax_included")


def order_taxes(records: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Rows per order: one per rate of its lines, one for its shipping if it costs anything, one in total."""
    return pl.concat([_of_lines(lines, _exempt(records)), _of_shipping(records), _in_total(records)])


def _exempt(records: pl.DataFrame) -> pl.Series:
    """The orders whose prices held tax that the buyer does not owe: all of it was taken out again."""
    owes_nothing = (money("grandTotal") == money("grandTotalNet")) & (money("totals.taxDeducted") != 0)
    return records.filter(owes_nothing).select(field("number")).to_series()


def _of_lines(lines: pl.DataFrame, exempt: pl.Series) -> pl.DataFrame:
    taxed = lines.filter(pl.col("counts_in_totals"), pl.col("quantity") > 0, pl.col("tax_percent").is_not_null())
    per_rate = taxed.group_by("order_number", "tax_percent").agg(
        pl.col("currency", *CARRIED_COLUMNS).first(), net=_sum("line_value_net"), priced=_sum("line_value")
    )
    is_exempt = pl.col("order_number").is_in(exempt.implode())
    in_price = pl.col("priced") - pl.col("net")
    none = pl.lit(None, dtype=per_rate.schema["net"])
    return per_rate.select(
        pl.col("order_number"),
        pl.lit("line").alias("kind"),
        pl.col("tax_percent").rank("dense").over("order_number").cast(pl.Int64).alias("position"),
        pl.col("tax_percent"),
        pl.col("currency"),
        pl.col("net"),
        pl.when(is_exempt).then(in_price * 0).otherwise(in_price).alias("tax"),
        pl.when(is_exempt).then("net").otherwise("priced").alias("gross"),
        none.alias("tax_added"),
        pl.when(is_exempt).then(in_price).alias("tax_deducted"),
        none.alias("tax_included"),
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
