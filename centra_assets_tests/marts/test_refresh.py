"""Nothing that changes while a mart is computed is lost, and nothing that did not change is written."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import MartOvertakenError, drop, refresh, stale, stale_days
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.warehouse import LoadCounts, LoadReport, Warehouse
from centra_assets_tests.entities.sales_records import amount, order_line, payment, total
from centra_assets_tests.entities.sales_records import order as plain_order
from centra_assets_tests.marts.shop import DAY, LATER, NEXT, Shop, noon

ASSET = DAILY_SALES.asset
NOTE = "INSERT INTO ops.stale_partition (asset, partition) VALUES (%s, %s) RETURNING id"


def order(number: int = 1, gross: str = "250", **changes: Any) -> dict[str, Any]:
    return plain_order(number, createdAt=noon(DAY), grandTotal=total(gross), **changes)


class Interrupted(Warehouse):
    """A warehouse where something happens between the computing and the loading, once unless told otherwise."""

    def __init__(self, url: str, happening: Callable[[], object], times: int = 1) -> None:
        super().__init__(url)
        self._happening = happening
        self._left = times

    def load(self, *given: Any, **options: Any) -> LoadReport:
        if self._left:
            self._left -= 1
            self._happening()
        return super().load(*given, **options)


def gross(shop: Shop) -> Decimal:
    found: Decimal = shop.sold(DAY)["gross"]
    return found


def test_a_load_makes_just_the_days_stale_that_it_changed(shop: Shop) -> None:
    shop.order(order(1, paymentHistory=[payment(2, "REFUND", "10", createdAt=noon(LATER))]))
    assert set(shop.stale()) == {DAY.isoformat(), LATER.isoformat()}
    shop.refresh()
    assert shop.stale() == []
    shop.order(order(1, paymentHistory=[payment(2, "REFUND", "10", createdAt=noon(LATER))]))
    assert shop.stale() == []
    shop.order(order(1, "260", paymentHistory=[payment(2, "REFUND", "10", createdAt=noon(LATER))]))
    assert shop.stale() == [DAY.isoformat()]


def test_lines_that_change_without_their_order_make_its_day_stale(shop: Shop) -> None:
    shop.order(order())
    shop.refresh()
    changed = order(lines=[order_line(quantity=3)])
    # As when the lines alone are parsed again, by code that reads them differently.
    shop.order(changed, tables=("order_lines",))
    assert shop.stale() == [DAY.isoformat()]
    shop.refresh()
    assert shop.sold(DAY)["units"] == 3


def test_discounts_and_taxes_that_change_without_their_order_make_its_day_stale(shop: Shop) -> None:
    totals = plain_order()["totals"] | {"shipping": amount("10"), "shippingTaxAdded": amount("0")}
    shop.order(order(totals=totals))
    for table, changed in (
        ("order_discounts", {"discountsApplied": [{"__typename": "AppliedVoucherCredit", "value": amount("5")}]}),
        ("order_taxes", {"totals": totals | {"shippingTaxAdded": amount("2")}}),
    ):
        shop.refresh()
        shop.order(order(**({"totals": totals} | changed)), tables=(table,))
        assert shop.stale() == [DAY.isoformat()], table


def test_a_refresh_of_what_did_not_change_writes_nothing(shop: Shop) -> None:
    shop.order(order())
    shop.refresh()
    before = shop.sold(DAY)
    report = shop.refresh(DAY)
    assert report.tables["daily_sales"] == LoadCounts(unchanged=1)
    assert shop.sold(DAY) == before
    assert shop.warehouse.query("select count(*) as n from history.daily_sales")["n"][0] == 0


def test_only_the_rows_that_changed_are_written(shop: Shop) -> None:
    shop.order(order(1))
    shop.order(order(2, market={"id": 9}))
    shop.refresh()
    shop.order(order(2, "300", market={"id": 9}))
    assert shop.refresh().tables["daily_sales"] == LoadCounts(updated=1, unchanged=1)


def test_what_a_day_no_longer_has_is_deleted_and_kept_in_history(shop: Shop) -> None:
    shop.order(order())
    shop.refresh()
    shop.order(order(isInternal=True))
    assert shop.refresh().tables["daily_sales"] == LoadCounts(deleted=1)
    held = shop.warehouse.query("select gross, _operation from history.daily_sales").to_dicts()
    assert held == [{"gross": 250, "_operation": "delete"}]


def test_every_day_of_a_refresh_is_reported_also_those_without_a_row(shop: Shop) -> None:
    shop.order(order())
    report = shop.refresh(DAY, NEXT)
    assert set(report.by_partition["daily_sales"]) == {DAY.isoformat(), NEXT.isoformat()}


def test_a_change_during_a_refresh_keeps_its_note(shop: Shop, database_url: str) -> None:
    shop.order(order())
    warehouse = Interrupted(database_url, lambda: shop.order(order(1, "300")))
    refresh(warehouse, DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert gross(shop) == 250
    assert shop.stale() == [DAY.isoformat()]
    shop.refresh()
    assert gross(shop) == 300


def test_a_note_with_a_smaller_number_that_is_committed_later_is_not_lost(shop: Shop, database_url: str) -> None:
    shop.order(order())
    with psycopg.connect(database_url) as slow:
        # Its number is drawn before those of the refresh, and nobody can see it until it is committed.
        slow.execute(NOTE, [ASSET, DAY.isoformat()])
        refresh(Interrupted(database_url, slow.commit), DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert shop.stale() == [DAY.isoformat()]


def test_a_refresh_that_was_overtaken_does_not_bring_back_old_figures(shop: Shop, database_url: str) -> None:
    shop.order(order())
    shop.refresh()
    shop.order(order(1, "300"))

    def overtake() -> None:
        # Back to what the mart has already: its rows and their times stay as they are.
        shop.order(order())
        shop.refresh()

    refresh(Interrupted(database_url, overtake), DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert gross(shop) == 250
    assert shop.stale() == []


def test_a_refresh_without_a_stale_day_can_be_overtaken_as_well(shop: Shop, database_url: str) -> None:
    shop.order(order())
    shop.refresh()

    def overtake() -> None:
        shop.order(order(1, "300"))
        shop.refresh()

    refresh(Interrupted(database_url, overtake), DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert gross(shop) == 300


def test_a_refresh_that_is_overtaken_again_and_again_gives_up_and_says_so(shop: Shop, database_url: str) -> None:
    shop.order(order())
    warehouse = Interrupted(database_url, lambda: shop.refresh(DAY), times=100)
    with pytest.raises(MartOvertakenError) as raised:
        refresh(warehouse, DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert raised.value.transient
    assert gross(shop) == 250


def test_refreshes_of_other_days_do_not_overtake_each_other(shop: Shop, database_url: str) -> None:
    shop.order(order())
    overtaken = []
    warehouse = Interrupted(database_url, lambda: overtaken.append(shop.refresh(NEXT)), times=100)
    refresh(warehouse, DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert len(overtaken) == 1


class Dying(Warehouse):
    """A warehouse whose connection is killed at the end of a load's transaction, when all but the commit was done."""

    def load(self, *given: Any, within: Any, **options: Any) -> LoadReport:
        def die(cursor: psycopg.Cursor[Any]) -> None:
            within(cursor)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        return super().load(*given, within=die, **options)


