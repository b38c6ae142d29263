"""Claims about displays and what hangs on them."""

from typing import Any

from centra_assets.entities.displays import DISPLAYS
from centra_assets_tests.entities.products.looking import broken_rules, good, rows
from centra_assets_tests.entities.reading import read

DISPLAY: dict[str, Any] = {
    "id": 70,
    "name": "Sweater",
    "status": "ACTIVE",
    "uri": "sweater",
    "minimumOrderQuantity": 1,
    "orderQuantityDenominator": 1,
    "tags": ["new", "wool", "new"],
    "store": {"id": 1},
    "product": {"id": 12},
    "canonicalCategory": {"id": 5},
    "categories": [{"id": 4}, {"id": 5}],
    "markets": [{"id": 1}, {"id": 2}],
    "displayItems": [
        {"id": 700, "productVariant": {"id": 121}},
        {"id": 701, "productVariant": {"id": 120}},
    ],
    "media": [{"id": 502}, {"id": 501}],
    "related": [{"id": 900, "type": "accessory", "targetDisplay": {"id": 71}}],
}


def test_a_display_names_its_store_and_product() -> None:
    displays = good(DISPLAYS, DISPLAY)["displays"]
    assert rows(displays, "id", "store_id", "product_id", "uri", "tax_group_id") == [(70, 1, 12, "sweater", None)]


def test_items_keep_the_order_in_which_they_are_shown() -> None:
    items = good(DISPLAYS, DISPLAY)["display_items"]
    columns = ("id", "display_id", "product_variant_id", "position")
    assert rows(items, *columns) == [(700, 70, 121, 1), (701, 70, 120, 2)]


def test_one_category_at_most_is_the_main_one() -> None:
    homeless = {**DISPLAY, "id": 71, "canonicalCategory": None, "displayItems": [], "related": []}
    categories = good(DISPLAYS, DISPLAY, homeless)["display_categories"]
    assert rows(categories, "display_id", "category_id", "position", "is_canonical") == [
        (70, 4, 1, False),
        (70, 5, 2, True),
        (71, 4, 1, False),
        (71, 5, 2, False),
    ]


def test_markets_media_relations_and_tags_hang_on_the_display() -> None:
    tables = good(DISPLAYS, DISPLAY)
    assert rows(tables["display_markets"], "display_id", "market_id") == [(70, 1), (70, 2)]
    assert rows(tables["display_media"], "display_id", "media_id", "position") == [(70, 502, 1), (70, 501, 2)]
    relations = rows(tables["display_relations"], "id", "display_id", "target_display_id", "type", "position")
    assert relations == [(900, 70, 71, "accessory", 1)]
    assert rows(tables["display_tags"], "display_id", "tag") == [(70, "new"), (70, "wool")]


def test_a_negative_order_quantity_sets_the_display_aside() -> None:
    result = read(DISPLAYS, {**DISPLAY, "minimumOrderQuantity": -1})
    assert broken_rules(result) == ["order_quantities_are_not_negative"]
    assert result.tables["display_items"].is_empty()
