"""Readings that are loaded in any order: the latest of a record wins, in core and in what history tells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from centra_assets.storage.warehouse import CollapseGuard, LoadCounts, PartitionScope, RecordScope, Warehouse
from centra_assets_tests.storage.shop import LINES, NOON, ORDERS, batch, line, order

FIRST, SECOND = "2025-03-01", "2025-03-02"
BOTH = PartitionScope([FIRST, SECOND])


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def load(
    warehouse: Warehouse, *rows: dict[str, Any], scope: PartitionScope | RecordScope, lines: tuple[Any, ...] = ()
) -> Mapping[str, LoadCounts]:
    batches = [batch(ORDERS, rows), batch(LINES, lines)]
    return warehouse.load("orders", batches, scope=scope, run_id="run").tables


def numbers(warehouse: Warehouse) -> list[int]:
    return warehouse.query("SELECT number FROM core.orders ORDER BY number")["number"].to_list()


def lines_in(warehouse: Warehouse) -> list[int]:
    return warehouse.query("SELECT line_id FROM core.order_lines ORDER BY line_id")["line_id"].to_list()


class TestRowsThatALaterReadingDeleted:
    """An order and its lines, of which a reading at minute 9 found something gone."""

    @pytest.fixture(autouse=True)
    def loaded(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1), order(2), scope=BOTH, lines=(line(11, 1), line(12, 1)))

    def test_a_line_that_left_its_order_does_not_come_back(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, "PAID", minutes=9), scope=RecordScope(["1"]), lines=(line(11, 1, minutes=9),))
        late = (line(11, 1, minutes=5), line(12, 1, minutes=5))
        report = load(warehouse, order(1, minutes=5), scope=RecordScope(["1"]), lines=late)
        assert report == {"orders": LoadCounts(unchanged=1), "order_lines": LoadCounts(unchanged=2)}
        assert lines_in(warehouse) == [11]

    @pytest.mark.parametrize("late", [PartitionScope([FIRST]), RecordScope(["1", "2"])], ids=["partition", "records"])
    def test_a_record_does_not_come_back(self, warehouse: Warehouse, late: PartitionScope | RecordScope) -> None:
        load(warehouse, scope=RecordScope(["1"], at(9)))
        load(warehouse, order(1, minutes=5), order(2, minutes=5), scope=late)
        assert numbers(warehouse) == [2]

    def test_nor_do_all_records_of_a_partition_that_has_none_left(self, warehouse: Warehouse) -> None:
        load(warehouse, scope=PartitionScope([FIRST], at(9)))
        assert load(warehouse, order(1, minutes=5), scope=BOTH)["orders"] == LoadCounts(unchanged=1)
        assert numbers(warehouse) == []

    def test_a_record_that_was_read_later_still_comes_back(self, warehouse: Warehouse) -> None:
        load(warehouse, scope=RecordScope(["1"], at(9)))
        assert load(warehouse, order(1, minutes=10), scope=RecordScope(["1"]))["orders"] == LoadCounts(inserted=1)

    def test_another_parse_of_the_same_reading_brings_a_row_back(self, warehouse: Warehouse) -> None:
        reading = RecordScope(["1"], at(9))
        load(warehouse, order(2, minutes=11), scope=RecordScope(["2"]), lines=(line(21, 2, minutes=11),))
        load(warehouse, order(2, minutes=12), scope=RecordScope(["2"]))
        load(warehouse, order(1, minutes=9), scope=reading)
        assert load(warehouse, order(1, minutes=9), scope=reading, lines=(line(11, 1, minutes=9),)) == {
            "orders": LoadCounts(unchanged=1),
            "order_lines": LoadCounts(inserted=1),
        }

    def test_a_key_that_another_record_has_now_is_that_record_s(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, minutes=9), scope=RecordScope(["1"]), lines=(line(11, 1, minutes=9),))
        moved = line(12, 2, minutes=5)
        assert load(warehouse, order(2), scope=RecordScope(["2"]), lines=(moved,))["order_lines"].inserted == 1

    def test_what_left_one_partition_may_be_in_another(self, warehouse: Warehouse) -> None:
        load(warehouse, order(3, partition=SECOND), scope=PartitionScope([SECOND]))
        load(warehouse, order(2), scope=PartitionScope([FIRST], at(9)))
        load(warehouse, scope=PartitionScope([SECOND], at(9)))
        there = order(1, partition=SECOND, minutes=5)
        assert load(warehouse, there, scope=PartitionScope([SECOND]))["orders"] == LoadCounts(inserted=1)

    def test_what_was_kept_out_does_not_pass_for_loaded(self, warehouse: Warehouse) -> None:
        load(warehouse, scope=PartitionScope([FIRST], at(9)))
        load(warehouse, order(1, minutes=5), scope=PartitionScope([FIRST]))
        again = load(warehouse, order(1, minutes=11), scope=PartitionScope([FIRST]))
        assert again["orders"] == LoadCounts(inserted=1)

    def test_history_tells_when_that_was_read_which_ended_a_row(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, "PAID", minutes=7), scope=RecordScope(["1"]), lines=(line(11, 1, minutes=7),))
        load(warehouse, scope=RecordScope(["1"], at(9)))
        told = "SELECT _operation, _superseded_fetched_at FROM history.{} ORDER BY 2"
        assert warehouse.query(told.format("orders")).rows() == [("update", at(7)), ("delete", at(9))]
        assert warehouse.query(told.format("order_lines")).rows() == [("delete", at(7)), ("delete", at(9))]


class TestRowsThatCoreNeverHad:
    """An order that was read with line 12 at minute 5 and without it at minute 9, which was loaded first."""

    LATE = (line(11, 1, minutes=5), line(12, 1, minutes=5))

    @pytest.mark.parametrize("scope", [PartitionScope([FIRST]), RecordScope(["1"])], ids=["partition", "record"])
    @pytest.mark.parametrize("kept", [(line(11, 1, minutes=9),), ()], ids=["beside another", "as the first of them"])
    def test_a_line_of_an_older_reading_stays_out(
        self, warehouse: Warehouse, scope: PartitionScope | RecordScope, kept: tuple[Any, ...]
    ) -> None:
        load(warehouse, order(1, "PAID", minutes=9), scope=RecordScope(["1"]), lines=kept)
        late = load(warehouse, order(1, minutes=5), scope=scope, lines=self.LATE)
        assert late == {"orders": LoadCounts(unchanged=1), "order_lines": LoadCounts(unchanged=2)}
        assert lines_in(warehouse) == [row["line_id"] for row in kept]

    def test_an_order_that_is_the_same_in_both_readings_keeps_it_out_too(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, minutes=9), scope=PartitionScope([FIRST]))
        load(warehouse, order(1, minutes=5), scope=PartitionScope([FIRST]), lines=self.LATE)
        assert lines_in(warehouse) == []

    def test_lines_of_other_orders_come_in(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, "PAID", minutes=9), order(2), scope=PartitionScope([FIRST]))
        others = (line(21, 2, minutes=5), line(31, 3, partition=SECOND, minutes=5))
        orders = (order(1, minutes=5), order(2, minutes=5), order(3, partition=SECOND, minutes=5))
        load(warehouse, *orders, scope=BOTH, lines=(*self.LATE, *others))
        assert lines_in(warehouse) == [21, 31]

    def test_the_same_record_in_another_partition_says_nothing(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, minutes=9), scope=PartitionScope([FIRST]))
        load(warehouse, scope=BOTH, lines=(line(12, 1, partition=SECOND, minutes=5),))
        assert lines_in(warehouse) == [12]

    def test_a_line_stays_out_of_a_table_where_others_have_moved(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, "PAID", minutes=9), order(2), scope=PartitionScope([FIRST]))
        there = line(31, 3, partition=SECOND)
        load(warehouse, order(3, partition=SECOND), scope=PartitionScope([SECOND]), lines=(there,))
        moved = line(31, 2, minutes=5)
        late = (order(1, minutes=5), order(2, minutes=5))
        load(warehouse, *late, scope=PartitionScope([FIRST]), lines=(*self.LATE, moved))
        found = warehouse.query("SELECT line_id, _record_id FROM core.order_lines")
        assert found.rows() == [(31, "2")]

    def test_nor_does_it_come_in_when_its_order_is_gone(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1), scope=PartitionScope([FIRST]))
        load(warehouse, scope=RecordScope(["1"], at(9)))
        load(warehouse, order(1, minutes=5), scope=PartitionScope([FIRST]), lines=self.LATE)
        assert (numbers(warehouse), lines_in(warehouse)) == ([], [])

    def test_what_was_kept_out_comes_in_with_the_next_reading(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, "PAID", minutes=9), scope=RecordScope(["1"]))
        load(warehouse, order(1, minutes=5), scope=PartitionScope([FIRST]), lines=self.LATE)
        again = tuple(row | {"_fetched_at": at(11)} for row in self.LATE)
        load(warehouse, order(1, minutes=11), scope=PartitionScope([FIRST]), lines=again)
        assert lines_in(warehouse) == [11, 12]

    def test_another_parse_of_the_reading_that_core_has_brings_its_lines(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, minutes=5), scope=RecordScope(["1"]))
        load(warehouse, order(1, minutes=5), scope=RecordScope(["1"]), lines=self.LATE)
        assert lines_in(warehouse) == [11, 12]


class TestWhenWhatIsMissingWasRead:
    @pytest.fixture(autouse=True)
    def loaded(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1, minutes=5), order(2, partition=SECOND, minutes=5), scope=BOTH)

    def test_each_partition_has_its_own_moment(self, warehouse: Warehouse) -> None:
        load(warehouse, scope=PartitionScope([FIRST, SECOND], {FIRST: at(4), SECOND: at(6)}))
        assert numbers(warehouse) == [1]

    def test_nothing_is_missing_from_a_partition_that_was_not_read_as_a_whole(self, warehouse: Warehouse) -> None:
        load(warehouse, order(3, minutes=9), scope=PartitionScope([FIRST, SECOND], {SECOND: at(6)}))
        assert numbers(warehouse) == [1, 3]

    def test_each_record_has_its_own_moment(self, warehouse: Warehouse) -> None:
        load(warehouse, scope=RecordScope(["1", "2"], {"1": at(4), "2": at(6)}))
        assert numbers(warehouse) == [1]

    def test_a_record_that_was_read_and_gave_no_row_is_gone_as_of_its_reading(self, warehouse: Warehouse) -> None:
        raw = batch(ORDERS, [order(1, minutes=6)]).rows.select("_record_id", "_partition", "_fetched_at")
        load(warehouse, scope=PartitionScope([FIRST, SECOND], {}, readings=raw))
        assert numbers(warehouse) == [2]

    def test_a_reading_in_one_partition_says_nothing_of_another(self, warehouse: Warehouse) -> None:
        elsewhere = order(1, partition=SECOND, minutes=9)
        raw = batch(ORDERS, [elsewhere]).rows.select("_record_id", "_partition", "_fetched_at")
        load(warehouse, scope=PartitionScope([FIRST], {FIRST: at(4)}, readings=raw))
        assert numbers(warehouse) == [1, 2]


LAST_MINUTE = 20
# The same id is a record of its own in each partition, as the stock of one size is in every warehouse.
RECORDS = [("1", FIRST), ("1", SECOND), ("2", FIRST), ("3", SECOND)]
Row = tuple[str, int]


@dataclass(frozen=True)
class Thing:
    """A row of the source: it is there from `born` to before `gone`, and its value counts how often it changed."""

    born: int
    gone: int
    changes: frozenset[int]

    def value(self, minute: int) -> int | None:
        """Null when it is not there. No value comes back: an unchanged row keeps the moment of its first reading."""
        return len([change for change in self.changes if change <= minute]) if self.born <= minute < self.gone else None


@dataclass(frozen=True)
class Source:
    """Each record's header and its two lines."""

    things: Mapping[tuple[str, str], tuple[Thing, Thing, Thing]]

    def read(self, record: tuple[str, str], minute: int) -> dict[Row, int] | None:
        """Table and key -> value; None when there is no such record."""
        header, *lines = self.things[record]
        place = 10 * RECORDS.index(record)
        value = header.value(minute)
        if value is None:
            return None
        found = {("order_lines", place + number): thing.value(minute) for number, thing in enumerate(lines)}
        return {("orders", place): value} | {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True)
