"""Failed runs of assets: it is the assets and their partitions that must succeed, whichever run brings them."""

import dagster as dg
import pytest

from centra_assets_tests.sensors.alerting import BrokenError, Desk, Make, Shop, orders, payments

SHUT = BrokenError("it is night.")
BY_CLOCK = {"dagster/schedule_name": "load"}


def span(first: str, last: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def load(desk: Desk, first: str, last: str, **tags: str) -> dg.ExecuteInProcessResult:
    """A run of the job over both assets, and a look at what came of it."""
    result = desk.run("load", tags={**span(first, last), **tags})
    desk.tick()
    return result


def by_hand(desk: Desk, first: str, last: str = "", *assets: dg.AssetsDefinition) -> None:
    """The same assets, or these, materialized without a job; and a look."""
    assert desk.materialize(first, last, assets or (orders, payments)).success
    desk.tick()


def test_what_a_job_failed_to_bring_may_be_materialized_by_hand(desk: Desk, shop: Shop) -> None:
    shop.error = SHUT
    load(desk, "2024-03-01", "2024-03-02")
    shop.error = None
    by_hand(desk, "2024-03-01")
    assert desk.mailbox.subjects == ["[error] load failed: TEST_SHOP_SHUT"]
    by_hand(desk, "2024-03-02")
    assert len(desk.mailbox.subjects) == 2


def test_what_failed_by_hand_may_be_brought_by_a_job_that_a_clock_starts(desk: Desk, shop: Shop) -> None:
    shop.error = SHUT
    desk.materialize("2024-03-03")
    desk.tick()
    shop.error = None
    load(desk, "2024-03-04", "2024-03-06", **BY_CLOCK)
    assert len(desk.mailbox.subjects) == 1
    load(desk, "2024-03-01", "2024-03-06", **BY_CLOCK)
    assert len(desk.mailbox.subjects) == 2


def test_assets_may_succeed_one_by_one(desk: Desk, shop: Shop) -> None:
    shop.error = SHUT
    load(desk, "2024-03-01", "2024-03-01")
    shop.error = None
    by_hand(desk, "2024-03-01", "", payments)
    by_hand(desk, "2024-03-02", "", orders)
    assert len(desk.mailbox.subjects) == 1
    by_hand(desk, "2024-03-01", "", orders)
    assert len(desk.mailbox.subjects) == 2


def test_what_succeeded_in_the_run_that_failed_need_not_succeed_again(desk: Desk, shop: Shop) -> None:
    shop.later_error = SHUT
    load(desk, "2024-03-01", "2024-03-01")
    shop.later_error = None
    by_hand(desk, "2024-03-01", "", orders)
    assert len(desk.mailbox.subjects) == 1
    by_hand(desk, "2024-03-01", "", payments)
    assert len(desk.mailbox.subjects) == 2


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_days_that_a_clock_asked_for_end_with_all_of_them_or_with_the_clocks_next_success(
    desk: Desk, shop: Shop, is_by_hand: bool
) -> None:
    shop.error = SHUT
    load(desk, "2024-03-01", "2024-03-07", **BY_CLOCK)
    shop.error = None
    by_hand(desk, "2024-03-02")
    assert len(desk.mailbox.subjects) == 1
    if is_by_hand:
        by_hand(desk, "2024-03-01", "2024-03-10")
    else:
        load(desk, "2024-03-02", "2024-03-08", **BY_CLOCK)
    assert len(desk.mailbox.subjects) == 2


def test_work_that_is_none_of_assets_ends_with_its_own_job_only(desk: Desk, shop: Shop) -> None:
    shop.error = SHUT
    desk.run("nightly")
    desk.tick()
    shop.error = None
    by_hand(desk, "2024-03-01")
    load(desk, "2024-03-01", "2024-03-20")
    desk.run("hourly")
    desk.tick()
    assert len(desk.mailbox.subjects) == 1
    desk.run("nightly")
    desk.tick()
    assert len(desk.mailbox.subjects) == 2


def test_a_job_of_checks_that_broke_ends_when_they_are_evaluated(desk: Desk, shop: Shop) -> None:
    shop.check_error = SHUT
    desk.run("checks")
    desk.tick()
    shop.check_error = None
    desk.run("aside")
    desk.tick()
    assert desk.mailbox.subjects == ["[error] checks failed: TEST_SHOP_SHUT"]
    desk.run("every_check")
    desk.tick()
    assert len(desk.mailbox.subjects) == 2


def test_a_run_that_only_a_blocking_check_failed_is_told_by_the_check_and_ends_with_it(desk: Desk, shop: Shop) -> None:
    shop.holds_back = True
    assert not load(desk, "2024-03-01", "2024-03-03").success
    (subject,) = desk.mailbox.subjects
    assert "nothing is set aside" in subject
    # Whatever evaluates it next; the days need not be loaded again.
    shop.holds_back = False
    desk.run("aside")
    desk.tick()
    assert len(desk.mailbox.subjects) == 2
    assert desk.rows("SELECT count(*) FROM ops.alert_part WHERE ended IS NULL") == [(0,)]


@pytest.mark.parametrize("is_first_look", [True, False])
@pytest.mark.parametrize("fails_besides", [True, False])
def test_a_run_is_held_back_only_where_nothing_else_failed(
    make: Make, shop: Shop, is_first_look: bool, fails_besides: bool
) -> None:
    desk = make()
    if not is_first_look:
        desk.tick()
    shop.holds_back, shop.check_error = True, SHUT if fails_besides else None
    load(desk, "2024-03-01", "2024-03-03")
    keys = {key for (key,) in desk.rows("SELECT key FROM ops.alert")}
    assert keys == {"check/core/orders/nothing_is_set_aside", *(["run/load/TEST_SHOP_SHUT"] if fails_besides else [])}
