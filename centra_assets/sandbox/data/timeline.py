"""When things happen in the world: the window of time, its days, the shape of demand over them. No orders."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

INSTANCE_ZONE = ZoneInfo("Europe/Stockholm")

_WEEKDAY = (1.0, 0.95, 0.95, 1.0, 1.1, 1.2, 1.35)
_MONTH = (0.9, 0.75, 0.9, 1.0, 1.05, 1.0, 0.8, 0.9, 1.05, 1.05, 1.3, 1.35)
_HOUR = (2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 11, 12, 11, 10, 10, 11, 12, 14, 17, 20, 19, 13, 6)
# Days after Black Friday -> how much busier than an ordinary day.
_BLACK_FRIDAY = {-4: 3, -3: 3, -2: 5, -1: 10, 0: 38, 1: 20, 2: 18, 3: 22, 4: 4}


@dataclass(frozen=True)
class Timeline:
    """The stretch of time that the world covers; days are cut in the instance's zone."""

    start: datetime
    now: datetime

    @classmethod
    def of(cls, now: datetime, months: int) -> Timeline:
        """The `months` months before `now`."""
        if now.tzinfo is None:
            raise ValueError("now needs an offset")
        now = now.astimezone(UTC).replace(microsecond=0)
        first_day = now.astimezone(INSTANCE_ZONE).date() - timedelta(days=round(months * 30.44))
        return cls(day_start(first_day), now)

    def days(self) -> list[date]:
        """Every day of the window, the unfinished last one included."""
        first, last = self.start.astimezone(INSTANCE_ZONE).date(), self.now.astimezone(INSTANCE_ZONE).date()
        return [first + timedelta(days=i) for i in range((last - first).days + 1)]

    def at(self, share: float) -> datetime:
        """The moment that lies at this share (0 to 1) of the window, in whole seconds."""
        return self.start + timedelta(seconds=int((self.now - self.start).total_seconds() * share))

    def clamp(self, moment: datetime) -> datetime:
        """Not after now."""
        return min(moment, self.now)

    def clock_changes(self) -> list[datetime]:
        """The instants within the window at which the zone's offset changes."""
        changes = []
        for day in self.days():
            begin, end = day_start(day), day_start(day + timedelta(days=1))
            if end - begin != timedelta(days=1):
                before = begin.astimezone(INSTANCE_ZONE).utcoffset()
                hours = (begin + timedelta(hours=h) for h in range(26))
                changes.append(next(h for h in hours if h.astimezone(INSTANCE_ZONE).utcoffset() != before))
        return [change for change in changes if change + timedelta(hours=2) < self.now]


def day_start(day: date) -> datetime:
    """The instant at which a day begins in the instance's zone."""
    return datetime.combine(day, time(), INSTANCE_ZONE).astimezone(UTC)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


def busyness(day: date) -> float:
    """How busy a day is by weekday, season and Black Friday; about 1 on an ordinary day."""
    peak = _BLACK_FRIDAY.get((day - black_friday(day.year)).days, 1)
    return _WEEKDAY[day.weekday()] * _MONTH[day.month - 1] * peak


def quiet_days(days: list[date]) -> set[date]:
    """Days on which no store sells anything (an outage, a move of the warehouse)."""
    wanted = [days[len(days) * share // 100] for share in (9, 31, 58) if len(days) > 20]
    return {day for day in wanted if busyness(day) < 3}


def quiet_week(days: list[date]) -> set[date]:
    """A week in which one store sells nothing: the first ordinary one after 40 % of the window."""
    begin = len(days) * 40 // 100
    while begin + 7 < len(days) and max(busyness(day) for day in days[begin : begin + 7]) > 3:
        begin += 7
    return set(days[begin : begin + 7]) if len(days) > 20 else set()


def draw_moments(rng: random.Random, timeline: Timeline, count: int, weight: Callable[[date], float]) -> list[datetime]:
    """`count` moments over the window, in order, by the weight of their day and the hour of the day."""
    days = timeline.days()
    weights = list(accumulate(weight(day) for day in days))
    hours = list(accumulate(_HOUR))
    starts = [day_start(day) for day in days]
    lengths = [
        int((later - earlier).total_seconds())
        for earlier, later in zip(starts, [*starts[1:], day_start(days[-1] + timedelta(days=1))], strict=True)
    ]
    moments: list[datetime] = []
    while len(moments) < count:
        day = bisect_right(weights, rng.random() * weights[-1])
        hour = bisect_right(hours, rng.random() * hours[-1])
        second = min(hour * 3600 + rng.randrange(3600), lengths[day] - 1)
        moment = starts[day] + timedelta(seconds=second)
        if moment <= timeline.now:
            moments.append(moment)
    return sorted(moments)
