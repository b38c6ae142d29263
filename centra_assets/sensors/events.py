"""The sensor `events`: takes Centra's event queue into the inbox, about once a minute. Following hints is a run's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Priority
from centra_assets.centra.client import environment_of
from centra_assets.centra.events import EventQueue, EventsUnavailableError
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.backing_off import passed_over
from centra_assets.storage.inbox import Inbox
from centra_assets.storage.locks import alone
from centra_assets.sync.listening import Drained, Listening, drain_events, keep_listening, wanted_types
from centra_assets.sync_config import SyncConfig

# Dagster gives a tick 60 s; what is left after this is taken by the next one.
TICK_SECONDS = 20.0
# How often the listeners are compared, and how often an instance without a queue is asked again.
LOOK_AGAIN = timedelta(hours=1)

Clock = Callable[[], datetime]


@dataclass
class EventPoll:
    """What one process remembers between its ticks: a new process looks at everything afresh, as it should."""

    config: SyncConfig
    clock: Clock = field(default=lambda: datetime.now(UTC))
    listened_at: datetime | None = None
    refused: tuple[datetime, str] | None = None

    def tick(self, queue: EventQueue, inbox: Inbox, channel: str) -> str:
        """One tick's work, told in a sentence of counts."""
        listening = self._listening(queue)
        settings = self.config.events
        drained = drain_events(queue, inbox, channel=channel, limit=settings.limit, seconds=TICK_SECONDS)
        removed: list[str] = []
        # Removing a listener deletes what waits of its types, so not before everything was taken.
        if listening and settings.exclusive and drained.is_empty and listening.foreign:
            queue.unlisten(dict.fromkeys(listening.foreign))
            removed = list(listening.foreign)
        if listening and (drained.is_empty or not settings.exclusive):
            self.listened_at = self.clock()
        return "; ".join([_counts(drained), *_changes(listening, removed)])

    def waits(self) -> str | None:
        """Why an instance that refused its queue is not asked now; None when it may be asked."""
        if self.refused and self.clock() - self.refused[0] < LOOK_AGAIN:
            at, code = self.refused
            return f"{code}, as told at {at:%H:%M} UTC; asked again an hour after that."
        return None

    def _listening(self, queue: EventQueue) -> Listening | None:
        if self.listened_at and self.clock() - self.listened_at < LOOK_AGAIN:
            return None
        return keep_listening(queue, wanted_types(self.config))


def _counts(drained: Drained) -> str:
    stored = drained.stored
    counts = f"{drained.events} events drained, {stored.new} hints new, {stored.repeated} seen before"
    if drained.unknown:
        unknown = ", ".join(f"{number} {kind}" for kind, number in sorted(drained.unknown.items()))
        counts += f", without an entity: {unknown}"
    return counts if drained.is_empty else f"{counts}; more is waiting"


def _changes(listening: Listening | None, removed: list[str]) -> list[str]:
    told = [
        ("now listening to", listening.added if listening else ()),
        ("no longer listening to", removed),
        ("not known to this instance", listening.missing if listening else ()),
    ]
    return [f"{what} {', '.join(kinds)}" for what, kinds in told if kinds]


def build_events_sensor(config: SyncConfig) -> dg.SensorDefinition:
    """The sensor, as often as `events.every` says. It asks for no runs: the inbox's sensor does."""
    poll = EventPoll(config)

    @dg.sensor(
        name="events",
        minimum_interval_seconds=int(config.events.every.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes Centra's event queue into ops.inbox and confirms what is stored there; keeps the listeners.",
    )
    def events(
        context: dg.SensorEvaluationContext, centra: CentraResource, warehouse: WarehouseResource
    ) -> dg.SkipReason:
        if not wanted_types(config):
            return dg.SkipReason("No entity has events switched on in sync.yaml.")
        return dg.SkipReason(poll.waits() or _polled(context, poll, centra, warehouse))

    return events


def _polled(
    context: dg.SensorEvaluationContext, poll: EventPoll, centra: CentraResource, warehouse: WarehouseResource
) -> str:
    channel = environment_of(centra.api_url)
    try:
        # By environment: two tokens of one integration name share a queue, and nothing tells the name beforehand.
        with alone(warehouse.database_url, f"events/{channel}") as is_alone:
            if not is_alone:
                return "Another process of ours is draining the queue."
            with connect(
                url=centra.api_url,
                token=centra.api_token,
                database_url=centra.database_url,
                priority=Priority.REAL_TIME,
                timeout_seconds=15,
                max_attempts=2,
                concurrency=1,
            ) as client:
                queue = EventQueue(client, confirm_batch=poll.config.events.confirm_batch)
                told = poll.tick(queue, Inbox(warehouse.database_url), channel)
        poll.refused = None
        return told
    except EventsUnavailableError as error:
        poll.refused = (poll.clock(), error.code)
        context.log.error(str(error))
        return str(error)
    except Exception as error:
        return str(passed_over(error).skip_message)
