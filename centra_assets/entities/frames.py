"""Reading typed columns out of decoded records. What the columns mean is each family's own business."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl

from centra_assets.entities.contract import MONEY_SCALE, RATE_SCALE
from centra_assets.entities.model import CARRIED_COLUMNS

# Wide enough that no amount overflows before its contract has seen it.
_PRECISION = 38


def field(path: str) -> pl.Expr:
    """The value at a dotted path below `record`, such as `totals.shipping.value`; null where the path breaks off."""
    expression = pl.col("record")
    for name in path.split("."):
        expression = expression.struct.field(name)
    return expression


def money(path: str) -> pl.Expr:
    """A MonetaryValue's amount as a decimal. `path` names the object; its `value` is text, exactly as it was sent."""
    return field(f"{path}.value").str.to_decimal(scale=MONEY_SCALE).cast(pl.Decimal(_PRECISION, MONEY_SCALE))


def rate(path: str) -> pl.Expr:
    """A GraphQL Float (percentage, exchange rate, weight) as a decimal with eight places."""
    return field(path).str.to_decimal(scale=RATE_SCALE).cast(pl.Decimal(_PRECISION, RATE_SCALE))


def instant(path: str) -> pl.Expr:
    """A DateTimeTz as an instant in UTC."""
    return field(path).str.to_datetime(format="%+", time_unit="us", time_zone="UTC", strict=False)


def day(path: str) -> pl.Expr:
    """A Date as a calendar day."""
    return field(path).str.to_date(format="%Y-%m-%d", strict=False)


def big(path: str) -> pl.Expr:
    """An Int64, which arrives as a number or as text, as a whole number."""
    return field(path).cast(pl.Int64, strict=False)


def carried() -> list[pl.Expr]:
    """The columns that every row hands on."""
    return [pl.col(name) for name in CARRIED_COLUMNS]


def rows(records: pl.DataFrame, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """One row per record with the given columns and the carried ones."""
    return records.select(*[expression.alias(name) for name, expression in columns.items()], *carried())


def children(records: pl.DataFrame, path: str, *, position: str | None = None, **parent: pl.Expr) -> pl.DataFrame:
    """One row per element of the list at `path`, as records of their own.

    The result has the carried columns, the `parent` columns (evaluated on the parent) and `record`, the element.
    `position` names an extra column with the element's place in its list, from 1.
    """
    place = position or "_position"
    exploded = (
        records.select(
            *carried(),
            *[expression.alias(name) for name, expression in parent.items()],
            field(path).alias("record"),
        )
        .filter(pl.col("record").list.len() > 0)
        .with_columns(pl.int_ranges(1, pl.col("record").list.len().cast(pl.Int64) + 1).alias(place))
        .explode("record", place)
        .filter(pl.col("record").is_not_null())
    )
    return exploded if position else exploded.drop(place)


def in_base_currency(amount: pl.Expr, base_rate: pl.Expr) -> pl.Expr:
    """An amount times its document's own rate, rounded once, half to even, to the scale of money."""
    exact = MONEY_SCALE + RATE_SCALE
    product = amount.cast(pl.Decimal(_PRECISION, exact)) * base_rate.cast(pl.Decimal(_PRECISION, exact))
    return product.round(MONEY_SCALE, mode="half_to_even").cast(pl.Decimal(_PRECISION, MONEY_SCALE))


def business_date(moment: pl.Expr, time_zone: ZoneInfo) -> pl.Expr:
    """The calendar day of an instant in the merchant's time zone."""
    return moment.dt.convert_time_zone(time_zone.key).dt.date()
