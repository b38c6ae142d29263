"""Cases of the rules of what is for sale: rows that keep each, and rows that break it."""

from centra_assets_tests.checks.cases.case import Case, Rows

SHOWN: Rows = {
    "market_countries": [{"market_id": 1, "country_id": 1}, {"market_id": 2, "country_id": 2}],
    "pricelists": [
        {"id": 1, "store_id": 1, "status": "ACTIVE"},
        {"id": 2, "store_id": 1, "status": "ACTIVE"},
        {"id": 3, "store_id": 2, "status": "ACTIVE"},
        {"id": 4, "store_id": 1, "status": "INACTIVE"},
    ],
    "pricelist_countries": [
        {"pricelist_id": 1, "country_id": 1},
        {"pricelist_id": 2, "country_id": 2},
        {"pricelist_id": 3, "country_id": 1},
        {"pricelist_id": 4, "country_id": 1},
    ],
    "product_variants": [{"id": 1, "status": "ACTIVE"}, {"id": 2, "status": "INACTIVE"}],
    "displays": [{"id": 1, "store_id": 1, "status": "ACTIVE"}, {"id": 2, "store_id": 1, "status": "INACTIVE"}],
    "display_items": [
        {"id": 1, "display_id": 1, "product_variant_id": 1},
        {"id": 2, "display_id": 1, "product_variant_id": 2},
        {"id": 3, "display_id": 2, "product_variant_id": 1},
    ],
    "display_markets": [{"display_id": 1, "market_id": 1}, {"display_id": 2, "market_id": 2}],
    "prices": [
        {"id": 1, "pricelist_id": 1, "product_variant_id": 1, "price": "10"},
        # Used, so that it counts, but for another variant.
        {"id": 2, "pricelist_id": 2, "product_variant_id": 9, "price": "10"},
    ],
}
SPOKEN: Rows = {
    "languages": [
        {"id": 1, "is_active": True, "is_available_for_translation": True},
        {"id": 2, "is_active": False, "is_available_for_translation": True},
        # The default language: nothing is ever translated into it.
        {"id": 3, "is_active": True, "is_available_for_translation": True},
    ],
    "language_countries": [{"language_id": n, "country_id": 1} for n in (1, 2, 3)],
    "market_countries": [{"market_id": 1, "country_id": 1}],
    "displays": [{"id": 1, "status": "ACTIVE"}, {"id": 2, "status": "INACTIVE"}],
    "display_markets": [{"display_id": 1, "market_id": 1}, {"display_id": 2, "market_id": 1}],
    "display_translations": [
        {"object_id": 1, "language_id": 1, "field": "name", "value": "Tröja"},
        {"object_id": 9, "language_id": 2, "field": "name", "value": "Genser"},
    ],
}

ASSORTMENT_CASES: dict[str, Case] = {
    "displays.variants_have_their_prices": (
        SHOWN,
        {
            "display_markets": [{"display_id": 1, "market_id": 2}],
            "prices": [{"id": 3, "pricelist_id": 2, "product_variant_id": 1, "price": None}],
        },
        {"1/1/2"},
    ),
    "pricelists.active_ones_have_prices": (
        {
            **{table: SHOWN[table] for table in ("market_countries", "pricelist_countries", "prices")},
            "markets": [{"id": 1, "store_id": 1}, {"id": 2, "store_id": 1}],
            # The third is of another store than the market, the fourth not in use, the fifth a former account's.
            "pricelists": [*SHOWN["pricelists"], {"id": 5, "store_id": 1, "status": "ACTIVE"}],
            "accounts": [
                {"id": 1, "pricelist_id": 4, "status": "ACTIVE"},
                {"id": 3, "pricelist_id": 5, "status": "CANCELLED"},
            ],
        },
        {
            "pricelists": [{"id": n, "store_id": 1, "status": "ACTIVE"} for n in (6, 7, 8)],
            "pricelist_countries": [{"pricelist_id": 6, "country_id": 1}, {"pricelist_id": 7, "country_id": 2}],
            "accounts": [{"id": 2, "pricelist_id": 8}],
            # A row without a price is none.
            "prices": [{"id": 3, "pricelist_id": 7, "product_variant_id": 1, "price": None}],
        },
        {"6", "7", "8"},
    ),
    "displays.texts_are_in_every_language": (
        SPOKEN,
        {
            "displays": [{"id": 3, "status": "ACTIVE"}, {"id": 4, "status": "ACTIVE"}],
            "display_markets": [{"display_id": 3, "market_id": 1}, {"display_id": 4, "market_id": 1}],
            "display_translations": [{"object_id": 4, "language_id": 1, "field": "name", "value": ""}],
        },
        {"3/1", "4/1"},
    ),
    "product_sizes.eans_are_unique": (
        {
            "product_sizes": [
                {"id": 1, "ean": "7350000000017", "is_active": True},
                {"id": 2, "ean": "7350000000017", "is_active": False},
                {"id": 3, "ean": "", "is_active": True},
                {"id": 4, "ean": " ", "is_active": True},
                {"id": 5, "is_active": True},
            ]
        },
        {
            "product_sizes": [
                {"id": 6, "ean": "7350000000017 ", "is_active": True},
                {"id": 7, "ean": "\t\u00a07350000000024", "is_active": True},
                {"id": 8, "ean": "7350000000024", "is_active": True},
            ]
        },
        {"1", "6", "7", "8"},
    ),
    "bundles.bundles_are_complete": (
        {
            "product_variants": [{"id": 1, "status": "ACTIVE"}, {"id": 2, "status": "INACTIVE"}],
            "products": [{"id": 1, "status": "ACTIVE"}, {"id": 2, "status": "INACTIVE"}],
            "bundles": [
                {"id": 1, "product_id": 1, "type": "FIXED"},
                {"id": 2, "product_id": 1, "type": "FLEXIBLE"},
                {"id": 3, "product_id": 2, "type": "FIXED"},
            ],
            "bundle_items": [
                {"section_id": 1, "bundle_id": 1, "product_variant_id": 1},
                {"section_id": 2, "bundle_id": 2, "product_variant_id": 1},
                {"section_id": 2, "bundle_id": 2, "product_variant_id": 2},
                {"section_id": 3, "bundle_id": 3, "product_variant_id": 2},
            ],
        },
        {
            "bundles": [
                {"id": 4, "product_id": 1, "type": "FIXED"},
                {"id": 5, "product_id": 1, "type": "FLEXIBLE"},
                {"id": 6, "product_id": 1, "type": "FIXED"},
            ],
            "bundle_items": [
                {"section_id": 4, "bundle_id": 4, "product_variant_id": 2},
                {"section_id": 5, "bundle_id": 5, "product_variant_id": 1},
                {"section_id": 6, "bundle_id": 5, "product_variant_id": 2},
            ],
        },
        {"4", "5", "6"},
    ),
}
