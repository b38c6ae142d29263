"""Loads: what changes, what stays, what is refused, and what survives a kill."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from centra_assets.storage.errors import (
    BatchShapeError,
    DuplicateKeyError,
    NotPreparedError,
    RowRefusedError,
    WarehouseRefusedError,
    WarehouseUnavailableError,
)
from centra_assets.storage.tables import Column, Table
from centra_assets.storage.warehouse import (
    CollapseGuard,
    LoadCounts,
    LoadReport,
    PartitionScope,
    RecordScope,
    TableBatch,
    Warehouse,
)
from centra_assets_tests.storage.shop import LINES, ORDERS, batch, line, order, quarantined

DAY = PartitionScope(["2025-03-01"])


def load(warehouse: Warehouse, *rows: dict[str, object], scope: PartitionScope | RecordScope = DAY) -> LoadReport:
    return warehouse.load("orders", [batch(ORDERS, rows)], scope=scope, run_id="run")


def numbers(warehouse: Warehouse, table: str = "core.orders") -> list[int]:
    return warehouse.query(f"SELECT number FROM {table} ORDER BY number")["number"].to_list()


def test_loading_the_same_again_changes_nothing(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    before = warehouse.query("SELECT * FROM core.orders ORDER BY number")
    report = load(warehouse, order(2, minutes=5), order(1, minutes=5))
    assert report.tables["orders"] == LoadCounts(unchanged=2)
    assert warehouse.query("SELECT * FROM core.orders ORDER BY number").equals(before)


def test_the_same_again_writes_no_row_even_when_digests_are_lost(warehouse: Warehouse, database_url: str) -> None:
    load(warehouse, order(1), order(2))
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE ops.loaded_partition")
    before = warehouse.query("SELECT ctid::text, * FROM core.orders")
    assert load(warehouse, order(1), order(2)).tables["orders"] == LoadCounts(unchanged=2)
    assert warehouse.query("SELECT ctid::text, * FROM core.orders").equals(before)


@pytest.mark.parametrize(
    "vandalism",
    [
        "UPDATE core.orders SET status = 'SHIPPED' WHERE number = 1",
        "DELETE FROM core.orders WHERE number = 1",
        "TRUNCATE core.orders",
    ],
)
def test_a_row_that_somebody_else_spoilt_is_put_right_by_the_same_batch(
    warehouse: Warehouse, database_url: str, vandalism: str
) -> None:
    load(warehouse, order(1), order(2))
    with psycopg.connect(database_url) as connection:
        connection.execute(vandalism)
    load(warehouse, order(1, minutes=1), order(2, minutes=1))
    found = warehouse.query("SELECT number, status FROM core.orders ORDER BY number")
    assert found.rows() == [(1, "PENDING"), (2, "PENDING")]


def test_a_table_that_was_dropped_and_prepared_again_is_filled_by_the_same_batch(
    warehouse: Warehouse, database_url: str
) -> None:
    load(warehouse, order(1))
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE core.orders")
    warehouse.prepare([ORDERS])
    assert load(warehouse, order(1)).tables["orders"] == LoadCounts(inserted=1)


def test_a_content_that_was_too_old_once_is_applied_when_it_comes_newer(warehouse: Warehouse) -> None:
    load(warehouse, order(1, "SHIPPED", minutes=5))
    assert load(warehouse, order(1, "PENDING", minutes=1)).tables["orders"] == LoadCounts(unchanged=1)
    assert load(warehouse, order(1, "PENDING", minutes=9)).tables["orders"] == LoadCounts(updated=1)


def test_a_superseded_version_goes_to_history_with_its_time_and_run(warehouse: Warehouse) -> None:
    load(warehouse, order(1, "PENDING"))
    loaded = warehouse.query("SELECT _loaded_at FROM core.orders").item()
    report = warehouse.load("orders", [batch(ORDERS, [order(1, "SHIPPED")])], scope=DAY, run_id="second")
    assert report.tables["orders"] == LoadCounts(updated=1)
    assert report.by_partition["orders"]["2025-03-01"] == LoadCounts(updated=1)
    versions = warehouse.query("SELECT status, _operation, _valid_from, _valid_to, _run_id FROM history.orders")
    now = warehouse.query("SELECT _loaded_at FROM core.orders").item()
    assert versions.rows() == [("PENDING", "update", loaded, now, "second")]


def test_a_row_that_left_its_parent_leaves_core_and_stays_in_history(warehouse: Warehouse) -> None:
    def with_lines(*lines: dict[str, object]) -> LoadReport:
        batches = [batch(ORDERS, [order(1)]), batch(LINES, lines)]
        return warehouse.load("orders", batches, scope=RecordScope(["1"]), run_id="run")

    with_lines(line(11, 1), line(12, 1))
    assert with_lines(line(11, 1)).tables["order_lines"] == LoadCounts(unchanged=1, deleted=1)
    gone = warehouse.query("SELECT line_id, _operation FROM history.order_lines")
    assert gone.rows() == [(12, "delete")]


def test_an_empty_partition_is_reported_and_emptied(warehouse: Warehouse) -> None:
    load(warehouse, order(1))
    scope = PartitionScope(["2025-03-01", "2025-03-02"])
    report = load(warehouse, scope=scope)
    assert report.by_partition["orders"] == {"2025-03-01": LoadCounts(deleted=1), "2025-03-02": LoadCounts()}


def test_records_out_of_scope_are_left_alone(warehouse: Warehouse) -> None:
    both = PartitionScope(["2025-03-01", "2025-03-02"])
    load(warehouse, order(1), order(2, partition="2025-03-02"), scope=both)
    load(warehouse, order(3))
    assert numbers(warehouse) == [2, 3]


def test_what_somebody_fetched_later_is_not_deleted(warehouse: Warehouse) -> None:
    load(warehouse, order(2, minutes=9), scope=RecordScope(["2"]))
    load(warehouse, order(1, minutes=5))
    assert numbers(warehouse) == [1, 2]


def test_a_record_that_moved_to_another_partition_is_one_row(warehouse: Warehouse) -> None:
    load(warehouse, order(1))
    report = load(warehouse, order(1, partition="2025-03-02"), scope=PartitionScope(["2025-03-02"]))
    assert report.tables["orders"] == LoadCounts(updated=1)
    assert load(warehouse).tables["orders"] == LoadCounts()
    assert numbers(warehouse) == [1]


def test_of_two_fetches_of_a_row_in_one_batch_the_newest_wins(warehouse: Warehouse) -> None:
    load(warehouse, order(1, "SHIPPED", minutes=2), order(1, "PENDING", minutes=1), order(1, "SHIPPED", minutes=2))
    assert warehouse.query("SELECT status FROM core.orders")["status"].to_list() == ["SHIPPED"]


def test_two_rows_of_one_fetch_with_one_key_are_an_error_that_counts_them(warehouse: Warehouse) -> None:
    with pytest.raises(DuplicateKeyError, match=r"^STORAGE_DUPLICATE_KEY: 1 rows for core\.orders"):
        load(warehouse, order(1, "SHIPPED"), order(1, "PENDING"), order(2))
    assert numbers(warehouse) == []


def test_rows_out_of_scope_in_a_batch_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(BatchShapeError, match="1 _partition out of scope"):
        load(warehouse, order(1), order(2, partition="2025-03-02"))


def test_a_missing_column_is_refused_by_name(warehouse: Warehouse) -> None:
    with pytest.raises(BatchShapeError, match="no column status"):
        warehouse.load(
            "orders", [TableBatch(ORDERS, batch(ORDERS, [order(1)]).rows.drop("status"))], scope=DAY, run_id=""
        )


def test_money_as_a_float_is_refused(warehouse: Warehouse) -> None:
    rows = batch(ORDERS, [order(1)]).rows.cast({"grand_total": pl.Float64})
    with pytest.raises(BatchShapeError, match="grand_total"):
        warehouse.load("orders", [TableBatch(ORDERS, rows)], scope=DAY, run_id="run")


def test_a_refused_value_is_not_repeated_in_the_error(warehouse: Warehouse, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE core.orders ALTER COLUMN status TYPE varchar(10)")
    with pytest.raises(RowRefusedError, match="column status") as caught:
        load(warehouse, order(1, "anna@example.com"))
    assert "anna" not in str(caught.value)


def test_a_load_before_prepare_says_what_to_do(database_url: str) -> None:
    with pytest.raises(NotPreparedError) as caught:
        load(Warehouse(database_url), order(1))
    assert caught.value.cause == "The database lacks what a statement names: UndefinedTable (42P01)."


def test_a_user_without_rights_is_a_permanent_error_that_quotes_nothing(
    warehouse: Warehouse, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        # A role that every PostgreSQL has, and that may do nothing with our tables.
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET role = 'pg_monitor'")
    with pytest.raises(WarehouseRefusedError) as caught:
        load(warehouse, order(1))
    assert caught.value.cause == "PostgreSQL refused a statement: InsufficientPrivilege (42501)."
    assert not caught.value.transient


def test_a_malformed_url_is_a_permanent_error_without_the_url() -> None:
    with pytest.raises(WarehouseRefusedError) as caught:
        Warehouse("postgresql://someone:secret@host/none?sslmodus=secret").query("SELECT 1")
    assert "secret" not in str(caught.value)
    assert "sslmodus" not in str(caught.value)


def test_a_connection_that_is_cut_in_a_load_is_a_transient_error(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseUnavailableError, match=r"AdminShutdown \(57P01\) while talking to PostgreSQL"):
        warehouse.query("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_server_that_is_away_is_a_transient_error_without_the_url(database_url: str) -> None:
    away = Warehouse("postgresql://someone:secret@127.0.0.1:1/none")
    with pytest.raises(WarehouseUnavailableError) as caught:
        load(away, order(1))
    assert caught.value.transient
    assert "secret" not in str(caught.value)


class TestQuarantine:
    def test_the_last_good_version_of_a_bad_record_stays(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1), order(2))
        bad = quarantined(("2", "2025-03-01", 5))
        report = warehouse.load(
            "orders", [batch(ORDERS, [order(1, minutes=5)])], scope=DAY, run_id="run", quarantined=bad
        )
        assert (report.quarantined, report.tables["orders"]) == (1, LoadCounts(unchanged=1))
        assert numbers(warehouse) == [1, 2]

    def test_a_record_that_is_good_again_leaves(self, warehouse: Warehouse) -> None:
        bad = quarantined(("2", "2025-03-01", 0))
        warehouse.load("orders", [batch(ORDERS, [])], scope=DAY, run_id="run", quarantined=bad)
        assert warehouse.query("SELECT record_id FROM ops.quarantine")["record_id"].to_list() == ["2"]
        load(warehouse, order(2, minutes=1), scope=RecordScope(["2"]))
        assert warehouse.query("SELECT record_id FROM ops.quarantine").is_empty()

    def test_a_bad_record_that_was_deleted_leaves_with_its_rows(self, warehouse: Warehouse) -> None:
        load(warehouse, order(1), order(2))
        rows = [batch(ORDERS, [order(1, minutes=5)])]
        bad = quarantined(("2", "2025-03-01", 5))
        warehouse.load("orders", rows, scope=DAY, run_id="run", quarantined=bad)
        load(warehouse, order(1, minutes=9))
        assert numbers(warehouse) == [1]
        assert warehouse.query("SELECT record_id FROM ops.quarantine").is_empty()

    def test_a_record_seen_bad_twice_keeps_its_first_day_and_counts(self, warehouse: Warehouse) -> None:
        for minutes in (0, 5):
            bad = quarantined(("2", "2025-03-01", minutes), rule=f"rule {minutes}")
            warehouse.load("orders", [batch(ORDERS, [])], scope=DAY, run_id=f"run {minutes}", quarantined=bad)
        held = warehouse.query("SELECT times, run_id, first_seen < last_seen AS later, reasons FROM ops.quarantine")
        assert held.select("times", "run_id", "later").rows() == [(2, "run 5", True)]
        assert "rule 5" in held["reasons"].item()


@contextmanager
def killed_when(url: str, statement: str) -> Iterator[None]:
    """A trigger that ends its own connection at a certain statement, as an administrator or a crash would."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION killer() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        connection.execute(f"CREATE TRIGGER killer AFTER {statement} FOR EACH STATEMENT EXECUTE FUNCTION killer()")
    yield
    with psycopg.connect(url) as connection:
        connection.execute("DROP FUNCTION killer CASCADE")


