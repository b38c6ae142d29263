"""Recognises card numbers and other payment secrets in text. Where texts come from is beside it; none is ever told."""

import re
from collections.abc import Iterator
from typing import Any

from stdnum import ean, iban, luhn

# What keyboards write for a digit, and what stands between groups of them: spaces of every width and of none, hyphens
# and dashes.
_WRITTEN = {
    " ": "".join(map(chr, (0xA0, 0x1680, *range(0x2000, 0x200E), 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF))),
    "-": "".join(map(chr, (0xAD, *range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D))),
    "/": "\u2044\u2215\uff0f",
    # Of full width, Arabic, Persian.
    **{str(digit): "".join(chr(zero + digit) for zero in (0xFF10, 0x660, 0x6F0)) for digit in range(10)},
}
_PLAIN = str.maketrans({each: plain for plain, written in _WRITTEN.items() for each in written})
# JSON may spell each of them by its number, in a raw payload, in a text that holds JSON, and in both.
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt])|/)")
_DIGIT = f"[0-9{''.join(_WRITTEN[str(digit)] for digit in range(10))}]"
_GAP = f"[ {_WRITTEN[' ']}{_WRITTEN['-']}-]"

# What PostgreSQL and Polars look for before Python judges: everything that may be a secret, and much that is none.
# Both read it the same way. One digit that is spelled out is enough, or one gap behind a group: cheaper than both
# ways of writing at every place.
SUSPICIOUS = (
    rf"{_DIGIT}({_GAP}?{_DIGIT}){{12}}"
    rf"|\\u(003|066|06[fF]|[fF][fF]1)[0-9]|{_DIGIT}{{4}}\\+u[0-9a-fA-F]{{4}}{_DIGIT}"
    r"|[sr]k_live_|PRIVATE KEY-----|[Bb]earer +[A-Za-z0-9._~+/\\-]"
    r"|([Cc][Vv][CcVv]|[Cc][Ss][Cc]|[Ss][Ee][Cc][Uu][Rr][Ii][Tt][Yy].?[Cc][Oo][Dd][Ee]"
    r"|[Cc][Aa][Rr][Dd].?[Vv][Ee][Rr][Ii][Ff][Ii][Cc][Aa][Tt][Ii][Oo][Nn])2?[^0-9A-Za-z]"
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

# Thirteen digits that begin so are sooner a telephone number of Germany or Austria that lacks its plus.
_TELEPHONE = re.compile(r"4[39][1-9]")

# Digits that stand alone, plain or in groups as cards show them. Ids, dates and amounts are grouped otherwise: what
# follows a dot is decimals, unless they are too many or a date goes on behind them, and what follows a hyphen is the
# rest of an id, unless it is an expiry.
_EXPIRY = r"(?:0?[1-9]|1[0-2]) ?/ ?(?:20)?[0-9]{2}(?![0-9A-Za-z])"
_BEFORE = r"(?<![0-9A-Za-z_+])(?<![0-9]\.)(?<![0-9A-Za-z]-)"
_AFTER = rf"(?![0-9A-Za-z_]|\.[0-9]{{1,8}}(?![0-9/]|-[0-9])|-(?!{_EXPIRY})[0-9A-Za-z])"
# Looked ahead for, so that a group before the first one hides nothing.
_SHAPES = [
    re.compile(f"{_BEFORE}(?=(?P<number>{shape}){_AFTER})")
    for shape in (
        r"\d{13,19}",
        r"\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,4}",
        r"\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{4}(?P=gap)\d{1,3}",
        r"\d{4}(?P<gap>[ -])\d{6}(?P=gap)\d{4,5}",
    )
]
# Other numbers that are written in groups of four: accounts, told by their check digits, and parcels in America.
_ACCOUNT = re.compile(r"(?i)(?<![0-9a-z])[a-z]{2}\d\d(?:[ -][0-9a-z]{4}){2,7}(?:[ -][0-9a-z]{1,3})?(?![0-9a-z])")
_PARCEL = re.compile(r"(?<![0-9])9[1-5]\d\d(?: \d{4}){4} \d\d(?![0-9])")
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
    """Whether an issuer numbers cards so: first digits, length, check digit.

    Thirteen digits may be an article's or a telephone's.
    """
    issued = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ISSUERS)
    other = len(digits) == 13 and (ean.is_valid(digits) or _TELEPHONE.match(digits))
    return issued and luhn.is_valid(digits) and not other


def _has_card_number(text: str) -> bool:
    plain = _PARCEL.sub("", _ACCOUNT.sub(_behind_account, _plain(text)))
    return any(
        is_card_number(re.sub("[ -]", "", match["number"])) for shape in _SHAPES for match in shape.finditer(plain)
    )


def _plain(text: str) -> str:
    """The text with digits, spaces, dashes and slashes as ASCII has them, those included that JSON spells out."""
    if "\\" in text:
        text = _ESCAPED.sub(_unescaped, text)
    return text if text.isascii() else text.translate(_PLAIN)


def _unescaped(match: re.Match[str]) -> str:
    code, is_break = match[1], match[2]
    return chr(int(code, 16)) if code else "\n" if is_break else "/"


def _behind_account(match: re.Match[str]) -> str:
    """What is left of groups when the account number that they begin with, if there is one, is taken out."""
    groups = re.split("[ -]", match[0])
    for end in range(len(groups), 3, -1):
        if iban.is_valid("".join(groups[:end]), check_country=False):
            return match[0][sum(map(len, groups[:end])) + end - 1 :]
    return match[0]
