"""What alerting speaks of: conditions, the alerts that stand for them, notices about those. Nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How bad it is, the mildest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """A number that grows with it."""
        return list(Severity).index(self)


class Kind(StrEnum):
    """What sort of thing is wrong. Rules and routes may name them."""

    RUN = "run"
    CHECK = "check"
    FRESHNESS = "freshness"
    QUARANTINE = "quarantine"
    INBOX = "inbox"
    HINTS = "hints"
    THROTTLING = "throttling"
    TOKEN = "token"  # noqa: S105 - a kind, not a token
    SENSOR = "sensor"
    DAEMON = "daemon"
    DELIVERY = "delivery"
    WATCHDOG = "watchdog"
    TEST = "test"


class Event(StrEnum):
    """What a message tells of an alert."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    DIGEST = "digest"
    TEST = "test"


class State(StrEnum):
    """Where an alert stands; ops.alert.state says what each means."""

    PENDING = "pending"
    OPEN = "open"
    RECOVERING = "recovering"
    CLOSED = "closed"


@dataclass(frozen=True)
class Condition:
    """Something that is wrong now. The key stays the same for as long as it is the same trouble.

    `owner` is a team without its prefix; title and text are names, codes and counts, never a value of somebody's data.
    `moments` are the times at which it was seen to happen, where it happens rather than holds.
    """

    key: str
    kind: Kind
    severity: Severity
    owner: str
    subject: str
    title: str
    text: str
    link: str = ""
    count: int = 1
    moments: Sequence[datetime] = ()

    def told(self) -> dict[str, Any]:
        """The same as JSON can hold it, without the moments."""
        return {name: value for name, value in asdict(self).items() if name != "moments"}

    @classmethod
    def from_told(cls, told: Mapping[str, Any], **others: Any) -> Self:
        """What `told` returned, some of it replaced."""
        known = {name: told[name] for name in (part.name for part in fields(cls)) if name in told} | others
        return cls(**{**known, "kind": Kind(known["kind"]), "severity": Severity(known["severity"])})


@dataclass(frozen=True)
class Alert:
    """A condition and its history: since when, how often, and what was told of it. `heard` are channels, each once."""

    condition: Condition
    state: State
    since: datetime
    last_seen_at: datetime
    begun: Sequence[datetime] = ()
    opened_at: datetime | None = None
    quiet_since: datetime | None = None
    recovered_at: datetime | None = None
    times: int = 0
    notified_at: datetime | None = None
    notified_severity: Severity | None = None
    heard: Sequence[str] = ()

    @property
    def key(self) -> str:
        """The condition's."""
        return self.condition.key


@dataclass(frozen=True)
class Notice:
    """One thing to tell about one alert, as it was at that moment.

    `heard` are the channels that were told of the alert before: its end is told to them, wherever the routes lead now.
    """

    event: Event
    condition: Condition
    since: datetime
    at: datetime
    heard: Sequence[str] = ()

    def told(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return {
            "event": str(self.event),
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
            "condition": self.condition.told(),
        }

    @classmethod
    def from_told(cls, told: Mapping[str, Any]) -> Self:
        """What `told` returned."""
        return cls(
            Event(told["event"]),
            Condition.from_told(told["condition"]),
            datetime.fromisoformat(told["since"]),
            datetime.fromisoformat(told["at"]),
        )


@dataclass(frozen=True)
class Message:
    """What is sent to one channel: one notice, or several as a digest. `id` is the same for every attempt."""

    id: str
    event: Event
    notices: Sequence[Notice] = field(default_factory=tuple)

    @property
    def severity(self) -> Severity:
        """The worst of its notices; of several the worst that is not over, and `info` where all are."""
        told = self.notices
        if self.event is Event.DIGEST:
            told = [notice for notice in told if notice.event is not Event.RECOVERED]
        return max(
            (notice.condition.severity for notice in told), key=lambda severity: severity.rank, default=Severity.INFO
        )
