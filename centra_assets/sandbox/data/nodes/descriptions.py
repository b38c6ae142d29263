"""Nodes that describe others: attributes, translations, size charts, measurements. No products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Country, Language, Store


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeType(Node):
    name: str
    description: str
    isMapped: bool = False
    isMulti: bool = False
    objectType: str
    elements: Sequence[AttributeTypeElement] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeTypeElement(Node):
    key: str
    description: str
    kind: str
    isMulti: bool = False
    paramsJSON: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Attribute(Node):
    description: str
    objectType: str
    elements: Sequence[AttributeElement] = ()
    type: AttributeType


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MappedAttribute(Attribute):
    id: int
    name: str
    translations: Sequence[LanguageTranslation] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DynamicAttribute(Attribute):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeElement(Node):
    key: str
    description: str
    kind: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeStringElement(AttributeElement):
    value: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeChoiceElement(AttributeElement):
    isMulti: bool = False
    selectedValue: str | None = None
    selectedValueName: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeFileElement(AttributeElement):
    url: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AttributeImageElement(AttributeElement):
    url: str | None = None
    width: int | None = None
    height: int | None = None
    mimeType: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class LanguageTranslation(Node):
    language: Language
    fields: Sequence[TranslatedField] = ()

    @property
    def translations(self) -> Sequence[TranslatedField]:
        return self.fields


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TranslatedField(Node):
    field: str
    value: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class SizeChart(Node):
    id: int
    name: str
    sizes: Sequence[Size] = ()
    horizontalLabels: Sequence[str] = ()
    verticalLabels: Sequence[str] | None = None
    dividerSymbol: str
    displayDividedBy: int | None = None
    displayUnit: str | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Size(Node):
    id: int
    name: str | None = None
    sizeChart: SizeChart
    sizeAliases: Sequence[SizeAlias] = ()
    localized: Sequence[LocalizedSize] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class SizeAlias(Node):
    type: str
    label: str
    alias: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class SizeLocalization(Node):
    id: int
    name: str
    displayName: str
    comment: str | None = None
    updatedAt: datetime
    status: str
    countries: Sequence[Country] = ()
    sizeCharts: Sequence[SizeChart] = ()
    stores: Sequence[Store] = ()
    localizedSizes: Sequence[LocalizedSize] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class LocalizedSize(Node):
    localizedName: str | None = None
    size: Size
    sizeChart: SizeChart
    sizeLocalization: SizeLocalization


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MeasurementChart(Node):
    id: int
    name: str
    horizontalLabels: Sequence[str] = ()
    verticalLabels: Sequence[str] = ()
    displayUnit: str | None = None
    contentJSON: str
    values: Sequence[Sequence[str]] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MeasurementTable(Node):
    chart: MeasurementChart | None = None
    inherited: bool = False
    contentJSON: str
    values: Sequence[Sequence[str]] = ()
