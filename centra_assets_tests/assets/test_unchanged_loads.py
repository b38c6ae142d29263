"""A load of raw records that core has already: not parsed again, told as unchanged, and parsed whenever in doubt."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import psycopg
import pytest

from centra_assets.assets import load as loading
from centra_assets.assets.load import CoreReport, load
from centra_assets.assets.parsing_code import parsing_code
from centra_assets.assets.tables import table_of
from centra_assets.centra.decode import exact_encoder
from centra_assets.entities.model import TransformContext
from centra_assets.entities.orders import ORDERS
from centra_assets.storage.lake import SCHEMA, Lake
from centra_assets.storage.warehouse import LoadCounts, Warehouse
from centra_assets_tests.entities.sales_records import order, order_line

DAYS = ["2024-03-01", "2024-03-02", "2024-03-03"]
CONTEXT = TransformContext(ZoneInfo("Europe/Stockholm"))


class Shop:
    """A lake and a warehouse, and what was parsed on the way from the one to the other."""

    def __init__(self, lake: Lake, warehouse: Warehouse) -> None:
        self.lake, self.warehouse = lake, warehouse
        self.parsed: list[str] = []

    def fetched(self, day: str, *orders: dict[str, Any]) -> None:
        """A new snapshot of the day."""
        now = datetime.now(UTC)
        rows = [(str(o["number"]), None, exact_encoder.encode(o).decode(), now, "backfill") for o in orders]
        with self.lake.writer("orders", day, kind="snapshot", run_id="fetch", fetched_at=now) as writer:
            writer.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))

    def load(self, context: TransformContext = CONTEXT, days: Sequence[str] = DAYS) -> CoreReport:
        self.parsed.clear()
        return load(ORDERS, days, lake=self.lake, warehouse=self.warehouse, context=context, run_id="run")


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    shop = Shop(Lake(str(tmp_path)), Warehouse(database_url))
    shop.warehouse.prepare([table_of(contract) for contract in ORDERS.tables])
    parse = loading.parse_raw

    def watched(entity: Any, raw: pl.DataFrame, *rest: Any) -> Any:
        shop.parsed += raw["id"].sort().to_list()
        return parse(entity, raw, *rest)

    monkeypatch.setattr(loading, "parse_raw", watched)
    # The files of this tree may change while the tests run; what that means is a test of its own.
    monkeypatch.setattr(loading, "parsing_code", lambda _, context: context.time_zone.key)
    shop.fetched(DAYS[0], order(1), order(2, lines=[order_line(20), order_line(21)]))
    shop.fetched(DAYS[1], order(3))
    shop.fetched(DAYS[2])
    first = shop.load()
    assert first.tables["order_lines"] == LoadCounts(inserted=4)
    assert shop.parsed == ["1", "2", "3"]
    yield shop


def content(shop: Shop) -> pl.DataFrame:
    return shop.warehouse.query("SELECT ctid::text, * FROM core.order_lines ORDER BY id")


def test_the_same_records_fetched_again_are_not_parsed_and_told_as_unchanged(shop: Shop) -> None:
    before = content(shop)
    shop.fetched(DAYS[0], order(2, lines=[order_line(20), order_line(21)]), order(1))
    report = shop.load()
    assert shop.parsed == []
    assert report.tables["order_lines"] == LoadCounts(unchanged=4)
    assert report.by_partition["order_lines"] == {
        DAYS[0]: LoadCounts(unchanged=3),
        DAYS[1]: LoadCounts(unchanged=1),
        DAYS[2]: LoadCounts(),
    }
    assert report.rows["order_lines"] == {DAYS[0]: 3, DAYS[1]: 1, DAYS[2]: 0}
    assert report.quarantined == dict.fromkeys(DAYS, 0)
    assert content(shop).equals(before)


def test_only_the_day_that_changed_is_parsed_and_the_report_has_all(shop: Shop) -> None:
    shop.fetched(DAYS[1], order(3, status="SHIPPED"))
    report = shop.load()
    assert shop.parsed == ["3"]
    assert report.tables["orders"] == LoadCounts(updated=1, unchanged=2)
    assert report.rows["orders"] == {DAYS[0]: 2, DAYS[1]: 1, DAYS[2]: 0}
    shop.load()
    assert shop.parsed == []


def test_a_day_that_lost_everything_beside_unchanged_ones_is_emptied(shop: Shop) -> None:
    shop.fetched(DAYS[1])
    report = shop.load()
    assert report.tables["orders"] == LoadCounts(unchanged=2, deleted=1)
    assert report.rows["orders"] == {DAYS[0]: 2, DAYS[1]: 0, DAYS[2]: 0}


def test_another_time_zone_parses_all_again(shop: Shop) -> None:
    report = shop.load(TransformContext(ZoneInfo("Pacific/Auckland")))
    assert shop.parsed == ["1", "2", "3"]
    assert report.tables["orders"] == LoadCounts(updated=3)


def test_a_table_that_was_touched_is_parsed_and_put_right(shop: Shop, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM core.order_lines WHERE id = 21")
    report = shop.load()
    assert shop.parsed == ["1", "2", "3"]
    assert report.tables["order_lines"] == LoadCounts(inserted=1, unchanged=3)


def test_a_day_with_a_record_in_quarantine_is_parsed_every_time(shop: Shop) -> None:
    shop.fetched(DAYS[1], order(3, lines="none"), order(4))
    for _ in range(2):
        report = shop.load()
        assert shop.parsed == ["3", "4"]
        assert report.quarantined == {DAYS[0]: 0, DAYS[1]: 1, DAYS[2]: 0}


def test_days_that_share_a_record_are_parsed_every_time(shop: Shop) -> None:
    shop.fetched(DAYS[2], order(3))
    for _ in range(2):
        shop.load()
        assert shop.parsed == ["3", "3"]


def test_the_code_is_told_by_its_files_entity_and_time_zone() -> None:
    always = float("inf")
    ours = parsing_code(ORDERS, CONTEXT, imported_at=always)
    assert ours is not None
    assert parsing_code(ORDERS, CONTEXT, imported_at=always) == ours
    assert parsing_code(ORDERS, TransformContext(ZoneInfo("UTC")), imported_at=always) != ours


def test_code_that_changed_after_it_was_imported_is_not_known() -> None:
    assert parsing_code(ORDERS, CONTEXT, imported_at=0) is None


def test_the_code_of_an_entity_that_is_not_in_the_registry_is_not_known() -> None:
    assert parsing_code(replace(ORDERS), CONTEXT, imported_at=float("inf")) is None
