"""`sync.yaml`: how each entity is kept fresh, as typed settings. Reading the files is in sync_file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from centra_assets.centra.buckets import Priority
from centra_assets.entities.model import Axis, Entity
from centra_assets.rhythm import cron, duration, longest_pause, shortly

# Centra asks to be polled about once a minute; below this a sweep is only a way to spend the quota.
SHORTEST_INTERVAL = timedelta(seconds=30)

# What a sweep may be late without a word.
_GRACE = timedelta(minutes=15)

# They have an updatedAt, but Centra's API (1.60) has no filter on it.
_UNFILTERED = frozenset({"currencies"})
# Whose movements are a ledger that tells what to fetch again.
_WITH_LEDGER = frozenset({"stock"})


class Strategy(StrEnum):
    """How a sweep finds what no hint told of."""

    UPDATED = "updated"  # by time of change, from the watermark on
    WINDOW = "window"  # whatever was created in the last days, compared
    LEDGER = "ledger"  # what the movements since the mark have touched
    SNAPSHOT = "snapshot"  # everything, compared
    NONE = "none"


def strategies_of(entity: Entity) -> tuple[Strategy, ...]:
    """The strategies that an entity can have."""
    possible = {
        Strategy.UPDATED: entity.updated_at is not None and entity.name not in _UNFILTERED,
        Strategy.WINDOW: entity.axis in (Axis.DAY, Axis.MONTH),
        Strategy.LEDGER: entity.name in _WITH_LEDGER,
    }
    return tuple(strategy for strategy in Strategy if possible.get(strategy, True))


def _not_too_often(value: timedelta) -> timedelta:
    if value < SHORTEST_INTERVAL:
        raise ValueError(f"is {shortly(value)}; at least {shortly(SHORTEST_INTERVAL)}, for the sake of the rate limits")
    return value


def _above_zero(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be above zero, such as 10m: records committed behind the watermark would be lost")
    return value


def _with_cron(value: Any) -> Any:
    # A cron alone is the short form of {cron: ...}.
    return {"cron": value} if isinstance(value, str) else value


Cron = Annotated[str, BeforeValidator(cron)]
Interval = Annotated[timedelta, BeforeValidator(duration), AfterValidator(_not_too_often)]
Overlap = Annotated[timedelta, BeforeValidator(duration), AfterValidator(_above_zero)]
Days = Annotated[StrictInt, Field(ge=1, le=3660)]


class Section(BaseModel):
    """A part of sync.yaml: nothing in it that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SweepSettings(Section):
    """How and how often an entity is swept: `every` or `cron`, neither with the strategy `none`."""

    strategy: Strategy = Strategy.NONE
    every: Interval | None = None
    cron: Cron | None = None
    overlap: Overlap = timedelta(minutes=15)
    window_days: Days = 14


class RefreshSettings(Section):
    """When partitions are read again whole: the last `days` of a daily axis, all of any other."""

    cron: Cron
    days: Days = 14


class ReconcileSettings(Section):
    """When what Centra has and what we have is counted and compared, over the last `days` one by one."""

    cron: Cron
    days: Days = 30


class FreshnessSettings(Section):
    """How long ago the last sweep without a failure may be. What is not given follows from the sweep's rhythm."""

    warn: Interval | None = None
    fail: Interval | None = None

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.warn and self.fail and self.warn >= self.fail:
            raise ValueError(f"warn is {shortly(self.warn)}; it must be shorter than fail, {shortly(self.fail)}")
        return self


@dataclass(frozen=True)
class Limits:
    """After which age something warns, and after which it fails."""

    warn: timedelta
    fail: timedelta


def limits_of(pause: timedelta) -> Limits:
    """What is to be expected of something that happens that often: one miss is worth a warning, two are a failure.

    A sweep waits for the one before it, and takes its time; hence the grace.
    """
    return Limits(pause + max(pause / 4, _GRACE), 2 * pause + max(pause / 4, 3 * _GRACE))


