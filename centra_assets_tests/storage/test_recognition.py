"""Which partitions are known to hold what their raw records say, and everything that makes them unknown again."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.storage.lake import SCHEMA
from centra_assets.storage.recognition import fingerprints
from centra_assets.storage.warehouse import LoadCounts, LoadReport, PartitionScope, RecordScope, Warehouse
from centra_assets_tests.storage.shop import LINES, NOON, ORDERS, batch, line, order, quarantined

FIRST, SECOND = "2025-03-01", "2025-03-02"
TABLES = [ORDERS, LINES]


def raw(*records: tuple[str, str], minutes: int = 0, payload: str = "{}", source: str = "backfill") -> pl.DataFrame:
    """Lake rows of (id, partition)."""
    at = NOON + timedelta(minutes=minutes)
    rows = [(record, NOON, payload, at, source, partition) for record, partition in records]
    return pl.DataFrame(rows, schema={**SCHEMA, "partition": pl.String()}, orient="row")


RAW = raw(("1", FIRST), ("2", FIRST), ("3", SECOND))


def sources(rows: pl.DataFrame = RAW, code: str = "code") -> dict[str, str]:
    return fingerprints(rows, [FIRST, SECOND], code)


def load(warehouse: Warehouse, sources: Mapping[str, str], status: str = "PENDING", minutes: int = 0) -> None:
    days = {"1": FIRST, "2": FIRST, "3": SECOND}
    orders = [order(int(n), status, partition=day, minutes=minutes) for n, day in days.items()]
    lines = [line(10 * int(n), int(n), partition=day, minutes=minutes) for n, day in days.items() if n != "3"]
    scope = PartitionScope([FIRST, SECOND], sources=sources)
    warehouse.load("orders", [batch(ORDERS, orders), batch(LINES, lines)], scope=scope, run_id="run")


def recognise(warehouse: Warehouse, rows: pl.DataFrame = RAW, code: str = "code") -> LoadReport:
    return warehouse.recognise("orders", TABLES, rows, sources(rows, code), run_id="again")


def known(warehouse: Warehouse, rows: pl.DataFrame = RAW) -> set[str]:
    return set(recognise(warehouse, rows).by_partition.get("orders", {}))


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    load(warehouse, sources())
    assert known(warehouse) == {FIRST, SECOND}
    return warehouse


def test_what_was_loaded_is_recognised_with_its_rows_and_logged(warehouse: Warehouse) -> None:
    load(warehouse, sources())
    report = recognise(warehouse)
    assert report.tables == {"orders": LoadCounts(unchanged=3), "order_lines": LoadCounts(unchanged=2)}
    assert report.by_partition["order_lines"] == {FIRST: LoadCounts(unchanged=2), SECOND: LoadCounts()}
    logged = warehouse.query(
        "SELECT table_name, partitions, inserted, unchanged FROM ops.load_log WHERE run_id = 'again' ORDER BY 1"
    )
    assert logged.rows() == [("order_lines", 2, 0, 2), ("orders", 2, 0, 3)]


def test_nothing_is_recognised_that_was_loaded_without_saying_what_from(warehouse: Warehouse) -> None:
    load(warehouse, {})
    assert known(warehouse) == set()
    assert warehouse.query("SELECT FROM ops.load_log WHERE run_id = 'again'").is_empty()


def test_only_the_partition_whose_records_differ_is_unknown(loaded: Warehouse) -> None:
    assert known(loaded, raw(("1", FIRST), ("3", SECOND))) == {SECOND}


def test_other_code_recognises_nothing(loaded: Warehouse) -> None:
    assert recognise(loaded, code="other").by_partition == {}


def test_a_table_that_was_not_loaded_makes_all_unknown(warehouse: Warehouse) -> None:
    scope = PartitionScope([SECOND], sources=sources())
    warehouse.load("orders", [batch(ORDERS, [order(3, partition=SECOND)])], scope=scope, run_id="run")
    assert known(warehouse) == set()


@pytest.mark.parametrize(
    "touch",
    [
        "UPDATE core.orders SET status = 'SHIPPED' WHERE number = 3",
        "DELETE FROM core.order_lines",
        "TRUNCATE core.orders",
        "INSERT INTO core.order_lines SELECT 99, 1, 1, '1', '2025-03-01', NULL, now(), now()",
    ],
)
def test_what_somebody_else_wrote_to_is_unknown(loaded: Warehouse, database_url: str, touch: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(touch)
    assert known(loaded) == set()


def test_what_a_load_of_single_records_changed_is_unknown(loaded: Warehouse) -> None:
    scope = RecordScope(["1"])
    loaded.load("orders", [batch(ORDERS, [order(1, "SHIPPED", minutes=5)])], scope=scope, run_id="sync")
    assert known(loaded) == {SECOND}


def test_a_partition_that_lost_a_record_to_another_is_unknown(loaded: Warehouse) -> None:
    moved = [order(3, partition=SECOND, minutes=5), order(2, partition=SECOND, minutes=5)]
    loaded.load("orders", [batch(ORDERS, moved)], scope=PartitionScope([SECOND]), run_id="run")
    assert known(loaded) == set()


def test_what_kept_newer_rows_than_the_batch_had_is_unknown(warehouse: Warehouse) -> None:
    load(warehouse, {}, status="SHIPPED", minutes=9)
    load(warehouse, sources())
    assert known(warehouse) == set()


@pytest.mark.parametrize("aside", [("2", "2024-01-01", 0), ("404", FIRST, 0)], ids=["by its id", "by its partition"])
def test_what_has_to_do_with_a_record_in_quarantine_is_unknown(loaded: Warehouse, aside: tuple[str, str, int]) -> None:
    bad = quarantined(aside)
    elsewhere = PartitionScope(["2024-01-01"])
    loaded.load("orders", [batch(ORDERS, [])], scope=elsewhere, run_id="run", quarantined=bad)
    assert known(loaded) == {SECOND}


def test_recognition_waits_for_a_load_under_way_and_believes_what_it_left(loaded: Warehouse, database_url: str) -> None:
    found: list[set[str]] = []
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = %s::oid"
    with psycopg.connect(database_url) as load_under_way, psycopg.connect(database_url, autocommit=True) as observer:
        load_under_way.execute("SELECT pg_advisory_xact_lock(hashtextextended('centra_assets/orders', 0))")
        load_under_way.execute("DELETE FROM ops.loaded_partition WHERE partition = %s", [FIRST])
        reader = threading.Thread(target=lambda: found.append(known(loaded)), daemon=True)
        reader.start()
        database = observer.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        while observer.execute(waiting, database).fetchone() == (0,):
            assert reader.is_alive()
        load_under_way.commit()
        reader.join(timeout=60)
    assert found == [{SECOND}]


def test_when_and_by_whom_and_in_which_order_records_were_fetched_does_not_matter() -> None:
    later = raw(("3", SECOND), ("2", FIRST), ("1", FIRST), minutes=60, source="webhook")
    assert sources(later) == sources()


def test_a_partition_without_records_has_a_fingerprint_of_its_own() -> None:
    empty = sources(raw(("1", FIRST)))
    assert empty[SECOND] == sources(raw(("2", FIRST)))[SECOND] != empty[FIRST]


def test_partitions_that_share_a_record_have_no_fingerprint() -> None:
    assert set(sources(raw(("1", FIRST), ("1", SECOND)))) == set()
    assert set(sources(raw(("1", FIRST), ("2", FIRST), ("3", SECOND)))) == {FIRST, SECOND}


@given(
    payload=st.text(min_size=1, max_size=300),
    place=st.integers(0, 299),
    character=st.characters(exclude_categories=["Cs"]),
)
def test_any_other_character_of_a_payload_is_another_fingerprint(payload: str, place: int, character: str) -> None:
    at = place % len(payload)
    changed = payload[:at] + character + payload[at + 1 :]
    same = sources(raw(("1", FIRST), payload=payload))[FIRST] == sources(raw(("1", FIRST), payload=changed))[FIRST]
    assert same == (payload == changed)


def test_another_id_or_time_of_change_is_another_fingerprint() -> None:
    other_time = RAW.with_columns(updated_at=pl.lit(datetime(2025, 1, 1, tzinfo=UTC)).cast(SCHEMA["updated_at"]))
    for changed in (raw(("7", FIRST), ("2", FIRST), ("8", SECOND)), other_time):
        assert set(sources(changed).values()).isdisjoint(sources().values())
