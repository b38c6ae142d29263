"""Reference tables: lists come apart into tables, order is kept, and what a token may not read is null."""

import json
from decimal import Decimal
from typing import Any

import pytest

from centra_assets.entities.model import Entity
from centra_assets.entities.reference import (
    ALLOCATION_RULES,
    ATTRIBUTE_TYPES,
    BRANDS,
    CATEGORIES,
    COLLECTIONS,
    COUNTRIES,
    CURRENCIES,
    FOLDERS,
    LANGUAGES,
    MAPPED_ATTRIBUTES,
    MARKETS,
    PRICELISTS,
    REFERENCE,
    SHIPPING_OPTIONS,
    SIZE_CHARTS,
    STORE_PLUGINS,
    STORES,
    TAX_RULES,
    WAREHOUSES,
)
from centra_assets_tests.entities.reading import read, table

SWEDEN = {"id": 46, "code": "SE"}
NORWAY = {"id": 47, "code": "NO"}


@pytest.mark.parametrize("entity", [e for e in REFERENCE if e is not ATTRIBUTE_TYPES], ids=lambda entity: entity.name)
def test_a_record_of_which_only_the_id_may_be_read_still_makes_its_row(entity: Entity) -> None:
    parsed = read(entity, {"id": 5})
    assert parsed.quarantined.is_empty()
    assert parsed.tables[entity.tables[0].table]["id"].to_list() == [5]
    assert all(parsed.tables[contract.table].is_empty() for contract in entity.tables[1:])


@pytest.mark.parametrize(
    ("entity", "links"),
    [(MARKETS, "market_countries"), (PRICELISTS, "pricelist_countries")],
    ids=["markets", "pricelists"],
)
def test_the_countries_of_markets_and_pricelists_are_rows(entity: Entity, links: str) -> None:
    first, second = table(
        entity,
        links,
        {"id": 1, "assignedToCountries": [NORWAY, SWEDEN]},
        {"id": 2, "assignedToCountries": []},
    )
    assert list(first.values()) == [1, 46, "SE"]
    assert list(second.values()) == [1, 47, "NO"]


def test_a_pricelist_names_its_currency_and_store() -> None:
    (row,) = table(
        PRICELISTS,
        "pricelists",
        {
            "id": 1,
            "name": "Retail",
            "status": "ACTIVE",
            "isDefaultForCurrency": True,
            "currency": {"id": 3, "code": "JPY"},
            "store": {"id": 2},
            "defaultShippingOption": {"id": 8},
            "assignedToCountries": [],
            "createdAt": "2024-01-01T00:00:00+09:00",
        },
    )
    assert (row["currency_id"], row["currency"], row["store_id"]) == (3, "JPY", 2)
    assert (row["is_default_for_currency"], row["default_shipping_option_id"]) == (True, 8)
    assert row["created_at"].isoformat() == "2023-12-31T15:00:00+00:00"


def test_stores_markets_and_warehouses_name_what_they_hang_on() -> None:
    (store,) = table(STORES, "stores", {"id": 1, "name": "Shop", "type": "WHOLESALE", "allocationRule": {"id": 4}})
    assert (store["type"], store["allocation_rule_id"]) == ("WHOLESALE", 4)
    (market,) = table(MARKETS, "markets", {"id": 1, "store": {"id": 3}, "allocationRule": None})
    assert (market["store_id"], market["allocation_rule_id"]) == (3, None)
    (warehouse,) = table(
        WAREHOUSES, "warehouses", {"id": 1, "threshold": 5, "country": SWEDEN, "state": None, "isConsignation": False}
    )
    assert (warehouse["threshold"], warehouse["country_code"], warehouse["state_id"]) == (5, "SE", None)


def test_a_currency_rate_keeps_eight_decimals() -> None:
    (row,) = table(
        CURRENCIES,
        "currencies",
        {"id": 1, "code": "JPY", "currentBaseRate": Decimal("0.06543219"), "denominator": 1, "decimalDigits": 0},
    )
    assert row["current_base_rate"] == Decimal("0.06543219")
    assert (row["denominator"], row["decimal_digits"]) == (1, 0)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"code": "Euro"}, "code_has_three_letters"),
        ({"denominator": 0}, "denominator_positive"),
        ({"currentBaseRate": Decimal("0")}, "current_base_rate_positive"),
    ],
)
def test_a_currency_that_nobody_can_compute_with_is_set_aside(change: dict[str, Any], rule: str) -> None:
    good = {"id": 1, "code": "EUR", "denominator": 100, "currentBaseRate": Decimal("11.2")}
    parsed = read(CURRENCIES, good, {**good, "id": 2, **change})
    assert parsed.tables["currencies"]["id"].to_list() == [1]
    assert json.loads(parsed.quarantined["reasons"].item()) == [{"table": "currencies", "rule": rule, "rows": 1}]


