"""The asset computes ranges and tells each day; the sensor asks once for stale days of any age, the run takes them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from centra_assets.assets.marts import build_mart_asset, build_mart_checks, mart_key
from centra_assets.calendar import Calendar
from centra_assets.jobs import build_marts_job
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.stale_marts import build_stale_marts_sensor
from centra_assets.sync.mart_ops import build_stale_days_job
from centra_assets_tests.entities.reading import CONTEXT
from centra_assets_tests.entities.sales_records import order as plain_order
from centra_assets_tests.entities.sales_records import total
from centra_assets_tests.marts.shop import DAY, NEXT, TODAY, Shop, noon

FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
PER_RUN = 31
CALENDAR = Calendar(TODAY - timedelta(days=400), CONTEXT.time_zone)
JOB = build_stale_days_job([DAILY_SALES], CALENDAR)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def definitions(database_url: str) -> dg.Definitions:
    return dg.Definitions(
        assets=[build_mart_asset(DAILY_SALES, CALENDAR, partitions_per_run=PER_RUN)],
        asset_checks=[build_mart_checks(DAILY_SALES)],
        jobs=[build_marts_job([DAILY_SALES])],
        resources={"warehouse": WarehouseResource(database_url=database_url)},
        executor=dg.in_process_executor,
    )


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, first: date, last: date
) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("refresh_marts").execute_in_process(
        instance=instance, tags={FIRST: first.isoformat(), LAST: last.isoformat()}, run_config=QUIET
    )


def age_notes(shop: Shop) -> None:
    """As if the notes had been there for a while."""
    shop.warehouse.transact(lambda cursor: cursor.execute("UPDATE ops.stale_partition SET at = at - interval '1 hour'"))


def tick(shop: Shop, database_url: str, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """What the sensor asks for, once the notes have settled; nothing where it passes over."""
    age_notes(shop)
    result = told(database_url, instance)
    return [result] if isinstance(result, dg.RunRequest) else []


def told(database_url: str, instance: dg.DagsterInstance) -> Any:
    sensor = build_stale_marts_sensor(JOB, [DAILY_SALES], CALENDAR)
    resources = {"warehouse": WarehouseResource(database_url=database_url)}
    return sensor(dg.build_sensor_context(instance=instance, resources=resources))


def compute(database_url: str, instance: dg.DagsterInstance) -> dict[str | None, int]:
    """A run of what the sensor asks for: the days that it told of, and their rows."""
    result = JOB.execute_in_process(
        instance=instance, resources={"warehouse": WarehouseResource(database_url=database_url)}, run_config=QUIET
    )
    found = [event for event in result.all_events if event.is_step_materialization]
    return {
        event.materialization.partition: int(str(event.materialization.metadata["dagster/partition_row_count"].value))
        for event in found
    }


def note(shop: Shop, *days: date) -> None:
    statement = "INSERT INTO ops.stale_partition (asset, partition) SELECT %s, unnest(%s::text[])"
    values = [DAILY_SALES.asset, [day.isoformat() for day in days]]
    shop.warehouse.transact(lambda cursor: cursor.execute(statement, values))


def order(number: int, day: date, gross: str = "250") -> dict[str, Any]:
    return plain_order(number, createdAt=noon(day), grandTotal=total(gross))


class TestAsset:
    def test_a_run_computes_its_range_and_tells_every_day(
        self, shop: Shop, definitions: dg.Definitions, instance: dg.DagsterInstance
    ) -> None:
        shop.order(order(1, DAY))
        shop.order(order(2, NEXT))
        result = run(definitions, instance, DAY - timedelta(days=1), NEXT)
        found = {
            event.materialization.partition: event.materialization.metadata
            for event in result.all_events
            if event.is_step_materialization
        }
        rows = {day: metadata["dagster/partition_row_count"].value for day, metadata in found.items()}
        assert rows == {(DAY - timedelta(days=1)).isoformat(): 0, DAY.isoformat(): 1, NEXT.isoformat(): 1}
        assert found[DAY.isoformat()]["rows_inserted"].value == 1
        assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [True] * 3
        again = run(definitions, instance, DAY, NEXT)
        changed = [
            event.materialization.metadata[f"rows_{what}"].value
            for event in again.all_events
            if event.is_step_materialization
            for what in ("inserted", "updated", "deleted")
        ]
        assert changed == [0] * 6

    @pytest.mark.parametrize(
        ("tampering", "broken"),
        [
            ("update marts.daily_sales set tax = tax + 1", {"net_and_tax_are_gross"}),
            ("update marts.daily_sales set gross = gross + 1, net = net + 1", {"gross_is_what_the_orders_say"}),
            ("update marts.daily_sales set orders = orders + 1", {"gross_is_what_the_orders_say"}),
            ("delete from marts.daily_sales", {"gross_is_what_the_orders_say"}),
            (
                "update core.payments set direction = 'out', entry_type = 'REFUND', business_date = business_date + 90",
                {"no_refund_is_missing"},
            ),
        ],
    )
    def test_the_checks_find_what_is_wrong(self, shop: Shop, tampering: str, broken: set[str]) -> None:
        paid = {"id": 1, "entryType": "CAPTURE", "status": "SUCCESS", "value": {"value": 250}, "currencyBaseRate": 1}
        shop.order(order(1, DAY) | {"paymentHistory": [paid | {"createdAt": noon(DAY)}]})
        shop.refresh()
        assert shop.broken() == {}
        shop.warehouse.transact(lambda cursor: cursor.execute(tampering.encode()))
        assert set(shop.broken()) == broken

    def test_days_that_wait_to_be_computed_are_not_judged(self, shop: Shop) -> None:
        shop.order(order(1, DAY))
        shop.refresh()
        shop.order(order(1, DAY, "300"))
        assert shop.broken() == {}


class TestSensor:
    def test_without_a_stale_day_it_asks_for_nothing(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        assert isinstance(told(database_url, instance), dg.SkipReason)

    def test_a_change_of_an_old_day_is_asked_for_and_computed(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        old = TODAY - timedelta(days=380)
        shop.order(order(1, old))
        assert len(tick(shop, database_url, instance)) == 1
        assert compute(database_url, instance) == {old.isoformat(): 1}
        assert shop.stale() == []
        assert shop.sold(old)["gross"] == 250

    def test_scattered_days_are_one_run_that_touches_no_day_between(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        days = [TODAY - timedelta(days=back) for back in (0, 3, 40, 200, 381)]
        for number, day in enumerate(days, 1):
            shop.order(order(number, day))
        assert len(tick(shop, database_url, instance)) == 1
        assert compute(database_url, instance) == {day.isoformat(): 1 for day in days}
        assert compute(database_url, instance) == {}

    def test_more_days_than_fit_at_once_are_all_computed(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("centra_assets.sync.mart_ops._DAYS_AT_ONCE", 2)
        days = [TODAY - timedelta(days=back) for back in (1, 5, 9, 13, 17)]
        for number, day in enumerate(days, 1):
            shop.order(order(number, day))
        assert compute(database_url, instance) == {day.isoformat(): 1 for day in days}
        assert shop.stale() == []

    def test_a_stale_day_without_a_change_is_computed_and_not_told(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        shop.order(order(1, DAY))
        shop.refresh()
        note(shop, DAY, CALENDAR.start - timedelta(days=1))
        assert compute(database_url, instance) == {}
        assert shop.stale() == [(CALENDAR.start - timedelta(days=1)).isoformat()]

    def test_days_that_somebody_may_be_at_are_left_to_him_for_a_while(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        note(shop, DAY)
        assert isinstance(told(database_url, instance), dg.SkipReason)
        assert len(tick(shop, database_url, instance)) == 1

    def test_the_same_work_has_the_same_key_until_it_was_done(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # One period holds the whole test.
        monkeypatch.setattr("centra_assets.sensors.stale_marts._ASK_AGAIN", timedelta(days=100_000))
        shop.order(order(1, DAY))
        (before,) = tick(shop, database_url, instance)
        shop.order(order(1, DAY, "300"))
        (unchanged,) = tick(shop, database_url, instance)
        shop.refresh()
        shop.order(order(1, DAY, "400"))
        (after,) = tick(shop, database_url, instance)
        assert before.run_key == unchanged.run_key != after.run_key

    def test_work_that_was_not_done_gets_another_key_after_a_while(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        note(shop, DAY)
        (first,) = tick(shop, database_url, instance)
        monkeypatch.setattr("centra_assets.sensors.stale_marts._ASK_AGAIN", timedelta(microseconds=1))
        (second,) = tick(shop, database_url, instance)
        assert first.run_key != second.run_key

    @pytest.mark.parametrize(
        ("status", "asks"),
        [
            (dg.DagsterRunStatus.NOT_STARTED, False),
            (dg.DagsterRunStatus.STARTING, False),
            (dg.DagsterRunStatus.STARTED, False),
            (dg.DagsterRunStatus.FAILURE, False),
            (dg.DagsterRunStatus.CANCELED, True),
            (dg.DagsterRunStatus.SUCCESS, True),
        ],
    )
    def test_while_a_run_is_under_way_or_has_just_failed_it_asks_for_none(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance, status: dg.DagsterRunStatus, asks: bool
    ) -> None:
        note(shop, DAY)
        instance.add_run(dg.DagsterRun(job_name=JOB.name, status=status))
        assert bool(tick(shop, database_url, instance)) is asks

    def test_notes_before_the_partitions_are_dropped_and_those_of_tomorrow_wait(
        self, shop: Shop, database_url: str, instance: dg.DagsterInstance
    ) -> None:
        note(shop, CALENDAR.start - timedelta(days=1), DAY, TODAY + timedelta(days=2))
        assert len(tick(shop, database_url, instance)) == 1
        assert sorted(shop.stale()) == [DAY.isoformat(), (TODAY + timedelta(days=2)).isoformat()]

    def test_the_mart_is_its_only_asset(self, definitions: dg.Definitions) -> None:
        assert definitions.resolve_job_def("refresh_marts").asset_layer.executable_asset_keys == {mart_key(DAILY_SALES)}
