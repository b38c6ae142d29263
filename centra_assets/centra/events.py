"""Centra's event queue: who listens, what waits, and taking it off. What an event means for us is not known here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.buckets import Priority
from centra_assets.centra.errors import CentraError, PermissionDeniedError, RequestRefusedError, ResponseShapeError

_LISTENERS = "query EventListeners { eventListeners { objectType changeTypes integrationName } }"
_LISTEN = """mutation Listen($input: [EventListenerSetInput!]!) { setEventListeners(input: $input) {
  eventListeners { objectType changeTypes integrationName } userErrors { message } userWarnings { message } } }"""
_UNLISTEN = """mutation Unlisten($input: [EventListenerUnsetInput!]!) { unsetEventListeners(input: $input) {
  eventListeners { objectType changeTypes integrationName } userErrors { message } userWarnings { message } } }"""
# Without `object`: an event is a hint, and the truth is fetched when it is followed.
_EVENTS = """query Events($limit: Int!) { events(limit: $limit) {
  id objectType changeType objectReference createdAt store { id } market { id } } }"""
_EVENTS_ALONE = """query Events($limit: Int!) { events(limit: $limit) {
  id objectType changeType objectReference createdAt } }"""
_CONFIRM = """mutation Confirm($ids: [Int!]!) { confirmEvents(input: {eventsIds: $ids}) {
  userErrors { message } userWarnings { message } } }"""
_OBJECT_TYPES = 'query EventObjectTypes { __type(name: "EventObjectType") { enumValues { name } } }'

DOCUMENTS = (_LISTENERS, _LISTEN, _UNLISTEN, _EVENTS, _EVENTS_ALONE, _CONFIRM, _OBJECT_TYPES)

# For these, COMPLETED comes in place of UPDATED when they are done; nothing else has it.
COMPLETING = frozenset({"Order", "Shipment", "Return", "PurchaseOrder", "PurchaseOrderDelivery"})
_ALWAYS = frozenset({"CREATED", "UPDATED", "DELETED", "DEPENDENT_DATA_CHANGED"})

Wanted = Mapping[str, Sequence[str] | None]


class EventsUnavailableError(CentraError):
    """The instance has no event queue for this token: not switched on, no permission, or no integration name."""

    code = "CENTRA_EVENTS_UNAVAILABLE"
    remedy = (
        "Ask Centra to switch the event system on, and use a token with an integration name and the permissions "
        "Event:read and Event:write. Until then sweeps and webhooks do the work; `events: false` ends this."
    )


@dataclass(frozen=True)
class EventListener:
    """An object type that this integration hears of, and the changes of it."""

    object_type: str
    change_types: frozenset[str]
    integration: str

    @property
    def is_whole(self) -> bool:
        """Whether it hears of every kind of change that its type has."""
        completing = {"COMPLETED"} if self.object_type in COMPLETING else set()
        return self.change_types >= _ALWAYS | completing


@dataclass(frozen=True)
class CentraEvent:
    """That an object changed. `reference` is its id, for orders the number; ids of events grow with time."""

    id: int
    object_type: str
    change_type: str
    reference: str
    created_at: datetime
    store_id: int | None = None
    market_id: int | None = None


class EventQueue:
    """The queue of the token's integration name; every process with that name takes from the same one.

    Each call raises EventsUnavailableError where there is no queue, and transient CentraErrors. None waits longer
    than `patience_seconds`.
    """

    def __init__(self, client: BlockingClient, *, confirm_batch: int = 100, patience_seconds: float = 15.0) -> None:
        self._client = client
        self._confirm_batch = confirm_batch
        self._patience = patience_seconds
        self._document = _EVENTS

    def object_types(self) -> frozenset[str]:
        """The types that this instance has events of; its version may know fewer than ours."""
        found = self._ask(_OBJECT_TYPES)["__type"]
        if found is None:
            raise EventsUnavailableError("The instance's schema has no events.")
        return frozenset(str(value["name"]) for value in found["enumValues"])

    def listeners(self) -> list[EventListener]:
        """Who listens under the integration's name."""
        return _listeners(self._ask(_LISTENERS)["eventListeners"])

    def listen(self, wanted: Wanted) -> list[EventListener]:
        """Adds change types (None: all of the type) to those heard of; doing it twice is doing it once."""
        return self._set(_LISTEN, "setEventListeners", wanted)

    def unlisten(self, unwanted: Wanted) -> list[EventListener]:
        """Stops hearing of change types (None: all). Centra deletes the waiting events of those types."""
        return self._set(_UNLISTEN, "unsetEventListeners", unwanted)

    def read(self, limit: int) -> list[CentraEvent]:
        """The oldest events that wait, oldest first; the same ones again until they are confirmed."""
        try:
            found = self._ask(self._document, limit=limit)["events"]
        except EventsUnavailableError as error:
            if self._document is _EVENTS_ALONE or not _only_surroundings(error.__cause__):
                raise
            # Stores and markets may be closed to the token; events need them for nothing but show.
            self._document = _EVENTS_ALONE
            return self.read(limit)
        try:
            return [_event(entry) for entry in found]
        except (KeyError, TypeError, ValueError) as problem:
            raise ResponseShapeError(f"An event has another shape: {type(problem).__name__}.") from None

    def confirm(self, ids: Sequence[int]) -> None:
        """Takes events off the queue for good. Ids that are not on it are no error."""
        for place in range(0, len(ids), self._confirm_batch):
            self._ask(_CONFIRM, ids=list(ids[place : place + self._confirm_batch]))

    def _set(self, document: str, field: str, changes: Wanted) -> list[EventListener]:
        named = [
            {"objectType": object_type} | ({} if change_types is None else {"changeTypes": list(change_types)})
            for object_type, change_types in changes.items()
        ]
        return _listeners(self._ask(document, input=named)[field]["eventListeners"])

    def _ask(self, document: str, **variables: Any) -> Any:
        with _missing_queue():
            answer = self._client.execute(
                document, variables, priority=Priority.REAL_TIME, patience_seconds=self._patience
            )
        return answer.data


@contextmanager
def _missing_queue() -> Iterator[None]:
    """What Centra answers where there is no queue: a field or type it lacks, a permission, a missing name."""
    try:
        yield
    except (RequestRefusedError, PermissionDeniedError) as error:
        raise EventsUnavailableError(f"Centra refuses its event queue: {error.cause}") from error


def _only_surroundings(error: BaseException | None) -> bool:
    """Whether nothing was refused but the store and the market of an event."""
    named = {part for denial in getattr(error, "denials", ()) for part in denial.path}
    return isinstance(error, PermissionDeniedError) and bool(named & {"store", "market"})


def _listeners(entries: Sequence[Mapping[str, Any]]) -> list[EventListener]:
    return [
        EventListener(str(entry["objectType"]), frozenset(entry["changeTypes"]), str(entry["integrationName"]))
        for entry in entries
    ]


def _event(entry: Mapping[str, Any]) -> CentraEvent:
    created_at = datetime.fromisoformat(entry["createdAt"])
    if created_at.tzinfo is None:
        raise ValueError("an instant without an offset")
    store, market = entry.get("store"), entry.get("market")
    return CentraEvent(
        id=int(entry["id"]),
        object_type=str(entry["objectType"]),
        change_type=str(entry["changeType"]),
        reference=str(entry["objectReference"]),
        created_at=created_at,
        store_id=None if store is None else int(store["id"]),
        market_id=None if market is None else int(market["id"]),
    )