def test_states_belong_to_their_country() -> None:
    states = [{"id": 12, "name": "Texas", "code": "TX"}, {"id": 11, "name": "California", "code": "CA"}]
    usa = {"id": 1, "name": "United States", "code": "US", "isEU": False, "totalStates": 2, "states": states}
    assert table(COUNTRIES, "country_states", usa, {**SWEDEN, "states": []}) == [
        {"id": 11, "country_id": 1, "code": "CA", "name": "California"},
        {"id": 12, "country_id": 1, "code": "TX", "name": "Texas"},
    ]


def test_languages_list_their_countries() -> None:
    swedish = {"id": 2, "code": "sv", "isActive": True, "isAvailableForTranslation": True, "countries": [SWEDEN]}
    (row,) = table(LANGUAGES, "languages", swedish)
    assert (row["code"], row["is_active"], row["is_available_for_translation"]) == ("sv", True, True)
    assert table(LANGUAGES, "language_countries", swedish) == [
        {"language_id": 2, "country_id": 46, "country_code": "SE"}
    ]


@pytest.mark.parametrize(
    ("entity", "parent", "below", "links", "columns"),
    [
        (CATEGORIES, "parentCategory", "childCategories", "category_children", ("category_id", "child_category_id")),
        (FOLDERS, "parentFolder", "childFolders", "folder_children", ("folder_id", "child_folder_id")),
    ],
    ids=["categories", "folders"],
)
def test_a_tree_is_known_from_above_in_order_and_from_below(
    entity: Entity, parent: str, below: str, links: str, columns: tuple[str, str]
) -> None:
    top = {"id": 1, parent: None, below: [{"id": 3}, {"id": 2}]}
    children = [{"id": number, parent: {"id": 1}, below: []} for number in (2, 3)]
    rows = table(entity, entity.tables[0].table, top, *children)
    assert [row[f"parent_{columns[0]}"] for row in rows] == [None, 1, 1]
    assert [(row[columns[0]], row[columns[1]], row["position"]) for row in table(entity, links, top, *children)] == [
        (1, 2, 2),
        (1, 3, 1),
    ]


def test_a_category_keeps_its_translations_per_language() -> None:
    translations = [
        {"language": {"id": 2, "code": "sv"}, "fields": [{"field": "name", "value": "Skor"}]},
        {"language": {"id": 3, "code": "de"}, "fields": [{"field": "name", "value": "Schuhe"}]},
    ]
    swedish, german = table(CATEGORIES, "category_translations", {"id": 1, "translations": translations})
    assert (swedish["object_id"], swedish["language_code"], swedish["field"], swedish["value"]) == (
        1,
        "sv",
        "name",
        "Skor",
    )
    assert (german["language_code"], german["value"]) == ("de", "Schuhe")


def test_the_labels_of_a_size_chart_are_json_whatever_is_in_them() -> None:
    labels = ['28"', "30 på höjden", "a\\b", ""]
    chart = {"id": 1, "horizontalLabels": labels, "verticalLabels": None, "dividerSymbol": "/", "sizes": []}
    (row,) = table(SIZE_CHARTS, "size_charts", chart)
    assert json.loads(row["horizontal_labels"]) == labels
    assert row["vertical_labels"] is None


def test_an_empty_list_of_labels_is_an_empty_list() -> None:
    (row,) = table(SIZE_CHARTS, "size_charts", {"id": 1, "horizontalLabels": [], "verticalLabels": []})
    assert (row["horizontal_labels"], row["vertical_labels"]) == ("[]", "[]")


def test_sizes_keep_the_order_of_their_chart() -> None:
    sizes = [{"id": 9, "name": "S"}, {"id": 4, "name": "M"}, {"id": 7, "name": None}]
    rows = table(SIZE_CHARTS, "sizes", {"id": 1, "sizes": sizes})
    assert sorted((row["position"], row["id"], row["name"]) for row in rows) == [(1, 9, "S"), (2, 4, "M"), (3, 7, None)]
    assert {row["size_chart_id"] for row in rows} == {1}


def test_an_allocation_rule_ranks_warehouses_per_place() -> None:
    rule = {
        "id": 1,
        "name": "Europe first",
        "isDefault": True,
        "geographyAllocationPrioritySets": [
            {
                "id": 10,
                "demandVisibleInWarehouse": {"id": 3},
                "locations": [{"country": SWEDEN, "state": None}, {"country": NORWAY, "state": None}],
                "priorities": [
                    {"priorityNumber": 1, "timeoutInHours": Decimal("0.5"), "warehouse": {"id": 3}},
                    {"priorityNumber": 1, "timeoutInHours": Decimal("24"), "warehouse": {"id": 4}},
                ],
            },
            {"id": 11, "demandVisibleInWarehouse": None, "locations": [], "priorities": []},
        ],
    }
    first, second = table(ALLOCATION_RULES, "allocation_rule_priorities", rule)
    assert (first["priority_set_id"], first["position"], first["warehouse_id"]) == (10, 1, 3)
    assert (first["timeout_in_hours"], first["demand_visible_in_warehouse_id"]) == (Decimal("0.5"), 3)
    assert (second["position"], second["warehouse_id"], second["priority_number"]) == (2, 4, 1)
    places = table(ALLOCATION_RULES, "allocation_rule_locations", rule)
    assert [(row["priority_set_id"], row["allocation_rule_id"], row["country_code"]) for row in places] == [
        (10, 1, "SE"),
        (10, 1, "NO"),
    ]


