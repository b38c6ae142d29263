"""What every sweep works with: its surroundings, how it is set, what came of it. The strategies are beside it."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from centra_assets.assets.queries import attribute_paths_to_drop
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Query
from centra_assets.centra.paging import Page
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import WHOLE, Axis, Entity, TransformContext
from centra_assets.errors import CentraAssetsError
from centra_assets.storage.lake import Lake
from centra_assets.storage.sync_state import SyncState
from centra_assets.storage.warehouse import CollapseGuard, Warehouse
from centra_assets.sync.apply import Applied, Within, apply
from centra_assets.sync.comparison import Comparison
from centra_assets.sync.partitioning import frame_of, keys_of, placed
from centra_assets.sync_config import EntitySync, Strategy

# What sweeps write as `source` in the lake.
SOURCE = "sweep"
DATED = (Axis.DAY, Axis.MONTH)
NEVER_LOADED = "nothing was ever loaded: materialize it first, then sweeps keep it fresh"


class SweepError(CentraAssetsError):
    """A sweep cannot be made as it is set."""

    code = "SWEEP_IMPOSSIBLE"
    remedy = "Choose another strategy for the entity in sync.yaml; docs/sweeps.md says which entity can have which."


@dataclass(frozen=True)
class Setting:
    """How an entity is swept. `overlap` is read again behind the watermark; `window_days` only for `window`."""

    strategy: Strategy
    overlap: timedelta = timedelta(minutes=10)
    window_days: int = 14


def setting_from(settings: EntitySync) -> Setting | None:
    """What sync.yaml says of an entity; None when it is not swept."""
    sweep = settings.sweep
    return None if sweep.strategy is Strategy.NONE else Setting(sweep.strategy, sweep.overlap, sweep.window_days)


@dataclass(frozen=True)
class Surroundings:
    """Where sweeps read and write, and for which run."""

    client: BlockingClient
    lake: Lake
    warehouse: Warehouse
    state: SyncState
    calendar: Calendar
    run_id: str
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(__name__))

    @property
    def context(self) -> TransformContext:
        """What transforms are told."""
        return TransformContext(time_zone=self.calendar.zone)

    def prepared(self, entity: Entity, question: Callable[..., Query | None]) -> PreparedQuery | None:
        """The question about an entity, for this instance; None where Centra cannot be asked it."""
        query = question(entity, drop_paths=attribute_paths_to_drop(self.client, entity))
        return None if query is None else self.client.prepare(query)


@dataclass
class Outcome:
    """What a sweep or a reconciliation of one entity did, also when it failed on the way."""

    entity: Entity
    strategy: str
    read: int = 0
    requests: int = 0
    complexity: int = 0
    seconds: float = 0.0
    applied: Applied = field(default_factory=Applied)
    is_finished: bool = True
    # What a reconciliation found, by what was the matter.
    found: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    error: CentraAssetsError | None = None

    def add(self, applied: Applied) -> None:
        """Takes in what was applied."""
        self.applied = self.applied.and_then(applied)

    @property
    def changed(self) -> int:
        """Rows of core that came, changed or went."""
        counts = [counts for partitions in self.applied.tables.values() for counts in partitions.values()]
        return sum(count.inserted + count.updated + count.deleted for count in counts)

    def detail(self) -> dict[str, Any]:
        """Its counts, for the mark and for the UI. No value out of a record."""
        told: dict[str, Any] = {
            "read": self.read,
            **self.found,
            "raw_records": sum(self.applied.raw.values()),
            "rows_changed": self.changed,
            "requests": self.requests,
            "complexity": self.complexity,
            "seconds": round(self.seconds, 3),
        }
        if self.notes:
            told["notes"] = list(self.notes)
        if self.error is not None:
            told["error"] = self.error.code
        return told

    def line(self) -> str:
        """One line for a log."""
        about = f"{self.entity.name} by {self.strategy}"
        counts = (
            f"{self.read} records read, {sum(self.applied.raw.values())} new in raw, "
            f"{self.changed} rows changed in core, {self.requests} requests, {self.complexity} points, "
            f"{self.seconds:.1f} s"
        )
        told = [f"failed: {self.error.code}"] if self.error else [] if self.is_finished else ["not finished"]
        return "; ".join([f"{about}: {counts}", *told, *self.notes])


class Sweep:
    """One entity's sweep under way: reads pages as rows of the lake, applies what is new, keeps the counts."""

    def __init__(self, entity: Entity, around: Surroundings, setting: Setting) -> None:
        self.entity, self.around, self.setting = entity, around, setting
        # Nothing that a sweep finds is newer than this, and nothing older than this is missed.
        self.began_at = datetime.now(UTC)
        self.outcome = Outcome(entity, str(setting.strategy))

    def keys_to_ask(self) -> list[str]:
        """The keys to ask one by one: ids of stores, pricelists, warehouses; WHOLE for all other entities."""
        return keys_of(self.entity, self.around.warehouse) if self.is_keyed else [WHOLE]

    @property
    def is_keyed(self) -> bool:
        """Whether Centra is asked for one key after the other."""
        return self.entity.axis not in (Axis.NONE, *DATED)

    def asked(self, key: str) -> dict[str, Any]:
        """The variable that narrows a question to a key, if there are keys."""
        return {"key": int(key)} if self.is_keyed else {}

    def rows(self, query: PreparedQuery, variables: Mapping[str, Any], key: str) -> Iterator[tuple[Page, pl.DataFrame]]:
        """The pages of one reading, and their records as rows of the lake with `partition`.

        Records from before the merchant's first day are in no partition, and so in no row.
        """
        for _, page in self.around.client.stream(query, [variables]):
            self.outcome.read += len(page.ids)
            yield page, placed(self.entity, frame_of(page, source=SOURCE), self.around.calendar, key)

    def apply(self, rows: pl.DataFrame, *, within: Within | None = None, guard: CollapseGuard | None = None) -> None:
        """Brings rows into raw and core."""
        options: dict[str, Any] = {} if guard is None else {"guard": guard}
        self.outcome.add(
            apply(
                self.entity,
                rows,
                lake=self.around.lake,
                warehouse=self.around.warehouse,
                context=self.around.context,
                run_id=self.around.run_id,
                source=SOURCE,
                within=within,
                **options,
            )
        )

    def held(self, partitions: Sequence[str]) -> Comparison:
        """What we have of these partitions, to be compared."""
        return Comparison(self.entity, partitions, self.around.lake, self.around.warehouse)

    def apply_found(self, rows: pl.DataFrame) -> None:
        """Brings records that were asked for by id into raw and core."""
        self.outcome.read += rows.height
        if rows.height:
            self.apply(rows)

    def was_loaded(self) -> bool:
        """Whether there is anything to keep fresh; a note says so where there is not."""
        loaded = bool(self.around.lake.partitions(self.entity.name))
        if not loaded:
            self.note(NEVER_LOADED)
        return loaded

    def note(self, text: str) -> None:
        """Something that whoever reads the run should know."""
        self.outcome.notes.append(text)