@pytest.mark.parametrize(
    "moment",
    [
        "INSERT ON core.order_lines",
        "INSERT ON history.orders",
        "UPDATE ON core.orders",
        "DELETE ON core.orders",
        "INSERT ON ops.load_log",
    ],
)
def test_a_load_killed_at_any_point_leaves_nothing_and_works_when_run_again(
    warehouse: Warehouse, database_url: str, moment: str
) -> None:
    def everything() -> list[object]:
        tables = ["core.orders", "core.order_lines", "history.orders", "ops.quarantine", "ops.loaded_partition"]
        return [sorted(warehouse.query(f"SELECT * FROM {table}").rows()) for table in tables]

    def again() -> LoadReport:
        batches = [batch(ORDERS, [order(1, "SHIPPED"), order(3)]), batch(LINES, [line(11, 1)])]
        return warehouse.load("orders", batches, scope=DAY, run_id="run")

    load(warehouse, order(1), order(2))
    before = everything()
    with killed_when(database_url, moment), pytest.raises(WarehouseUnavailableError):
        again()
    assert everything() == before
    assert again().tables == {"orders": LoadCounts(1, 1, 0, 1), "order_lines": LoadCounts(inserted=1)}


def load_in_a_process(url: str, first: int) -> LoadCounts:
    rows = [order(number, status=str(number % 7)) for number in range(first, first + 3000)]
    scope = RecordScope([str(row["number"]) for row in rows])
    report = Warehouse(url).load("orders", [batch(ORDERS, rows)], scope=scope, run_id=f"run {first}")
    return report.tables["orders"]


