"""The merchant's days and months as instants. What Dagster makes of them is in `partitions`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from centra_assets.entities.model import Axis


@dataclass(frozen=True)
class Calendar:
    """The merchant's days and months: where they begin, and in which zone they are cut."""

    start: date
    zone: ZoneInfo

    def window(self, axis: Axis, key: str) -> tuple[datetime, datetime]:
        """First instant of the partition and first instant after it, both with the zone's offset.

        The first month also takes everything older, so that a catalogue is whole however late `start` is.
        """
        first = date.fromisoformat(key)
        if axis is Axis.DAY:
            following = first + timedelta(days=1)
        else:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            if first == self.start.replace(day=1):
                first = date(1970, 1, 1)
        return self._midnight(first), self._midnight(following)

    def has_day(self, key: str) -> bool:
        """Whether the day has begun and is none before the first one."""
        return self.start.isoformat() <= key <= datetime.now(self.zone).date().isoformat()

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)


def contiguous(axis: Axis, keys: Sequence[str], at_most: int) -> list[list[str]]:
    """Runs of neighbouring day or month keys, cut further into about `at_most` slices of even length.

    A slice is asked for in full pages, so more slices cost at most one short page each.
    """
    runs: list[list[str]] = []
    for key in sorted(keys):
        if runs and _follows(axis, runs[-1][-1], key):
            runs[-1].append(key)
        else:
            runs.append([key])
    length = max(1, -(-len(keys) // at_most))
    return [run[place : place + length] for run in runs for place in range(0, len(run), length)]


def _follows(axis: Axis, earlier: str, later: str) -> bool:
    first, second = date.fromisoformat(earlier), date.fromisoformat(later)
    if axis is Axis.DAY:
        return second - first == timedelta(days=1)
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1) == second