def test_a_tax_rule_names_its_group_and_what_it_is_for() -> None:
    rule = {
        "id": 1,
        "rate": Decimal("25.5"),
        "taxGroup": {"id": 2, "name": "Standard", "status": "ACTIVE"},
        "applyFrom": "2024-01-01T00:00:00+01:00",
        "applyTo": None,
        "countries": [SWEDEN],
        "states": [{"id": 12, "code": "TX"}],
        "taxClasses": [{"id": 5, "name": "Clothes", "code": "C"}, {"name": "Books"}],
    }
    (row,) = table(TAX_RULES, "tax_rules", rule)
    assert (row["rate"], row["tax_group_name"], row["apply_to"]) == (Decimal("25.5"), "Standard", None)
    assert [r["country_code"] for r in table(TAX_RULES, "tax_rule_countries", rule)] == ["SE"]
    assert [r["state_code"] for r in table(TAX_RULES, "tax_rule_states", rule)] == ["TX"]
    assert [r["tax_class_name"] for r in table(TAX_RULES, "tax_rule_classes", rule)] == ["Clothes", "Books"]


@pytest.mark.parametrize(
    "change", [{"rate": Decimal("-1")}, {"applyFrom": "2024-02-01T00:00:00Z", "applyTo": "2024-01-01T00:00:00Z"}]
)
def test_a_tax_rule_that_cannot_be_is_set_aside(change: dict[str, Any]) -> None:
    parsed = read(TAX_RULES, {"id": 1, **change})
    assert parsed.tables["tax_rules"].is_empty()
    assert parsed.quarantined.height == 1


def test_two_kinds_of_objects_may_use_one_name_for_an_attribute_type() -> None:
    element = {"key": "text", "description": "Text", "kind": "INPUT", "isMulti": False}
    types = [
        {"name": "label", "objectType": kind, "isMapped": False, "isMulti": False, "elements": [element]}
        for kind in ("Product", "Display")
    ]
    assert [row["object_type"] for row in table(ATTRIBUTE_TYPES, "attribute_types", *types)] == ["Display", "Product"]
    elements = table(ATTRIBUTE_TYPES, "attribute_type_elements", *types)
    assert [(row["object_type"], row["attribute_type"], row["key"]) for row in elements] == [
        ("Display", "label", "text"),
        ("Product", "label", "text"),
    ]


def test_a_mapped_attribute_keeps_every_kind_of_element() -> None:
    colour = {
        "id": 1,
        "name": "red",
        "objectType": "ProductVariant",
        "type": {"name": "var_colour"},
        "elements": [
            {"key": "hex", "kind": "INPUT", "value": "#f00"},
            {"key": "family", "kind": "SELECT", "selectedValue": "warm", "selectedValueName": "Warm"},
            {"key": "swatch", "kind": "IMAGE", "url": "https://media/red.png", "width": 16, "height": 16},
        ],
        "translations": [{"language": {"id": 2, "code": "sv"}, "fields": [{"field": "name", "value": "röd"}]}],
    }
    hexcode, family, swatch = table(MAPPED_ATTRIBUTES, "mapped_attribute_elements", colour)
    assert (hexcode["key"], hexcode["value"]) == ("hex", "#f00")
    assert (family["value"], family["value_name"]) == ("warm", "Warm")
    assert (swatch["url"], swatch["image_width"]) == ("https://media/red.png", 16)
    (translated,) = table(MAPPED_ATTRIBUTES, "mapped_attribute_translations", colour)
    assert (translated["object_id"], translated["value"]) == (1, "röd")


def test_shipping_options_say_where_they_are_offered() -> None:
    option = {"id": 1, "currency": {"code": "SEK"}, "markets": [{"id": 2}, {"id": 3}], "stores": [{"id": 1}]}
    (row,) = table(SHIPPING_OPTIONS, "shipping_options", option)
    assert row["currency"] == "SEK"
    assert [r["market_id"] for r in table(SHIPPING_OPTIONS, "shipping_option_markets", option)] == [2, 3]
    assert [r["store_id"] for r in table(SHIPPING_OPTIONS, "shipping_option_stores", option)] == [1]


def test_plugins_brands_and_collections_are_one_row_each() -> None:
    (plugin,) = table(STORE_PLUGINS, "store_plugins", {"id": 1, "type": "PAYMENT_METHOD", "store": {"id": 2}})
    assert (plugin["type"], plugin["store_id"]) == ("PAYMENT_METHOD", 2)
    (brand,) = table(BRANDS, "brands", {"id": 1, "name": "Ünïcode & Sons", "uri": ""})
    assert (brand["name"], brand["uri"]) == ("Ünïcode & Sons", "")
    (collection,) = table(COLLECTIONS, "collections", {"id": 1, "totalProducts": 0})
    assert collection["total_products"] == 0
