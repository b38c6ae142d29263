"""Objects of the instance itself that a query can read: events, listeners, rate limits, payloads. Not the shop's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar


@dataclass(slots=True, frozen=True)
class Event:
    """Something that happened, waiting in a queue to be confirmed."""

    typename: ClassVar[str] = "Event"
    id: int
    objectType: str
    changeType: str
    objectReference: int
    createdAt: datetime
    store: Any
    market: Any
    # Asked when it is read: an event shows its object as it is by then.
    object: Callable[[], Any]


@dataclass(slots=True)
class EventListener:
    """The changes to one kind of object that an integration wants to hear of."""

    typename: ClassVar[str] = "EventListener"
    integrationName: str
    objectType: str
    changeTypes: list[str]
    createdAt: datetime
    updatedAt: datetime


@dataclass(slots=True, frozen=True)
class RateLimit:
    """One token bucket, as `rateLimits` shows it."""

    typename: ClassVar[str] = "RateLimit"
    type: str
    intervalSeconds: str
    quota: int
    usedQuota: int
    remainingQuota: int


@dataclass(slots=True, frozen=True)
class UserMessage:
    """A user error or a user warning of a mutation."""

    message: str
    path: Sequence[str]


@dataclass(slots=True, frozen=True)
class EventsPayload:
    """What the mutations of the events family answer."""

    eventListeners: Sequence[EventListener] = ()
    events: Sequence[Event] = ()
    userErrors: Sequence[UserMessage] = ()
    userWarnings: Sequence[UserMessage] = ()


@dataclass(slots=True, frozen=True)
class Counters:
    """The root of the counters; each is counted when it is read."""

    typename: ClassVar[str] = "Counters"
