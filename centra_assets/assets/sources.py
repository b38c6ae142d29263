"""External assets at Centra's end, one per group, so that lineage starts where the data does."""

from collections.abc import Iterable

import dagster as dg

from centra_assets.assets.groups import Owner, group_of
from centra_assets.assets.raw import source_key
from centra_assets.entities.model import Entity


def build_source_assets(entities: Iterable[Entity]) -> list[dg.AssetSpec]:
    """One external asset per group of entities; nothing materializes them."""
    asked: dict[str, list[str]] = {}
    for entity in entities:
        asked.setdefault(group_of(entity), []).append(entity.name)
    return [
        dg.AssetSpec(
            source_key(group),
            group_name="centra",
            kinds={"graphql"},
            owners=[Owner.PLATFORM.value],
            description=(
                f"Centra itself, as its Integration API shows it: {', '.join(sorted(names))}. "
                "The source of truth; read through the shared rate-limit budget."
            ),
            tags={"stage": "source"},
        )
        for group, names in sorted(asked.items())
    ]
