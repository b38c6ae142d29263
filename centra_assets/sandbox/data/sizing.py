"""Builds size charts, sizes, their aliases and localizations, and measurement charts. No products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.descriptions import (
    LocalizedSize,
    MeasurementChart,
    Size,
    SizeAlias,
    SizeChart,
    SizeLocalization,
)
from centra_assets.sandbox.data.reference import country_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.world import World

# name, horizontal labels, vertical labels, unit
_CHARTS: Sequence[tuple[str, Sequence[str], Sequence[str], str | None]] = (
    ("Clothing", ("XS", "S", "M", "L", "XL", "XXL"), (), None),
    ("Shoes", ("36", "37", "38", "39", "40", "41", "42"), (), "EU"),
    ("One size", ("One size",), (), None),
    ("Jeans", ("30", "32", "34"), ("30", "32", "34"), "inch"),
    ("Kids", ("98/104", "110/116", "122/128", "134/140"), (), "cm"),
)
_US_SHOES = ("5.5", "6.5", "7.5", "8.5", "9", "9.5", "10.5")


def build_sizes(world: World) -> None:
    """Fill the tables of charts, sizes and localizations."""
    for number, (name, across, down, unit) in enumerate(_CHARTS, start=1):
        chart = world.size_charts.add(
            SizeChart(
                id=number,
                name=name,
                horizontalLabels=across,
                verticalLabels=down or None,
                dividerSymbol="x",
                displayDividedBy=None if unit != "inch" else 1,
                displayUnit=unit,
                externalId=f"SC{number}" if number != 3 else None,
            )
        )
        labels = [f"{a}x{d}" for a in across for d in down] if down else list(across)
        chart.sizes = [
            world.sizes.add(
                Size(
                    id=world.sizes.take_id(),
                    name=label,
                    sizeChart=chart,
                    sizeAliases=[SizeAlias(type="numeric", label=label, alias=str(34 + 2 * i))] if number == 1 else (),
                    externalId=f"{name}|{label}",
                )
            )
            for i, label in enumerate(labels)
        ]
    _localize_shoes(world)
    world.measurement_charts.add(
        MeasurementChart(
            id=1,
            name="Tops",
            horizontalLabels=["XS", "S", "M"],
            verticalLabels=["Chest", "Length"],
            displayUnit="cm",
            contentJSON='[["84","88","92"],["60","62","64"]]',
            values=[["84", "88", "92"], ["60", "62", "64"]],
        )
    )


def _localize_shoes(world: World) -> None:
    shoes = world.size_charts.one(2)
    localization = SizeLocalization(
        id=1,
        name="US shoes",
        displayName="US",
        comment=None,
        updatedAt=world.timeline.start,
        status="ACTIVE",
        countries=[country_of(world, "US")],
        sizeCharts=[shoes],
        stores=[world.stores.one(2)],
    )
    localized = []
    for size, name in zip(shoes.sizes, _US_SHOES, strict=True):
        row = LocalizedSize(localizedName=name, size=size, sizeChart=shoes, sizeLocalization=localization)
        size.localized = [row]
        localized.append(row)
    localization.localizedSizes = localized
    world.size_localizations.add(localization)
