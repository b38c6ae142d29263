"""How custom attributes are configured and which values can be chosen. Values on objects are with the objects."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.attributes import TranslationContract, translation_rows
from centra_assets.entities.contract import Contract, flag, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import reference_entity


class AttributeTypes(Contract):
    """One attribute type: a kind of custom attribute that objects of one kind can have."""

    table = "attribute_types"
    object_type = text("Kind of object that has it, such as Product or Display.", source="objectType", key=True)
    name = text("Name of the attribute type, by which documents and mutations refer to it.", key=True)
    description = text("What it is called for people.")
    is_mapped = flag("Whether values are chosen from `mapped_attributes`.", source="isMapped")
    is_multi = flag("Whether an object can have several values.", source="isMulti")


class AttributeTypeElements(Contract):
    """One element of an attribute type: a single thing that a value of it holds."""

    table = "attribute_type_elements"
    object_type = text("Kind of object that has the attribute type.", source="objectType", key=True)
    attribute_type = text("Name of the attribute type.", source="name", key=True)
    key = text("Key of the element within the attribute type.", source="elements.key", key=True)
    position = whole("Place among the elements, from 1.", source="elements")
    description = text("What it is called for people.", source="elements.description")
    kind = text("How it is entered, such as INPUT, SELECT or IMAGE.", source="elements.kind")
    is_multi = flag("Whether it can hold several values.", source="elements.isMulti")


class MappedAttributes(Contract):
    """One value of a mapped attribute type, which objects refer to."""

    table = "mapped_attributes"
    id = whole("Id of the mapped attribute.", key=True)
    object_type = text("Kind of object that can have it.", source="objectType")
    attribute_type = text("Name of the attribute type.", source="type.name")
    name = text("Name of the value.")
    description = text("What its attribute type is called for people.")


class MappedAttributeElements(Contract):
    """One element of a mapped attribute, such as the colour code of a colour."""

    table = "mapped_attribute_elements"
    mapped_attribute_id = whole("The mapped attribute.", source="id", key=True)
    position = whole("Place among the elements, from 1.", source="elements", key=True)
    key = text("Key of the element.", source="elements.key")
    kind = text("Kind of the element, such as INPUT, SELECT or IMAGE.", source="elements.kind")
    value = text(
        "The text of a text element, or the chosen key of a choice element.", source="elements.value | selectedValue"
    )
    value_name = text("The chosen value of a choice element, as shown.", source="elements.selectedValueName")
    url = text("Address of the file or image.", source="elements.url")
    image_width = whole("Width of the image in pixels.", source="elements.width")
    image_height = whole("Height of the image in pixels.", source="elements.height")
    mime_type = text("MIME type of the image.", source="elements.mimeType")


class MappedAttributeTranslations(TranslationContract):
    """One translated field of a mapped attribute in one language."""

    table = "mapped_attribute_translations"


def attribute_types(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Attribute types and their elements."""
    elements = children(
        records, "elements", position="position", object_type=field("objectType"), attribute_type=field("name")
    )
    return {
        "attribute_types": rows(
            records,
            {
                "object_type": field("objectType"),
                "name": field("name"),
                "description": field("description"),
                "is_mapped": field("isMapped"),
                "is_multi": field("isMulti"),
            },
        ),
        "attribute_type_elements": rows(
            elements,
            {
                "object_type": pl.col("object_type"),
                "attribute_type": pl.col("attribute_type"),
                "key": field("key"),
                "position": pl.col("position"),
                "description": field("description"),
                "kind": field("kind"),
                "is_multi": field("isMulti"),
            },
        ),
    }


def mapped_attributes(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Mapped attributes with their elements and translations."""
    elements = children(records, "elements", position="position", mapped_attribute_id=field("id"))
    return {
        "mapped_attributes": rows(
            records,
            {
                "id": field("id"),
                "object_type": field("objectType"),
                "attribute_type": field("type.name"),
                "name": field("name"),
                "description": field("description"),
            },
        ),
        "mapped_attribute_elements": rows(
            elements,
            {
                "mapped_attribute_id": pl.col("mapped_attribute_id"),
                "position": pl.col("position"),
                "key": field("key"),
                "kind": field("kind"),
                "value": pl.coalesce(field("value"), field("selectedValue")),
                "value_name": field("selectedValueName"),
                "url": field("url"),
                "image_width": field("width"),
                "image_height": field("height"),
                "mime_type": field("mimeType"),
            },
        ),
        "mapped_attribute_translations": translation_rows(records, "MappedAttribute", field("id")),
    }


ATTRIBUTE_TYPES = reference_entity(
    name="attribute_types",
    description="Attribute types and their elements: how the instance's custom attributes are configured.",
    document="attribute_types",
    operations=("AttributeTypes",),
    tables=(AttributeTypes, AttributeTypeElements),
    transform=attribute_types,
    # Types have no id, and two kinds of objects may use one name.
    record_id="",
    id_filter=None,
)
MAPPED_ATTRIBUTES = reference_entity(
    name="mapped_attributes",
    description="The values that mapped attributes choose from, with their elements and translations.",
    document="mapped_attributes",
    operations=("MappedAttributes",),
    tables=(MappedAttributes, MappedAttributeElements, MappedAttributeTranslations),
    transform=mapped_attributes,
)
