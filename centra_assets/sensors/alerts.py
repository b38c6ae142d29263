"""The sensor `alerts`: looks at what is wrong, and sends what there is to tell. What is worth it is in alerts.yaml."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import dagster as dg
import psycopg

from centra_assets.alerts import outbox, store, watch
from centra_assets.alerts.delivery import deliver
from centra_assets.alerts.desk import Look, Outcome, record
from centra_assets.alerts.model import Condition
from centra_assets.alerts.settings import AlertSettings
from centra_assets.alerts.wording import Wording
from centra_assets.errors import CentraAssetsError
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.alert_events import STREAM, Known, newest, read_events, standing
from centra_assets.sensors.alert_instance import KINDS as INSTANCE_KINDS
from centra_assets.sensors.alert_instance import instance_conditions
from centra_assets.storage.failures import translated
from centra_assets.storage.locks import alone

NAME = "alerts"
_EVERY_SECONDS = 20
# Dagster gives a tick 60 s; a message that was begun at the end of the time may take some more.
_READ_SECONDS, _SEND_SECONDS = 10.0, 20.0

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class AlertWatch:
    """All that a tick needs to know beforehand. `owners` are those of the entities, by name."""

    settings: AlertSettings
    wording: Wording
    owners: Mapping[str, str] = field(default_factory=dict)
    token_expires_at: date | None = None
    clock: Clock = lambda: datetime.now(UTC)

    def tick(self, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, url: str) -> str:
        """One look and one round of sending, told in a sentence of counts."""
        with alone(url, "alerts") as is_alone:
            seen = self._look(instance, repository, url) if is_alone else "Another process of ours looks for alerts"
        delivered = deliver(url, self.settings, self.wording, seconds=_SEND_SECONDS, now=self.clock)
        return f"{seen}; {delivered}."

    def _look(self, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, url: str) -> str:
        known, now = Known.of(repository), self.clock()
        with translated(), psycopg.connect(url, application_name="centra_alerts", connect_timeout=10) as connection:
            with connection.cursor() as cursor:
                reading = store.reading(cursor, STREAM)
            # Not within a transaction: Dagster's answers take their time.
            connection.commit()
            look = self._seen(instance, known, reading, now)
            of_dagster, trouble = self._instance_conditions(instance, repository, known, now)
            with connection.transaction(), connection.cursor() as cursor:
                ours = watch.conditions(cursor, self.settings.watch, self.owners, self.token_expires_at, now)
                kinds = watch.KINDS if trouble else watch.KINDS | INSTANCE_KINDS
                look = replace(look, conditions=[*ours, *of_dagster], kinds=kinds)
                outcome = record(cursor, self.settings, STREAM, look, now, self.wording.zone)
                outbox.drop_channels(cursor, self.settings.channels)
        return _summary(self.settings, outcome) + trouble

    def _instance_conditions(
        self, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, known: Known, now: datetime
    ) -> tuple[list[Condition], str]:
        """What Dagster tells of itself. If it does not, all else must be told nevertheless."""
        watched = self.settings.watch.sensor
        try:
            return instance_conditions(instance, repository, known, watched, now, ourselves=NAME), ""
        except Exception as error:
            return [], f", no look at sensors, daemons and freshness ({type(error).__name__})"

    def _seen(self, instance: dg.DagsterInstance, known: Known, reading: store.Reading | None, now: datetime) -> Look:
        end = newest(instance)
        # An event log that was made anew counts from the beginning.
        if reading is None or reading.settled > end:
            return Look(standing(instance, known, now), end, known=known.scopes())
        read = read_events(instance, known, reading.settled, seconds=_READ_SECONDS, clock=time.monotonic)
        return Look(read.events, read.seen, read.is_whole, known.scopes())


def _summary(settings: AlertSettings, outcome: Outcome) -> str:
    told = f"{outcome.standing} alerts stand, {len(outcome.notices)} news"
    return told if settings.channels else f"{told}, no channel is set"


def build_alerts_sensor(alerts: AlertWatch) -> dg.SensorDefinition:
    """The sensor. It asks for no runs."""

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes alerts of failed runs, failing checks, stale assets, quarantine, waiting hints, throttling, "
        "the token's end and dead sensors, as alerts.yaml says, and sends them; `centra-assets alerts` shows them.",
    )
    def alerts_sensor(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SkipReason:
        repository = context.repository_def
        if repository is None:
            return dg.SkipReason("Without a repository there is nothing to watch.")
        try:
            return dg.SkipReason(alerts.tick(context.instance, repository, warehouse.database_url))
        except CentraAssetsError as error:
            if not error.transient:
                raise
            return dg.SkipReason(f"{error} The next tick tries again.")

    return alerts_sensor
