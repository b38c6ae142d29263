"""Money in minor units and the ways to split it exactly. No prices of anything in particular."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Currency


@dataclass(slots=True, frozen=True, eq=False, repr=False)
class Money:
    """An amount in a currency's smallest unit (öre, cent, whole yen)."""

    minor: int
    currency: Currency

    def __repr__(self) -> str:
        return f"Money({self.value} {self.currency.code})"

    @property
    def value(self) -> Decimal:
        """The amount in whole currency units, with the currency's own number of decimals."""
        return Decimal(self.minor).scaleb(-self.currency.decimalDigits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.minor == other.minor and self.currency is other.currency

    def __hash__(self) -> int:
        return hash((self.minor, id(self.currency)))


@dataclass(slots=True, frozen=True)
class Taxed:
    """An amount of a field that takes `includingTax`: with and without tax."""

    gross: Money
    net: Money


class Mint(dict[int, Money]):
    """Money of one currency by minor units; equal amounts share one object, which keeps big worlds small."""

    def __init__(self, currency: Currency) -> None:
        super().__init__()
        self.currency = currency

    def __missing__(self, minor: int) -> Money:
        money = self[minor] = Money(minor, self.currency)
        return money

    def taxed(self, gross: int, net: int) -> Taxed:
        """An amount with and without tax."""
        return Taxed(self[gross], self[net])


def rounded(amount: Decimal) -> int:
    """To whole minor units, half to even."""
    return int(amount.to_integral_value(rounding=ROUND_HALF_EVEN))


def part_of(total: int, numerator: int, denominator: int) -> int:
    """`total * numerator / denominator` rounded half to even, in whole numbers only."""
    if denominator == 0:
        return 0
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(total * numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


def slice_of(total: int, before: int, size: int, whole: int) -> int:
    """The share of `total` that belongs to the stretch [before, before + size) of `whole`.

    Stretches that cover the whole add up to `total` exactly, however they are cut.
    """
    return part_of(total, before + size, whole) - part_of(total, before, whole)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` split by weights, by largest remainder: the parts add up exactly."""
    whole = sum(weights)
    if whole == 0:
        return [total if i == 0 else 0 for i in range(len(weights))]
    shares = [divmod(total * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    by_remainder = sorted(range(len(weights)), key=lambda i: -shares[i][1])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def tax_within(gross: int, rate: Decimal) -> int:
    """The tax contained in an amount that includes it; `rate` in percent."""
    numerator, denominator = _ratio(rate)
    return part_of(gross, numerator, 100 * denominator + numerator)


def tax_on(net: int, rate: Decimal) -> int:
    """The tax to add to an amount without it; `rate` in percent."""
    numerator, denominator = _ratio(rate)
    return part_of(net, numerator, 100 * denominator)


def total_minor(amounts: Iterable[Money]) -> int:
    """The sum in minor units of amounts in one currency."""
    return sum(amount.minor for amount in amounts)


_ratios: dict[Decimal, tuple[int, int]] = {}


def _ratio(rate: Decimal) -> tuple[int, int]:
    if rate not in _ratios:
        _ratios[rate] = rate.as_integer_ratio()
    return _ratios[rate]
