"""Ninety days of orders in one run: what it costs, what it records, and in which days the rows land."""

import time
from collections import Counter
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from centra_assets.entities.registry import entity
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import day_of, keys_of, materializations

ORDERS = entity("orders")
RAW = dg.AssetKey(["raw", "orders"])
# What a client asks once before the first page: quotas, the schema, attribute types.
FIRST_WORDS = 3
# A range is cut into so many slices that are read side by side, each to a short last page.
SLICES = 4


@pytest.mark.slow
def test_requests_follow_rows_and_not_days(make_platform: MakePlatform) -> None:
    platform = make_platform(days=90)
    with platform.asked() as asked:
        result = platform.refresh(only=[RAW])
    days = platform.keys(ORDERS.axis)
    told = materializations(result, RAW)
    assert len(days) >= 90
    assert set(told) == set(days)
    rows = {day: int(str(metadata["dagster/partition_row_count"].value)) for day, metadata in told.items()}
    # A page, and a request that completes the long lists in it.
    assert asked["requests"] <= FIRST_WORDS + 2 * (SLICES + sum(rows.values()) // 100)
    assert asked["requests"] < len(days) / 4
    assert asked["throttled"] == 0

    expected = Counter(
        day_of(order.createdAt, platform.calendar.zone) for order in platform.sandbox.world.tables["Order"]
    )
    assert rows == {day: expected[day] for day in days}
    assert sum(rows.values()) > 0
    assert any(count == 0 for count in rows.values())

    summary = told[days[-1]]
    assert summary["rows_run"].value == sum(rows.values())
    assert summary["api_requests_run"].value == asked["requests"]
    assert summary["api_throttled"].value == 0
    shares = sum(float(str(metadata["api_complexity"].value)) for metadata in told.values())
    assert 0 < shares <= float(str(summary["api_complexity_run"].value))


def test_an_empty_day_is_recorded_with_no_rows_and_can_be_parsed(make_platform: MakePlatform) -> None:
    platform = make_platform(days=90)
    taken = {day_of(order.createdAt, platform.calendar.zone) for order in platform.sandbox.world.tables["Order"]}
    empty = next(day for day in platform.keys(ORDERS.axis) if day not in taken)
    result = platform.refresh(keys=[empty])
    assert result.success
    for key in keys_of(ORDERS):
        assert materializations(result, key)[empty]["dagster/partition_row_count"].value == 0
    assert [file.kind for file in platform.lake.files("orders", empty)] == ["snapshot"]


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Pacific/Kiritimati", "America/St_Johns"])
def test_days_are_cut_in_the_merchants_zone_wherever_the_machine_is(
    zone: str, make_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        platform = make_platform(days=25, zone=zone)
        keys = platform.keys(ORDERS.axis)[:-1]
        platform.refresh(keys=keys, only=[RAW, dg.AssetKey(["core", "orders"])])
    finally:
        monkeypatch.undo()
        time.tzset()
    held = platform.warehouse.query("select number::text as number, _partition, created_at from core.orders")
    expected = {
        str(order.number): (day_of(order.createdAt, ZoneInfo(zone)), order.createdAt)
        for order in platform.sandbox.world.tables["Order"]
        if day_of(order.createdAt, ZoneInfo(zone)) in keys
    }
    assert len(expected) > 3
    assert {number: (day, created) for number, day, created in held.iter_rows()} == expected


def test_core_without_raw_says_what_to_do_and_asks_nothing(make_platform: MakePlatform) -> None:
    platform = make_platform(days=5)
    with platform.asked() as asked:
        result = platform.refresh(only=keys_of(ORDERS, raw=False), raise_on_error=False)
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert asked["requests"] == 0
    assert "RAW_PARTITION_MISSING" in str(failure.event_specific_data)
    assert "Materialize the raw asset" in str(failure.event_specific_data)
