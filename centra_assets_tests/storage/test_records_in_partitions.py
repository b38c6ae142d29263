"""Loads of records within one partition: the same id elsewhere is another thing, in core and in quarantine."""

import importlib

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, make_url

from centra_assets.storage.errors import BatchShapeError
from centra_assets.storage.warehouse import LoadCounts, LoadReport, PartitionScope, RecordScope, Warehouse
from centra_assets_tests.storage.shop import NOON, ORDERS, batch, order, quarantined

HERE, THERE = "1", "2"
BOTH = PartitionScope([HERE, THERE])


def level(record: str, partition: str, status: str = "5", minutes: int = 0) -> dict[str, object]:
    """A row whose record has the same id in every partition, as the stock of one size has in every warehouse."""
    key = int(partition) * 100 + int(record)
    return order(key, status, partition=partition, minutes=minutes) | {"_record_id": record}


def load(
    warehouse: Warehouse,
    *rows: dict[str, object],
    scope: PartitionScope | RecordScope,
    bad: tuple[tuple[str, str, int], ...] = (),
) -> LoadReport:
    return warehouse.load(
        "stock", [batch(ORDERS, rows)], scope=scope, run_id="run", quarantined=quarantined(*bad) if bad else None
    )


def held(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    return warehouse.query("SELECT _record_id, _partition, status FROM core.orders ORDER BY 1, 2").rows()


def aside(warehouse: Warehouse) -> list[tuple[str, str]]:
    return warehouse.query("SELECT record_id, partition FROM ops.quarantine ORDER BY 1, 2").rows()


@pytest.fixture
def stock(warehouse: Warehouse) -> Warehouse:
    load(warehouse, level("7", HERE), level("7", THERE), level("8", HERE), scope=BOTH)
    return warehouse


def test_a_change_here_leaves_what_is_there_alone(stock: Warehouse) -> None:
    scope = RecordScope(["7"], partition=HERE)
    report = load(stock, level("7", HERE, "4", minutes=1), scope=scope)
    assert report.by_partition["orders"] == {HERE: LoadCounts(updated=1)}
    assert held(stock) == [("7", HERE, "4"), ("7", THERE, "5"), ("8", HERE, "5")]


def test_what_is_gone_here_is_still_there(stock: Warehouse) -> None:
    load(stock, scope=RecordScope(["7"], NOON, HERE))
    assert held(stock) == [("7", THERE, "5"), ("8", HERE, "5")]


def test_a_record_that_is_new_here_is_inserted_beside_the_one_there(stock: Warehouse) -> None:
    report = load(stock, level("8", THERE), scope=RecordScope(["8"], partition=THERE))
    assert report.tables["orders"] == LoadCounts(inserted=1)


def test_a_row_of_another_partition_is_refused(stock: Warehouse) -> None:
    with pytest.raises(BatchShapeError, match="1 _partition out of scope"):
        load(stock, level("7", THERE), scope=RecordScope(["7"], partition=HERE))


def test_a_record_may_be_bad_here_and_good_there(stock: Warehouse) -> None:
    load(stock, level("7", THERE, "3", minutes=1), scope=BOTH, bad=(("7", HERE, 1), ("8", HERE, 1)))
    assert aside(stock) == [("7", HERE), ("8", HERE)]
    assert held(stock) == [("7", HERE, "5"), ("7", THERE, "3"), ("8", HERE, "5")]
    load(stock, level("7", THERE, "2", minutes=2), scope=RecordScope(["7"], partition=THERE))
    assert aside(stock) == [("7", HERE), ("8", HERE)]
    load(stock, level("7", HERE, "1", minutes=2), scope=RecordScope(["7"], partition=HERE))
    assert aside(stock) == [("8", HERE)]


def test_a_record_bad_in_two_partitions_is_set_aside_twice(stock: Warehouse) -> None:
    load(stock, level("8", HERE), scope=BOTH, bad=(("7", HERE, 1), ("7", THERE, 1)))
    assert aside(stock) == [("7", HERE), ("7", THERE)]


def test_the_quarantine_of_before_is_kept_by_the_migration(database_url: str) -> None:
    migration = importlib.import_module("centra_assets.storage.migrations.versions.0005_concurrent_loads")
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE ops.quarantine DROP CONSTRAINT quarantine_pkey")
        connection.execute("ALTER TABLE ops.quarantine ADD PRIMARY KEY (entity, record_id)")
        connection.execute(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen,"
            " run_id) VALUES ('stock', '7', '1', '[]', now(), now(), now(), 'run')"
        )
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as upgrading, Operations.context(MigrationContext.configure(upgrading)):
        migration.upgrade()
    engine.dispose()
    warehouse = Warehouse(database_url)
    assert aside(warehouse) == [("7", "1")]
    warehouse.prepare([ORDERS])
    load(warehouse, scope=BOTH, bad=(("7", THERE, 1),))
    assert aside(warehouse) == [("7", "1"), ("7", "2")]
