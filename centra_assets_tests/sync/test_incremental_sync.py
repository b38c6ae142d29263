"""The job `incremental_sync`: one run follows hints at a time, and says exactly which partitions it touched."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from centra_assets.marts.registry import MARTS
from centra_assets.storage.inbox import Inbox
from centra_assets.sync.ops import build_sync_jobs
from centra_assets.sync_file import read_sync_config
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import QUIET, Platform
from centra_assets_tests.sync.hinting import edited_order, hint, live_a_little, order_numbers, states
from centra_assets_tests.sync.sweeping import told_by_tags

_DAILY_SALES = dg.AssetKey(["marts", "daily_sales"])


def run(
    platform: Platform, *, linger: float = 0, longest: float = 120, raise_on_error: bool = True
) -> dg.ExecuteInProcessResult:
    """One run that follows what waits and lingers for no longer than `linger`, or `longest` in all."""
    with_marts = {"orders", "returns"} <= {entity.name for entity in platform.entities}
    jobs = build_sync_jobs(platform.entities, platform.calendar, read_sync_config(), MARTS if with_marts else ())
    config = {"ops": {"follow_hints": {"config": {"linger_seconds": linger, "longest_run_seconds": longest}}}, **QUIET}
    return jobs.incremental.execute_in_process(
        run_config=config, instance=platform.instance, resources=dict(platform.resources), raise_on_error=raise_on_error
    )


def touched(
    platform: Platform, result: dg.ExecuteInProcessResult
) -> Mapping[tuple[str, str | None], Mapping[str, Any]]:
    """The metadata of what a run materialized, by asset and partition, as the event log has it."""
    found = [
        entry.asset_materialization
        for entry in platform.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        if entry.asset_materialization is not None
    ]
    assert len(found) == len({(item.asset_key, item.partition) for item in found})
    return {
        (item.asset_key.to_user_string(), item.partition): {key: value.value for key, value in item.metadata.items()}
        for item in found
    }


def test_a_change_of_any_age_is_told_for_its_own_day_and_for_no_other(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "returns"), days=90)
    platform.refresh()
    edited = edited_order(platform, age_days=30)
    hint(platform, "order", edited["number"], kind="integration_api")
    result = run(platform)
    day = edited["day"]
    found = touched(platform, result)
    assert {partition for _, partition in found} == {day}
    assert {("raw/orders", day), ("core/orders", day)} <= set(found)
    assert found["raw/orders", day]["rows_appended"] == 1
    assert found["raw/orders", day]["api_requests"] >= 1
    assert found["raw/orders", day]["source"] == "webhook"
    assert found["core/orders", day]["rows_updated"] == 1
    for asset, _ in found:
        if asset.startswith("core/"):
            counts = found[asset, day]
            assert counts["rows_inserted"] + counts["rows_updated"] + counts["rows_deleted"] > 0


def test_a_change_of_money_reaches_the_mart_in_the_same_run(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "returns"))
    live_a_little(platform)
    platform.refresh()
    edited = edited_order(platform, money=True)
    hint(platform, "order", edited["number"], kind="integration_api")
    assert (_DAILY_SALES.to_user_string(), edited["day"]) in touched(platform, run(platform))
    left = platform.warehouse.query("SELECT DISTINCT partition FROM ops.stale_partition")["partition"].to_list()
    # The other days that the backfill touched are the sensor's.
    assert edited["day"] not in left
    assert left


def test_hints_that_change_nothing_are_no_materialization(own_platform: MakePlatform) -> None:
    platform = own_platform()
    platform.refresh()
    edited = edited_order(platform, age_days=1)
    hint(platform, "order", edited["number"], kind="integration_api")
    assert touched(platform, run(platform))
    hint(platform, "order", edited["number"], kind="integration_api")
    assert touched(platform, run(platform)) == {}
    assert states(platform) == {"done": 2}


def test_whoever_finds_another_drainer_leaves_the_hints_to_it(own_platform: MakePlatform) -> None:
    platform = own_platform()
    platform.refresh()
    edited = edited_order(platform, age_days=1)
    hint(platform, "order", edited["number"], kind="integration_api")
    with Inbox(platform.database_url).drainer("the first") as drainer:
        assert drainer is not None
        assert touched(platform, run(platform)) == {}
        assert states(platform) == {"waiting": 1}
    run(platform)
    assert states(platform) == {"done": 1}


def test_an_entity_that_fails_for_good_fails_the_run_after_the_rest_was_followed(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "shipments"), days=500)
    platform.admin("faults", denied_permissions=["Shipment:read"])
    hint(platform, "Shipment", platform.sandbox.world.shipments.rows()[-1].id)
    hint(platform, "Order", *order_numbers(platform, 1))
    result = run(platform, raise_on_error=False)
    assert not result.success
    assert {asset for asset, _ in touched(platform, result)} >= {"raw/orders", "core/orders"}
    failure = result.failure_data_for_node("follow_hints")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "CENTRA_PERMISSION" in str(failure.user_failure_data.description)
    assert told_by_tags(platform, result) == ("CENTRA_PERMISSION", "permanent")
    assert states(platform) == {"done": 1, "waiting": 1}


def test_a_run_stays_for_hints_that_come_while_it_lingers(own_platform: MakePlatform) -> None:
    platform = own_platform(days=500)
    first, second = order_numbers(platform, 2)
    hint(platform, "Order", first)
    followed = threading.Event()

    def store_the_second() -> None:
        deadline = time.monotonic() + 60
        while states(platform) != {"done": 1} and time.monotonic() < deadline:
            time.sleep(0.05)
        hint(platform, "Order", second)
        followed.set()

    late = threading.Thread(target=store_the_second)
    late.start()
    result = run(platform, linger=10)
    late.join()
    assert followed.is_set()
    assert states(platform) == {"done": 2}
    assert len({partition for asset, partition in touched(platform, result) if asset == "raw/orders"}) >= 1


def test_a_run_does_not_stay_longer_than_it_may(own_platform: MakePlatform) -> None:
    platform = own_platform(days=500)
    (number,) = order_numbers(platform, 1)
    hint(platform, "Order", number)
    begun = time.monotonic()
    run(platform, linger=3_600, longest=1)
    assert time.monotonic() - begun < 60
    assert states(platform) == {"done": 1}