def test_two_processes_that_load_one_entity_at_once_wait_for_each_other(
    warehouse: Warehouse, database_url: str
) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(load_in_a_process, [(database_url, 0), (database_url, 1000)], chunksize=1)
    assert len(numbers(warehouse)) == 4000
    assert sorted((counts.inserted, counts.unchanged) for counts in found) == [(1000, 2000), (3000, 0)]


def test_every_load_is_logged_with_its_counts(warehouse: Warehouse) -> None:
    load(warehouse, order(1), order(2))
    log = warehouse.query(
        "SELECT entity, table_name, run_id, partitions, inserted, seconds > 0 AS timed FROM ops.load_log"
    )
    assert log.rows() == [("orders", "orders", "run", 1, 2, True)]


TEXTS = Table(
    name="texts",
    columns=(Column("id", "bigint", nullable=False), Column("status", "text"), Column("document", "jsonb")),
    key=("id",),
)
_SOME_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_NASTY = st.sampled_from(
    ["", "\\N", "\\.", '"', "a\n\\.\nb", "\r\n", ",", "\\", "NULL", "\t", " ", "é\U0001f600", "a\x00b"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | _SOME_TEXT | _NASTY, min_size=1, max_size=30))
def test_every_text_arrives_as_it_was(database_url: str, texts: list[str | None]) -> None:
    warehouse = Warehouse(database_url)
    warehouse.prepare([TEXTS])
    rows = [{**order(number), "id": number, "status": text} for number, text in enumerate(texts)]
    warehouse.load("texts", [batch(TEXTS, rows)], scope=DAY, run_id="run", guard=CollapseGuard(fraction=1))
    found = warehouse.query("SELECT status FROM core.texts ORDER BY id")["status"].to_list()
    assert found == [None if text is None else text.replace("\x00", "\N{REPLACEMENT CHARACTER}") for text in texts]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (r'{"a": 1.10, "b": 12345678901234567890.5}', '{"a": 1.10, "b": 12345678901234567890.5}'),
        (r'["\u0000\u0000x"]', '["\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}x"]'),
        (r'["\\u0000"]', r'["\\u0000"]'),
        (r'["\ud83d\ude00"]', '["\U0001f600"]'),
        (r'["\ud83d", "\ude00"]', '["\N{REPLACEMENT CHARACTER}", "\N{REPLACEMENT CHARACTER}"]'),
        (None, None),
    ],
)
def test_a_document_keeps_its_numbers_and_loses_only_what_jsonb_cannot_hold(
    database_url: str, sent: str | None, stored: str | None
) -> None:
    warehouse = Warehouse(database_url)
    warehouse.prepare([TEXTS])
    for _ in range(2):
        rows = [{**order(1), "id": 1, "document": sent}]
        report = warehouse.load("texts", [batch(TEXTS, rows)], scope=DAY, run_id="run")
    assert report.tables["texts"] == LoadCounts(unchanged=1)
    assert warehouse.query("SELECT document FROM core.texts")["document"].to_list() == [stored]
