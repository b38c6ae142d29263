"""What the parts of retention have in common: the time they may take, and what they tell. Removes nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class Deadline:
    """A moment of this process's clock after which no new piece of work is begun."""

    at: float

    @classmethod
    def within(cls, seconds: float) -> "Deadline":
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.at - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.seconds_left == 0

    def share(self, parts: int) -> "Deadline":
        """The first of `parts` that the time left is shared between; what one leaves is the next ones'."""
        return Deadline.within(self.seconds_left / parts)


@dataclass(frozen=True)
class Moment:
    """When retention looks. Ages count from here, so that all parts mean the same."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Outcome:
    """What one part did. The keys of `counts` are the same at every run; `finished` is False where time ran out.

    `code` is that of the error that ended the part.
    """

    part: str
    counts: Mapping[str, int]
    finished: bool = True
    seconds: float = 0.0
    code: str = ""
    cause: str = ""
    notes: tuple[str, ...] = ()

    def metadata(self) -> dict[str, int | float | bool]:
        """Numbers under keys that hold the part's name."""
        numbers: dict[str, int | float | bool] = {f"{self.part}_{name}": count for name, count in self.counts.items()}
        return {**numbers, f"{self.part}_seconds": round(self.seconds, 2), f"{self.part}_finished": self.finished}
