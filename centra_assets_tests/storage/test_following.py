"""Which days of an asset a load notes as stale: those of rows that changed, before and after, and no others."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from centra_assets.storage.errors import CollapseError
from centra_assets.storage.tables import Column, Follower
from centra_assets.storage.warehouse import LoadReport, PartitionScope, RecordScope, TableBatch, Warehouse
from centra_assets_tests.storage.shop import LINES, NOON, ORDERS, batch, line, order

SALES = "marts/daily_sales"
DATED = replace(
    ORDERS,
    columns=[*ORDERS.columns, Column("business_date", "date"), Column("refund_date", "date")],
    follows=(
        Follower(SALES, "business_date"),
        Follower(SALES, "refund_date"),
        Follower("marts/refunds", "refund_date"),
    ),
)
DAY = PartitionScope(["2025-03-01"])


def day(number: int) -> date:
    return (NOON + timedelta(days=number)).date()


def dated(number: int, sold: int | None, refunded: int | None = None, **more: Any) -> dict[str, Any]:
    """An order that counts on these days."""
    days = {"business_date": sold, "refund_date": refunded}
    return order(number, **more) | {name: None if on is None else day(on) for name, on in days.items()}


@pytest.fixture
def shop(database_url: str) -> Warehouse:
    ready = Warehouse(database_url)
    ready.prepare([DATED, LINES])
    return ready


def rows(orders: Iterable[dict[str, Any]]) -> TableBatch:
    dates = [{name: found[name] for name in ("business_date", "refund_date")} for found in orders]
    frame = pl.DataFrame(dates, schema={"business_date": pl.Date, "refund_date": pl.Date})
    return TableBatch(DATED, batch(ORDERS, orders).rows.hstack(frame))


def load(
    warehouse: Warehouse, *orders: dict[str, Any], scope: PartitionScope | RecordScope = DAY, lines: Any = ()
) -> LoadReport:
    return warehouse.load("orders", [rows(orders), batch(LINES, lines)], scope=scope, run_id="run")


def noted(warehouse: Warehouse, url: str, asset: str = SALES) -> list[str]:
    """The notes for an asset, which are forgotten now."""
    found = warehouse.query("SELECT partition FROM ops.stale_partition WHERE asset = %s ORDER BY 1", [asset])
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM ops.stale_partition")
    return found["partition"].to_list()


def days(*numbers: int) -> list[str]:
    return [day(number).isoformat() for number in numbers]


def test_new_rows_make_their_days_stale_each_once(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0), dated(2, 0), dated(3, 4), dated(4, None))
    assert noted(shop, database_url) == days(0, 4)


def test_each_follower_hears_of_the_columns_that_it_follows(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0, 5))
    assert noted(shop, database_url, "marts/refunds") == days(5)


def test_a_row_that_is_there_already_is_compared_and_notes_the_same(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0))
    noted(shop, database_url)
    load(shop, dated(1, 0, minutes=1), dated(2, 3, minutes=1))
    assert noted(shop, database_url) == days(3)


def test_a_change_makes_the_day_before_and_the_day_after_stale(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0), dated(2, 1))
    noted(shop, database_url)
    load(shop, dated(1, 7, minutes=1), dated(2, 1, minutes=1))
    assert noted(shop, database_url) == days(0, 7)


def test_a_deleted_row_makes_its_day_stale(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0), dated(2, 1))
    noted(shop, database_url)
    load(shop, dated(2, 1, minutes=1))
    assert noted(shop, database_url) == days(0)


def test_a_record_that_moved_to_another_partition_makes_both_its_days_stale(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0))
    noted(shop, database_url)
    there = PartitionScope(["2025-03-02"])
    assert load(shop, dated(1, 2, partition="2025-03-02"), dated(3, 5, partition="2025-03-02"), scope=there)
    assert noted(shop, database_url) == days(0, 2, 5)


def test_what_changes_nothing_makes_nothing_stale(shop: Warehouse, database_url: str) -> None:
    load(shop, dated(1, 0, status="PAID", minutes=5))
    noted(shop, database_url)
    load(shop, dated(1, 0, status="PAID", minutes=9), lines=[line(11, 1)])
    load(shop, dated(1, 3, minutes=2), scope=RecordScope(["1"]))
    assert noted(shop, database_url) == []


def test_a_load_that_is_refused_notes_nothing(shop: Warehouse, database_url: str) -> None:
    load(shop, *[dated(number, number) for number in range(150)])
    noted(shop, database_url)
    with pytest.raises(CollapseError):
        load(shop)
    assert noted(shop, database_url) == []
