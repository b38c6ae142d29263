"""Days and months of the merchant, as instants."""

import os
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.calendar import Calendar, contiguous
from centra_assets.entities.model import Axis

STOCKHOLM = Calendar(date(2024, 1, 15), ZoneInfo("Europe/Stockholm"))


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)])
def test_a_day_has_as_many_hours_as_the_merchants_clock_shows(day: str, hours: int) -> None:
    start, end = STOCKHOLM.window(Axis.DAY, day)
    assert end.astimezone(ZoneInfo("UTC")) - start.astimezone(ZoneInfo("UTC")) == timedelta(hours=hours)
    assert start.isoformat().startswith(f"{day}T00:00:00+")


def test_a_month_ends_where_the_next_begins() -> None:
    _, end = STOCKHOLM.window(Axis.MONTH, "2024-12-01")
    start, _ = STOCKHOLM.window(Axis.MONTH, "2025-01-01")
    assert end == start


def test_the_first_month_takes_everything_older() -> None:
    start, end = STOCKHOLM.window(Axis.MONTH, "2024-01-01")
    assert start.year == 1970
    assert end.date() == date(2024, 2, 1)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_machines_own_zone_changes_no_window(zone: str) -> None:
    code = (
        "from datetime import date; from zoneinfo import ZoneInfo; from centra_assets.calendar import Calendar; "
        "from centra_assets.entities.model import Axis; "
        "print(*[i.isoformat() for i in Calendar(date(2024,1,15), ZoneInfo('Europe/Stockholm'))"
        ".window(Axis.DAY, '2025-03-30')])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert printed == ["2025-03-30T00:00:00+01:00", "2025-03-31T00:00:00+02:00"]


@given(
    st.lists(st.integers(0, 60), unique=True, min_size=1).map(
        lambda offsets: [(date(2025, 2, 20) + timedelta(days=offset)).isoformat() for offset in offsets]
    ),
    st.integers(1, 8),
)
def test_slices_hold_every_key_once_and_never_bridge_a_gap(keys: list[str], at_most: int) -> None:
    slices = contiguous(Axis.DAY, keys, at_most)
    assert sorted(key for piece in slices for key in piece) == sorted(keys)
    for piece in slices:
        days = [date.fromisoformat(key) for key in piece]
        assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * (len(days) - 1)


def test_an_unbroken_range_makes_no_more_slices_than_asked_for() -> None:
    keys = [(date(2025, 1, 1) + timedelta(days=offset)).isoformat() for offset in range(365)]
    assert len(contiguous(Axis.DAY, keys, 4)) == 4
