"""Partitions that are missing, left failed, or newer in raw than in core are named; what sweeps keep is not missing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.checks.completeness import _Look, build_completeness_checks
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import entity
from centra_assets.marts.registry import MARTS
from centra_assets.partitions import partitions_definition
from centra_assets.sync_config import EntitySync, SyncConfig
from centra_assets_tests.assets.platform import QUIET, Platform
from centra_assets_tests.checks.standing import config_of, evaluated, failing, read

ORDERS = entity("orders")
CHECK, MART = "raw/orders partitions_are_complete", "marts/daily_sales partitions_are_complete"


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    """Thirty days of which nothing was read."""
    return make_platform()


def looked(
    platform: Platform, *, after: timedelta = timedelta(hours=1), swept: bool = True
) -> dict[str, dg.AssetCheckEvaluation]:
    """The checks, an hour from now: what came meanwhile is on its way no longer."""
    now = datetime.now(UTC) + after
    config = config_of(platform) if swept else SyncConfig(entities={"orders": EntitySync()})
    checks = build_completeness_checks(platform.entities, MARTS, platform.calendar, config, clock=lambda: now)
    return evaluated(platform, checks)


def read_whole(platform: Platform, days: Sequence[str]) -> None:
    """Readings of days on which nothing happened."""
    for day in days:
        with platform.lake.writer("orders", day, kind="snapshot", run_id="r", fetched_at=datetime.now(UTC)):
            pass


def days(platform: Platform) -> list[str]:
    """Every day up to yesterday, whatever time of the day it is in an hour."""
    zone = platform.settings.timezone
    yesterday = (datetime.now(zone) + timedelta(hours=1)).date() - timedelta(days=1)
    return [day for day in platform.keys(ORDERS.axis) if day <= yesterday.isoformat()]


def test_what_was_never_read_is_a_warning_unless_the_token_may_not_read_it(platform: Platform) -> None:
    found = looked(platform)[CHECK]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert failing(found) == ["missing: all of raw/orders"]
    skipped = dg.AssetObservation(raw_key(ORDERS), metadata={"skipped": "CENTRA_PERMISSION"})
    platform.instance.report_runless_asset_event(skipped)
    assert looked(platform)[CHECK].passed


def test_a_day_that_was_left_out_is_missing_and_what_sweeps_keep_since_is_not(platform: Platform) -> None:
    every = days(platform)
    read_whole(platform, [*every[:5], *every[7:10]])
    found = looked(platform)[CHECK]
    assert failing(found) == [f"missing: {day}" for day in every[5:7]]
    assert found.metadata["missing"].value == 2
    # Nobody sweeps: then all that was not read is missing.
    assert looked(platform, swept=False)[CHECK].metadata["missing"].value == len(every) - 8
    read_whole(platform, every[5:7])
    assert looked(platform)[CHECK].passed


def test_a_record_that_a_hint_brought_does_not_make_its_day_complete(platform: Platform) -> None:
    every = days(platform)
    read_whole(platform, [*every[:3], *every[4:]])
    row = pl.DataFrame({"id": ["1"], "updated_at": [None], "payload": [None], "source": ["webhook"]}).with_columns(
        fetched_at=pl.lit(datetime.now(UTC)), partition=pl.lit(every[3])
    )
    platform.lake.append_changes("orders", row, run_id="hint", fetched_at=datetime.now(UTC))
    assert failing(looked(platform)[CHECK]) == [f"missing: {every[3]}"]


def run_of(platform: Platform, key: dg.AssetKey, day: str, *, fails: bool) -> None:
    """A run that materializes one partition, or fails to."""

    @dg.asset(key=key, name=None, partitions_def=partitions_definition(ORDERS.axis, platform.calendar))
    def some() -> None:
        if fails:
            raise dg.Failure("Centra was away")

    done = dg.materialize([some], partition_key=day, instance=platform.instance, raise_on_error=False, run_config=QUIET)
    assert done.success is not fails


def test_a_partition_that_was_left_failed_is_named_with_its_asset_until_a_later_run_mends_it(
    platform: Platform,
) -> None:
    every = days(platform)
    read_whole(platform, every)
    run_of(platform, core_key("order_lines"), every[2], fails=True)
    found = looked(platform)[CHECK]
    assert failing(found) == [f"failed: core/order_lines {every[2]}"]
    assert found.severity is dg.AssetCheckSeverity.ERROR
    run_of(platform, core_key("order_lines"), every[2], fails=False)
    assert looked(platform)[CHECK].passed


def test_an_asset_without_partitions_is_left_failed_until_anything_materializes_it() -> None:
    key = dg.AssetKey(["raw", "stores"])
    nothing: Any = None

    def materialize(instance: dg.DagsterInstance, *, fails: bool) -> None:
        @dg.asset(key=key)
        def some() -> None:
            if fails:
                raise dg.Failure("Centra was away")

        dg.materialize([some], instance=instance, raise_on_error=False, run_config=QUIET)

    with dg.DagsterInstance.ephemeral() as instance:
        look = _Look(instance, nothing, nothing, nothing, nothing, datetime.now(UTC))
        assert look.failed([key], Axis.NONE) == []
        for mends in (
            lambda: materialize(instance, fails=False),
            # As a hint does it.
            lambda: instance.report_runless_asset_event(dg.AssetMaterialization(key)),
        ):
            materialize(instance, fails=True)
            assert look.failed([key], Axis.NONE) == ["raw/stores"]
            mends()
            assert look.failed([key], Axis.NONE) == []


def test_a_partition_of_which_raw_knows_more_than_core_is_behind_until_it_is_loaded(platform: Platform) -> None:
    every = days(platform)
    read_whole(platform, every)
    busy = every[-4:-1]
    read(platform, ORDERS, busy)
    assert platform.count("orders") > 0
    assert looked(platform)[CHECK].passed
    (row,) = platform.warehouse.query("select number, _partition from core.orders limit 1").iter_rows()
    truth = platform.lake.known("orders", {row[1]: [str(row[0])]})
    changed = truth.with_columns(
        payload=pl.col("payload").str.replace(r'"isInternal": ?(true|false)', '"isInternal":null'),
        fetched_at=pl.lit(datetime.now(UTC)),
    )
    assert changed["payload"][0] != truth["payload"][0]
    platform.lake.append_changes("orders", changed, run_id="killed", fetched_at=datetime.now(UTC))
    # A run that brought it may still be loading it.
    assert looked(platform, after=timedelta(0))[CHECK].passed
    assert failing(looked(platform)[CHECK]) == [f"behind: {row[1]}"]
    read(platform, ORDERS, [row[1]], raw=False)
    assert looked(platform)[CHECK].passed


def test_raw_that_was_read_again_unchanged_leaves_core_whole(platform: Platform) -> None:
    every = days(platform)
    read_whole(platform, every)
    read(platform, ORDERS, every[-3:])
    read(platform, ORDERS, every[-3:], core=False)
    assert looked(platform)[CHECK].passed


def test_a_day_of_a_mart_that_nobody_computes_any_more_is_behind(platform: Platform) -> None:
    day = days(platform)[3]
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("INSERT INTO ops.stale_partition (asset, partition) VALUES ('marts/daily_sales', %s)", [day])
    assert looked(platform, after=timedelta(minutes=5))[MART].passed
    assert failing(looked(platform, after=timedelta(hours=2))[MART]) == [f"behind: {day}"]
