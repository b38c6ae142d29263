"""Reading `Retry-After`, of which Centra documents only that it is a timestamp. Waiting is the budget's business."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Nothing sane lasts longer than the longest window of the rate limits.
LONGEST_SECONDS = 3600.0
_SHORTEST_SECONDS = 0.5
_UNREADABLE_SECONDS = 10.0

# Numbers up to here are seconds to wait; above, moments since the epoch in seconds, then in milliseconds.
_LARGEST_DURATION = 1e6
_SMALLEST_MILLISECONDS = 1e11


def seconds_to_wait(header: str | None, *, now: datetime) -> float:
    """Seconds from `now` until the moment named by the header: epoch (s or ms), ISO, HTTP date or plain seconds.

    `now` is Centra's own clock (the answer's `Date`) where it is known, so that clocks that differ do no harm.
    A header that is missing or cannot be read means ten seconds, the shortest window of the limits.
    """
    wait = _read(header.strip(), now) if header else None
    if wait is None:
        return _UNREADABLE_SECONDS
    return min(max(wait, _SHORTEST_SECONDS), LONGEST_SECONDS)


def _read(text: str, now: datetime) -> float | None:
    try:
        number = float(text)
    except ValueError:
        moment = _moment(text)
        return (moment - now).total_seconds() if moment else None
    if not 0 <= number < 1e15:
        return None
    if number <= _LARGEST_DURATION:
        return number
    return (number / 1000 if number >= _SMALLEST_MILLISECONDS else number) - now.timestamp()


def _moment(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def server_clock(date_header: str | None, *, local: datetime) -> datetime:
    """The `Date` header as a moment; the local clock where it is missing or cannot be read."""
    if not date_header:
        return local
    try:
        return parsedate_to_datetime(date_header)
    except ValueError:
        return local
