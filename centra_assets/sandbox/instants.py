"""Dates as Centra reads and prints them: PHP formats, the instance's zone, relative phrases. No schema, no clock."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DEFAULT_INSTANT = "Y-m-d\\TH:i:sP"
DEFAULT_DATE = "Y-m-d"

_STEP = re.compile(
    r"\s*(?P<count>[+-]?\s*\d+)\s*(?P<unit>sec|second|min|minute|hour|day|week|month|year)s?(?P<ago>\s+ago)?\b", re.I
)
_SECONDS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_DAYS = {"yesterday": -1, "today": 0, "midnight": 0, "tomorrow": 1}


def print_instant(value: datetime, zone: ZoneInfo, pattern: str = DEFAULT_INSTANT) -> str:
    """An instant as the instance prints it: in its own zone, by PHP's letters."""
    local = value.astimezone(zone)
    return local.isoformat(timespec="seconds") if pattern == DEFAULT_INSTANT else _by_letters(local, zone, pattern)


def print_date(value: date, zone: ZoneInfo, pattern: str = DEFAULT_DATE) -> str:
    """A date by PHP's letters; an instant is taken on its day in the instance's zone."""
    day = value.astimezone(zone).date() if isinstance(value, datetime) else value
    return (
        day.isoformat() if pattern == DEFAULT_DATE else _by_letters(datetime.combine(day, time(), zone), zone, pattern)
    )


def read_instant(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """ISO with an offset, `YYYY-MM-DD HH:MM:SS` in the instance's zone, or a phrase such as "-1 hour". In UTC.

    Raises ValueError for anything else.
    """
    phrase = text.strip()
    if re.match(r"\d{4}-\d{2}-\d{2}", phrase):
        moment = datetime.fromisoformat(phrase)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    return _read_phrase(phrase, now.astimezone(zone)).astimezone(UTC)


def read_date(text: str) -> date:
    """`YYYY-MM-DD`. Raises ValueError for anything else."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"not a date: {text!r}")
    return date.fromisoformat(text)


def _read_phrase(phrase: str, moment: datetime) -> datetime:
    words = phrase.lower()
    first = re.match(r"[a-z]+", words)
    position = 0
    if first and first.group() == "now":
        position = first.end()
    elif first and first.group() in _DAYS:
        moment = datetime.combine(moment.date() + timedelta(days=_DAYS[first.group()]), time(), moment.tzinfo)
        position = first.end()
    elif not words:
        raise ValueError("an empty text is no moment")
    while words[position:].strip():
        step = _STEP.match(words, position)
        if step is None:
            raise ValueError(f"not a moment: {phrase!r}")
        count = int(step["count"].replace(" ", "")) * (-1 if step["ago"] else 1)
        moment = _step(moment, count, step["unit"])
        position = step.end()
    return moment


def _step(moment: datetime, count: int, unit: str) -> datetime:
    if unit in _SECONDS and unit not in ("day", "week"):
        return (moment.astimezone(UTC) + timedelta(seconds=count * _SECONDS[unit])).astimezone(moment.tzinfo)
    if unit in ("day", "week"):
        return moment + timedelta(seconds=count * _SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def _by_letters(local: datetime, zone: ZoneInfo, pattern: str) -> str:
    letters = iter(pattern)
    return "".join(next(letters, "") if letter == "\\" else _letter(local, zone, letter) for letter in letters)


def _letter(local: datetime, zone: ZoneInfo, letter: str) -> str:
    offset = local.strftime("%z")
    match letter:
        case "Y" | "m" | "d" | "H" | "y":
            return local.strftime(f"%{letter}")
        case "i" | "s":
            return local.strftime("%M" if letter == "i" else "%S")
        case "n" | "j" | "G":
            return str({"n": local.month, "j": local.day, "G": local.hour}[letter])
        case "D" | "M" | "l" | "F":
            return local.strftime({"D": "%a", "M": "%b", "l": "%A", "F": "%B"}[letter])
        case "P" | "O":
            return f"{offset[:3]}:{offset[3:5]}" if letter == "P" else offset
        case "c":
            return local.isoformat(timespec="seconds")
        case "U":
            return str(int(local.timestamp()))
        case "u" | "v":
            return f"{local.microsecond:06d}" if letter == "u" else f"{local.microsecond // 1000:03d}"
        case "e" | "T":
            return zone.key if letter == "e" else local.strftime("%Z")
        case _:
            return letter
