"""A month of the merchant's calendar, and how far it can be relied on. Which ones Dagster knows is in `partitions`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from centra_assets.calendar import Calendar

# The day of the following month and the hour, the merchant's, at which it is written by itself. By then, what the last
# day's orders still had to say has been read by several sweeps and a reconciliation.
DUE_DAY, DUE_HOUR = 3, 5


@dataclass(frozen=True)
class Month:
    """A calendar month by its first day."""

    first: date

    @classmethod
    def of(cls, key: str) -> "Month":
        """The month of a partition key (its first day, ISO) or of a name such as `2026-10`."""
        return cls(date.fromisoformat(key if len(key) > 7 else f"{key}-01").replace(day=1))

    @classmethod
    def holding(cls, day: date) -> "Month":
        """The month that the day is in."""
        return cls(day.replace(day=1))

    @property
    def name(self) -> str:
        """Such as `2026-10`."""
        return f"{self.first:%Y-%m}"

    @property
    def following(self) -> date:
        """The first day after it."""
        return (self.first + timedelta(days=32)).replace(day=1)

    @property
    def days(self) -> list[str]:
        """Its days as ISO dates."""
        return [(self.first + timedelta(days=n)).isoformat() for n in range((self.following - self.first).days)]

    def due(self, zone: ZoneInfo) -> datetime:
        """When its workbook is written by itself."""
        day = self.following.replace(day=DUE_DAY)
        return datetime(day.year, day.month, day.day, DUE_HOUR, tzinfo=zone)

    def before(self) -> "Month":
        """The month before it."""
        return Month.holding(self.first - timedelta(days=1))

    def reservations(self, calendar: Calendar) -> list[str]:
        """Why its figures are not final, in words; nothing when they are."""
        found = []
        if datetime.now(calendar.zone).date() < self.following:
            found.append("PROVISIONAL: the month is not over")
        if calendar.start > self.first:
            found.append(f"INCOMPLETE: the data begin on {calendar.start.isoformat()}")
        return found
