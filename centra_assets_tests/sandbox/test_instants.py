"""Dates as text: PHP's letters out; ISO, local time and phrases in."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from centra_assets.sandbox.instants import print_date, print_instant, read_date, read_instant

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2024, 3, 31, 12, 0, tzinfo=UTC)  # the day on which summer time began


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("Y-m-d\\TH:i:sP", "2024-03-05T09:07:03+01:00"),
        ("c", "2024-03-05T09:07:03+01:00"),
        ("d/m/y j.n", "05/03/24 5.3"),
        ("D, d M Y", "Tue, 05 Mar 2024"),
        ("U", "1709626023"),
        ("H:i:s.u v O", "09:07:03.000000 000 +0100"),
        ("e T", "Europe/Stockholm CET"),
        ("\\Y\\e\\s", "Yes"),
    ],
)
def test_an_instant_is_printed_by_phps_letters(pattern, printed):
    assert print_instant(datetime(2024, 3, 5, 8, 7, 3, tzinfo=UTC), STOCKHOLM, pattern) == printed


def test_a_date_is_printed_by_phps_letters():
    assert print_date(date(2024, 3, 5), STOCKHOLM) == "2024-03-05"
    assert print_date(date(2024, 3, 5), STOCKHOLM, "d.m.Y") == "05.03.2024"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-05T09:07:03+01:00", "2024-03-05T08:07:03+00:00"),
        ("2024-03-05T08:07:03Z", "2024-03-05T08:07:03+00:00"),
        ("2024-07-05 09:07:03", "2024-07-05T07:07:03+00:00"),
        ("2024-07-05", "2024-07-04T22:00:00+00:00"),
        ("now", "2024-03-31T12:00:00+00:00"),
        ("-1 hour", "2024-03-31T11:00:00+00:00"),
        ("now -90 minutes", "2024-03-31T10:30:00+00:00"),
        ("2 weeks ago", "2024-03-17T13:00:00+00:00"),
        ("yesterday", "2024-03-29T23:00:00+00:00"),
        ("today", "2024-03-30T23:00:00+00:00"),
        ("-1 month", "2024-02-29T13:00:00+00:00"),
        ("+1 year", "2025-03-31T12:00:00+00:00"),
        # Thirteen hours back leave summer time: elapsed hours, not hands of the clock.
        ("-13 hours", "2024-03-30T23:00:00+00:00"),
    ],
)
def test_a_moment_is_read_as_the_instance_reads_it(text, moment):
    assert read_instant(text, STOCKHOLM, NOW).isoformat() == moment


@pytest.mark.parametrize("text", ["", "soon", "-1 fortnight", "2024-13-01", "2024-01-01T99:00:00Z", "-1 hour and more"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        read_instant(text, STOCKHOLM, NOW)


@pytest.mark.parametrize("text", ["2024-1-1", "now", "2024-02-30", "2024-01-01T00:00:00Z"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError):
        read_date(text)
