"""Forgets in a platform as its job does, lets the time between looks pass, and shows what raw holds. No claims."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import psycopg

from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.requests import LAST_LOOK_AFTER
from centra_assets.sync.privacy_ops import build_forget_job
from centra_assets_tests.assets.platform import QUIET, Platform
from centra_assets_tests.privacy.conftest import Town, gated

Copied = Callable[[], Town]


def forget(platform: Platform, *customers: int) -> None:
    run(platform, {"ops": {"forget": {"config": {"customers": list(customers), "requested_by": "user: the test"}}}})


def forget_buyers(platform: Platform, *buyers: int) -> None:
    run(platform, {"ops": {"forget": {"config": {"buyers": list(buyers), "requested_by": "user: the test"}}}})


def run(platform: Platform, config: Mapping[str, Any]) -> None:
    resources = {name: platform.resources[name] for name in ("lake", "warehouse")}
    result = build_forget_job().execute_in_process(
        instance=platform.instance, run_config={**QUIET, **config}, resources=resources
    )
    assert result.success


def let_time_pass(platform: Platform) -> None:
    with psycopg.connect(platform.database_url) as connection:
        connection.execute(
            "UPDATE ops.forget_request SET look_again_at = clock_timestamp(), finished_at = finished_at - %s",
            [LAST_LOOK_AFTER],
        )


def forgetting(platform: Platform) -> Forgetting:
    return Forgetting(gated(platform), platform.warehouse, platform.database_url)


def everything(platform: Platform) -> pl.DataFrame:
    files = sorted(platform.lake_folder.rglob("*.parquet"))
    assert files
    frames = [
        pl.read_parquet(path).with_columns(file=pl.lit(str(path.relative_to(platform.lake_folder)))) for path in files
    ]
    return pl.concat(frames)