class EntitySync(Section):
    """How one entity is kept fresh. `priority` is that of its sweeps; hints are always followed in real time."""

    webhook: StrictBool = True
    events: StrictBool = True
    sweep: SweepSettings = SweepSettings()
    full_refresh: Annotated[RefreshSettings, BeforeValidator(_with_cron)] | None = None
    reconcile: Annotated[ReconcileSettings, BeforeValidator(_with_cron)] | None = None
    freshness: FreshnessSettings | None = FreshnessSettings()
    priority: Literal["real_time", "backfill"] = "backfill"

    @property
    def asks_at(self) -> Priority:
        """The client's priority for its sweeps."""
        return Priority.REAL_TIME if self.priority == "real_time" else Priority.BACKFILL

    @property
    def limits(self) -> Limits | None:
        """How old the last sweep without a failure may be; None where nobody sweeps, or nobody wants to know."""
        pause = self.sweep.every or (longest_pause(self.sweep.cron) if self.sweep.cron else None)
        if self.freshness is None or pause is None:
            return None
        usual, said = limits_of(pause), self.freshness
        fail = said.fail or max(usual.fail, 2 * (said.warn or timedelta(0)))
        return Limits(said.warn or min(usual.warn, fail / 2), fail)

    @property
    def refreshed_within(self) -> Limits | None:
        """How old the newest materialization may be where partitions are read again whole; None where none are."""
        if self.freshness is None or self.full_refresh is None:
            return None
        return limits_of(longest_pause(self.full_refresh.cron))


class CheckSettings(Section):
    """When checks run by themselves: the cheap ones, those that ask Centra or read everything, and those of rows."""

    standing: Cron | None = None
    nightly: Cron | None = None
    rows: Cron | None = None


class EventSettings(Section):
    """How Centra's event queue is read: how often, how many at once, and whether other listeners are removed."""

    every: Interval = timedelta(seconds=60)
    # Centra's lists bring at most 200.
    limit: Annotated[StrictInt, Field(ge=1, le=200)] = 200
    # Centra names no largest number of events to confirm at once.
    confirm_batch: Annotated[StrictInt, Field(ge=1, le=1000)] = 100
    exclusive: StrictBool = False


class DrainSettings(Section):
    """How long a run that follows hints stays for more of them, and how many it takes at once."""

    linger_seconds: Annotated[StrictInt, Field(ge=0, le=3600)] = 30
    longest_run_seconds: Annotated[StrictInt, Field(ge=10, le=21_600)] = 300
    batch: Annotated[StrictInt, Field(ge=1, le=10_000)] = 500


def _for_ever_or_three_days(value: int) -> int:
    if 0 < value < 3:
        raise ValueError(f"is {value}; 0 keeps for ever, anything else must be 3 days at least")
    return value


# Runs that Dagster may start again or that a backfill waits for are younger than three days; so is whatever repeats a
# delivery, which is recognised by the hint that came first; and every fetch that may still be filling a file.
Age = Annotated[StrictInt, Field(ge=0, le=36_600)]
DaysKept = Annotated[Age, AfterValidator(_for_ever_or_three_days)]


class RetentionSettings(Section):
    """How long what is kept. 0 keeps for ever; without `cron` nothing is ever removed by itself."""

    cron: Cron | None = None
    budget_minutes: Annotated[StrictInt, Field(ge=1, le=300)] = 20
    # Dagster: logs of finished runs; evaluations of checks and materializations that newer ones have replaced.
    run_logs_days: DaysKept = 30
    check_history_days: DaysKept = 90
    asset_events_days: DaysKept = 0
    # ops: hints that were followed, hints that nobody could follow, what was delivered with them; loads.
    inbox_days: DaysKept = 30
    inbox_problem_days: DaysKept = 180
    inbox_element_days: Age = 3
    load_log_days: DaysKept = 400
    alert_days: DaysKept = 180
    # The lake: versions of records that a later reading has replaced.
    raw_days: DaysKept = 30
    # The schema history; single tables may differ.
    history_months: Age = 0
    history_tables: Mapping[str, Age] = {}

    def months_of(self, table: str) -> int:
        """How many months of a table's history are kept."""
        return self.history_tables.get(table, self.history_months)


class SyncConfig(Section):
    """What holds after the project's own file and the merchant's were read: one setting for every entity."""

    events: EventSettings = EventSettings()
    sync: DrainSettings = DrainSettings()
    checks: CheckSettings = CheckSettings()
    retention: RetentionSettings = RetentionSettings()
    entities: Mapping[str, EntitySync]

    def only(self, entities: Sequence[Entity]) -> "SyncConfig":
        """The same for fewer entities."""
        return self.model_copy(update={"entities": {entity.name: self.entities[entity.name] for entity in entities}})

    def of(self, name: str) -> EntitySync:
        """The settings of an entity."""
        return self.entities[name]

    def heeds(self, entity: str, source: Literal["webhook", "event"]) -> bool:
        """Whether hints of this kind about the entity are to be followed; never about entities that are not wired."""
        settings = self.entities.get(entity)
        return settings is not None and (settings.webhook if source == "webhook" else settings.events)
