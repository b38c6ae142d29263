"""The collapse guard: which loads that delete are refused, and that nothing of them stays."""

import pytest

from centra_assets.storage.errors import CollapseError
from centra_assets.storage.warehouse import (
    DEFAULT_GUARD,
    OPEN_GUARD,
    SNAPSHOT_GUARD,
    CollapseGuard,
    LoadCounts,
    LoadReport,
    PartitionScope,
    RecordScope,
    Warehouse,
)
from centra_assets_tests.storage.shop import LINES, NOON, ORDERS, batch, line, order

DAY = PartitionScope(["2025-03-01"])


def load(
    warehouse: Warehouse,
    *rows: dict[str, object],
    scope: PartitionScope | RecordScope = DAY,
    guard: CollapseGuard = DEFAULT_GUARD,
) -> LoadReport:
    return warehouse.load("orders", [batch(ORDERS, rows)], scope=scope, run_id="run", guard=guard)


def numbers(warehouse: Warehouse, table: str = "core.orders") -> list[int]:
    return warehouse.query(f"SELECT number FROM {table} ORDER BY number")["number"].to_list()


def test_an_empty_answer_cannot_wipe_a_table(warehouse: Warehouse) -> None:
    load(warehouse, *[order(number) for number in range(150)])
    with pytest.raises(CollapseError, match=r"150 of 150 rows of core\.orders"):
        load(warehouse)
    assert len(numbers(warehouse)) == 150
    assert numbers(warehouse, "history.orders") == []


def test_it_undoes_the_tables_before_it_too(warehouse: Warehouse) -> None:
    lines = [line(number, 1) for number in range(150)]
    warehouse.load("orders", [batch(ORDERS, [order(1)]), batch(LINES, lines)], scope=DAY, run_id="run")
    batches = [batch(ORDERS, [order(1)]), batch(LINES, [])]
    with pytest.raises(CollapseError):
        warehouse.load("orders", [batch(ORDERS, [order(1, "SHIPPED")]), batches[1]], scope=DAY, run_id="run")
    assert warehouse.query("SELECT status FROM core.orders").item() == "PENDING"


def test_less_than_half_may_go(warehouse: Warehouse) -> None:
    load(warehouse, *[order(number) for number in range(300)])
    assert load(warehouse, *[order(number) for number in range(180)]).tables["orders"].deleted == 120


def test_a_wider_guard_lets_all_go(warehouse: Warehouse) -> None:
    load(warehouse, *[order(number) for number in range(150)])
    empty = [batch(ORDERS, [])]
    report = warehouse.load("orders", empty, scope=DAY, run_id="run", guard=CollapseGuard(fraction=1))
    assert report.tables["orders"].deleted == 150


def test_a_snapshot_never_becomes_empty_however_small(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    with pytest.raises(CollapseError, match=r"all rows of 1 partitions, 2025-03-01 among them, of core\.orders"):
        load(warehouse, scope=PartitionScope(DAY.keys, NOON), guard=SNAPSHOT_GUARD)
    assert numbers(warehouse) == [1, 2]
    assert numbers(warehouse, "history.orders") == []
    gone = load(warehouse, scope=PartitionScope(DAY.keys, NOON), guard=OPEN_GUARD)
    assert gone.tables["orders"].deleted == 2


def test_one_empty_snapshot_among_others_is_refused(warehouse: Warehouse) -> None:
    both = PartitionScope(["1", "2"])
    load(warehouse, order(1, partition="1"), order(2, partition="2"), scope=both)
    with pytest.raises(CollapseError, match="2 among them"):
        load(warehouse, order(1, "PAID", partition="1"), scope=both, guard=SNAPSHOT_GUARD)
    assert numbers(warehouse) == [1, 2]


def test_a_snapshot_may_lose_all_it_had_for_something_else(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    assert load(warehouse, order(3), guard=SNAPSHOT_GUARD).tables["orders"] == LoadCounts(inserted=1, deleted=2)


def test_a_snapshot_that_was_empty_may_stay_so(warehouse: Warehouse) -> None:
    load(warehouse, guard=SNAPSHOT_GUARD)
    assert load(warehouse, guard=SNAPSHOT_GUARD).tables["orders"] == LoadCounts()


def test_a_day_may_become_empty(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    assert load(warehouse, scope=PartitionScope(DAY.keys, NOON)).tables["orders"].deleted == 2


def test_a_deleted_record_is_no_empty_snapshot(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    report = load(warehouse, scope=RecordScope(["1", "2"], NOON), guard=SNAPSHOT_GUARD)
    assert report.tables["orders"].deleted == 2
