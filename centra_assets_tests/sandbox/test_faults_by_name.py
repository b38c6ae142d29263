"""Named faults: what they touch, what they leave whole, and that a healed world is the world it was."""

from datetime import UTC, datetime

import pytest

from centra_assets.sandbox.data.faults import NAMED_FAULTS
from centra_assets.sandbox.data.world import World, build_world

NOW = datetime(2027, 5, 20, 13, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(now=NOW, scale=0.1, months=3)


def test_every_fault_touches_a_record_and_heals_without_a_trace(world: World) -> None:
    truth, sizes = world.truth(None, None), {name: len(table) for name, table in world.tables.items()}
    for name in NAMED_FAULTS:
        assert world.faults.break_promise(name), name
        assert world.faults.at_work == [name]
        world.faults.heal()
    assert world.faults.at_work == []
    assert world.truth(None, None) == truth
    assert {name: len(table) for name, table in world.tables.items()} == sizes


def test_faults_at_work_together_heal_together(world: World) -> None:
    truth = world.truth(None, None)
    for name in NAMED_FAULTS:
        world.faults.break_promise(name)
    assert world.truth(None, None) != truth
    assert world.faults.at_work == list(NAMED_FAULTS)
    world.faults.heal()
    assert world.truth(None, None) == truth


def test_a_fault_that_has_nothing_to_break_says_so_and_breaks_nothing(world: World) -> None:
    with pytest.raises(LookupError, match="no fault"):
        world.faults.break_promise("orders.are_always_right")
    returns = world.tables["Return"].rows()
    try:
        for entry in returns:
            world.tables["Return"].remove(entry.id)
        with pytest.raises(LookupError, match="nothing to break"):
            world.faults.break_promise("payments.refunds_use_the_orders_rate")
    finally:
        world.tables["Return"].extend(returns)
    assert world.faults.at_work == []


def test_a_touched_record_can_be_asked_for(world: World) -> None:
    (touched,) = world.faults.break_promise("orders.totals_add_up")
    assert (touched.type, touched.within) == ("Order", None)
    assert world.orders.get(touched.id) is not None
    (touched,) = world.faults.break_promise("stock_levels.physical_is_free_plus_allocated")
    world.faults.heal()
    assert touched.type == "Stock"
    assert touched.within in {warehouse.id for warehouse in world.warehouses}