def measured(sweep: Sweep, work: Callable[[], None]) -> Outcome:
    """Does a sweep's work with its price counted; an error of ours is kept with what was done until then."""
    started = time.monotonic()
    with sweep.around.client.measure(sweep.entity.name) as stats:
        try:
            work()
        except CentraAssetsError as error:
            sweep.outcome.error, sweep.outcome.is_finished = error, False
    sweep.outcome.requests, sweep.outcome.complexity = stats.requests, stats.complexity
    sweep.outcome.seconds = time.monotonic() - started
    return sweep.outcome


def keys_between(entity: Entity, calendar: Calendar, begin: datetime | None, end: datetime) -> list[str]:
    """The days or months that the time from `begin` to `end` touches, none before the merchant's first one."""
    first = calendar.start if begin is None else max(calendar.start, begin.astimezone(calendar.zone).date())
    last = end.astimezone(calendar.zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if entity.axis is Axis.MONTH:
        days = [day.replace(day=1) for day in days]
    return [day.isoformat() for day in dict.fromkeys(days)]


def is_collapse(gone: int, known: int, guard: CollapseGuard) -> bool:
    """Whether so much is missing that the answer is rather to be doubted than believed."""
    emptied = gone == known > 0 and not guard.may_empty
    return emptied or guard.refuses(gone, known)


def first_of(moments: Sequence[datetime | None]) -> datetime | None:
    """The earliest of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
