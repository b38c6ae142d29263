"""What users of other connectors lost data over, as whole runs: updates, deletions, drift, outages, wiped tables."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg

from centra_assets.entities.model import Axis
from centra_assets.entities.registry import entity
from centra_assets.sandbox.data.nodes.orders import Order
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform, changed_rows, day_of
from centra_assets_tests.fixtures.sandbox import MakeSandbox

ORDERS = entity("orders")
RAW = dg.AssetKey(["raw", "orders"])


def order_in(platform: Platform, least_lines: int = 2) -> Order:
    """The newest order of the platform's days that has so many lines and is not cancelled."""
    days = set(platform.keys(ORDERS.axis))
    for order in reversed(platform.sandbox.world.tables["Order"].rows()):
        if len(order.lines) >= least_lines and day_of(order.createdAt, platform.calendar.zone) in days:
            return order
    raise AssertionError("the world has no such order")


def test_a_record_that_changed_is_seen_again_and_its_old_version_kept(own_platform: MakePlatform) -> None:
    platform = own_platform(days=10, scale=0.05)
    platform.refresh()
    order = order_in(platform)
    day = day_of(order.createdAt, platform.calendar.zone)
    before = order.otherComment
    platform.admin("records", type="Order", key=order.number, set={"otherComment": "seen again"})
    result = platform.refresh(keys=[day])
    assert changed_rows(result) == {"orders": 1}
    now = platform.warehouse.query("select other_comment from core.orders where number = %s", (order.number,))
    then = platform.warehouse.query("select other_comment from history.orders where number = %s", (order.number,))
    assert now["other_comment"].to_list() == ["seen again"]
    assert then["other_comment"].to_list() == [before]
    assert platform.differences() == {}


def test_a_child_that_left_its_parent_leaves_core_and_is_kept_in_history(own_platform: MakePlatform) -> None:
    platform = own_platform(days=10, scale=0.05)
    platform.refresh()
    order = order_in(platform, least_lines=2)
    gone = order.lines[-1]
    with platform.sandbox.world.lock:
        order.lines = order.lines[:-1]
        platform.sandbox.instance.indexes.forget()
    result = platform.refresh(keys=[day_of(order.createdAt, platform.calendar.zone)])
    assert changed_rows(result)["order_lines"] == 1
    held = platform.warehouse.query("select id from core.order_lines where order_number = %s", (order.number,))
    assert gone.id not in held["id"].to_list()
    buried = platform.warehouse.query("select _operation from history.order_lines where id = %s", (gone.id,))
    assert [operation.lower()[:6] for operation in buried["_operation"].to_list()] == ["delete"]


def test_a_deleted_record_leaves_every_table_and_is_kept_in_history(own_platform: MakePlatform) -> None:
    platform = own_platform(days=10, scale=0.05)
    platform.refresh()
    order = order_in(platform)
    with platform.sandbox.world.lock:
        platform.sandbox.world.tables["Order"].remove(order.number)
        platform.sandbox.instance.indexes.forget()
    platform.refresh(keys=[day_of(order.createdAt, platform.calendar.zone)])
    for table, column in (("orders", "number"), ("order_lines", "order_number"), ("payments", "order_number")):
        question = f"select 1 as one from core.{table} where {column} = %s"
        assert platform.warehouse.query(question, (order.number,)).height == 0
    kept = platform.warehouse.query("select _operation from history.orders where number = %s", (order.number,))
    assert kept.height == 1
    assert platform.differences() == {}


def test_hundreds_of_orders_in_one_second_are_read_to_their_end(own_platform: MakePlatform) -> None:
    platform = own_platform(days=4, scale=0.05)
    orders = platform.sandbox.world.tables["Order"]
    day = platform.keys(ORDERS.axis)[1]
    begin, _ = platform.calendar.window(ORDERS.axis, day)
    with platform.sandbox.world.lock:
        for order in orders:
            order.createdAt = begin + timedelta(hours=9)
        platform.sandbox.instance.indexes.forget()
    assert len(orders) > 250
    platform.refresh()
    assert platform.differences() == {}
    held = platform.warehouse.query("select distinct _partition from core.orders")
    assert held["_partition"].to_list() == [day]


