"""What a MonetaryValue says about an amount of the world. How amounts come about is the world's business."""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from centra_assets.sandbox.data.money import Money


def monetary_reader(name: str, base_currency: Any) -> Callable[[Money], Any]:
    """How to read one field of MonetaryValue. The rates are the currency's present ones: an amount keeps no own."""
    readers: dict[str, Callable[[Money], Any]] = {
        "value": lambda money: money.value,
        "currency": lambda money: money.currency,
        "formattedValue": formatted,
        "conversionRate": lambda money: money.currency.currentBaseRate,
        "valueInCents": lambda money: money.minor,
        "baseCurrencyValue": lambda money: in_base(money, base_currency),
        "conversionDate": lambda money: money.currency.updatedAt,
    }
    return readers[name]


def in_base(money: Money, base_currency: Any) -> Money:
    """The amount in the base currency at the present rate, rounded to its smallest unit."""
    if money.currency is base_currency:
        return money
    amount = (money.value * money.currency.currentBaseRate).scaleb(base_currency.decimalDigits)
    return Money(int(amount.to_integral_value(ROUND_HALF_EVEN)), base_currency)


def formatted(money: Money) -> str:
    """The amount as the shop writes it: "1 249,00 kr", "$12.50", "¥1,500"."""
    currency = money.currency
    sign = "-" if money.minor < 0 else ""
    whole, _, decimals = str(abs(Decimal(money.minor)).scaleb(-currency.decimalDigits)).partition(".")
    grouped = f"{int(whole):,}".replace(",", currency.thousandsSeparator)
    number = f"{grouped}{currency.decimalPoint}{decimals}" if decimals else grouped
    return f"{sign}{currency.prefix or ''}{number}{currency.suffix or ''}"
