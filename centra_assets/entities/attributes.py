"""Custom attributes and translations: the selections, contracts and transforms that all families share. No entity."""

import polars as pl

from centra_assets.entities.contract import Contract, flag, text, whole
from centra_assets.entities.frames import carried, children, field

# A document that asks for attributes contains this fragment word for word (a test compares them) and spreads it in
# `attributes { ...AttributeWhole }`. By Centra's rule it costs 10 x (1 + 1 + 10) = 120 points an object, so it stands
# in `attribute_paths` and is left out where the instance defines no attributes for that kind of object.
ATTRIBUTE_FRAGMENT = """\
fragment AttributeWhole on Attribute {
  type {
    name
    isMapped
    isMulti
  }
  ... on MappedAttribute {
    id
    name
  }
  elements {
    key
    kind
    ... on AttributeStringElement {
      value
    }
    ... on AttributeChoiceElement {
      selectedValue
      selectedValueName
    }
    ... on AttributeFileElement {
      url
    }
    ... on AttributeImageElement {
      url
      width
      height
      mimeType
    }
  }
}
"""

# The same for `translations { ...TranslationWhole }`: 10 x (1 + 1 + 10) = 120 points. Untranslated fields are not sent.
TRANSLATION_FRAGMENT = """\
fragment TranslationWhole on LanguageTranslation {
  language {
    id
    code
  }
  fields {
    field
    value
  }
}
"""


class AttributeContract(Contract):
    """One element of one attribute value assigned to an object. Subclasses name the table and say which objects."""

    object_type = text("Kind of object, in Centra's word (`Product`, `ProductVariant`, `Display` ...).", key=True)
    object_id = whole("Id of the object; the number for an order.", source="id", key=True)
    attribute_type = text(
        "Name of the attribute type, as `attribute_types.name`; empty if the token may not read it.",
        source="attributes.type.name",
        key=True,
    )
    position = whole("Place among the object's values of this attribute type, from 1.", source="attributes", key=True)
    element_key = text(
        "Key of the element within the attribute; empty for a value without elements.",
        source="attributes.elements.key",
        key=True,
    )
    element_position = whole(
        "Place among the value's elements of this key, from 1; above 1 only where an element holds several values.",
        source="attributes.elements",
        key=True,
    )
    is_mapped = flag(
        "True for a value chosen from the catalogue `mapped_attributes`, false for one written on the object itself.",
        source="attributes.type.isMapped",
    )
    is_multi = flag("Whether an object may hold several values of this type.", source="attributes.type.isMulti")
    mapped_attribute_id = whole("Id of the catalogue value, of a mapped attribute.", source="attributes.id")
    mapped_attribute_name = text("Name of the catalogue value, of a mapped attribute.", source="attributes.name")
    element_kind = text("Kind of the element, such as INPUT, SELECT or IMAGE.", source="attributes.elements.kind")
    value = text(
        "The text of a text element, or the chosen key of a choice element.",
        source="attributes.elements.value | selectedValue",
    )
    value_name = text("The chosen value of a choice element, as shown.", source="attributes.elements.selectedValueName")
    url = text("Address of the file or image.", source="attributes.elements.url")
    image_width = whole("Width of the image in pixels.", source="attributes.elements.width")
    image_height = whole("Height of the image in pixels.", source="attributes.elements.height")
    mime_type = text("MIME type of the image.", source="attributes.elements.mimeType")


class PersonAttributeContract(AttributeContract):
    """One element of one attribute value assigned to a person, or to what a person ordered: anything may be in it."""

    value = text(
        "The text of a text element, or the chosen key of a choice element.",
        source="attributes.elements.value | selectedValue",
        personal_data=True,
    )
    value_name = text(
        "The chosen value of a choice element, as shown.",
        source="attributes.elements.selectedValueName",
        personal_data=True,
    )
    url = text("Address of the file or image.", source="attributes.elements.url", personal_data=True)


class TranslationContract(Contract):
    """One translated field of an object in one language. Subclasses name the table and say which objects."""

    object_type = text("Kind of object, in Centra's word (`Product`, `ProductVariant`, `Display` ...).", key=True)
    object_id = whole("Id of the object.", source="id", key=True)
    language_id = whole("Language, as `languages.id`.", source="translations.language.id", key=True)
    field = text(
        "Name of the translated field; `attributes.<type>.<element>` for an attribute.",
        source="translations.fields.field",
        key=True,
    )
    language_code = text("Code of the language, such as `sv`.", source="translations.language.code")
    value = text("The translated text.", source="translations.fields.value")


def attribute_rows(
    records: pl.DataFrame, object_type: str, object_id: pl.Expr, path: str = "attributes"
) -> pl.DataFrame:
    """The rows of an AttributeContract, from the list at `path`. `object_id` is evaluated on `records`.

    A value without elements (a mapped one, or any when the token lacks Attribute:read) keeps one row.
    """
    attributes = (
        children(records, path, position="_place", object_id=object_id)
        .with_columns(attribute_type=field("type.name").fill_null(""))
        .with_columns(_nth=pl.int_range(1, pl.len() + 1).over("object_id", "attribute_type", order_by="_place"))
    )
    from_parent = {
        "object_id": pl.col("object_id"),
        "attribute_type": pl.col("attribute_type"),
        "_nth": pl.col("_nth"),
        "is_mapped": field("type.isMapped"),
        "is_multi": field("type.isMulti"),
        "mapped_attribute_id": field("id"),
        "mapped_attribute_name": field("name"),
    }
    with_elements = (
        children(attributes, "elements", position="_element_place", **from_parent)
        .with_columns(element_key=field("key").fill_null(""))
        .with_columns(
            element_position=pl.int_range(1, pl.len() + 1).over(
                "object_id", "attribute_type", "_nth", "element_key", order_by="_element_place"
            )
        )
        .select(
            *from_parent,
            "element_key",
            "element_position",
            field("kind").alias("element_kind"),
            pl.coalesce(field("value"), field("selectedValue")).alias("value"),
            field("selectedValueName").alias("value_name"),
            field("url").alias("url"),
            field("width").alias("image_width"),
            field("height").alias("image_height"),
            field("mimeType").alias("mime_type"),
            *carried(),
        )
    )
    without_elements = attributes.filter(field("elements").list.len().fill_null(0) == 0).select(
        *[expression.alias(name) for name, expression in from_parent.items()],
        pl.lit("").alias("element_key"),
        pl.lit(1, pl.Int64).alias("element_position"),
        *carried(),
    )
    return (
        pl.concat([with_elements, without_elements], how="diagonal")
        .rename({"_nth": "position"})
        .select(pl.lit(object_type).alias("object_type"), pl.all())
    )


def translation_rows(
    records: pl.DataFrame, object_type: str, object_id: pl.Expr, path: str = "translations"
) -> pl.DataFrame:
    """The rows of a TranslationContract, from the list at `path`. `object_id` is evaluated on `records`.

    Without the permission Language:read nothing tells the languages apart, and there are no rows.
    """
    languages = children(records, path, object_id=object_id).filter(field("language.id").is_not_null())
    fields = children(
        languages,
        "fields",
        object_id=pl.col("object_id"),
        language_id=field("language.id"),
        language_code=field("language.code"),
    )
    return fields.select(
        pl.lit(object_type).alias("object_type"),
        "object_id",
        "language_id",
        field("field").alias("field"),
        "language_code",
        field("value").alias("value"),
        *carried(),
    )
