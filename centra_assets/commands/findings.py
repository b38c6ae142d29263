"""What the doctor finds: an area, an outcome, a sentence, a remedy."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How bad it is: `broken` makes the exit code 1, `warning` does not."""

    FINE = "fine"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. No field ever holds a secret."""

    area: str
    outcome: Outcome
    what: str
    remedy: str = ""
