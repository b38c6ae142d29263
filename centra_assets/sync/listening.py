"""From Centra's event queue to `ops.inbox`: who is listened to, and what waits there. Nothing is fetched here."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from centra_assets.centra.events import CentraEvent, EventQueue
from centra_assets.entities.hints import EVENTS, targets
from centra_assets.storage.inbox import Delivery, Hint, Inbox, Stored
from centra_assets.sync_config import SyncConfig


def wanted_types(config: SyncConfig) -> frozenset[str]:
    """The object types that any entity with events switched on is told of by."""
    return frozenset(
        object_type
        for object_type, told in EVENTS.items()
        if any(config.heeds(target.entity, "event") for target in told)
    )


@dataclass(frozen=True)
class Listening:
    """What a look at the listeners found: types added, types that this instance lacks, listeners of nobody here."""

    added: Sequence[str] = ()
    missing: Sequence[str] = ()
    foreign: Sequence[str] = ()


def keep_listening(queue: EventQueue, wanted: frozenset[str]) -> Listening:
    """Adds the listeners that are wanted and not there. Removes none: that would delete what waits."""
    known = queue.object_types()
    held = {listener.object_type: listener for listener in queue.listeners()}
    lacking = sorted(kind for kind in wanted & known if kind not in held or not held[kind].is_whole)
    before = {kind: listener.change_types for kind, listener in held.items()}
    after = queue.listen(dict.fromkeys(lacking)) if lacking else []
    return Listening(
        # Types that do not have every kind of change stay incomplete, which is not news.
        added=sorted(entry.object_type for entry in after if before.get(entry.object_type) != entry.change_types),
        missing=sorted(wanted - known),
        foreign=sorted(held.keys() - wanted),
    )


@dataclass
class Drained:
    """What came out of the queue, in numbers. `unknown` counts events by types that no entity stands for."""

    events: int = 0
    stored: Stored = field(default_factory=Stored)
    unknown: Counter[str] = field(default_factory=Counter)
    is_empty: bool = False

    def add(self, events: Sequence[CentraEvent], stored: Stored) -> None:
        """Takes in one reading."""
        self.events += len(events)
        self.stored = Stored(self.stored.new + stored.new, self.stored.repeated + stored.repeated)
        self.unknown.update(event.object_type for event in events if not targets("event", event.object_type))


def drain_events(
    queue: EventQueue,
    inbox: Inbox,
    *,
    channel: str,
    limit: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Drained:
    """Takes events off the queue until it is empty or the time is over; each is on disk before it is confirmed.

    A crash between the two leaves it on the queue: it is read again, recognised, and confirmed then.
    """
    deadline = clock() + seconds
    drained = Drained()
    confirmed: set[int] = set()
    while True:
        events = queue.read(limit)
        if not events:
            drained.is_empty = True
            return drained
        ids = [event.id for event in events]
        if confirmed.issuperset(ids):
            # Centra has not taken them off yet; asking on would only spend the quota.
            return drained
        drained.add(events, inbox.store([delivery(event, channel) for event in events]))
        queue.confirm(ids)
        confirmed.update(ids)
        if clock() >= deadline:
            return drained


def delivery(event: CentraEvent, channel: str) -> Delivery:
    """An event as hints, one for each entity that it speaks of; one for nobody where no entity stands for its type."""
    element = json.dumps(
        {
            "id": event.id,
            "objectType": event.object_type,
            "changeType": event.change_type,
            "objectReference": event.reference,
            "createdAt": event.created_at.isoformat(),
            "storeId": event.store_id,
            "marketId": event.market_id,
        }
    )
    led = [(target.entity, target.via) for target in targets("event", event.object_type)] or [("", "")]
    hints = [Hint(entity, via, event.object_type, event.change_type, event.reference, element) for entity, via in led]
    # An environment that was copied or begun anew counts its events from the beginning.
    told = (event.id, event.created_at.isoformat(), event.object_type, event.change_type, event.reference)
    return Delivery("event", channel, "/".join(map(str, told)), hints, sent_at=event.created_at)
