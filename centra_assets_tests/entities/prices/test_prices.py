"""Claims about prices and lowest prices."""

from datetime import UTC, datetime
from decimal import Decimal

from centra_assets.entities.prices import LOWEST_PRICES, PRICES
from centra_assets_tests.entities.products.looking import broken_rules, good, page_reader, rows
from centra_assets_tests.entities.reading import read


def test_a_variant_without_a_price_stays_without_one() -> None:
    tables = good(
        PRICES,
        {
            "id": 1,
            "price": {"value": Decimal("1234567890.1250"), "currency": {"code": "JPY"}},
            "recommendedRetailPrice": {"value": 0},
            "product": {"id": 12},
            "productVariant": {"id": 120},
        },
        {"id": 2, "price": None, "product": {"id": 12}, "productVariant": {"id": 121}},
        {"id": 3, "price": None, "recommendedRetailPrice": {"value": 9, "currency": {"code": "JPY"}}},
        partition="6",
    )
    columns = ("id", "pricelist_id", "product_variant_id", "price", "recommended_retail_price", "currency")
    assert rows(tables["prices"], *columns) == [
        (1, 6, 120, Decimal("1234567890.1250"), Decimal("0.0000"), "JPY"),
        (2, 6, 121, None, None, None),
        (3, 6, None, None, Decimal("9.0000"), "JPY"),
    ]


def test_a_negative_price_is_set_aside_alone() -> None:
    result = read(PRICES, {"id": 1, "price": {"value": Decimal("-0.01")}}, {"id": 2, "price": {"value": 3}})
    assert broken_rules(result) == ["price_is_not_negative"]
    assert result.tables["prices"]["id"].to_list() == [2]


def lowest(variant: int, price: str, *markets: int) -> dict[str, object]:
    return {
        "productVariant": {"id": variant},
        "originalPrice": {"value": Decimal("99.5"), "currency": {"code": "SEK"}},
        "price": {"value": Decimal(price)},
        "startDate": "2024-01-01T00:00:00+01:00",
        "markets": [{"id": market} for market in markets],
    }


def test_lowest_prices_of_different_markets_are_different_rows() -> None:
    tables = good(LOWEST_PRICES, lowest(120, "79.9", 10, 2), lowest(120, "69", 3), lowest(121, "59"), partition="6")
    columns = ("pricelist_id", "product_variant_id", "market_ids", "original_price", "price", "currency")
    assert rows(tables["lowest_prices"], *columns) == [
        (6, 120, "2,10", Decimal("99.5000"), Decimal("79.9000"), "SEK"),
        (6, 120, "3", Decimal("99.5000"), Decimal("69.0000"), "SEK"),
        (6, 121, "", Decimal("99.5000"), Decimal("59.0000"), "SEK"),
    ]
    assert tables["lowest_prices"]["starts_at"].unique().to_list() == [datetime(2023, 12, 31, 23, tzinfo=UTC)]


def test_two_lowest_prices_for_the_same_markets_are_both_set_aside() -> None:
    result = read(LOWEST_PRICES, lowest(120, "79", 1, 2), lowest(120, "69", 2, 1), lowest(121, "59", 1))
    assert broken_rules(result) == ["primary_key"]
    assert result.tables["lowest_prices"]["product_variant_id"].to_list() == [121]


def test_lowest_prices_of_a_page_are_told_apart_by_what_they_say() -> None:
    reader = page_reader(LOWEST_PRICES)
    first, second = (b'{"productVariant": {"id": 120}, "markets": [{"id": %d}]}' % market for market in (1, 2))
    body = b'{"data": {"lowestPrices": [' + b", ".join([first, second, first]) + b"]}}"
    ids = reader.split(reader.decoder.decode(body).data).ids
    assert ids[0] == ids[2] != ids[1]
    assert all(ids)
