"""Claims about custom attributes and translations, shown on products, variants and displays."""

from typing import Any

import polars as pl
import pytest

from centra_assets.entities.attributes import ATTRIBUTE_FRAGMENT, TRANSLATION_FRAGMENT
from centra_assets.entities.displays import DISPLAYS
from centra_assets.entities.model import Entity
from centra_assets.entities.products import PRODUCT_VARIANT_DETAILS, PRODUCTS
from centra_assets_tests.entities.products.looking import good, rows

CASES = [
    (PRODUCTS, "product_attributes", "product_translations", "Product"),
    (PRODUCT_VARIANT_DETAILS, "product_variant_attributes", "product_variant_translations", "ProductVariant"),
    (DISPLAYS, "display_attributes", "display_translations", "Display"),
]
every_object = pytest.mark.parametrize(
    ("entity", "attributes", "translations", "object_type"), CASES, ids=[case[3] for case in CASES]
)


def attribute(type_name: str, *elements: dict[str, Any], mapped: tuple[int, str] | None = None) -> dict[str, Any]:
    catalogue = {"id": mapped[0], "name": mapped[1]} if mapped else {}
    kind = {"name": type_name, "isMapped": mapped is not None, "isMulti": False}
    return {"type": kind, **catalogue, "elements": list(elements)}


def of(tables: dict[str, pl.DataFrame], table: str, *columns: str) -> list[tuple[Any, ...]]:
    return rows(tables[table].sort("attribute_type", "position", "element_key", "element_position"), *columns)


@every_object
def test_every_kind_of_attribute_is_kept_whole(
    entity: Entity, attributes: str, translations: str, object_type: str
) -> None:
    record = {
        "id": 7,
        "attributes": [
            attribute("color", {"key": "hex", "kind": "INPUT", "value": "#f00"}, mapped=(31, "Röd")),
            attribute("fit", {"key": "fit", "kind": "SELECT", "selectedValue": "s", "selectedValueName": "Slim"}),
            attribute("manual", {"key": "pdf", "kind": "FILE", "url": "https://media/a.pdf"}),
            attribute(
                "swatch",
                {
                    "key": "img",
                    "kind": "IMAGE",
                    "url": "https://media/a.png",
                    "width": 40,
                    "height": 30,
                    "mimeType": "image/png",
                },
            ),
        ],
    }
    tables = good(entity, record)
    columns = ("object_type", "object_id", "attribute_type", "mapped_attribute_name", "value", "value_name", "url")
    assert of(tables, attributes, *columns) == [
        (object_type, 7, "color", "Röd", "#f00", None, None),
        (object_type, 7, "fit", None, "s", "Slim", None),
        (object_type, 7, "manual", None, None, None, "https://media/a.pdf"),
        (object_type, 7, "swatch", None, None, None, "https://media/a.png"),
    ]
    image = tables[attributes].filter(attribute_type="swatch")
    assert rows(image, "image_width", "image_height", "mime_type", "is_mapped") == [(40, 30, "image/png", False)]


def test_several_values_of_one_type_are_told_apart_by_their_place() -> None:
    wash = [attribute("care", {"key": "name", "value": text}, mapped=(n, text)) for n, text in ((5, "30°"), (9, "Dry"))]
    record = {"id": 7, "attributes": [wash[0], attribute("fit", {"key": "fit", "value": "x"}), wash[1]]}
    tables = good(PRODUCTS, record, {"id": 8, "attributes": [wash[1]]})
    found = rows(tables["product_attributes"], "object_id", "attribute_type", "position", "mapped_attribute_id")
    assert sorted(found, key=str) == [(7, "care", 1, 5), (7, "care", 2, 9), (7, "fit", 1, None), (8, "care", 1, 9)]


def test_an_element_with_several_values_keeps_them_all() -> None:
    elements = [{"key": "tag", "value": "a"}, {"key": "note", "value": "n"}, {"key": "tag", "value": "b"}]
    tables = good(PRODUCTS, {"id": 7, "attributes": [attribute("tags", *elements)]})
    found = of(tables, "product_attributes", "element_key", "element_position", "value")
    assert found == [("note", 1, "n"), ("tag", 1, "a"), ("tag", 2, "b")]


def test_a_value_without_elements_keeps_its_row() -> None:
    record = {"id": 7, "attributes": [attribute("season", mapped=(3, "Autumn"))]}
    found = of(good(PRODUCTS, record), "product_attributes", "attribute_type", "element_key", "mapped_attribute_name")
    assert found == [("season", "", "Autumn")]


def test_a_token_without_attribute_permission_still_gets_the_mapped_values() -> None:
    record = {"id": 7, "attributes": [{"id": 3, "name": "Autumn"}, {"id": 4, "name": "Winter"}]}
    found = of(good(PRODUCTS, record), "product_attributes", "attribute_type", "position", "mapped_attribute_id")
    assert found == [("", 1, 3), ("", 2, 4)]


@every_object
def test_attributes_that_were_not_asked_for_give_no_rows(
    entity: Entity, attributes: str, translations: str, object_type: str
) -> None:
    tables = good(entity, {"id": 7})
    assert tables[attributes].is_empty()
    assert tables[translations].is_empty()


@every_object
def test_translations_are_rows_per_language_and_field(
    entity: Entity, attributes: str, translations: str, object_type: str
) -> None:
    swedish = {"language": {"id": 2, "code": "sv"}, "fields": [{"field": "name", "value": "Tröja"}]}
    german = {
        "language": {"id": 3, "code": "de"},
        "fields": [{"field": "name", "value": "Pulli"}, {"field": "attributes.care.text", "value": "30°"}],
    }
    tables = good(entity, {"id": 7, "translations": [swedish, german]})
    found = rows(tables[translations].sort("language_id", "field"), "object_type", "language_code", "field", "value")
    assert found == [
        (object_type, "sv", "name", "Tröja"),
        (object_type, "de", "attributes.care.text", "30°"),
        (object_type, "de", "name", "Pulli"),
    ]


def test_translations_whose_language_may_not_be_read_are_left_out() -> None:
    unnamed = {"fields": [{"field": "name", "value": "Tröja"}]}
    tables = good(PRODUCTS, {"id": 7, "name": "Sweater", "translations": [unnamed, unnamed]})
    assert tables["product_translations"].is_empty()
    assert tables["products"]["name"].to_list() == ["Sweater"]


@every_object
def test_documents_ask_for_attributes_and_translations_in_the_shared_words(
    entity: Entity, attributes: str, translations: str, object_type: str
) -> None:
    assert ATTRIBUTE_FRAGMENT in entity.document_text()
    assert TRANSLATION_FRAGMENT in entity.document_text()
    assert object_type in entity.attributes_of
