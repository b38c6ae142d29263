"""Durations and crons are read as people mean them, and refused where Dagster would refuse them."""

from datetime import timedelta

import dagster as dg
import pytest

from centra_assets.rhythm import cron, duration, shortly


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2 h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize("nonsense", [10, 1.5, "10", "ten minutes", "-5m", "5 minutes", "", None, True, "9999999d"])
def test_whatever_is_no_duration_is_refused(nonsense: object) -> None:
    with pytest.raises(ValueError, match="no duration"):
        duration(nonsense)


@pytest.mark.parametrize("text", ["0s", "45s", "90s", "10m", "90m", "2h", "1d", "36h"])
def test_a_duration_is_told_as_it_was_written(text: str) -> None:
    assert duration(shortly(duration(text))) == duration(text)
    assert len(shortly(duration(text))) <= len(text)


@pytest.mark.parametrize(
    "text", ["15 3 * * *", "*/5 * * * *", "0 0-6/2 1,15 jan-mar MON", "0 0 29 2 *", "59 23 31 12 7", "0 2 * * 1-5"]
)
def test_a_cron_that_is_taken_is_one_to_dagster(text: str) -> None:
    dg.ScheduleDefinition(name="some", job_name="some", cron_schedule=cron(text))


@pytest.mark.parametrize(
    "text",
    ["nonsense", "61 * * * *", "* 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "0 0 30 2 *"],
)
def test_a_cron_that_dagster_refuses_is_refused(text: str) -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.ScheduleDefinition(name="some", job_name="some", cron_schedule=text)
    with pytest.raises(ValueError, match=r"cron|no minute|no hour|no day|no month|names a day"):
        cron(text)


@pytest.mark.parametrize(
    "text", ["0 3 * * * *", "*/0 * * * *", "@daily", "0 3", "5/10 * * * *", "1,,2 * * * *", "5-3 * * * *", 5, None]
)
def test_a_cron_that_could_be_misread_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"cron|no minute"):
        cron(text)
