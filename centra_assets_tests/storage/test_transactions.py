"""What happens in a load's transaction besides the load: all of it or nothing, once more after a deadlock."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import Cursor, errors
from psycopg.rows import TupleRow

from centra_assets.storage.errors import CollapseError, RowRefusedError
from centra_assets.storage.warehouse import LoadCounts, LoadReport, PartitionScope, Warehouse
from centra_assets_tests.storage.shop import ORDERS, batch, order

DAY = PartitionScope(["2025-03-01"])


@pytest.fixture
def notes(warehouse: Warehouse, database_url: str) -> Callable[[], list[str]]:
    """A table to write to beside a load, and what it holds."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE ops.note (text text PRIMARY KEY)")
    return lambda: warehouse.query("SELECT text FROM ops.note ORDER BY text")["text"].to_list()


def note(text: str) -> Callable[[Cursor[TupleRow]], None]:
    def write(cursor: Cursor[TupleRow]) -> None:
        cursor.execute("INSERT INTO ops.note VALUES (%s)", [text])

    return write


def load(warehouse: Warehouse, *rows: dict[str, object], within: Callable[[Cursor[TupleRow]], None]) -> LoadReport:
    return warehouse.load("orders", [batch(ORDERS, rows)], scope=DAY, run_id="run", within=within)


def test_what_is_done_within_a_load_stands_with_the_load(warehouse: Warehouse, notes: Callable[[], list[str]]) -> None:
    load(warehouse, order(1), within=note("done"))
    assert notes() == ["done"]
    assert warehouse.query("SELECT number FROM core.orders")["number"].to_list() == [1]


def test_it_is_done_also_when_nothing_had_to_be_loaded(warehouse: Warehouse, notes: Callable[[], list[str]]) -> None:
    load(warehouse, order(1), within=note("first"))
    assert load(warehouse, order(1), within=note("second")).tables["orders"] == LoadCounts(unchanged=1)
    assert notes() == ["first", "second"]


def test_it_sees_what_was_loaded_and_set_aside(warehouse: Warehouse) -> None:
    seen: list[TupleRow] = []

    def look(cursor: Cursor[TupleRow]) -> None:
        seen.extend(cursor.execute("SELECT number, (SELECT count(*) FROM ops.load_log) FROM core.orders"))

    load(warehouse, order(1), within=look)
    assert seen == [(1, 1)]


def test_when_it_fails_nothing_was_loaded(warehouse: Warehouse) -> None:
    def fail(_: Cursor[TupleRow]) -> None:
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        load(warehouse, order(1), within=fail)
    assert warehouse.query("SELECT FROM core.orders").height == 0
    assert warehouse.query("SELECT FROM ops.load_log").height == 0


def test_when_the_load_is_refused_it_did_not_happen(warehouse: Warehouse, notes: Callable[[], list[str]]) -> None:
    load(warehouse, *[order(number) for number in range(150)], within=note("full"))
    with pytest.raises(CollapseError):
        load(warehouse, within=note("empty"))
    assert notes() == ["full"]


def test_after_a_deadlock_it_is_done_again_and_once(warehouse: Warehouse, notes: Callable[[], list[str]]) -> None:
    calls: list[None] = []

    def unlucky(cursor: Cursor[TupleRow]) -> None:
        calls.append(None)
        note("done")(cursor)
        if len(calls) == 1:
            raise errors.DeadlockDetected

    load(warehouse, order(1), within=unlucky)
    assert len(calls) == 2
    assert notes() == ["done"]


def test_a_transaction_without_a_load_returns_what_its_work_returns(
    warehouse: Warehouse, notes: Callable[[], list[str]]
) -> None:
    def work(cursor: Cursor[TupleRow]) -> str:
        note("alone")(cursor)
        return "answer"

    assert warehouse.transact(work) == "answer"
    assert notes() == ["alone"]


def test_a_transaction_that_is_refused_leaves_nothing_and_names_no_value(
    warehouse: Warehouse, notes: Callable[[], list[str]]
) -> None:
    def twice(cursor: Cursor[TupleRow]) -> None:
        note("anna@example.com")(cursor)
        note("anna@example.com")(cursor)

    with pytest.raises(RowRefusedError) as caught:
        warehouse.transact(twice)
    assert "anna" not in str(caught.value)
    assert notes() == []


def test_what_a_transaction_without_a_load_does_to_core_is_noticed(warehouse: Warehouse) -> None:
    load(warehouse, order(1), within=lambda _: None)
    warehouse.transact(lambda cursor: cursor.execute("UPDATE core.orders SET status = 'SHIPPED'"))
    assert load(warehouse, order(1), within=lambda _: None).tables["orders"] == LoadCounts(updated=1)
