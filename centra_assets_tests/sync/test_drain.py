"""A hint becomes a row: fetched by id, appended to raw, loaded into core, done in the same transaction."""

from centra_assets.storage.sync_state import SyncState
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.sync.hinting import (
    edited_order,
    follow,
    follow_again,
    happened,
    hint,
    live_a_little,
    order_numbers,
    states,
    told_of,
    until_something_is_packed,
)

# Enough days that every order of the sandbox has a partition; nothing is loaded before a hint asks for it.
ALL_DAYS = 500


def test_an_order_that_a_hint_names_is_changed_in_raw_and_in_core(own_platform: MakePlatform) -> None:
    platform = own_platform()
    platform.refresh()
    edited = edited_order(platform, age_days=1)
    assert platform.differences()
    hint(platform, "order", edited["number"], kind="integration_api", action="update")
    (followed,) = follow(platform).followed
    assert platform.differences() == {}
    assert states(platform) == {"done": 1}
    assert followed.applied.raw == {edited["day"]: 1}
    assert set(followed.applied.tables["orders"]) == {edited["day"]}


def test_hints_repeated_and_out_of_order_change_nothing_more(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    hint(platform, "order", number, kind="integration_api")
    follow(platform)
    edited_order(platform, number=number)
    hint(platform, "Order", number, action="UPDATED", delivery="second")
    hint(platform, "Order", number, action="CREATED", delivery="first")
    follow(platform)
    held, superseded = platform.count("orders"), platform.count("orders", "history")
    assert (held, superseded) == (1, 1)
    assert hint(platform, "Order", number, action="CREATED", delivery="first").repeated == 1
    hint(platform, "Order", number, action="CREATED", delivery="third")
    (followed,) = follow(platform).followed
    assert (followed.applied.raw, followed.applied.tables, followed.applied.unchanged) == ({}, {}, 1)
    assert (platform.count("orders"), platform.count("orders", "history")) == (held, superseded)
    assert states(platform) == {"done": 4}


def test_a_hundred_hints_of_one_order_cost_what_one_costs(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    first, second = order_numbers(platform, 2)
    hint(platform, "Order", first)
    (once,) = follow(platform).followed
    for _ in range(100):
        hint(platform, "Order", second)
    (often,) = follow(platform).followed
    assert (often.states["done"], often.records) == (100, 1)
    assert often.requests <= once.requests


def test_a_shipment_that_was_deleted_becomes_a_tombstone_and_leaves_its_history(own_platform: MakePlatform) -> None:
    platform = own_platform(("shipments",), days=ALL_DAYS)
    until_something_is_packed(platform)
    for shipment in platform.sandbox.world.shipments.rows():
        hint(platform, "Shipment", shipment.id)
    follow(platform)
    before = platform.count("shipments")
    deleted = [change for change in happened(platform, "shipment deleted") if change["change_type"] == "DELETED"]
    told_of(platform, deleted)
    (followed,) = follow(platform).followed
    gone = str(deleted[0]["reference"])
    assert before - platform.count("shipments") == len(deleted) == 1
    held = platform.warehouse.query("SELECT _operation FROM history.shipments WHERE _record_id = %s", [gone])
    assert held["_operation"].to_list() == ["delete"]
    ((partition, rows),) = followed.applied.raw.items()
    assert rows == 1
    assert platform.lake.known("shipments", {partition: [gone]}).is_empty()
    assert platform.lake.known("shipments", {partition: [gone]}, gone=True)["payload"].to_list() == [None]


def test_a_deletion_that_comes_twice_or_of_something_never_seen_is_simply_done(own_platform: MakePlatform) -> None:
    platform = own_platform(("newsletter_subscriptions",))
    live_a_little(platform)
    platform.refresh(*[entity.axis for entity in platform.entities])
    deleted = happened(platform, "subscription removed")
    told_of(platform, deleted)
    follow(platform)
    files = len(platform.lake.files("newsletter_subscriptions", "all"))
    told_of(platform, deleted)
    hint(platform, "NewsletterSubscription", 987_654_321, action="DELETED")
    follow(platform)
    assert set(states(platform)) == {"done"}
    assert len(platform.lake.files("newsletter_subscriptions", "all")) == files
    assert platform.differences() == {}


def test_an_order_from_before_the_first_day_is_outside(own_platform: MakePlatform) -> None:
    platform = own_platform(days=3)
    oldest = platform.sandbox.world.orders.rows()[0].number
    hint(platform, "Order", oldest)
    follow(platform)
    assert states(platform) == {"outside": 1}
    assert platform.lake.partitions("orders") == []


def test_hints_about_types_unknown_and_entities_switched_off_are_kept(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "shipments"), days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    hint(platform, "GiftCard", 7)
    hint(platform, "Market", 1)
    hint(platform, "Order", number)
    drained = follow(platform, is_followed=lambda held: held.entity != "orders")
    # What has no entity at all never waits.
    assert drained.aside == {"unknown": 1, "ignored": 1}
    assert states(platform) == {"unknown": 2, "ignored": 1}


def test_a_reference_that_is_no_id_is_given_up_without_asking_centra(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    hint(platform, "Order", "1); --")
    with platform.asked() as asked:
        follow(platform)
    assert states(platform) == {"failed": 1}
    assert asked["requests"] == 0


def test_what_a_part_of_a_record_names_is_found_through_core(own_platform: MakePlatform) -> None:
    platform = own_platform(("products",), days=ALL_DAYS)
    product = platform.sandbox.world.products.rows()[0]
    variant = product.variants[0]
    hint(platform, "Product", product.id)
    follow(platform)
    hint(platform, "ProductVariant", variant.id)
    hint(platform, "ProductSize", variant.productSizes[0].id)
    (followed,) = follow(platform).followed
    assert (followed.records, followed.applied.unchanged) == (1, 1)
    assert SyncState(platform.database_url).requests() == []


def test_what_core_cannot_lead_on_from_asks_for_a_sweep_once(own_platform: MakePlatform) -> None:
    platform = own_platform(("products", "prices", "lowest_prices"), days=ALL_DAYS)
    hint(platform, "ProductSize", 999_999_999)
    hint(platform, "ProductMedia", 999_999_999)
    hint(platform, "pricelists", 3, kind="checkout_api")
    follow(platform)
    asked = {(request.entity, request.partition) for request in SyncState(platform.database_url).requests()}
    assert asked == {("products", ""), ("prices", "3"), ("lowest_prices", "3")}
    assert states(platform)["done"] == 4
    assert len(SyncState(platform.database_url).requests()) == 3


def test_a_stock_change_brings_the_levels_of_its_lines_and_no_others(own_platform: MakePlatform) -> None:
    platform = own_platform(("warehouses", "stock", "stock_changes"), days=ALL_DAYS)
    told_of(platform, happened(platform, "stock changed"))
    drained = follow(platform)
    assert [followed.entity.name for followed in drained.followed] == ["stock_changes", "stock"]
    moved = platform.warehouse.query(
        "SELECT DISTINCT warehouse_id::text, product_size_id::text FROM core.stock_change_lines"
    )
    held = platform.warehouse.query("SELECT warehouse_id::text, product_size_id::text FROM core.stock_levels")
    assert moved.height >= 1
    assert sorted(held.iter_rows()) == sorted(moved.iter_rows())


def test_a_record_that_centra_does_not_show_is_looked_for_three_times(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    hint(platform, "Order", 888_888_888)
    seen = []
    for _ in range(3):
        follow_again(platform)
        seen.append(states(platform))
    assert seen == [{"waiting": 1}, {"waiting": 1}, {"done": 1}]
    follow_again(platform)
    assert platform.count("orders") == 0
