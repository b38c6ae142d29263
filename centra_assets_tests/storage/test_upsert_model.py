"""Random sequences of loads leave core, history and quarantine as a naive model of a few lines says."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from centra_assets.storage.warehouse import (
    CollapseGuard,
    LoadCounts,
    LoadReport,
    PartitionScope,
    RecordScope,
    Warehouse,
)
from centra_assets_tests.storage.shop import LINES, NOON, ORDERS, batch, quarantined

TABLES = {"orders": ORDERS, "order_lines": LINES}
PARTITIONS = ["p1", "p2", "p3"]
RECORDS = ["1", "2", "3", "4"]
# Of a batch that is empty and does not say when it was read.
ANY_TIME = 99
LET_ALL_GO = CollapseGuard(rows=10**9)


@dataclass(frozen=True)
class Step:
    """One load: in `rows` per table and key (values, record, partition, source age), fetched at `minutes`."""

    by_partition: bool
    scope: list[str]
    within: str | None
    rows: dict[str, dict[int, tuple[int, str, str, int | None]]]
    bad: dict[str, str]
    minutes: dict[str, int]
    homes: dict[str, str]

    def covers(self, record: str, partition: str) -> bool:
        return partition in self.scope if self.by_partition else record in self.scope and self._reaches(partition)

    def read_at(self, record: str, partition: str) -> int:
        """When the step saw what there is of the record in the partition."""
        as_of = max(self.minutes.values(), default=ANY_TIME)
        if self.by_partition and self.homes.get(record) != partition:
            return as_of
        return self.minutes.get(record, as_of)

    def _reaches(self, partition: str) -> bool:
        return self.within in (None, partition)


@dataclass(frozen=True)
class Edit:
    """Somebody writes core by hand: sets the value of a line, or deletes it."""

    line_id: int
    quantity: int | None


@st.composite
def steps(draw: st.DrawFn) -> Step:
    by_partition = draw(st.booleans())
    scope = draw(st.lists(st.sampled_from(PARTITIONS if by_partition else RECORDS), min_size=1, unique=True))
    within = None if by_partition else draw(st.none() | st.sampled_from(PARTITIONS))
    homes = {}
    for record in RECORDS if by_partition else scope:
        partition = draw(st.sampled_from([*scope, ""] if by_partition else [within] if within else PARTITIONS))
        if partition:
            homes[record] = partition
    bad = draw(st.lists(st.sampled_from(sorted(homes)), max_size=1, unique=True)) if homes else []
    good = [record for record in homes if record not in bad]
    minutes = {record: draw(st.integers(0, 6)) for record in homes}
    source = {record: draw(st.none() | st.integers(0, 3)) for record in homes}
    rows: dict[str, dict[int, tuple[int, str, str, int | None]]] = {"orders": {}, "order_lines": {}}
    for record in good:
        rows["orders"][int(record)] = (draw(st.integers(0, 2)), record, homes[record], source[record])
    for line_id in draw(st.lists(st.integers(1, 6), max_size=6, unique=True)) if good else []:
        record = draw(st.sampled_from(good))
        rows["order_lines"][line_id] = (draw(st.integers(0, 2)), record, homes[record], source[record])
    return Step(by_partition, scope, within, rows, {record: homes[record] for record in bad}, minutes, homes)


edits = st.builds(Edit, st.integers(1, 6), st.none() | st.integers(7, 8))


@dataclass
class Row:
    value: int
    record: str
    partition: str
    source: int | None
    fetched: int
    loaded: int


@dataclass
class Model:
    """What the loads mean, said slowly."""

    core: dict[str, dict[int, Row]] = field(default_factory=lambda: {"orders": {}, "order_lines": {}})
    history: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    gone: dict[tuple[str, str], int] = field(default_factory=dict)
    quarantine: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)

    def load(self, step: Step, now: int) -> dict[str, dict[str, LoadCounts]]:
        read = self._last_readings()
        counts = {table: self._load_table(step, table, now, read) for table in TABLES}
        self._set_aside(step, now)
        return counts

    def _last_readings(self) -> dict[tuple[str, str], int]:
        """When each record was read last in each partition, as far as core and deletions tell."""
        read = dict(self.gone)
        for row in (row for rows in self.core.values() for row in rows.values()):
            place = (row.record, row.partition)
            read[place] = max(row.fetched, read.get(place, -1))
        return read

    def _load_table(self, step: Step, table: str, now: int, read: dict[tuple[str, str], int]) -> dict[str, LoadCounts]:
        core = self.core[table]
        tally: dict[str, list[int]] = {part: [0, 0, 0, 0] for part in (step.scope if step.by_partition else [])}
        for key, old in list(core.items()):
            gone = step.covers(old.record, old.partition) and key not in step.rows[table]
            read_at = step.read_at(old.record, old.partition)
            if gone and old.record not in step.bad and old.fetched <= read_at:
                self._supersede(table, key, old, "delete", now, read_at)
                del core[key]
                tally.setdefault(old.partition, [0, 0, 0, 0])[3] += 1
        for key, (value, record, partition, source) in step.rows[table].items():
            new = Row(value, record, partition, source, step.minutes[record], now)
            row_count = tally.setdefault(partition, [0, 0, 0, 0])
            found = core.get(key)
            met = found is not None and step.covers(found.record, found.partition)
            if not met and read.get((record, partition), -1) > new.fetched:
                row_count[2] += 1
            elif found is None:
                core[key] = new
                row_count[0] += 1
            elif self._differs(table, found, new) and not self._older(new, found):
                self._supersede(table, key, found, "update", now, new.fetched)
                core[key] = new
                row_count[1] += 1
            else:
                row_count[2] += 1
        return {partition: LoadCounts(*numbers) for partition, numbers in tally.items()}

    def _differs(self, table: str, old: Row, new: Row) -> bool:
        # The line's order number is a column of its own; an order's is its key.
        moved = table == "order_lines" and old.record != new.record
        return moved or (old.value, old.partition) != (new.value, new.partition)

    def _older(self, new: Row, old: Row) -> bool:
        by_source = new.source is not None and old.source is not None and new.source < old.source
        return new.fetched < old.fetched or by_source

    def _supersede(self, table: str, key: int, old: Row, operation: str, now: int, read_at: int) -> None:
        fetch = None if read_at == ANY_TIME else read_at
        self.history[(table, key, old.value, old.record, old.partition, operation, fetch, old.loaded, now)] += 1
        if operation == "delete" and fetch is not None:
            place = (old.record, old.partition)
            self.gone[place] = max(fetch, self.gone.get(place, -1))

    def _set_aside(self, step: Step, now: int) -> None:
        for (record, partition), (fetched, *_) in list(self.quarantine.items()):
            read = step.covers(record, partition) and step.bad.get(record) != partition
            if read and fetched <= step.read_at(record, partition):
                del self.quarantine[(record, partition)]
        for record, partition in step.bad.items():
            fetched, first, times = self.quarantine.get((record, partition), (-1, now, 0))
            if step.minutes[record] >= fetched:
                self.quarantine[(record, partition)] = (step.minutes[record], first, times + 1)

    def edit(self, edit: Edit) -> None:
        if edit.line_id not in self.core["order_lines"]:
            return
        if edit.quantity is None:
            del self.core["order_lines"][edit.line_id]
        else:
            self.core["order_lines"][edit.line_id].value = edit.quantity


def _row(table: str, key: int, cell: tuple[int, str, str, int | None], minutes: int) -> dict[str, Any]:
    value, record, partition, source = cell
    own = {"number": key, "status": str(value)} if table == "orders" else {"line_id": key, "quantity": value}
    return own | {
        "order_number": int(record),
        "_record_id": record,
        "_partition": partition,
        "_fetched_at": NOON + timedelta(minutes=minutes),
        "_source_updated_at": None if source is None else NOON + timedelta(hours=source),
    }


def _load(warehouse: Warehouse, step: Step, run_id: str) -> LoadReport:
    batches = [
        batch(TABLES[name], [_row(name, key, cell, step.minutes[cell[1]]) for key, cell in cells.items()])
        for name, cells in step.rows.items()
    ]
    bad = quarantined(*[(record, partition, step.minutes[record]) for record, partition in step.bad.items()])
    scope = PartitionScope(step.scope) if step.by_partition else RecordScope(step.scope, partition=step.within)
    return warehouse.load("orders", batches, scope=scope, run_id=run_id, quarantined=bad, guard=LET_ALL_GO)


def _assert_equal(url: str, model: Model, loads: dict[datetime, int]) -> None:
    with psycopg.connect(url) as connection:
        for table, key, value in (("orders", "number", "status"), ("order_lines", "line_id", "quantity")):
            found = connection.execute(
                f"SELECT {key}, {value}::int, _record_id, _partition, _fetched_at, _loaded_at FROM core.{table}"
            ).fetchall()
            expected = {
                (k, r.value, r.record, r.partition, NOON + timedelta(minutes=r.fetched), r.loaded)
                for k, r in model.core[table].items()
            }
            assert {(*row[:5], loads[row[5]]) for row in found} == expected
        history: Counter[tuple[Any, ...]] = Counter()
        for table, key, value in (("orders", "number", "status"), ("order_lines", "line_id", "quantity")):
            for row in connection.execute(
                f"SELECT '{table}', {key}, {value}::int, _record_id, _partition, _operation, _superseded_fetched_at,"
                f" _valid_from, _valid_to FROM history.{table}"
            ):
                minutes = row[6] and (row[6] - NOON) // timedelta(minutes=1)
                history[(*row[:6], minutes, loads[row[7]], loads[row[8]])] += 1
        assert history == model.history
        aside = connection.execute(
            "SELECT record_id, partition, fetched_at, first_seen, times FROM ops.quarantine WHERE entity = 'orders'"
        ).fetchall()
        assert {(*row[:3], loads[row[3]], row[4]) for row in aside} == {
            (record, partition, NOON + timedelta(minutes=fetched), first, times)
            for (record, partition), (fetched, first, times) in model.quarantine.items()
        }


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(actions=st.lists(steps() | steps() | steps() | edits, min_size=2, max_size=7))
def test_any_sequence_of_loads_equals_the_naive_model(
    warehouse: Warehouse, database_url: str, actions: list[Step | Edit]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE core.orders, core.order_lines, history.orders, history.order_lines")
        connection.execute("TRUNCATE ops.quarantine, ops.load_log")
    model = Model()
    loads: dict[datetime, int] = {}
    for number, action in enumerate(actions):
        if isinstance(action, Edit):
            model.edit(action)
            _edit(database_url, action)
            continue
        expected = model.load(action, number)
        report = _load(warehouse, action, f"run-{number}")
        found = {table: _occurring(counts) for table, counts in report.by_partition.items()}
        assert found == {table: _occurring(counts) for table, counts in expected.items()}
        with psycopg.connect(database_url) as connection:
            for (at,) in connection.execute("SELECT at FROM ops.load_log WHERE run_id = %s", [f"run-{number}"]):
                loads[at] = number
        _assert_equal(database_url, model, loads)


def _occurring(counts: Any) -> dict[str, LoadCounts]:
    return {partition: count for partition, count in counts.items() if count != LoadCounts()}


def _edit(url: str, edit: Edit) -> None:
    with psycopg.connect(url) as connection:
        if edit.quantity is None:
            connection.execute("DELETE FROM core.order_lines WHERE line_id = %s", [edit.line_id])
        else:
            connection.execute(
                "UPDATE core.order_lines SET quantity = %s WHERE line_id = %s", [edit.quantity, edit.line_id]
            )
