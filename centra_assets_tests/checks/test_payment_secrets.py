"""How people and systems write card numbers, which must all be seen, and the numbers beside them that are none."""

import json
import random

import polars as pl
import psycopg
import pytest
from stdnum import luhn

from centra_assets.checks.payment_secrets import SUSPICIOUS, secrets_in, secrets_in_payload

# Published for trying out; no account has it.
CARD, GROUPS = "4111111111111111", "4111 1111 1111 1111"
FULL_WIDTH, ARABIC, PERSIAN = (
    CARD.translate({ord("0") + digit: zero + digit for digit in range(10)}) for zero in (0xFF10, 0x660, 0x6F0)
)
SEEN = {
    "an expiry behind a hyphen": f"{CARD}-12/27",
    "a whole year behind a hyphen": f"{CARD}-01/2027",
    "an expiry behind a space": f"{CARD} 12/27",
    "an expiry behind a slash": f"{CARD}/12/27",
    "an expiry behind a semicolon": f"{CARD};12/27",
    "an expiry behind a bar": f"{CARD}|12|27|123",
    "groups and an expiry behind a hyphen": f"{GROUPS}-12/27",
    "groups with hyphens and an expiry behind one": f"{GROUPS.replace(' ', '-')}-12/27",
    "groups and an expiry behind a space": f"{GROUPS} 12/27",
    "groups and an expiry behind a slash": f"{GROUPS}/12/27",
    "fifteen digits in groups and an expiry": "3782-822463-10005-12/27",
    "another number of four digits before it": f"order 1017 {GROUPS}",
    "an account before it": f"DE89 3704 0044 0532 0130 00 {GROUPS}",
    "a hyphen of the typographers": GROUPS.replace(" ", "\u2010"),
    "a hyphen that does not break": GROUPS.replace(" ", "\u2011"),
    "a dash": GROUPS.replace(" ", "\u2013"),
    "a minus": GROUPS.replace(" ", "\u2212"),
    "a hyphen of full width": GROUPS.replace(" ", "\uff0d"),
    "a dash before the expiry": f"{CARD}\u201312/27",
    "a space that does not break": GROUPS.replace(" ", "\u00a0"),
    "a narrow space that does not break": GROUPS.replace(" ", "\u202f"),
    "a thin space": GROUPS.replace(" ", "\u2009"),
    "a space of full width": GROUPS.replace(" ", "\u3000"),
    "a space of no width": GROUPS.replace(" ", "\u200b"),
    "digits of full width": FULL_WIDTH,
    "digits of full width in groups": "\u3000".join(FULL_WIDTH[at : at + 4] for at in range(0, 16, 4)),
    "Arabic digits": ARABIC,
    "Persian digits": PERSIAN,
    "digits of full width within others": CARD.replace("1", FULL_WIDTH[1]),
    "unlike spaces of one kind": f"4111 1111{chr(0xA0)}1111 1111",
    "JSON in a text": json.dumps({"card": f"{GROUPS.replace(' ', chr(0xA0))}\n"}),
    "JSON in a text, in the middle of a line": json.dumps(f"paid with\n{CARD}-12/27"),
    "JSON of PHP, which escapes slashes": f'"{CARD}-12\\/27"',
}
OTHER_SECRETS = (
    "SECURITY CODE: 123",
    "Card Verification 999",
    "CARD-VERIFICATION: 1234",
    f"Bearer {'.' * 3}{'a' * 16}",
)
NONE = {
    "a telephone number": "+46 70 123 45 67",
    "one of thirteen digits without its plus": "4915112345678",
    "one that a form has grouped": "+49 1511 2345 6780",
    "an article's number": "4006381333931",
    "an order's number and a part": f"{CARD}-2",
    "an order's number and a date": f"{CARD}-2027",
    "an order's number and a day": f"{CARD}-2027-12",
    "an account": "DE68 5001 0517 5407 3249 31",
    "an account with letters": "GB29 NWBK 6016 1331 9268 19",
    "a parcel in America": "9205 5000 0000 0000 0000 00",
    "a parcel": "00373500489530470000",
    "a parcel's code": "JJD014600004111111111111",
    "a moment in milliseconds": "1764000000000",
    "a moment in microseconds": "1764000000000000",
    "a moment in digits": "20261103120000",
    "a UUID of digits": "41111111-1111-4111-8111-111111111111",
    "one with dashes": "41111111\u20131111\u20134111\u20138111\u2013111111111111",
    "one behind four digits": "4111-1111-1111-1111-4a11",
    "an amount": "4111111111111111.12",
    "digits on lines of their own": json.dumps("4111\n1111\n1111\n1111"),
}


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_a_card_number_is_seen_as_people_and_systems_write_it(text: str) -> None:
    assert secrets_in(text) == ["card number"]
    assert secrets_in(f"Hej! {text}, tack") == ["card number"]
    assert list(secrets_in_payload({"comment": [text]})) == [("comment", "card number")]


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_a_number_of_another_kind_is_left_alone(text: str) -> None:
    assert secrets_in(text) == []
    assert secrets_in(f"Hej! {text}, tack") == []


def test_no_account_and_no_mobile_number_is_taken_for_a_card() -> None:
    """A tenth of them has the check digit of a card, and many begin like one."""
    digits = random.Random(27)
    accounts = [_account(f"{digits.randrange(10**18):018}") for _ in range(2_000)]
    mobiles = [f"491{digits.randrange(10**10):010}" for _ in range(2_000)]
    assert sum(luhn.is_valid(mobile) for mobile in mobiles) > 100
    assert [text for text in (*accounts, *mobiles) if secrets_in(text)] == []


@pytest.mark.parametrize("form", ["text", "JSON", "JSON of ASCII"])
def test_what_python_judges_is_found_first_by_both_engines(form: str, database_url: str) -> None:
    written = {"text": str, "JSON": lambda text: json.dumps(text, ensure_ascii=False), "JSON of ASCII": json.dumps}
    secrets = [f"Hej! {text}, tack" for text in (*SEEN.values(), *OTHER_SECRETS)]
    assert all(secrets_in(text) for text in secrets)
    texts = [written[form](text) for text in secrets]
    assert pl.Series(texts).filter(~pl.Series(texts).str.contains(SUSPICIOUS)).to_list() == []
    with psycopg.connect(database_url) as connection:
        missed = connection.execute(
            "select text from unnest(%s::text[]) as t (text) where text !~ %s", [texts, SUSPICIOUS]
        )
        assert missed.fetchall() == []


def _account(number: str) -> str:
    """A German account as it is printed, its check digits right."""
    check = 98 - int(f"{number}131400") % 97
    whole = f"DE{check:02}{number}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
