"""What a payment secret looks like and what only resembles one; which VAT rates a country knows."""

from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl
import psycopg
import pytest

from centra_assets.checks.compliance import build_compliance_checks, implausible_lines
from centra_assets.checks.payment_secrets import SUSPICIOUS, is_card_number, secrets_in, secrets_in_payload
from centra_assets.checks.token import judged
from centra_assets.checks.vat_rates import ENDS, HIGHEST, RATES, is_plausible
from centra_assets.entities.registry import entity
from centra_assets.storage.warehouse import Warehouse

# Numbers that the schemes publish for trying out; no account has them.
CARDS = (
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
)
SECRETS = (
    "sk_live_51H8abcdefgh",
    "rk_live_51H8abcdefgh",
    "-----BEGIN RSA PRIVATE KEY-----",
    "Authorization: Bearer abcdef0123456789.abcdef",
    "cvc 123",
    "CVV2: 1234",
    "security code 999",
)
INNOCENT = (
    "4111111111111112",  # the check digit is wrong
    "1234567890123452",  # nobody issues these
    "41111111111111111",  # Visa has no numbers of 17 digits
    "a4111111111111111",
    "4111111111111111f0c2a4b6d8e0a1b2",  # an order's id
    "+4111111111111111",
    "5f3c2b1a-4111-1111-1111-111111111111",
    "4006381333931",  # an article's number that Luhn takes for a card's
    "00373500489530470000",
    "2026-11-24 10:15:00.123456",
    "4111111111111111.12",  # an amount
    "0.4111111111111111",
    "411111******1111",
    "pk_test_51H8abcdefgh",
    "The bearer of this is welcome",
    "PostNord 1234",
)
# What the check of rates reads of core.
_ORDERS = """
CREATE TABLE core.orders (number bigint, country_code text, tax_deducted numeric, tax_added numeric,
  tax_included numeric, created_at timestamptz);
CREATE TABLE core.order_lines (order_number bigint, tax_percent numeric)
"""


@pytest.mark.parametrize("digits", CARDS)
@pytest.mark.parametrize("text", ["{}", "charge {} 12/31", "({})", "nr.{}", "a,{},b", "\n{}\n"])
def test_a_card_number_is_seen_wherever_it_stands(digits: str, text: str) -> None:
    assert secrets_in(text.format(digits)) == ["card number"]


@pytest.mark.parametrize("digits", CARDS)
@pytest.mark.parametrize(
    "text", ["{},12/27,123", "17,{}", "{0},{0}", "{}.12/27", "{}.12-27", "{0}.{0}", "paid with {}. 12 pieces"]
)
def test_a_card_number_is_seen_beside_its_expiry_and_other_figures_as_lists_write_them(digits: str, text: str) -> None:
    assert secrets_in(text.format(digits)) == ["card number"]


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904"]
)
def test_a_card_number_is_seen_in_groups_also_beside_its_expiry(text: str) -> None:
    assert secrets_in(text) == ["card number"]
    assert secrets_in(f"pay with {text} 12 31") == ["card number"]


@pytest.mark.parametrize("text", SECRETS)
def test_other_payment_secrets_are_seen(text: str) -> None:
    assert secrets_in(text)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_resembles_a_secret_is_left_alone(text: str) -> None:
    assert secrets_in(text) == []


def test_what_is_looked_for_first_lets_no_secret_through(database_url: str) -> None:
    texts = [f"before {text} after" for text in (*CARDS, *SECRETS, "4111 1111-1111 1111", "security_code=123")]
    assert pl.Series(texts).str.contains(SUSPICIOUS).all()
    with psycopg.connect(database_url) as connection:
        missed = connection.execute(
            "select text from unnest(%s::text[]) as t (text) where text !~ %s", [texts, SUSPICIOUS]
        )
        assert missed.fetchall() == []


def test_a_payload_is_looked_through_by_path_and_article_numbers_are_not_looked_at() -> None:
    card = CARDS[0]
    payload = {
        "otherComment": f"use {card}",
        "lines": [{"EAN": card, "gtin14": card}, {"comment": None, "payment": {"cvc": "123", "number": int(card)}}],
        "isTest": True,
    }
    assert sorted(secrets_in_payload(payload)) == [
        ("lines.payment.cvc", "card verification code"),
        ("lines.payment.number", "card number"),
        ("otherComment", "card number"),
    ]


