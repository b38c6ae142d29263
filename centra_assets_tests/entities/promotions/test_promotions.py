"""Campaigns and vouchers: their lists come apart into tables, and what a token may not read is null."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from centra_assets.entities.promotions import CAMPAIGNS, VOUCHERS
from centra_assets_tests.entities.reading import read, table


def campaign(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "name": "Spring",
        "status": "ACTIVE",
        "createdAt": "2024-03-31T01:59:59+01:00",
        "updatedAt": "2024-03-31T03:00:00+02:00",
        "store": {"id": 1},
        "campaignVariants": [
            {
                "id": 71,
                "type": "PERCENT",
                "status": "ACTIVE",
                "discountPercent": Decimal("12.50"),
                "fixedPrice": None,
                "startAt": "2024-04-01T00:00:00+02:00",
                "stopAt": "2024-04-30T23:59:59+02:00",
                "createdAt": "2024-03-31T03:00:00+02:00",
                "showSale": True,
                "showNews": False,
                "productVariant": {"id": 501},
            },
            {
                "id": 72,
                "type": "FIXED",
                "status": "ACTIVE",
                "discountPercent": None,
                "fixedPrice": {"value": Decimal("1999.99"), "currency": {"code": "SEK"}},
                "startAt": "2024-04-01T00:00:00+02:00",
                "stopAt": "2024-04-30T23:59:59+02:00",
                "createdAt": "2024-03-31T03:00:00+02:00",
                "showSale": False,
                "showNews": True,
                "productVariant": {"id": 502},
            },
        ],
        "markets": [{"id": 2}, {"id": 1}],
        "pricelists": [{"id": 4}],
        "attributes": [],
        **changes,
    }


def voucher(**changes: Any) -> dict[str, Any]:
    return {
        "id": 9,
        "status": "ACTIVE",
        "name": "Welcome",
        "method": "CODE",
        "type": "NORMAL",
        "code": "HELLO",
        "startAt": None,
        "stopAt": None,
        "createdAt": "2024-01-01T00:00:00+01:00",
        "updatedAt": "2024-01-02T00:00:00+01:00",
        "combineWithOtherVouchers": False,
        "maxUsages": None,
        "successfulUsages": 3,
        "priority": 1,
        "reuse": False,
        "store": {"id": 1},
        "markets": [{"id": 1}, {"id": 2}],
        "actions": [
            {
                "id": 91,
                "isEntryPoint": True,
                "continueStrategy": "CONTINUE",
                "result": {"id": 911, "type": "PERCENT_DISCOUNT_ORDER"},
            },
            {"id": 92, "isEntryPoint": False, "continueStrategy": "STOP", "result": None},
        ],
        "attributes": [],
        **changes,
    }


def test_a_campaign_keeps_its_instants_in_utc_across_the_change_of_clocks() -> None:
    (row,) = table(CAMPAIGNS, "campaigns", campaign())
    assert row["created_at"] == datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)
    assert row["updated_at"] == datetime(2024, 3, 31, 1, 0, 0, tzinfo=UTC)
    assert row["store_id"] == 1


def test_campaign_variants_carry_either_a_percentage_or_a_price_exactly() -> None:
    percent, fixed = table(CAMPAIGNS, "campaign_variants", campaign())
    assert (percent["discount_percent"], percent["fixed_price"], percent["currency"]) == (Decimal("12.5"), None, None)
    assert (fixed["discount_percent"], fixed["fixed_price"], fixed["currency"]) == (None, Decimal("1999.99"), "SEK")
    assert [row["product_variant_id"] for row in (percent, fixed)] == [501, 502]
    assert {row["campaign_id"] for row in (percent, fixed)} == {7}


def test_a_campaign_lists_its_markets_and_pricelists() -> None:
    assert table(CAMPAIGNS, "campaign_markets", campaign()) == [
        {"campaign_id": 7, "market_id": 1},
        {"campaign_id": 7, "market_id": 2},
    ]
    assert table(CAMPAIGNS, "campaign_pricelists", campaign()) == [{"campaign_id": 7, "pricelist_id": 4}]


def test_a_campaign_of_five_hundred_variants_has_five_hundred_rows() -> None:
    template = campaign()["campaignVariants"][0]
    many = [{**template, "id": number} for number in range(500)]
    assert len(table(CAMPAIGNS, "campaign_variants", campaign(campaignVariants=many))) == 500


def test_a_campaign_without_what_a_token_may_not_read_is_still_a_campaign() -> None:
    (row,) = table(CAMPAIGNS, "campaigns", {"id": 7})
    assert row == {
        "id": 7,
        "store_id": None,
        "name": None,
        "status": None,
        "created_at": None,
        "updated_at": None,
    }


def test_a_negative_campaign_price_sets_the_campaign_aside() -> None:
    broken = campaign()
    broken["campaignVariants"][1]["fixedPrice"]["value"] = Decimal("-1")
    parsed = read(CAMPAIGNS, broken, campaign(id=8, campaignVariants=[]))
    assert parsed.tables["campaigns"]["id"].to_list() == [8]
    assert parsed.quarantined["reasons"].to_list() == [
        '[{"table":"campaign_variants","rule":"fixed_price_not_negative","rows":1}]'
    ]


def test_a_campaigns_attributes_are_kept() -> None:
    attribute = {
        "type": {"name": "cmp_label", "isMapped": False, "isMulti": False},
        "elements": [{"key": "text", "kind": "INPUT", "value": "Only now"}],
    }
    (row,) = table(CAMPAIGNS, "campaign_attributes", campaign(attributes=[attribute]))
    assert (row["object_type"], row["object_id"], row["attribute_type"], row["value"]) == (
        "Campaign",
        7,
        "cmp_label",
        "Only now",
    )


def test_a_voucher_without_a_limit_is_a_good_voucher() -> None:
    (row,) = table(VOUCHERS, "vouchers", voucher())
    assert (row["code"], row["max_usages"], row["successful_usages"], row["start_at"]) == ("HELLO", None, 3, None)


def test_a_vouchers_actions_and_markets_are_rows_of_their_own() -> None:
    first, second = table(VOUCHERS, "voucher_actions", voucher())
    assert (first["id"], first["is_entry_point"], first["result_type"]) == (91, True, "PERCENT_DISCOUNT_ORDER")
    assert (second["id"], second["is_entry_point"], second["result_type"]) == (92, False, None)
    assert [row["market_id"] for row in table(VOUCHERS, "voucher_markets", voucher())] == [1, 2]


def test_a_voucher_used_less_than_never_is_set_aside() -> None:
    parsed = read(VOUCHERS, voucher(successfulUsages=-1))
    assert parsed.tables["voucher_markets"].is_empty()
    assert parsed.quarantined.height == 1


def test_an_unknown_word_of_centra_is_kept_as_it_came() -> None:
    (row,) = table(VOUCHERS, "vouchers", voucher(method="TELEPATHY"))
    assert row["method"] == "TELEPATHY"