def test_a_full_refresh_with_an_empty_answer_is_stopped_and_nothing_is_lost(own_platform: MakePlatform) -> None:
    platform = own_platform(days=3, names=("customers",), scale=0.05)
    customers = platform.sandbox.world.tables["Customer"]
    day = platform.keys(ORDERS.axis)[1]
    begin, _ = platform.calendar.window(ORDERS.axis, day)
    with platform.sandbox.world.lock:
        for customer in customers:
            customer.createdAt = begin + timedelta(hours=3)
        platform.sandbox.instance.indexes.forget()
    platform.refresh()
    full = platform.count("customers")
    assert full > 100
    with platform.sandbox.world.lock:
        for customer in customers.rows():
            customers.remove(customer.id)
        platform.sandbox.instance.indexes.forget()
    result = platform.refresh(raise_on_error=False)
    failures = [event for event in result.all_events if event.is_step_failure]
    assert [event.step_key for event in failures if event.step_key == "core_customers"] == ["core_customers"]
    assert "STORAGE_COLLAPSE" in str(failures[0].event_specific_data)
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    assert platform.count("customers") == full
    assert platform.count("customers", "history") == 0


def test_a_slice_that_failed_leaves_no_mark_and_the_next_run_completes(own_platform: MakePlatform) -> None:
    # Pages so small that days at the front are complete when a later page is refused.
    small = replace(ORDERS, page_limit=5)
    platform = own_platform(days=30, entities=[small], scale=0.02)
    days = platform.keys(ORDERS.axis)
    with platform.sandbox.world.lock:
        for place, order in enumerate(platform.sandbox.world.tables["Order"]):
            begin, _ = platform.calendar.window(ORDERS.axis, days[place % 20])
            order.createdAt = begin + timedelta(hours=5)
        platform.sandbox.instance.indexes.forget()
    good_pages = {"kind": "slow", "seconds": 0, "times": 8, "only": "orderConnection"}
    refusal = {"kind": "status", "status": 400, "share": 1.0, "only": "orderConnection"}
    platform.admin("faults", requests=[good_pages, refusal])
    result = platform.refresh(keys=days, raise_on_error=False)
    platform.admin("faults")
    assert not result.success
    written = set(platform.lake.partitions("orders"))
    assert set() < written < set(days)
    assert platform.instance.get_materialized_partitions(RAW) == set()
    assert not any("core" in str(event.asset_key) for event in result.all_events if event.is_step_materialization)

    platform.refresh(keys=days)
    assert set(platform.lake.partitions("orders")) == set(days)
    assert platform.instance.get_materialized_partitions(RAW) == set(days)
    assert platform.differences() == {}


def test_rows_that_slip_into_the_next_page_are_not_doubled(
    make_platform: MakePlatform, make_sandbox: MakeSandbox
) -> None:
    small = replace(entity("newsletter_subscriptions"), page_limit=5)
    platform = make_platform(sandbox=make_sandbox(), entities=[small])
    platform.admin("faults", page_drift=-1)
    platform.refresh(Axis.NONE)
    assert platform.count("newsletter_subscriptions") > 5
    assert platform.differences() == {}


def test_nothing_is_remembered_per_record(own_platform: MakePlatform) -> None:
    platform = own_platform(days=3, scale=0.02)
    begin, _ = platform.calendar.window(ORDERS.axis, platform.keys(ORDERS.axis)[0])
    with platform.sandbox.world.lock:
        for order in platform.sandbox.world.tables["Order"]:
            order.createdAt = begin
        platform.sandbox.instance.indexes.forget()
    platform.refresh()
    assert platform.count("orders") > 100
    kept = platform.warehouse.query(
        "select table_name::text as name from information_schema.tables where table_schema = 'ops'"
    )["name"].to_list()
    remembered = {name: platform.count(name, "ops") for name in kept}
    # Per partition and table a digest; per table and load a line in the log; buckets, schema and versions beside them.
    partitions = len(platform.keys(ORDERS.axis)) * len(ORDERS.tables)
    assert remembered["loaded_partition"] == partitions
    # Of the days of a mart that are to be computed, each is noted once.
    noted = platform.warehouse.query("select distinct asset, partition from ops.stale_partition")
    assert remembered.pop("stale_partition") == noted.height
    assert sum(remembered.values()) < partitions + len(ORDERS.tables) + 20


def test_an_outage_of_a_moment_passes_unnoticed(make_platform: MakePlatform, make_sandbox: MakeSandbox) -> None:
    platform = make_platform(sandbox=make_sandbox(), days=5)
    broken = [
        {"kind": "status", "status": 503, "times": 1, "only": "orderConnection"},
        {"kind": "cut", "times": 1, "only": "orderConnection"},
    ]
    platform.admin("faults", requests=broken)
    result = platform.refresh()
    assert result.success
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    assert platform.stats()["statuses"]["503"] == 1
    assert platform.differences() == {}