def test_one_wrong_digit_is_no_card_number() -> None:
    for digits in CARDS:
        assert is_card_number(digits)
        wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        assert not is_card_number(wrong)


class TestVatRates:
    def test_a_countrys_own_rates_are_plausible_and_its_neighbours_are_not(self) -> None:
        assert is_plausible("SE", Decimal("25.00000000"))
        assert is_plausible("FI", Decimal("25.5"))
        assert not is_plausible("SE", Decimal("25.5"))
        assert not is_plausible("DE", Decimal(25))

    @pytest.mark.parametrize(
        ("country", "rate"), [("LU", 16), ("LU", 13), ("LU", 7), ("RO", 11), ("CY", 3), ("MT", 12), ("LT", 12)]
    )
    def test_rates_that_came_after_2021_are_known(self, country: str, rate: int) -> None:
        assert is_plausible(country, Decimal(rate))

    @pytest.mark.parametrize(("country", "rate"), [("FI", "13.5"), ("FI", "14"), ("LT", "9"), ("AT", "4.9")])
    def test_rates_of_2026_and_those_before_them_are_known(self, country: str, rate: str) -> None:
        assert is_plausible(country, Decimal(rate))

    def test_orders_after_the_tables_end_are_judged_by_it_and_told_of_it(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(_ORDERS)
            for number, year, rate in ((1, ENDS, 26), (2, ENDS + 1, 26), (3, ENDS + 3, 25), (4, ENDS + 2, 11)):
                connection.execute("INSERT INTO core.orders VALUES (%s, 'SE', 0, 1, 0, %s)", [number, f"{year}-05-03"])
                connection.execute("INSERT INTO core.order_lines VALUES (%s, %s)", [number, rate])
        assert implausible_lines(Warehouse(database_url)) == [
            f"SE 11 %: 1 lines, orders 4; none before {ENDS + 2}, and the table of rates ends in {ENDS}",
            "SE 26 %: 2 lines, orders 2, 1",
        ]

    def test_the_remedy_says_where_the_table_ends(self) -> None:
        (checks,) = build_compliance_checks([entity("orders"), entity("tax_rules")], [])[1:]
        remedies = [str(spec.description).partition(" What to do: ")[2] for spec in checks.check_specs]
        assert len(remedies) == 2
        assert all(f"ends in {ENDS}" in remedy for remedy in remedies)

    def test_no_tax_is_plausible_everywhere(self) -> None:
        assert is_plausible("SE", Decimal(0))
        assert is_plausible("US", Decimal(0))

    def test_a_rule_of_the_merchant_vouches_for_a_rate(self) -> None:
        assert not is_plausible("SE", Decimal(7))
        assert is_plausible("SE", Decimal(7), frozenset({Decimal("7.0000")}))

    def test_without_a_table_the_highest_rate_of_all_is_the_limit(self) -> None:
        assert is_plausible("US", Decimal("8.875"))
        assert not is_plausible("US", HIGHEST + 1)

    def test_every_rate_of_the_table_is_one(self) -> None:
        assert {country for country in RATES if len(country) == 2} == set(RATES)
        assert len(RATES) >= 30
        assert all(0 < rate <= HIGHEST for rates in RATES.values() for rate in rates)


@pytest.mark.parametrize(
    ("accepted", "days", "passed", "severity"),
    [
        (True, None, True, None),
        (True, 15, True, None),
        (True, 14, False, dg.AssetCheckSeverity.WARN),
        (True, 4, False, dg.AssetCheckSeverity.WARN),
        (True, 3, False, dg.AssetCheckSeverity.ERROR),
        (True, -1, False, dg.AssetCheckSeverity.ERROR),
        (False, None, False, dg.AssetCheckSeverity.ERROR),
        (False, 200, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_a_token_is_judged_by_whether_it_works_and_how_long_it_lives(
    accepted: bool, days: int | None, passed: bool, severity: dg.AssetCheckSeverity | None
) -> None:
    today = date(2026, 2, 20)
    ends = None if days is None else date.fromordinal(today.toordinal() + days)
    found = judged(dg.AssetCheckKey(dg.AssetKey("a"), "token_is_valid"), accepted, ends, today)
    assert found.passed is passed
    assert severity is None or found.severity is severity
