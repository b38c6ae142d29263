"""The world's books balance: amounts, units, states, stock, at the start and after any amount of traffic."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from centra_assets.sandbox.data.money import Money, Taxed, apportion, part_of, slice_of
from centra_assets.sandbox.data.world import Change, World, build_world
from centra_assets_tests.sandbox.data_books import counted, everything_wrong

NOW = datetime(2029, 9, 14, 16, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=11, scale=0.12, now=NOW)


@pytest.mark.parametrize(("seed", "months"), [(1, 15), (2, 3)])
def test_the_books_of_a_new_world_balance(seed: int, months: int) -> None:
    assert everything_wrong(build_world(seed=seed, scale=0.05, now=NOW, months=months)) == Counter()


def _first(world: World, wanted: Callable[[Any], bool]) -> Any:
    return next(order for order in world.tables["Order"] if wanted(order))


def _more_goods(world: World) -> None:
    order = _first(world, lambda order: order.totals.lineValues.minor > 0)
    value = counted(order)[0].lineValue
    counted(order)[0].lineValue = Taxed(Money(value.gross.minor + 1, order.currency), value.net)


def _one_unit_more_on_the_shelf(world: World) -> None:
    world.tables["Stock"].rows()[0].physicalQuantity += 1


def _shipped_too_early(world: World) -> None:
    _first(world, lambda order: order.status == "CONFIRMED").status = "SHIPPED"


def _captured_twice(world: World) -> None:
    order = _first(world, lambda order: any(s.isCaptured for s in order.shipments))
    order.paymentHistory = [*order.paymentHistory, *order.paymentHistory[1:]]


def _returned_twice(world: World) -> None:
    world.tables["Return"].rows()[0].lines[0].shipmentLine.returnedQuantity += 1


@pytest.mark.parametrize(
    "tamper", [_more_goods, _one_unit_more_on_the_shelf, _shipped_too_early, _captured_twice, _returned_twice]
)
def test_books_that_were_tampered_with_are_noticed(tamper: Callable[[World], None]) -> None:
    world = build_world(seed=4, scale=0.03, now=NOW)
    tamper(world)
    assert everything_wrong(world)


def test_five_hundred_steps_of_traffic_keep_the_books_and_tell_what_changed(world: World) -> None:
    heard: list[Change] = []
    world.on_change.append(heard.append)
    rng, now = random.Random(5), NOW
    before = {name: len(table) for name, table in world.tables.items()}
    labels = Counter()
    for _ in range(500):
        now += timedelta(seconds=rng.randrange(1, 90))
        labels[world.step(rng, now)] += 1
    assert everything_wrong(world) == Counter()
    assert len(labels) >= 16, labels
    created = {change.reference for change in heard if (change.object_type, change.change_type) == ("Order", "CREATED")}
    assert len(created) == len(world.tables["Order"]) - before["Order"] > 100
    shipped = [change for change in heard if (change.object_type, change.change_type) == ("Shipment", "COMPLETED")]
    assert shipped
    for change in shipped:
        shipment = world.tables["Shipment"].get(change.reference)
        assert shipment is not None
        assert shipment.isShipped
        assert change.store_id == shipment.store.id
        assert shipment.updatedAt >= change.at > NOW


def test_what_was_due_happens_when_the_clock_moves_on() -> None:
    world = build_world(seed=8, scale=0.03, now=NOW)
    unpaid = [s for s in world.tables["Shipment"] if s.store.type == "WHOLESALE" and s.isShipped and not s.isPaid]
    assert unpaid
    rng = random.Random(2)
    labels = Counter(world.step(rng, NOW + timedelta(hours=hour)) for hour in range(1500))
    assert labels["what was due"] > 100
    assert any(shipment.isPaid for shipment in unpaid)
    assert everything_wrong(world) == Counter()


def test_whoever_changed_through_traffic_was_announced_and_has_a_new_time(world: World) -> None:
    def state() -> dict[int, tuple[Any, ...]]:
        return {
            order.number: (order.status, order.grandTotal, order.shippingAddress, order.isOnHold, len(order.shipments))
            for order in world.tables["Order"]
        }

    heard: list[Change] = []
    world.on_change.append(heard.append)
    before, start = state(), NOW + timedelta(days=3)
    rng = random.Random(6)
    for minute in range(200):
        world.step(rng, start + timedelta(minutes=minute))
    changed = {number for number, now_so in state().items() if before.get(number) != now_so}
    announced = {change.reference for change in heard if change.object_type == "Order"}
    assert changed
    assert changed <= announced
    for number in changed:
        order = world.tables["Order"].get(number)
        assert order is not None
        assert order.updatedAt >= start


def test_a_person_who_is_anonymised_leaves_amounts_and_no_trace(world: World) -> None:
    forgotten = [customer for customer in world.tables["Customer"] if customer.isAnonymized]
    assert forgotten
    with_orders = 0
    for customer in forgotten:
        assert customer.firstName is customer.lastName is customer.cellPhoneNumber is customer.birthdate is None
        assert customer.email.endswith("@anonymized.invalid")
    for order in world.tables["Order"]:
        if getattr(order, "customer", None) is not None and order.customer.isAnonymized:
            with_orders += 1
            assert order.userIP is None
            for address in (order.billingAddress, order.shippingAddress):
                assert address is None or (address.firstName is address.email is address.address1 is None)
    assert with_orders


@pytest.mark.parametrize("total", [0, 1, 99, 100, -7, 12345])
@pytest.mark.parametrize("cuts", [[1, 1, 1], [5, 0, 3], [7], [1, 2, 3, 4, 5, 6]])
def test_parts_of_an_amount_add_up_however_it_is_cut(total: int, cuts: list[int]) -> None:
    whole, before, parts = sum(cuts), 0, []
    for size in cuts:
        parts.append(slice_of(total, before, size, whole))
        before += size
    assert sum(parts) == total
    if total >= 0:
        shares = apportion(total, cuts)
        assert sum(shares) == total
        assert all(abs(share * whole - total * cut) < whole for share, cut in zip(shares, cuts, strict=True))


def test_halves_are_rounded_to_even() -> None:
    assert [part_of(n, 1, 2) for n in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]
