"""Reading typed columns out of decoded records. What the columns mean is each family's own business.

Text that is there and cannot be read raises: a null would say that Centra sent nothing. `parse` names the record.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from zoneinfo import ZoneInfo

import polars as pl

from centra_assets.entities.contract import MONEY_SCALE, RATE_SCALE
from centra_assets.entities.model import CARRIED_COLUMNS

# What tells one reading of a record from another.
READING = ("_record_id", "_partition")

# Wide enough that no amount overflows before its contract has seen it.
_PRECISION = 38


def field(path: str) -> pl.Expr:
    """The value at a dotted path below `record`, such as `totals.shipping.value`; null where the path breaks off."""
    expression = pl.col("record")
    for name in path.split("."):
        expression = expression.struct.field(name)
    return expression


# What a pass that looks for unreadable text has found; None in every other pass.
_found: ContextVar[list[pl.DataFrame] | None] = ContextVar("found", default=None)


@contextmanager
def naming_unreadable() -> Iterator[list[pl.DataFrame]]:
    """A second pass over records that raised: within, unreadable text is null, and its records are listed."""
    found: list[pl.DataFrame] = []
    token = _found.set(found)
    try:
        yield found
    finally:
        _found.reset(token)


def _read(text: pl.Expr, dtype: pl.DataType, value: Callable[[bool], pl.Expr]) -> pl.Expr:
    """`value(strict)`, strict in an ordinary pass, which is the quickest way to learn that nothing is unreadable."""
    found = _found.get()
    if found is None:
        return value(True)

    def note(struct: pl.Series) -> pl.Series:
        frame = struct.struct.unnest()
        found.append(frame.filter(pl.col("text").is_not_null() & pl.col("value").is_null()).select(*READING))
        return frame["value"]

    return pl.struct(*READING, text.alias("text"), value(False).alias("value")).map_batches(note, return_dtype=dtype)


def money(path: str) -> pl.Expr:
    """A MonetaryValue's amount as a decimal. `path` names the object; its `value` is text, exactly as it was sent."""
    text, dtype = field(f"{path}.value"), pl.Decimal(_PRECISION, MONEY_SCALE)
    return _read(text, dtype, lambda strict: text.cast(dtype, strict=strict))


def rate(path: str) -> pl.Expr:
    """A GraphQL Float (percentage, exchange rate, weight) as a decimal with eight places."""
    text, dtype = field(path), pl.Decimal(_PRECISION, RATE_SCALE)
    return _read(text, dtype, lambda strict: text.cast(dtype, strict=strict))


def instant(path: str) -> pl.Expr:
    """A DateTimeTz as an instant in UTC. Without an offset it is unreadable: whose clock it means would be a guess."""
    text, dtype = field(path), pl.Datetime("us", "UTC")
    return _read(text, dtype, lambda strict: text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=strict))


def day(path: str) -> pl.Expr:
    """A Date as a calendar day."""
    text = field(path)
    return _read(text, pl.Date(), lambda strict: text.str.to_date("%Y-%m-%d", strict=strict))


def big(path: str) -> pl.Expr:
    """An Int64, which arrives as a number or as text, as a whole number."""
    text = field(path)
    return _read(text, pl.Int64(), lambda strict: text.cast(pl.Int64, strict=strict))


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
