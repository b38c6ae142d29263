"""Durations and cron expressions as people write them in sync.yaml. What is to happen then is not known here."""

import re
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

_DURATION = re.compile(r"([0-9]{1,6})\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Field, its first and last number, the names that stand for numbers from the first on.
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?")
_FOUR_YEARS = [date(2027, 1, 1) + timedelta(days=number) for number in range(4 * 366)]
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def duration(value: Any) -> timedelta:
    """`90s`, `10m`, `2h` or `1d` as a timedelta; ValueError for anything else, plain numbers included."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration such as 90s, 10m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def shortly(value: timedelta) -> str:
    """A duration as it is written: the largest unit that leaves no rest."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def cron(value: Any) -> str:
    """A cron expression of five fields, with single spaces; ValueError says which field cannot be."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no cron expression such as '15 3 * * *'")
    parts = value.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"{value!r} has {len(parts)} fields; a cron expression such as '15 3 * * *' has five")
    chosen = [_numbers(value, part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    days, months = chosen[2], chosen[3]
    if parts[4] == "*" and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError(f"{value!r} names a day that its months do not have")
    return " ".join(parts)


@cache
def longest_pause(expression: str) -> timedelta:
    """The longest time between two moments that a cron expression names; changes of the clocks are left out.

    Four years are looked at, so that the 29th of February is among them.
    """
    minutes, hours, *days = (
        _numbers(expression, part, *field) for part, field in zip(expression.split(), _FIELDS, strict=True)
    )
    moments = [timedelta(hours=hour, minutes=minute) for hour in sorted(hours) for minute in sorted(minutes)]
    within = max((later - earlier for earlier, later in pairwise(moments)), default=timedelta(0))
    chosen = [day for day in _FOUR_YEARS if _is_named(day, expression, *days)]
    between = max((later - earlier for earlier, later in pairwise(chosen)), default=timedelta(days=366 * 4))
    return max(within, between - (moments[-1] - moments[0]))


def _is_named(day: date, expression: str, in_month: set[int], months: set[int], in_week: set[int]) -> bool:
    """As cron has it: where both kinds of day are restricted, either will do."""
    by_month, by_week = day.day in in_month, day.isoweekday() % 7 in {number % 7 for number in in_week}
    *_, of_month, _, of_week = expression.split()
    is_day = (
        by_month or by_week if not of_month.startswith("*") and not of_week.startswith("*") else by_month and by_week
    )
    return is_day and day.month in months


def _numbers(whole: str, text: str, field: str, lowest: int, highest: int, names: tuple[str, ...]) -> set[int]:
    """The numbers that one field stands for."""
    chosen: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        first, last = (lowest, highest) if found is None or found["first"] is None else _range(found, lowest, names)
        # Dagster takes 5/10 for no range, so it is refused here as well.
        lonely_step = found is not None and found["step"] and found["first"] and not found["last"]
        if found is None or lonely_step or first is None or last is None or not lowest <= first <= last <= highest:
            raise ValueError(f"{part!r} in {whole!r} is no {field}: {lowest} to {highest}, lists, ranges, */steps")
        chosen.update(range(first, last + 1, int(found["step"] or 1)))
    return chosen


def _range(found: "re.Match[str]", lowest: int, names: tuple[str, ...]) -> tuple[int | None, int | None]:
    first = _number(found["first"], lowest, names)
    return first, first if found["last"] is None else _number(found["last"], lowest, names)


def _number(text: str, lowest: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text) + lowest
    return int(text) if text.isascii() and text.isdigit() else None
