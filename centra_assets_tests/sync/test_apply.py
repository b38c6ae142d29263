"""The one way into raw and core: what comes twice or late changes nothing, and no record is lost between the two."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from centra_assets.entities.registry import entity
from centra_assets.sync.apply import Applied, apply
from centra_assets.sync.lookup import fetch
from centra_assets.sync.partitioning import placed
from centra_assets.sync.tombstones import tombstones
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.hinting import edited_order, hasty_around, order_numbers

ALL_DAYS = 500


def fetched(platform: Platform, name: str, ids: list[Any], key: str = "all") -> pl.DataFrame:
    """Records as Centra has them now."""
    with hasty_around(platform) as around:
        wanted = {key: [str(record_id) for record_id in ids]}
        return fetch(around.client, entity(name), wanted, calendar=platform.calendar).rows


def applied(platform: Platform, name: str, rows: pl.DataFrame, **options: Any) -> Applied:
    """Rows brought into the platform's lake and warehouse."""
    with hasty_around(platform) as around:
        return apply(
            entity(name),
            rows,
            lake=platform.lake,
            warehouse=platform.warehouse,
            context=around.context,
            run_id="apply-run",
            source="event",
            **options,
        )


def files(platform: Platform, name: str) -> int:
    return sum(len(platform.lake.files(name, partition)) for partition in platform.lake.partitions(name))


