"""Orders of an invented shop, the same at every run: order n of a seed never changes. No GraphQL and no JSON."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.rendering import Taxed

ZONE = ZoneInfo("Europe/Stockholm")
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
_START = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=ZONE).astimezone(UTC)

# Base currency per unit, and the country whose addresses go with it.
_CURRENCIES = (("SEK", "1.00000", "SE"), ("EUR", "11.23450", "DE"), ("GBP", "13.10250", "GB"), ("NOK", "0.98765", "NO"))
_GIVEN = ("Åsa", "Björn", "Chloë", "Dávid", "Elin", "Frida", "Göran", "Hanna", "Ismaël", "Jörg", "Kaïs", "Linnéa")
_FAMILY = (
    "Andersson",
    "Björkman",
    "Çelik",
    "Dvořák",
    "Ekström",
    "Fjällström",
    "O'Neill",
    "Håkansson",
    "von Überlingen",
)
_STREETS = ("Storgatan", "Kungsängsvägen", "Prinzenstraße", "High Street", "Øvre Slottsgate", "Åkervägen")
_CITIES = (("Stockholm", "111 22"), ("Göteborg", "411 05"), ("Köln", "50667"), ("Leeds", "LS1 4AP"), ("Oslo", "0157"))
_GARMENTS = ("Wool Overshirt", "Pleated Trousers", "Merino Crew Neck", "Waxed Parka", "Oxford Shirt", 'Belt "Lång"')
_COLOURS = ("Night Navy", "Écru", "Mörkgrön", "Charcoal Melange", "Rust")
_LINES_PER_ORDER = (1, 2, 3, 4, 5)  # in turn, so that n orders have 3n lines
_TAX = 25


@dataclass
class Truth:
    """What the orders add up to, amounts in hundredths, currencies mixed on purpose: it is only compared."""

    orders: int = 0
    order_lines: int = 0
    order_discounts: int = 0
    payments: int = 0
    grand_total: int = 0
    line_value: int = 0

    def count(self, order: dict[str, Any]) -> None:
        """Add one order."""
        self.orders += 1
        self.order_lines += len(order["lines"])
        self.order_discounts += len(order["discountsApplied"])
        self.payments += len(order["paymentHistory"])
        self.grand_total += _minor(order["grandTotal"][0])
        self.line_value += sum(_minor(line["lineValue"][0]) for line in order["lines"])


def created_at(position: int, orders: int) -> datetime:
    """When the order at a position (from 0) of so many was placed: spread over the year, two to each instant."""
    return _START + timedelta(seconds=DAYS * 86400 * (position // 2 * 2) // orders)


def orders(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """The orders in the order of their creation, as objects with Centra's field names."""
    for position in range(count):
        yield _order(position + 1, created_at(position, count), seed)


