"""Claims about products, their variants and sizes, media and bundles."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from centra_assets.entities.products import PRODUCT_VARIANT_DETAILS, PRODUCTS
from centra_assets_tests.entities.products.looking import broken_rules, good, rows
from centra_assets_tests.entities.reading import read

SWEATER: dict[str, Any] = {
    "id": 12,
    "name": 'Sweater "Öland"\n',
    "status": "ACTIVE",
    "productNumber": "S-12",
    "createdAt": "2023-10-29T02:30:00+02:00",
    "updatedAt": "2024-01-05T09:00:00+01:00",
    "isBundle": False,
    "weight": {"value": Decimal("0.3500000"), "unit": "KILOGRAMS"},
    "brand": {"id": 4},
    "countryOfOrigin": {"id": 5, "code": "PT"},
    "measurementTable": {"chart": {"id": 6}, "inherited": True, "contentJSON": '[["S","92"]]'},
    "media": [
        {
            "id": 501,
            "altText": "Front",
            "metaDataJSON": '{"originalUrl": "https://pim/a.jpg"}',
            "source": {"url": "https://media/501.jpg", "mimeType": "image/jpeg", "type": "IMAGE"},
        },
        {"id": 502, "metaDataJSON": "", "source": {"url": "https://media/502.jpg"}},
    ],
    "variants": [
        {
            "id": 120,
            "name": "Blue",
            "variantNumber": "B",
            "status": "ACTIVE",
            "updatedAt": "2024-01-05T09:00:00+01:00",
            "stockOffset": 2,
            "unitCost": {"value": Decimal("17.1250"), "currency": {"code": "EUR"}},
            "sizeChart": {"id": 3},
            "productSizes": [
                {"id": 1200, "SKU": "S-12BS", "EAN": "73", "isActive": True, "quantity": 4, "size": {"id": 31}},
                {"id": 1201, "SKU": "S-12BM", "EAN": "73", "preorder": True, "size": {"id": 32, "name": "M"}},
            ],
        },
        {"id": 121, "variantNumber": "R", "productSizes": []},
    ],
}


def test_a_product_is_read_with_its_references_and_exact_weight() -> None:
    products = good(PRODUCTS, SWEATER)["products"]
    columns = ("id", "name", "brand_id", "folder_id", "country_of_origin_code", "weight", "measurements")
    assert rows(products, *columns) == [(12, 'Sweater "Öland"\n', 4, None, "PT", Decimal("0.35000000"), '[["S","92"]]')]
    # Half past two on the night when clocks go back: the offset says which of the two it is.
    assert products["created_at"].to_list() == [datetime(2023, 10, 29, 0, 30, tzinfo=UTC)]


def test_variants_know_their_product_and_their_place() -> None:
    variants = good(PRODUCTS, SWEATER)["product_variants"]
    columns = ("id", "product_id", "position", "variant_number", "unit_cost", "unit_cost_currency")
    assert rows(variants, *columns) == [(120, 12, 1, "B", Decimal("17.1250"), "EUR"), (121, 12, 2, "R", None, None)]


def test_sizes_know_their_variant_and_product_and_may_share_an_ean() -> None:
    sizes = good(PRODUCTS, SWEATER)["product_sizes"]
    columns = ("id", "product_variant_id", "product_id", "position", "sku", "ean", "size_name", "is_preorder")
    assert rows(sizes, *columns) == [
        (1200, 120, 12, 1, "S-12BS", "73", None, None),
        (1201, 120, 12, 2, "S-12BM", "73", "M", True),
    ]


def test_metadata_that_is_not_json_does_not_refuse_the_product() -> None:
    media = good(PRODUCTS, SWEATER)["product_media"]
    assert rows(media, "id", "product_id", "position", "alt_text", "metadata") == [
        (501, 12, 1, "Front", '{"originalUrl":"https://pim/a.jpg"}'),
        (502, 12, 2, None, None),
    ]


def test_a_bundle_lists_each_part_of_each_section_once() -> None:
    record = {
        "id": 40,
        "isBundle": True,
        "bundle": {
            "id": 9,
            "type": "FLEXIBLE",
            "priceType": "DYNAMIC",
            "sections": [
                {"id": 91, "quantity": 1, "productVariants": [{"id": 120}]},
                {"id": 92, "quantity": 2, "productVariants": [{"id": 120}, {"id": 121}]},
            ],
        },
    }
    tables = good(PRODUCTS, record, SWEATER)
    assert rows(tables["bundles"], "id", "product_id", "type", "price_type") == [(9, 40, "FLEXIBLE", "DYNAMIC")]
    columns = (
        "section_id",
        "product_variant_id",
        "bundle_id",
        "product_id",
        "section_position",
        "position",
        "quantity",
    )
    assert rows(tables["bundle_items"], *columns) == [
        (91, 120, 9, 40, 1, 1, 1),
        (92, 120, 9, 40, 2, 1, 2),
        (92, 121, 9, 40, 2, 2, 2),
    ]


def test_a_product_with_a_negative_cost_is_set_aside_with_everything_below_it() -> None:
    odd = {"id": 13, "variants": [{"id": 130, "unitCost": {"value": Decimal("-1")}, "productSizes": [{"id": 1300}]}]}
    result = read(PRODUCTS, SWEATER, odd)
    assert broken_rules(result) == ["unit_cost_is_not_negative"]
    assert result.tables["products"]["id"].to_list() == [12]
    assert result.tables["product_sizes"]["id"].to_list() == [1200, 1201]


def test_a_variant_lists_its_media_in_order() -> None:
    media = good(PRODUCT_VARIANT_DETAILS, {"id": 120, "media": [{"id": 502}, {"id": 501}]})["product_variant_media"]
    assert rows(media, "product_variant_id", "media_id", "position") == [(120, 502, 1), (120, 501, 2)]
