"""Standing checks evaluated over a platform, as their jobs do it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from centra_assets.checks.build_standing import build_standing
from centra_assets.sync_config import SyncConfig
from centra_assets.sync_file import read_sync_config
from centra_assets_tests.assets.platform import QUIET, Platform


def config_of(platform: Platform) -> SyncConfig:
    """The project's own sync.yaml, for the platform's entities."""
    return read_sync_config().only(platform.entities)


def evaluated(
    platform: Platform, checks: list[dg.AssetChecksDefinition], *keys: str, resources: Mapping[str, Any] | None = None
) -> dict[str, dg.AssetCheckEvaluation]:
    """The evaluations of these checks, or of those of some assets, by `asset name`."""
    chosen = [key for each in checks for key in each.check_keys if not keys or key.asset_key.to_user_string() in keys]
    result = dg.materialize(
        checks,
        selection=dg.AssetSelection.checks(*chosen),
        resources={**platform.resources, **(resources or {})},
        instance=platform.instance,
        run_config=QUIET,
    )
    found = result.get_asset_check_evaluations()
    return {f"{one.asset_key.to_user_string()} {one.check_name}": one for one in found}


def job_of(platform: Platform, name: str) -> dict[str, dg.AssetCheckEvaluation]:
    """One run of a job of standing checks as it is installed."""
    result = platform.definitions.resolve_job_def(name).execute_in_process(instance=platform.instance, run_config=QUIET)
    found = result.get_asset_check_evaluations()
    return {f"{one.asset_key.to_user_string()} {one.check_name}": one for one in found}


def standing_of(platform: Platform) -> Any:
    """All standing checks of a platform."""
    return build_standing(platform.entities, (), platform.calendar, config_of(platform))


def failing(evaluation: dg.AssetCheckEvaluation) -> list[str]:
    """The keys that a check names."""
    return [str(key) for key in evaluation.metadata["failing_keys"].value]  # type: ignore[union-attr]
