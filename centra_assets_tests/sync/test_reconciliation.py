"""The nightly reconciliation: what is missing comes, what is gone goes, and what cannot be believed is refused."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from centra_assets.entities.model import Axis
from centra_assets.sandbox.data.nodes.orders import Order
from centra_assets.sync.sweeping import Setting, Sweep
from centra_assets.sync_config import Strategy
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform, day_of
from centra_assets_tests.sync.sweeping import lake_files, reconciled, swept, swept_once

DAYS = 60


@pytest.fixture
def loaded(own_platform: MakePlatform) -> Iterator[Platform]:
    """Orders of some weeks, loaded; the sandbox's world may be changed."""
    platform = own_platform(days=DAYS, scale=0.03)
    platform.refresh()
    yield platform


def silently(platform: Platform, change: Callable[[Any], None]) -> None:
    """Changes the world without an event, and without its time of change."""
    with platform.sandbox.world.lock:
        change(platform.sandbox.world)
        platform.sandbox.instance.indexes.forget()


def orders_of(platform: Platform, *, oldest: bool = False) -> list[Order]:
    """The orders of the platform's days, newest first unless told."""
    first = platform.settings.start_date.isoformat()
    found = [
        order
        for order in platform.sandbox.world.tables["Order"].rows()
        if day_of(order.createdAt, platform.calendar.zone) >= first
    ]
    assert len(found) > 5
    return found if oldest else found[::-1]


def removed(number: int) -> Callable[[Any], None]:
    return lambda world: world.tables["Order"].remove(number)


def test_a_deletion_that_nothing_told_of_is_found(loaded: Platform) -> None:
    order = orders_of(loaded)[0]
    silently(loaded, removed(order.number))
    assert swept_once(loaded, "orders").changed == 0
    (outcome,) = reconciled(loaded, days=DAYS)
    assert (outcome.error, outcome.found["gone"]) == (None, 1)
    assert loaded.differences() == {}
    kept = loaded.warehouse.query("SELECT _operation FROM history.orders WHERE number = %s", [order.number])
    assert kept["_operation"].to_list() == ["delete"]


def test_a_deletion_of_long_ago_is_found_by_its_months_count(loaded: Platform) -> None:
    order = orders_of(loaded, oldest=True)[0]
    silently(loaded, removed(order.number))
    (outcome,) = reconciled(loaded, days=3)
    assert (outcome.error, outcome.found["gone"]) == (None, 1)
    assert loaded.differences() == {}


def test_a_record_that_never_arrived_is_fetched(loaded: Platform) -> None:
    order = orders_of(loaded)[0]
    day = day_of(order.createdAt, loaded.calendar.zone)
    # As if it had been created behind the watermark, and no hint of it had come.
    for file in loaded.lake.files("orders", day):
        (loaded.lake_folder / "raw" / "orders" / day / file.path.rsplit("/", 1)[1]).unlink()
    with psycopg.connect(loaded.database_url) as connection:
        connection.execute("SET LOCAL centra_assets.loading = 'yes'")
        tables = [contract.table for contract in loaded.entities[0].tables]
        for table in tables:
            connection.execute(f"DELETE FROM core.{table} WHERE _partition = %s", [day])  # type: ignore[arg-type]
    assert loaded.differences() != {}
    (outcome,) = reconciled(loaded, days=DAYS)
    assert outcome.found["missing_or_changed"] >= 1
    assert loaded.differences() == {}


def test_a_change_behind_the_watermark_is_found_by_its_time(loaded: Platform) -> None:
    order = orders_of(loaded)[1]
    swept(loaded, "orders")

    def change(world: Any) -> None:
        order.otherComment, order.updatedAt = "behind the mark", order.updatedAt + timedelta(seconds=1)

    silently(loaded, change)
    swept(loaded, "orders", setting=Setting(Strategy.UPDATED, timedelta(microseconds=1)))
    (outcome,) = reconciled(loaded, days=DAYS)
    held = loaded.warehouse.query("SELECT other_comment FROM core.orders WHERE number = %s", [order.number])
    assert held["other_comment"].to_list() == ["behind the mark"]
    assert outcome.error is None
    (again,) = reconciled(loaded, days=DAYS)
    assert (again.changed, dict(again.found)) == (0, {})


