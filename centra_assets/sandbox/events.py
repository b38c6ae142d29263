"""Event queues, one per integration name: oldest unconfirmed first, until confirmed. Queries read them elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from centra_assets.sandbox.data.world import Change, World
from centra_assets.sandbox.records import Event, EventListener

CHANGE_TYPES = ("CREATED", "UPDATED", "COMPLETED", "DELETED", "DEPENDENT_DATA_CHANGED")
# For these, the event that completes them is COMPLETED in place of UPDATED; no other kind has it.
COMPLETING = frozenset({"Order", "Shipment", "Return", "PurchaseOrder", "PurchaseOrderDelivery"})


class EventQueues:
    """Every integration's listeners and waiting events. Switched off, an instance answers but queues nothing."""

    def __init__(self, world: World) -> None:
        self.enabled = True
        self._world = world
        self._listeners: dict[str, dict[str, EventListener]] = {}
        self._queues: dict[str, dict[int, Event]] = {}
        self._last_id = 0

    def hear(self, change: Change) -> None:
        """Queue a change for each integration that listens to it."""
        if not self.enabled:
            return
        change_type = change.change_type
        if change_type == "COMPLETED" and change.object_type not in COMPLETING:
            change_type = "UPDATED"
        for integration, listeners in self._listeners.items():
            listener = listeners.get(change.object_type)
            if listener is not None and change_type in listener.changeTypes:
                self._last_id += 1
                self._queues.setdefault(integration, {})[self._last_id] = self._event(change, change_type)

    def waiting(self, integration: str) -> Sequence[Event]:
        """Unconfirmed events, oldest first."""
        return list(self._queues.get(integration, {}).values())

    def listeners(self, integration: str) -> Sequence[EventListener]:
        return list(self._listeners.get(integration, {}).values())

    def listen(self, integration: str, object_type: str, change_types: Iterable[str] | None, now: datetime) -> None:
        """Add change types to those listened to; None adds all of them."""
        listeners = self._listeners.setdefault(integration, {})
        listener = listeners.setdefault(object_type, EventListener(integration, object_type, [], now, now))
        added = [change for change in (change_types or CHANGE_TYPES) if change not in listener.changeTypes]
        if added:
            listener.changeTypes = [*listener.changeTypes, *added]
            listener.updatedAt = now

    def ignore(self, integration: str, object_type: str, change_types: Iterable[str] | None, now: datetime) -> None:
        """Stop listening, and drop the waiting events of those types."""
        listener = self._listeners.get(integration, {}).get(object_type)
        if listener is None:
            return
        dropped = set(change_types or CHANGE_TYPES)
        listener.changeTypes = [change for change in listener.changeTypes if change not in dropped]
        listener.updatedAt = now
        if not listener.changeTypes:
            del self._listeners[integration][object_type]
        queue = self._queues.get(integration, {})
        for event in list(queue.values()):
            if event.objectType == object_type and event.changeType in dropped:
                del queue[event.id]

    def confirm(self, integration: str, ids: Iterable[int]) -> tuple[list[Event], list[int]]:
        """Take events off the queue. Returns those, and the ids that were not on it."""
        queue = self._queues.get(integration, {})
        confirmed: list[Event] = []
        unknown: list[int] = []
        for event_id in dict.fromkeys(ids):
            event = queue.pop(event_id, None)
            confirmed.append(event) if event is not None else unknown.append(event_id)
        return confirmed, unknown

    def _event(self, change: Change, change_type: str) -> Event:
        def now_there() -> Any:
            table = self._world.tables.get(change.object_type)
            return None if table is None or change_type == "DELETED" else table.get(change.reference)

        return Event(
            id=self._last_id,
            objectType=change.object_type,
            changeType=change_type,
            objectReference=change.reference,
            createdAt=change.at,
            store=self._of("Store", change.store_id),
            market=self._of("Market", change.market_id),
            object=now_there,
        )

    def _of(self, table_name: str, key: int | None) -> Any:
        return None if key is None else self._world.tables[table_name].get(key)
