"""Claims about stock changes and their lines."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from centra_assets.assets.extract import extract
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import connect
from centra_assets.entities.stock_changes import STOCK_CHANGES
from centra_assets.storage.lake import Lake
from centra_assets_tests.entities.products.looking import broken_rules, good, points_per_record, rows
from centra_assets_tests.entities.reading import read
from centra_assets_tests.fixtures.sandbox import MakeSandbox


def line(number: int, delivered: int, cost: Decimal = Decimal("0.1")) -> dict[str, object]:
    return {
        "id": number,
        "deliveredQuantity": delivered,
        "freeToAllocateQuantity": max(delivered, 0),
        "isAvailable": True,
        "currencyBaseRate": Decimal("11.23456789"),
        "unitCost": {"value": cost, "currency": {"code": "EUR"}},
        "productSize": {"id": 1200},
        "warehouse": {"id": 3},
    }


def test_lines_keep_sign_cost_and_rate_exactly() -> None:
    record = {"id": 5, "createdAt": "2024-03-31T00:30:00+01:00", "lines": [line(50, 4), line(51, -3)]}
    lines = good(STOCK_CHANGES, record)["stock_change_lines"]
    columns = ("id", "stock_change_id", "delivered_quantity", "unit_cost", "currency", "currency_base_rate")
    assert rows(lines, *columns) == [
        (50, 5, 4, Decimal("0.1000"), "EUR", Decimal("11.23456789")),
        (51, 5, -3, Decimal("0.1000"), "EUR", Decimal("11.23456789")),
    ]


def test_the_business_day_is_the_merchants_and_not_utcs() -> None:
    moments = ["2024-03-30T22:59:59Z", "2024-03-30T23:00:00Z", "2024-03-31T21:59:59Z", "2024-03-31T22:00:00Z"]
    records = [{"id": place, "createdAt": moment} for place, moment in enumerate(moments)]
    changes = good(STOCK_CHANGES, *records)["stock_changes"]
    days = [date(2024, 3, 30), date(2024, 3, 31), date(2024, 3, 31), date(2024, 4, 1)]
    assert changes["business_date"].to_list() == days
    assert changes["created_at"].to_list()[1] == datetime(2024, 3, 30, 23, tzinfo=UTC)


def test_a_change_of_450_lines_gives_450_rows() -> None:
    lines = [line(number, 1) for number in range(1, 451)]
    table = good(STOCK_CHANGES, {"id": 5, "lines": lines}, {"id": 6, "lines": []})["stock_change_lines"]
    assert table["id"].to_list() == list(range(1, 451))
    assert table["delivered_quantity"].sum() == 450


def test_lines_beyond_the_literal_limit_are_read_by_the_completion_at_six_points_each() -> None:
    assert points_per_record(STOCK_CHANGES, STOCK_CHANGES.nested["lines"], id=5) == 6


def test_a_negative_cost_sets_the_change_aside() -> None:
    result = read(STOCK_CHANGES, {"id": 5, "lines": [line(50, 4, Decimal("-1"))]})
    assert broken_rules(result) == ["unit_cost_is_not_negative"]
    assert result.tables["stock_changes"].is_empty()


def test_changes_that_come_out_of_order_land_on_their_own_days(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox, zone = make_sandbox(own_world=True), ZoneInfo("Europe/Stockholm")
    with sandbox.world.lock:
        oldest, *_, newest = sandbox.world.tables["StockChange"]
        # An import writes an old change late: the highest id, on the first day.
        newest.createdAt = oldest.createdAt
    expected = Counter(change.createdAt.astimezone(zone).date() for change in sandbox.world.tables["StockChange"])
    first = min(expected)
    days = [first + timedelta(days=place) for place in range((max(expected) - first).days + 1)]
    lake, calendar = Lake(str(tmp_path)), Calendar(first, zone)
    with connect(url=sandbox.url, token=sandbox.token) as client:
        # One slice: the whole range is read in one go, by id.
        keys = [day.isoformat() for day in days]
        report = extract(STOCK_CHANGES, keys, client=client, lake=lake, calendar=calendar, run_id="run", slices=1)
    assert [report.partitions[key].rows for key in keys] == [expected[day] for day in days]