class Reading:
    """What was read of the source, when: whole partitions from `begun` on, or single records."""

    begun: int
    minutes: Mapping[tuple[str, str], int]
    partitions: tuple[str, ...] = ()

    def found(self, source: Source) -> Iterator[tuple[tuple[str, str], int, dict[Row, int] | None]]:
        """Each record, when it was read, what it was. That a page lacks one, a snapshot knows since it began."""
        for record, minute in self.minutes.items():
            rows = source.read(record, minute)
            yield record, self.begun if rows is None and self.partitions else minute, rows


@st.composite
def records(draw: st.DrawFn) -> tuple[Thing, Thing, Thing]:
    """A header and two lines. As in Centra, the header changes when a line comes or goes, which leaves a trace in core.

    A header that comes late stays for ever: of one that core never had, nothing tells that it is gone.
    """
    minutes = st.integers(1, LAST_MINUTE)

    def thing(kinds: list[tuple[bool, bool]], told: frozenset[int] = frozenset()) -> Thing:
        late, mortal = draw(st.sampled_from(kinds))
        born = draw(minutes) if late else 0
        gone = draw(minutes) if mortal else LAST_MINUTE + 9
        return Thing(born, gone, draw(st.frozensets(minutes, max_size=3)) | told)

    stays, goes, comes, visits = (False, False), (False, True), (True, False), (True, True)
    first, second = thing([stays, goes, comes, visits]), thing([stays, goes, comes, visits])
    told = frozenset({first.born, first.gone, second.born, second.gone})
    return thing([stays, goes, comes], told), first, second


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    # A snapshot begins at an odd minute and reads at even ones: no two readings are of one moment and differ.
    if draw(st.booleans()):
        partitions = tuple(draw(st.lists(st.sampled_from([FIRST, SECOND]), min_size=1, unique=True)))
        begun = 2 * draw(st.integers(0, LAST_MINUTE // 2)) + 1
        inside = [record for record in RECORDS if record[1] in partitions]
        return Reading(begun, {record: begun + 1 + 2 * draw(st.integers(0, 2)) for record in inside}, partitions)
    minute = 2 * draw(st.integers(0, LAST_MINUTE // 2))
    home = draw(st.sampled_from([FIRST, SECOND]))
    chosen = draw(st.lists(st.sampled_from([r for r in RECORDS if r[1] == home]), min_size=1, unique=True))
    return Reading(minute, dict.fromkeys(chosen, minute))


sources = st.builds(Source, st.fixed_dictionaries({r: records() for r in RECORDS}))
FROM_THE_START = Reading(-1, dict.fromkeys(RECORDS, 0), (FIRST, SECOND))


def bring(warehouse: Warehouse, source: Source, reading: Reading) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"orders": [], "order_lines": []}
    for (record, home), minute, found in reading.found(source):
        for (table, key), value in (found or {}).items():
            made = order(key, str(value)) if table == "orders" else line(key, int(record), value)
            own = {"_record_id": record, "_partition": home, "_fetched_at": at(minute)}
            rows[table].append(made | own)
    scope: PartitionScope | RecordScope
    if reading.partitions:
        scope = PartitionScope(reading.partitions, dict.fromkeys(reading.partitions, at(reading.begun)))
    else:
        ((home,),) = {(home,) for _, home in reading.minutes}
        scope = RecordScope([record for record, _ in reading.minutes], at(reading.begun), home)
    batches = [batch(ORDERS, rows["orders"]), batch(LINES, rows["order_lines"])]
    warehouse.load("orders", batches, scope=scope, run_id="run", guard=CollapseGuard(rows=10**9))


def latest(source: Source, loaded: list[Reading]) -> dict[Row, int]:
    """What core is to hold: of each record just what its latest reading found."""
    seen: dict[tuple[str, str], tuple[int, dict[Row, int]]] = {}
    for reading in loaded:
        for record, minute, found in reading.found(source):
            if record not in seen or minute > seen[record][0]:
                seen[record] = (minute, found or {})
    return {key: value for _, rows in seen.values() for key, value in rows.items()}


VERSIONS = """
SELECT 'orders' AS name, number, status::int, _loaded_at, NULL, NULL, _fetched_at FROM core.orders
UNION ALL SELECT 'orders', number, status::int, _valid_from, _valid_to, _operation, _superseded_fetched_at
FROM history.orders
UNION ALL SELECT 'lines', line_id, quantity, _loaded_at, NULL, NULL, _fetched_at FROM core.order_lines
UNION ALL SELECT 'lines', line_id, quantity, _valid_from, _valid_to, _operation, _superseded_fetched_at
FROM history.order_lines ORDER BY 1, 2, 4
"""


def assert_history_is_a_chain(url: str) -> None:
    """Versions of a row follow each other, an update at once, with ever later values and ever later readings."""
    with psycopg.connect(url) as connection:
        versions = connection.execute(VERSIONS).fetchall()
    for earlier, later in pairwise(versions):
        if earlier[:2] != later[:2]:
            continue
        _, _, value, begins, ends, operation, read = earlier
        assert begins < ends
        assert (ends == later[3]) if operation == "update" else (ends < later[3])
        assert value < later[2] or operation == "delete"
        assert read <= later[6]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(source=sources, later=st.lists(readings(), min_size=2, max_size=7))
def test_in_whatever_order_readings_are_loaded_the_latest_of_each_record_wins(
    warehouse: Warehouse, database_url: str, source: Source, later: list[Reading]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE core.orders, core.order_lines, history.orders, history.order_lines")
    for reading in (loaded := [FROM_THE_START, *later]):
        bring(warehouse, source, reading)
    found = warehouse.query(
        "SELECT 'orders' AS name, number AS key, status::int AS value FROM core.orders"
        " UNION ALL SELECT 'order_lines', line_id, quantity FROM core.order_lines"
    )
    assert {(name, key): value for name, key, value in found.rows()} == latest(source, loaded)
    assert_history_is_a_chain(database_url)
