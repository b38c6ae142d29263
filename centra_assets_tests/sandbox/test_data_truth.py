"""The world's truth against a naive recount, its windows, its determinism, and records broken on purpose."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from centra_assets.sandbox.data.world import World, build_world

NOW = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=5, scale=0.05, now=NOW)


def test_the_same_seed_makes_the_same_world_and_another_seed_another_one(world: World) -> None:
    again = build_world(seed=5, scale=0.05, now=NOW)
    assert again.truth(None, None) == world.truth(None, None)
    assert fingerprint(again) == fingerprint(world)
    other = build_world(seed=6, scale=0.05, now=NOW)
    assert fingerprint(other) != fingerprint(world)


def fingerprint(world: World) -> list[tuple[Any, ...]]:
    return [
        (o.number, o.id, o.createdAt, o.status, o.grandTotal.gross.minor, o.currencyBaseRate, o.otherComment)
        for o in world.tables["Order"]
    ] + [(c.id, c.email, c.firstName, c.isAnonymized) for c in world.tables["Customer"]]


def test_two_worlds_side_by_side_do_not_disturb_each_other(world: World) -> None:
    random.seed(1)
    other = build_world(seed=5, scale=0.05, now=NOW)
    rng = random.Random(3)
    for minute in range(30):
        other.step(rng, NOW + timedelta(minutes=minute))
    assert fingerprint(world) == fingerprint(build_world(seed=5, scale=0.05, now=NOW))


def test_counts_and_sums_are_those_of_a_naive_recount(world: World) -> None:
    truth = world.truth(None, None)
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    captured: defaultdict[str, Decimal] = defaultdict(Decimal)
    lines, units = 0, 0
    for order in world.tables["Order"]:
        totals[order.currency.code] += order.grandTotal.gross.value
        lines += len(order.lines)
        units += sum(line.quantity for line in order.lines)
        for shipment in order.shipments:
            if shipment.capturedValue is not None:
                captured[order.currency.code] += shipment.capturedValue.value
    assert truth["orders"]["count"] == len(world.tables["Order"])
    assert as_decimals(truth["orders"]["sums"]["grand_total"]) == totals
    assert as_decimals(truth["shipments"]["sums"]["captured_value"]) == captured
    assert truth["order_lines"]["count"] == lines
    assert truth["order_lines"]["sums"]["quantity"] == {"": str(units)}
    assert truth["stock_levels"]["count"] == len(world.tables["Stock"])
    assert truth["payments"]["count"] == len(world.tables["PaymentHistoryEntry"])
    assert truth["display_items"]["count"] == sum(len(d.productVariants) for d in world.tables["Display"])


def as_decimals(sums: dict[str, str]) -> dict[str, Decimal]:
    return {code: Decimal(text) for code, text in sums.items()}


def test_sums_of_yen_have_no_decimals_and_those_of_kronor_have_two(world: World) -> None:
    sums = world.truth(None, None)["orders"]["sums"]["grand_total"]
    assert "." not in sums["JPY"]
    assert len(sums["SEK"].split(".")[1]) == 2


def test_windows_that_touch_add_up_to_the_whole_and_undated_tables_ignore_them(world: World) -> None:
    orders = world.tables["Order"].rows()
    middle = orders[len(orders) // 2].createdAt
    first, last, whole = world.truth(None, middle), world.truth(middle, None), world.truth(None, None)
    for table in ("orders", "order_lines", "payments", "shipments", "return_lines", "customers", "stock_change_lines"):
        assert 0 < first[table]["count"] < whole[table]["count"], table
        assert first[table]["count"] + last[table]["count"] == whole[table]["count"], table
    assert first["products"] == last["products"] == whole["products"]
    assert sum(1 for order in orders if order.createdAt < middle) == first["orders"]["count"]


def test_every_core_table_that_is_told_has_rows() -> None:
    truth = build_world(seed=9, scale=0.1, now=NOW).truth(None, None)
    # The shop translates products and displays, and no variant.
    assert [name for name, told in truth.items() if told["count"] == 0] == ["product_variant_translations"]


def test_statuses_are_counted_and_times_of_change_added_up(world: World) -> None:
    orders = world.tables["Order"].rows()
    told = world.truth(None, None)["orders"]
    assert told["values"]["status"]["SHIPPED"] == sum(1 for order in orders if order.status == "SHIPPED")
    assert sum(told["values"]["status"].values()) == len(orders)
    assert told["instants"]["updated_at"] == sum(int(order.updatedAt.timestamp()) for order in orders)


def test_broken_orders_are_really_broken_and_heal_without_a_trace(world: World) -> None:
    before = world.truth(None, None)
    numbers = world.faults.corrupt_orders(0.05, random.Random(1))
    assert len(numbers) == len(set(numbers)) == round(len(world.tables["Order"]) * 0.05)
    for number in numbers:
        order = world.tables["Order"].get(number)
        assert order is not None
        assert any(
            line.quantity < 0 or line.shippedQuantity < 0 or line.lineValue.net.minor > line.lineValue.gross.minor
            for line in order.lines
        )
    assert world.truth(None, None) != before
    world.faults.heal()
    assert world.truth(None, None) == before


def test_a_moment_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        build_world(seed=1, scale=0.01, now=datetime(2030, 1, 1))  # noqa: DTZ001
