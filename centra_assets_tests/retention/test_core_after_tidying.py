"""Core, loaded from a lake that was tidied, is what it was, and recognises that nothing came."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from centra_assets.assets import load as loading
from centra_assets.assets.load import CoreReport, load
from centra_assets.assets.tables import table_of
from centra_assets.centra.decode import exact_encoder
from centra_assets.entities.model import TransformContext
from centra_assets.entities.orders import ORDERS
from centra_assets.retention import raw
from centra_assets.retention.model import Deadline, Moment
from centra_assets.storage.lake import SCHEMA, Kind, Lake
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.entities.sales_records import order, order_line

DAY = "2024-03-01"
CONTEXT = TransformContext(ZoneInfo("Europe/Stockholm"))
NOW = datetime.now(UTC)


class Shop:
    """A lake in which one day changed often, and the warehouse that was loaded from it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.lake, self.warehouse = Lake(str(folder)), Warehouse(database_url)
        self.warehouse.prepare([table_of(contract) for contract in ORDERS.tables])

    def fetched(self, kind: Kind, days_ago: float, *orders: dict[str, Any] | int) -> None:
        """A file of these orders; a number is an order that is gone."""
        at = NOW - timedelta(days=days_ago)
        rows = [
            (str(each), None, None, at, "test")
            if isinstance(each, int)
            else (str(each["number"]), None, exact_encoder.encode(each).decode(), at, "test")
            for each in orders
        ]
        with self.lake.writer("orders", DAY, kind=kind, run_id="fetch", fetched_at=at) as writer:
            writer.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))

    def load(self) -> CoreReport:
        return load(ORDERS, [DAY], lake=self.lake, warehouse=self.warehouse, context=CONTEXT, run_id="run")

    def tidy(self) -> None:
        moment, deadline = Moment(NOW), Deadline.within(60)
        raw.tidy(
            self.lake, ["orders"], days=30, moment=moment, deadline=deadline, run_id="tidying", sleep=lambda _: None
        )

    def core(self) -> pl.DataFrame:
        return self.warehouse.query("SELECT * FROM core.order_lines ORDER BY id")


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    # The files of this tree may change while the tests run.
    monkeypatch.setattr(loading, "parsing_code", lambda _, context: context.time_zone.key)
    shop = Shop(tmp_path, database_url)
    shop.fetched("snapshot", 60, *[order(number, lines=[order_line(number)]) for number in range(1, 7)])
    for number in range(12):
        changed = order(1, lines=[order_line(1, productNumber=f"P-{number}")])
        shop.fetched("changes", 50 - number, changed, *([3] if number == 4 else []))
    return shop


def test_a_tidied_day_is_not_parsed_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load()
    before, files = shop.core(), len(shop.lake.files("orders", DAY))
    shop.tidy()
    assert len(shop.lake.files("orders", DAY)) == 2 < files
    monkeypatch.setattr(loading, "parse_raw", None)
    report = shop.load()
    assert report.tables["orders"].unchanged == 5
    assert shop.core().equals(before)


def test_a_reading_that_comes_late_does_not_bring_back_what_is_gone(shop: Shop) -> None:
    shop.load()
    shop.tidy()
    # Read before the deletion was seen, and written down only now.
    shop.fetched("changes", 48.5, order(3, lines=[order_line(3)]))
    report = shop.load()
    assert report.tables["orders"].inserted == 0
    assert 3 not in shop.core()["order_number"].to_list()


def test_core_made_anew_from_a_tidied_lake_is_the_same(shop: Shop) -> None:
    shop.load()
    business = [name for name in shop.core().columns if name != "_loaded_at"]
    before = shop.core().select(business)
    shop.tidy()
    shop.warehouse.transact(lambda cursor: cursor.execute("DELETE FROM core.orders; DELETE FROM core.order_lines"))
    shop.load()
    assert shop.core().select(business).equals(before)