def test_what_raw_has_already_is_neither_written_nor_loaded_again(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    rows = fetched(platform, "orders", order_numbers(platform, 3))
    first = applied(platform, "orders", rows)
    held = files(platform, "orders")
    again = applied(platform, "orders", pl.concat([rows, rows]))
    assert sum(first.raw.values()) == 3
    assert (again.raw, again.tables, again.unchanged) == ({}, {}, 3)
    assert files(platform, "orders") == held
    loads = platform.warehouse.query("SELECT count(DISTINCT at) AS n FROM ops.load_log WHERE entity = 'orders'")
    assert loads["n"][0] == 1


def test_raw_says_what_asked_for_a_record(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    applied(platform, "orders", fetched(platform, "orders", order_numbers(platform, 1)))
    (partition,) = platform.lake.partitions("orders")
    assert platform.lake.read("orders", [partition])["source"].to_list() == ["event"]


def test_a_reading_that_comes_late_changes_nothing(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    early = fetched(platform, "orders", [number])
    edited = edited_order(platform, number=number)
    applied(platform, "orders", fetched(platform, "orders", [number]))
    late = applied(platform, "orders", early)
    assert (late.raw, late.tables) == ({}, {})
    comment = platform.warehouse.query("SELECT internal_comment FROM core.orders")["internal_comment"].to_list()
    assert comment == [edited["changed"]["internal_comment"][1]]


def test_a_reading_from_before_a_deletion_brings_nothing_back(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    rows = fetched(platform, "orders", order_numbers(platform, 1))
    applied(platform, "orders", rows)
    moment: datetime = rows["fetched_at"][0]
    gone = applied(platform, "orders", tombstones(rows, moment + timedelta(seconds=1)))
    assert (sum(gone.raw.values()), platform.count("orders")) == (1, 0)
    assert applied(platform, "orders", rows).tables == {}
    assert platform.count("orders") == 0
    assert platform.lake.read("orders", platform.lake.partitions("orders")).is_empty()


def test_a_tombstone_of_what_nobody_knew_leaves_no_trace(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    rows = fetched(platform, "orders", order_numbers(platform, 1))
    assert applied(platform, "orders", tombstones(rows, rows["fetched_at"][0])) == Applied(unchanged=1)
    assert platform.lake.partitions("orders") == []


def test_within_runs_once_with_the_load_and_once_without_one(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    rows = fetched(platform, "orders", order_numbers(platform, 1))
    seen: list[int] = []

    def count(cursor: Any) -> None:
        seen.append(cursor.execute("SELECT count(*) FROM core.orders").fetchone()[0])

    applied(platform, "orders", rows, within=count)
    applied(platform, "orders", rows, within=count)
    applied(platform, "orders", rows.clear(), within=count)
    # The first one saw its own load before anybody else did.
    assert seen == [1, 1, 1]


def test_a_load_that_fails_leaves_core_as_it_was_and_is_made_up_for(make_platform: MakePlatform) -> None:
    platform = make_platform(days=ALL_DAYS)
    rows = fetched(platform, "orders", order_numbers(platform, 2))

    def fail(cursor: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        applied(platform, "orders", rows, within=fail)
    assert platform.count("orders") == 0
    again = applied(platform, "orders", rows)
    assert (again.raw, platform.count("orders")) == ({}, 2)


def test_the_level_of_one_size_in_one_warehouse_leaves_the_others_alone(make_platform: MakePlatform) -> None:
    platform = make_platform(("stock",), days=ALL_DAYS)
    first, second = sorted({level.warehouse.id for level in platform.sandbox.world.stock.rows()})[:2]
    sizes = {
        warehouse: {
            level.productSize.id for level in platform.sandbox.world.stock.rows() if level.warehouse.id == warehouse
        }
        for warehouse in (first, second)
    }
    size = min(sizes[first] & sizes[second])
    for warehouse in (first, second):
        applied(platform, "stock", fetched(platform, "stock", [size], str(warehouse)))
    gone = fetched(platform, "stock", [size], str(first))
    moment: datetime = gone["fetched_at"][0]
    done = applied(platform, "stock", tombstones(gone, moment + timedelta(seconds=1)))
    assert done.tables["stock_levels"].keys() == {str(first)}
    left = platform.warehouse.query("SELECT warehouse_id, product_size_id FROM core.stock_levels")
    assert list(left.iter_rows()) == [(second, size)]


def test_a_record_that_breaks_its_contract_is_set_aside_and_keeps_its_last_good_version(
    make_platform: MakePlatform,
) -> None:
    platform = make_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    good = fetched(platform, "orders", [number])
    applied(platform, "orders", good)
    later: datetime = good["fetched_at"][0] + timedelta(seconds=1)
    unreadable = good.with_columns(payload=pl.lit("{"), fetched_at=pl.lit(later).cast(good.schema["fetched_at"]))
    done = applied(platform, "orders", unreadable)
    assert sum(done.quarantined.values()) == 1
    assert (platform.count("orders"), platform.count("quarantine", "ops")) == (1, 1)
    healed = good.with_columns(fetched_at=pl.lit(later + timedelta(seconds=1)).cast(good.schema["fetched_at"]))
    applied(platform, "orders", healed)
    assert (platform.count("orders"), platform.count("quarantine", "ops")) == (1, 0)


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/Los_Angeles", "Pacific/Auckland", "UTC"])
def test_a_day_is_the_merchant_s_own_as_a_backfill_cuts_it(make_platform: MakePlatform, zone: str) -> None:
    platform = make_platform(days=ALL_DAYS, zone=zone)
    rows = fetched(platform, "orders", order_numbers(platform, 200))
    applied(platform, "orders", rows)
    for created_at, partition in platform.warehouse.query("SELECT created_at, _partition FROM core.orders").iter_rows():
        begin, end = platform.calendar.window(entity("orders").axis, partition)
        assert begin <= created_at < end
    assert placed(entity("orders"), _at(platform, rows, days=-1), platform.calendar).is_empty()
    assert placed(entity("products"), _at(platform, rows, days=-900), platform.calendar)[
        "partition"
    ].unique().to_list() == [platform.calendar.start.replace(day=1).isoformat()]


def _at(platform: Platform, rows: pl.DataFrame, days: int) -> pl.DataFrame:
    """The rows as if they had been created so many days from the first one."""
    begin, _ = platform.calendar.window(entity("orders").axis, platform.calendar.start.isoformat())
    moment = pl.lit(begin + timedelta(days=days, hours=12)).dt.convert_time_zone("UTC").alias("created_at")
    return rows.drop("partition").with_columns(moment)
