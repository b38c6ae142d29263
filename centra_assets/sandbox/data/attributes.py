"""Builds the custom attributes: their types, the mapped values, and what an object carries of them. No translations."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.descriptions import (
    Attribute,
    AttributeChoiceElement,
    AttributeElement,
    AttributeFileElement,
    AttributeImageElement,
    AttributeStringElement,
    AttributeType,
    AttributeTypeElement,
    DynamicAttribute,
    LanguageTranslation,
    MappedAttribute,
    TranslatedField,
)
from centra_assets.sandbox.data.reference import language_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.world import World

# object type, name, description, mapped, multi, elements (key, kind)
_TYPES: Sequence[tuple[str, str, str, bool, bool, Sequence[tuple[str, str]]]] = (
    ("Product", "material", "Material", True, False, (("name", "INPUT"),)),
    ("Product", "care", "Care instructions", True, True, (("text", "TEXTAREA"), ("icon", "IMAGE"))),
    ("Product", "fit_note", "Note on the fit", False, False, (("text", "TEXTAREA"),)),
    ("Product", "spec_sheet", "Specification", False, False, (("file", "FILE"),)),
    ("Product", "occasion", "Occasions", False, True, (("occasion", "SELECT"),)),
    ("ProductVariant", "color", "Colour", True, False, (("name", "INPUT"), ("hex", "INPUT"), ("swatch", "IMAGE"))),
    ("ProductVariant", "limited", "Limited edition", False, False, (("limited", "BOOLEAN"),)),
    ("Display", "badge", "Badge", True, False, (("text", "INPUT"),)),
    ("Display", "hero", "Hero image", False, False, (("image", "IMAGE"), ("caption", "INPUT"))),
    ("Category", "banner", "Banner", False, False, (("image", "IMAGE"),)),
    ("Order", "gift_message", "Gift message", False, False, (("text", "TEXTAREA"),)),
    ("Order", "channel", "Channel", False, False, (("channel", "SELECT"),)),
    ("Customer", "erp_number", "Number in the ERP", False, False, (("number", "READONLY"),)),
    ("Account", "segment", "Segment", False, False, (("segment", "SELECT"),)),
    ("Campaign", "budget_code", "Budget code", False, False, (("code", "INPUT"),)),
    ("Voucher", "partner", "Partner", False, False, (("name", "INPUT"),)),
)
# type -> name and the values of its elements
_MAPPED: dict[str, Sequence[tuple[str, Sequence[str]]]] = {
    "material": (
        ("wool", ("Merino wool",)),
        ("cotton", ("Organic cotton",)),
        ("linen", ("Linen",)),
        ("leather", ("Vegetable-tanned leather",)),
        ("recycled", ("Recycled polyester",)),
    ),
    "care": (
        ("wash30", ("Wash at 30 °C", "wash30.png")),
        ("no_bleach", ("Do not bleach", "no-bleach.png")),
        ("dry_flat", ("Dry flat", "dry-flat.png")),
        ("iron_low", ('Iron at "low"', "iron-low.png")),
    ),
    "color": (
        ("moss", ("Moss", "#4a5d23", "moss.png")),
        ("ink", ("Ink", "#1b1f3b", "ink.png")),
        ("chalk", ("Chalk", "#f4f1ea", "chalk.png")),
        ("rust", ("Rust", "#b7410e", "rust.png")),
        ("ochre", ("Ochre", "#cc7722", "ochre.png")),
        ("blabar", ("Blåbär", "#464196", "blabar.png")),
    ),
    "badge": (("new", ("New",)), ("last_chance", ("Last chance",)), ("bestseller", ("Bestseller",))),
}
_SWEDISH = {"Merino wool": "Merinoull", "Organic cotton": "Ekologisk bomull", "Linen": "Lin", "New": "Nyhet"}
_OCCASIONS = (("everyday", "Everyday"), ("office", "Office"), ("outdoor", "Outdoor"), ("feast", "Fête"))
_CHANNELS = (("web", "Web"), ("app", "App"), ("shop", "In the shop"), ("phone", "Telephone"))
_FIT_NOTES = ("Runs small.", "True to size", "", 'Loose, "boyfriend" fit')
_GIFT_MESSAGES = ("Grattis!", "Happy birthday,\nlove 💚", 'To "M" \\ from "B"')
_MEDIA = "https://media.fjordfell.example"


class AttributeBook:
    """Every attribute type by its name and every mapped value by its type's name; draws what an object carries."""

    def __init__(self, world: World) -> None:
        self.types: dict[str, AttributeType] = {}
        self.mapped: dict[str, list[MappedAttribute]] = {}
        for object_type, name, description, is_mapped, is_multi, elements in _TYPES:
            self.types[name] = world.attribute_types.add(
                AttributeType(
                    name=name,
                    description=description,
                    isMapped=is_mapped,
                    isMulti=is_multi,
                    objectType=object_type,
                    elements=[
                        AttributeTypeElement(
                            key=key, description=key.title(), kind=kind, isMulti=False, paramsJSON="{}"
                        )
                        for key, kind in elements
                    ],
                )
            )
        swedish = language_of(world, "sv")
        for type_name, values in _MAPPED.items():
            attribute_type = self.types[type_name]
            self.mapped[type_name] = [
                world.mapped_attributes.add(
                    MappedAttribute(
                        id=world.mapped_attributes.take_id(),
                        name=name,
                        description=attribute_type.description,
                        objectType=attribute_type.objectType,
                        type=attribute_type,
                        elements=[
                            _element(kind.key, kind.description, kind.kind, value)
                            for kind, value in zip(attribute_type.elements, contents, strict=True)
                        ],
                        translations=[
                            LanguageTranslation(
                                language=swedish,
                                fields=[TranslatedField(field="name", value=_SWEDISH[contents[0]])],
                            )
                        ]
                        if contents[0] in _SWEDISH
                        else (),
                    )
                )
                for name, contents in values
            ]

    def dynamic(self, type_name: str, *values: str) -> DynamicAttribute:
        """An attribute with its own text per object. More values than elements repeat the last element (multi)."""
        attribute_type = self.types[type_name]
        kinds = list(attribute_type.elements)
        kinds += kinds[-1:] * (len(values) - len(kinds))
        return DynamicAttribute(
            description=attribute_type.description,
            objectType=attribute_type.objectType,
            type=attribute_type,
            elements=[_element(k.key, k.description, k.kind, v) for k, v in zip(kinds, values, strict=True)],
        )

    def of_product(self, rng: random.Random, number: str) -> Sequence[Attribute]:
        """What a product carries: a material, one to three care instructions, sometimes a note, a file, occasions."""
        found: list[Attribute] = [rng.choice(self.mapped["material"])]
        care = rng.sample(range(len(self.mapped["care"])), rng.randint(1, 3))
        found += [self.mapped["care"][i] for i in sorted(care)]
        if rng.random() < 0.3:
            found.append(self.dynamic("fit_note", rng.choice(_FIT_NOTES)))
        if rng.random() < 0.15:
            found.append(self.dynamic("spec_sheet", f"{_MEDIA}/spec/{number}.pdf"))
        if rng.random() < 0.5:
            found.append(self.dynamic("occasion", *[key for key, _ in rng.sample(_OCCASIONS, rng.randint(1, 3))]))
        return found

    def of_variant(self, rng: random.Random, color: MappedAttribute) -> Sequence[Attribute]:
        """What a variant carries: its colour, rarely a mark."""
        return [color, self.dynamic("limited", "1")] if rng.random() < 0.05 else [color]

    def of_display(self, rng: random.Random, uri: str) -> Sequence[Attribute]:
        """What a display carries, if anything."""
        found: list[Attribute] = [rng.choice(self.mapped["badge"])] if rng.random() < 0.3 else []
        if rng.random() < 0.1:
            found.append(self.dynamic("hero", f"{_MEDIA}/hero/{uri}.jpg", "Hösten är här"))
        return found

    def of_order(self, rng: random.Random) -> Sequence[Attribute]:
        """What an order carries: rarely a channel, more rarely a gift message."""
        draw = rng.random()
        if draw < 0.03:
            return [self.dynamic("gift_message", rng.choice(_GIFT_MESSAGES))]
        return [self.dynamic("channel", rng.choice(_CHANNELS)[0])] if draw < 0.12 else ()


def _element(key: str, description: str, kind: str, value: str) -> AttributeElement:
    if kind == "FILE":
        return AttributeFileElement(key=key, description=description, kind=kind, url=value)
    if kind == "IMAGE":
        url = value if value.startswith("https://") else f"{_MEDIA}/attributes/{value}"
        return AttributeImageElement(
            key=key, description=description, kind=kind, url=url, width=64, height=64, mimeType="image/png"
        )
    if kind == "SELECT":
        names = dict((*_OCCASIONS, *_CHANNELS))
        return AttributeChoiceElement(
            key=key,
            description=description,
            kind=kind,
            isMulti=key == "occasion",
            selectedValue=value,
            selectedValueName=names.get(value, value),
        )
    return AttributeStringElement(key=key, description=description, kind=kind, value=value)
