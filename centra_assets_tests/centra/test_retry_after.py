"""Every form in which the end of a rate limit may be written."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.centra.retry_after import LONGEST_SECONDS, seconds_to_wait, server_clock

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=42)


@pytest.mark.parametrize(
    "header",
    [
        "42",
        "42.0",
        f"{LATER.timestamp():.0f}",
        f"{LATER.timestamp() * 1000:.0f}",
        LATER.isoformat(),
        LATER.isoformat().replace("+00:00", "Z"),
        "2024-03-01T13:00:42+01:00",
        "2024-03-01 12:00:42",
        format_datetime(LATER, usegmt=True),
        f"  {LATER.isoformat()} ",
    ],
)
def test_the_moment_is_understood_however_it_is_written(header: str) -> None:
    assert seconds_to_wait(header, now=NOW) == pytest.approx(42, abs=0.01)


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "nan", "inf", "1e300"])
def test_what_cannot_be_read_means_the_shortest_window(header: str | None) -> None:
    assert seconds_to_wait(header, now=NOW) == 10


@given(st.text(max_size=40))
def test_no_header_leads_to_a_busy_loop_or_to_an_endless_wait(header: str) -> None:
    assert 0 < seconds_to_wait(header, now=NOW) <= LONGEST_SECONDS


def test_a_moment_that_has_passed_is_still_a_pause() -> None:
    assert 0 < seconds_to_wait((NOW - timedelta(hours=1)).isoformat(), now=NOW) <= 1


def test_the_clock_is_centras_own_where_it_is_told() -> None:
    assert server_clock("Fri, 01 Mar 2024 12:00:00 GMT", local=LATER) == NOW
    assert server_clock(None, local=LATER) == LATER
    assert server_clock("yesterday", local=LATER) == LATER
