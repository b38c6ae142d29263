"""What an alert says of a failing check: how much it found, and what the check is about. Names no failing key."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from centra_assets.checks.build import NOT_MATERIALIZED

_SHOWN = 5


def is_unjudged(metadata: Mapping[str, Any]) -> bool:
    """Whether a check could not look, for its tables were never materialized: that is no news of what they hold.

    That they are not there is told by `partitions_are_complete`, once per entity; these would be one per rule.
    """
    return bool(_listed(metadata, NOT_MATERIALIZED))


def check_text(description: str, metadata: Mapping[str, Any]) -> str:
    """The counts, then the description, which says by itself whether it tells of the promise or of its breach.

    The failing keys are on the check's page; here they would leave the house.
    """
    told = [*_counts(metadata), description]
    return " ".join(part for part in told if part)


def _counts(metadata: Mapping[str, Any]) -> list[str]:
    found, aside = _number(metadata, "failures"), _number(metadata, "records_quarantined")
    told = [] if found is None else [f"It found {found}."]
    if aside is not None:
        told.append(f"{aside} {'record is' if aside == 1 else 'records are'} set aside.")
    blocked = _listed(metadata, "partitions_blocked")
    if blocked:
        rest = f" and {len(blocked) - _SHOWN} more" if len(blocked) > _SHOWN else ""
        told.append(f"Over the limit, so that marts wait: {', '.join(blocked[:_SHOWN])}{rest}.")
    return told


def _number(metadata: Mapping[str, Any], name: str) -> int | None:
    value = metadata.get(name)
    return value.value if isinstance(value, dg.IntMetadataValue) else None


def _listed(metadata: Mapping[str, Any], name: str) -> list[str]:
    value = metadata.get(name)
    return [str(part) for part in value.value] if isinstance(value, dg.JsonMetadataValue) and value.value else []