def test_a_refresh_that_is_killed_while_it_loads_loses_nothing(shop: Shop, database_url: str) -> None:
    shop.order(order())
    with pytest.raises(WarehouseUnavailableError):
        refresh(Dying(database_url), DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert shop.rows(DAY) == []
    assert shop.stale() == [DAY.isoformat()]
    shop.refresh()
    assert gross(shop) == 250
    assert shop.stale() == []


def test_core_tables_that_were_never_loaded_are_empty_and_no_error(database_url: str) -> None:
    report = refresh(Warehouse(database_url), DAILY_SALES, [DAY.isoformat()], run_id="test")
    assert report.tables["daily_sales"] == LoadCounts()


def test_the_longest_waiting_days_come_first_and_no_more_than_asked_for(shop: Shop) -> None:
    note(shop, LATER.isoformat(), DAY.isoformat(), NEXT.isoformat(), LATER.isoformat())
    assert stale(shop.warehouse, DAILY_SALES, 2) == [LATER.isoformat(), DAY.isoformat()]


def test_a_day_that_somebody_may_be_at_just_now_can_be_passed_over(shop: Shop) -> None:
    note(shop, DAY.isoformat())
    assert stale_days(shop.warehouse, DAILY_SALES, 10, settled=timedelta(hours=1)) == []
    assert [found.day for found in stale_days(shop.warehouse, DAILY_SALES, 10)] == [DAY.isoformat()]


def test_notes_of_days_that_the_mart_does_not_have_can_be_dropped(shop: Shop) -> None:
    note(shop, DAY.isoformat(), NEXT.isoformat(), NEXT.isoformat())
    assert drop(shop.warehouse, DAILY_SALES, [NEXT.isoformat(), LATER.isoformat()]) == 1
    assert shop.stale() == [DAY.isoformat()]


def note(shop: Shop, *days: str) -> None:
    for day in days:
        shop.warehouse.transact(lambda cursor, day=day: cursor.execute(NOTE, [ASSET, day]).fetchall())