def test_a_collapse_stops_its_entity_touches_nothing_and_holds_up_no_other(own_platform: MakePlatform) -> None:
    platform = own_platform(("accounts", "vouchers"))
    platform.refresh(Axis.NONE)
    before, files = platform.count("accounts"), lake_files(platform, "accounts")
    assert before > 0
    voucher = platform.sandbox.world.tables["Voucher"].rows()[0]

    def remove_all(world: Any) -> None:
        for account in world.tables["Account"].rows():
            world.tables["Account"].remove(account.id)
        world.tables["Voucher"].remove(voucher.id)

    silently(platform, remove_all)
    outcomes = {outcome.entity.name: outcome for outcome in reconciled(platform)}
    collapsed = outcomes["accounts"].error
    assert collapsed is not None
    assert (collapsed.code, collapsed.transient) == ("STORAGE_COLLAPSE", False)
    assert (platform.count("accounts"), lake_files(platform, "accounts")) == (before, files)
    assert (outcomes["vouchers"].error, outcomes["vouchers"].found["gone"]) == (None, 1)


def test_orders_that_vanish_in_every_month_are_not_believed_month_by_month(own_platform: MakePlatform) -> None:
    platform = own_platform(days=200, scale=0.03)
    platform.refresh()
    before, files = platform.count("orders"), lake_files(platform, "orders")
    by_month = platform.warehouse.query("SELECT count(*) AS n FROM core.orders GROUP BY left(_partition, 7)")["n"]
    assert len(by_month) > 3 and max(by_month) <= 100, "no month alone is enough for the guard"
    for order in orders_of(platform):
        silently(platform, removed(order.number))
    (outcome,) = reconciled(platform, days=30)
    assert outcome.error is not None and outcome.error.code == "STORAGE_COLLAPSE"
    assert (platform.count("orders"), lake_files(platform, "orders")) == (before, files)


def test_the_last_few_records_of_an_entity_do_not_vanish_silently(own_platform: MakePlatform) -> None:
    platform = own_platform(("returns",), days=30, scale=0.05)
    platform.refresh()
    before = platform.count("returns")
    assert 0 < before <= 100

    def remove_all(world: Any) -> None:
        for entry in list(world.tables["Return"].rows()):
            world.tables["Return"].remove(entry.id)

    silently(platform, remove_all)
    window = Setting(Strategy.WINDOW, window_days=29)
    for outcome in (*reconciled(platform, days=29), *swept(platform, "returns", setting=window)):
        assert outcome.error is not None and outcome.error.code == "STORAGE_COLLAPSE"
    assert platform.count("returns") == before


def test_what_is_still_different_afterwards_is_said(loaded: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    silently(loaded, removed(orders_of(loaded)[0].number))
    monkeypatch.setattr(Sweep, "apply", lambda *_, **__: None)
    (outcome,) = reconciled(loaded, days=DAYS)
    assert outcome.found["still_different"] == 1
    assert any("still different" in note for note in outcome.notes)


def test_a_reconciliation_costs_a_point_for_each_record_and_not_what_reading_it_costs(loaded: Platform) -> None:
    (census,) = reconciled(loaded, days=DAYS)
    whole = swept_once(loaded, "orders", setting=Setting(Strategy.WINDOW, window_days=DAYS - 1))
    assert census.read > 0
    assert census.complexity < whole.complexity / 5


def test_every_reconciliation_leaves_its_counts(loaded: Platform) -> None:
    silently(loaded, removed(orders_of(loaded)[0].number))
    reconciled(loaded, days=DAYS)
    statement = "SELECT (detail ->> 'gone')::int AS gone, checked_at FROM ops.sync_state WHERE strategy = 'reconcile'"
    told = loaded.warehouse.query(statement)
    assert told["gone"].to_list() == [1]
    assert told["checked_at"].null_count() == 0