def _order(number: int, created: datetime, seed: int) -> dict[str, Any]:
    rng = random.Random(seed * 1_000_000_007 + number)
    code, base_rate, country = _CURRENCIES[number % len(_CURRENCIES)]
    currency = {"code": code}
    lines = [_line(rng, number, place, currency) for place in range(_LINES_PER_ORDER[number % 5])]
    line_values = sum(_minor(line["lineValue"][0]) for line in lines)
    shipping, off = 4900, (line_values // 10 if number % 5 < 2 else 0)
    total = line_values + shipping - off
    tax = total - _net(total)
    quantity = sum(line["quantity"] for line in lines)
    placed, changed = _instant(created), _instant(created + timedelta(minutes=rng.randrange(10, 20_000)))
    address = _address(rng, country)
    nothing = _money(0, currency)
    wholesale = number % 20 == 0
    buyer: dict[str, Any] = (
        {"account": {"id": 1 + number % 300}, "buyer": {"id": 1 + number % 700}, "purchaseOrderNumber": f"PO-{number}"}
        if wholesale
        else {"customer": {"id": 1 + rng.randrange(40_000)}, "orderHoldReason": None}
    )
    return {
        "__typename": "WholesaleOrder" if wholesale else "DirectToConsumerOrder",
        "id": hashlib.md5(f"{seed}-{number}".encode()).hexdigest(),
        "number": number,
        "status": ("SHIPPED", "SHIPPED", "SHIPPED", "PROCESSING", "CONFIRMED")[rng.randrange(5)],
        "createdAt": placed,
        "updatedAt": changed,
        "orderDate": placed,
        "currencyBaseRate": base_rate,
        "internalComment": "Ring före leverans" if number % 50 == 0 else None,
        "otherComment": "",
        "externalId": None,
        "grandTotal": _taxed(total, currency),
        "totals": {
            "quantity": quantity,
            "originalQuantity": quantity,
            "cancelledQuantity": 0,
            "unexpeditedQuantity": 0,
            "lineValues": _money(line_values, currency),
            "shipping": _money(shipping, currency),
            "handling": nothing,
            "discounts": _money(off, currency),
            "taxAdded": nothing,
            "taxDeducted": nothing,
            "taxIncluded": _money(tax, currency),
            "shippingTaxAdded": nothing,
            "shippingTaxDeducted": nothing,
            "shippingTaxIncluded": _money(shipping - _net(shipping), currency),
        },
        "store": {"id": 2 if wholesale else 1},
        "market": {"id": 1 + number % 8},
        "pricelist": {"id": 1 + number % len(_CURRENCIES)},
        "country": {"code": country},
        "paymentMethod": {"id": 11 + number % 3},
        "shippingPriceGroup": {"id": 5, "shippingOption": {"id": 3}},
        "billingAddress": address,
        "shippingAddress": address if number % 4 else _address(rng, country),
        "lines": lines,
        "discountsApplied": [_voucher(number, off, placed, currency)] if off else [],
        "paymentHistory": _payments(number, total, created, base_rate, currency),
        **buyer,
    }


def _line(rng: random.Random, order: int, place: int, currency: dict[str, str]) -> dict[str, Any]:
    size = rng.randrange(4_000)
    unit = 9_900 + size % 40 * 2_500
    percent = 20 if size % 6 == 0 else 0
    quantity = 1 + (size % 9 == 0)
    value = quantity * unit * (100 - percent) // 100
    return {
        "__typename": "ProductOrderLine",
        "id": order * 10 + place,
        "productNumber": f"AW25-{size // 12:05d}",
        "productName": _GARMENTS[size % len(_GARMENTS)],
        "productVariantName": _COLOURS[size % len(_COLOURS)],
        "productBrand": "Exempel & Söner",
        "size": ("XS", "S", "M", "L", "XL")[size % 5],
        "comment": None,
        "quantity": quantity,
        "cancelledQuantity": 0,
        "returnedQuantity": 0,
        "shippedQuantity": quantity,
        "hasAnyDiscount": percent > 0,
        "discountPercent": f"{percent}.00",
        "taxPercent": f"{_TAX}.00",
        "unitOriginalPrice": _taxed(unit, currency),
        "unitPrice": _taxed(value // quantity, currency),
        "lineValue": _taxed(value, currency),
        "productSize": {"id": 1 + size},
    }


def _voucher(number: int, amount: int, at: str, currency: dict[str, str]) -> dict[str, Any]:
    return {
        "__typename": "AppliedVoucherDiscount",
        "value": _money(amount, currency),
        "date": at,
        "voucherName": "Autumn welcome",
        "voucherMethod": "CODE",
        "code": f"WELCOME{number % 97}",
        "url": None,
    }


def _payments(
    number: int, total: int, created: datetime, base_rate: str, currency: dict[str, str]
) -> list[dict[str, Any]]:
    kinds = ("AUTH", "CAPTURE", "REFUND") if number % 20 == 7 else ("AUTH", "CAPTURE")
    return [
        {
            "id": number * 10 + place,
            "createdAt": _instant(created + timedelta(hours=30 * place)),
            "status": "SUCCESS",
            "entryType": kind,
            "externalReference": f"PSP{number:010d}{place}",
            "paymentMethod": ("card", "klarna", "invoice")[number % 3],
            "source": "Checkout",
            "currencyBaseRate": base_rate,
            "externalId": None,
            "value": _money(total, currency),
        }
        for place, kind in enumerate(kinds)
    ]


def _address(rng: random.Random, country: str) -> dict[str, Any]:
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    city, zip_code = rng.choice(_CITIES)
    return {
        "firstName": given,
        "lastName": family,
        "companyName": None,
        "attention": None,
        "address1": f"{rng.choice(_STREETS)} {rng.randrange(1, 180)}",
        "address2": "c/o Bergström" if rng.random() < 0.1 else None,
        "zipCode": zip_code,
        "city": city,
        "stateOrProvince": None,
        "phoneNumber": None,
        "cellPhoneNumber": f"+4670{rng.randrange(10**6, 10**7)}",
        "email": f"person.{rng.randrange(10**6)}@example.com",
        "vatNumber": None,
        "country": {"code": country},
        "state": None,
    }


def _money(minor: int, currency: dict[str, str]) -> dict[str, Any]:
    return {"value": f"{minor // 100}.{minor % 100:02d}", "currency": currency}


def _taxed(minor: int, currency: dict[str, str]) -> Taxed:
    return Taxed((_money(minor, currency), _money(_net(minor), currency)))


def _minor(money: dict[str, Any]) -> int:
    return int(money["value"].replace(".", ""))


def _net(gross: int) -> int:
    return (2 * 100 * gross + 100 + _TAX) // (2 * (100 + _TAX))


def _instant(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")
