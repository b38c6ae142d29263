"""Recognises card numbers and other payment secrets in text. Where texts come from is beside it; none is ever told."""

import re
from collections.abc import Iterator
from typing import Any

from stdnum import ean, luhn

# What PostgreSQL and Polars look for before Python judges: everything that may be a secret, and much that is none.
# Both read it the same way.
SUSPICIOUS = (
    r"[0-9]([ -]?[0-9]){12,18}"
    r"|[sr]k_live_|PRIVATE KEY-----|[Bb]earer[ ]+[A-Za-z0-9]"
    r"|([Cc][Vv][CcVv]|[Cc][Ss][Cc]|[Ss]ecurity.?[Cc]ode|[Cc]ard.?[Vv]erification)2?[^0-9a-z]"
)

# Article numbers look like card numbers and are none: a tenth of them passes Luhn.
ARTICLE_NUMBER = re.compile(r"(^|[_.])(ean|gtin|upc|isbn)\d*($|[_.])", re.IGNORECASE)

# Whose number it is, by its first digits, and the lengths that go with them (ISO/IEC 7812; the schemes' own ranges).
_ISSUERS = [
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        (r"4", {13, 16, 19}),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", {16}),  # Mastercard
        (r"3[47]", {15}),  # American Express
        (r"30[0-5]|3095|3[689]", {14}),  # Diners Club
        (r"6011|64[4-9]|65", {16, 19}),  # Discover
        (r"35(?:2[89]|[3-8])", {16, 19}),  # JCB
        (r"62", {16, 17, 18, 19}),  # UnionPay
        (r"5018|5020|5038|5893|6304|6759|676[1-3]", set(range(13, 20))),  # Maestro
        (r"5019", {16}),  # Dankort
        (r"220[0-4]", {16}),  # Mir
    )
]

# Digits that stand alone, plain or in groups as cards show them. Ids, dates and amounts are grouped otherwise: what
# follows a dot is decimals, unless they are too many or a date goes on behind them.
_BEFORE = r"(?<![0-9A-Za-z_+])(?<![0-9]\.)(?<![0-9A-Za-z]-)"
_AFTER = r"(?![0-9A-Za-z_]|\.[0-9]{1,8}(?![0-9/]|-[0-9])|-[0-9A-Za-z])"
_SHAPES = [
    re.compile(f"{_BEFORE}(?:{shape}){_AFTER}")
    for shape in (
        r"\d{13,19}",
        r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}",
        r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}\1\d{1,3}",
        r"\d{4}([ -])\d{6}\1\d{4,5}",
    )
]
_OTHERS = (
    (
        "card verification code",
        re.compile(r"(?i)(?:\bcv[cv]|\bcsc|security[ _-]?code|card[ _-]?verification)2?\W{1,8}\d{3,4}\b"),
    ),
    ("payment provider's key", re.compile(r"\b[sr]k_live_[0-9A-Za-z]{8,}")),
    ("private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("bearer token", re.compile(r"\b[Bb]earer +[A-Za-z0-9._~+/-]{16,}")),
)


def secrets_in(text: str) -> list[str]:
    """What kinds of secret a text holds, each once. Never the secret."""
    found = [kind for kind, pattern in _OTHERS if pattern.search(text)]
    return [*(["card number"] if _has_card_number(text) else []), *found]


def secrets_in_payload(payload: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The path below a record's JSON, and the kind, of every secret in it. Article numbers are not looked at."""
    if isinstance(payload, dict):
        for key, value in payload.items():
            below = f"{path}.{key}".lstrip(".")
            if not ARTICLE_NUMBER.search(below):
                yield from secrets_in_payload(value, below)
    elif isinstance(payload, list):
        for value in payload:
            yield from secrets_in_payload(value, path)
    elif isinstance(payload, str | int):
        # A verification code is known by the name beside it.
        name = path.rpartition(".")[2]
        yield from ((path, kind) for kind in secrets_in(f"{name}: {payload}"))


def is_card_number(digits: str) -> bool:
    """Whether an issuer numbers cards so: first digits, length, check digit. Thirteen digits may be an article's."""
    issued = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ISSUERS)
    return issued and luhn.is_valid(digits) and not (len(digits) == 13 and ean.is_valid(digits))


def _has_card_number(text: str) -> bool:
    return any(is_card_number(re.sub("[ -]", "", match[0])) for shape in _SHAPES for match in shape.finditer(text))
