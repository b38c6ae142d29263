"""Which month is written when, without anybody asking."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest

from centra_assets.calendar import Calendar
from centra_assets.definitions import build_definitions
from centra_assets.finance.month import Month
from centra_assets.jobs import FINANCE_WORKBOOK
from centra_assets.settings import Settings

# A year that is over, and the one before it, in which the data begin.
YEAR = datetime.now(UTC).year - 1
SETTINGS = Settings(start_date=date(YEAR - 1, 3, 15), timezone="Europe/Stockholm")


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(SETTINGS)


def tick(definitions: dg.Definitions, at: datetime) -> Any:
    schedule = definitions.resolve_schedule_def("month_end_workbook")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 3 * *", "Europe/Stockholm")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
        )
        return schedule.evaluate_tick(context)


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (datetime(YEAR, 6, 3, 3, 0, tzinfo=UTC), f"{YEAR}-05-01"),
        (datetime(YEAR, 1, 3, 4, 0, tzinfo=UTC), f"{YEAR - 1}-12-01"),
        # In UTC it is still the month before.
        (datetime(YEAR, 7, 31, 22, 30, tzinfo=UTC), f"{YEAR}-07-01"),
    ],
)
def test_the_last_whole_month_of_the_merchant_is_written(definitions: dg.Definitions, at: datetime, key: str) -> None:
    (request,) = tick(definitions, at).run_requests
    assert request.partition_key == key
    assert key[:7] in request.run_key


def test_no_month_before_the_data_is_written(definitions: dg.Definitions) -> None:
    assert tick(definitions, datetime(YEAR - 1, 3, 16, 3, 0, tzinfo=UTC)).run_requests == []


def test_it_runs_where_every_table_is_wired_and_from_the_start(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("month_end_workbook")
    assert (schedule.job_name, schedule.default_status) == (FINANCE_WORKBOOK, dg.DefaultScheduleStatus.RUNNING)
    fewer = build_definitions(SETTINGS, entities=[])
    assert FINANCE_WORKBOOK not in {job.name for job in fewer.jobs or ()}
    assert "month_end_workbook" not in {schedule.name for schedule in fewer.schedules or ()}


def test_a_month_says_why_it_is_not_final() -> None:
    calendar = Calendar(SETTINGS.start_date, SETTINGS.timezone)
    running = Month.holding(datetime.now(calendar.zone).date())
    assert any("PROVISIONAL" in said for said in running.reservations(calendar))
    assert running.before().before().reservations(Calendar(date(YEAR - 9, 1, 1), calendar.zone)) == []
    assert Month.of(f"{YEAR - 1}-03").reservations(calendar) == [f"INCOMPLETE: the data begin on {YEAR - 1}-03-15"]
