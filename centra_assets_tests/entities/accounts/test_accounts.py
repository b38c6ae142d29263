"""What wholesale accounts say, with their buyers and addresses."""

from typing import Any

import pytest

from centra_assets.entities.accounts import ACCOUNTS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import only, total


def account(account_id: int | str = 12, **changes: Any) -> dict[str, Any]:
    return {
        "id": account_id,
        "name": "Northern Outfitters AB",
        "status": "ACTIVE",
        "createdAt": "2024-03-01T12:00:00+01:00",
        "updatedAt": "2024-03-01T12:00:00+01:00",
        "discountPercent": 12.5,
        "creditLimit": total("10000"),
        "market": {"id": 2},
        "buyers": [{"id": 5, "status": "ACTIVE", "email": "buyer@example.com", "store": {"id": 3}}],
        "accountAddress": {"city": "Umeå", "country": {"code": "SE"}},
        "billingAddress": None,
        "shippingAddress": {"city": "Luleå", "country": {"code": "SE"}},
        "addressBook": [
            {"id": None, "name": "Shop 1", "address": {"city": "Kiruna"}},
            {"id": 8, "name": "Shop 2", "address": {"city": "Boden"}},
        ],
    } | changes


@pytest.mark.parametrize("account_id", [9007199254740993, "9007199254740993"], ids=["as a number", "as text"])
def test_a_long_account_id_is_read_exactly(account_id: int | str) -> None:
    parsed = read(ACCOUNTS, account(account_id))
    assert only(parsed, "accounts")["id"] == 9007199254740993
    assert only(parsed, "buyers")["account_id"] == 9007199254740993


def test_an_account_fills_its_row() -> None:
    row = only(read(ACCOUNTS, account()), "accounts")
    assert (row["name"], row["market_id"], row["discount_percent"]) == ("Northern Outfitters AB", 2, 12.5)
    assert (row["credit_limit"], row["credit_limit_currency"]) == (10000, "SEK")


def test_its_addresses_are_told_apart_by_kind_and_place() -> None:
    rows = read(ACCOUNTS, account()).tables["account_addresses"].to_dicts()
    assert [(row["kind"], row["position"], row["city"]) for row in rows] == [
        ("account", 1, "Umeå"),
        ("shipping", 1, "Luleå"),
        ("book", 1, "Kiruna"),
        ("book", 2, "Boden"),
    ]
    assert [row["address_book_entry_id"] for row in rows] == [None, None, None, 8]


def test_an_account_with_an_impossible_discount_is_set_aside() -> None:
    parsed = read(ACCOUNTS, account(discountPercent=120), account(13, buyers=[]))
    assert parsed.quarantined["_record_id"].to_list() == ["0"]
    assert parsed.tables["accounts"]["id"].to_list() == [13]
    assert parsed.tables["buyers"].height == 0


def test_what_was_pruned_is_null_and_breaks_no_rule() -> None:
    parsed = read(ACCOUNTS, {"id": 1})
    assert parsed.quarantined.height == 0
    assert only(parsed, "accounts")["name"] is None
