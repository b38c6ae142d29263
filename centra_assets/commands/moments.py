"""Moments as people type them: a duration back from now, or a date and time. What they are for is not known here."""

from datetime import datetime, tzinfo

from centra_assets.rhythm import duration


def moment_of(text: str, now: datetime, zone: tzinfo) -> datetime:
    """`2h` is two hours before `now`; a moment without an offset is one of `zone`. Raises ValueError for others."""
    try:
        return now - duration(text)
    except ValueError:
        pass
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a duration nor a moment") from None
    return told.replace(tzinfo=zone) if told.tzinfo is None else told
