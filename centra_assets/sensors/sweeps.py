"""The sensor `sweeps`: which entities are due, and one run for all of them. What a sweep does is in sync."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import dagster as dg

from centra_assets.jobs import AssetJob
from centra_assets.resources.storage import WarehouseResource
from centra_assets.rhythm import shortly
from centra_assets.sensors.backing_off import passed_over
from centra_assets.sensors.runs import unfinished
from centra_assets.storage.sync_state import Mark, SweepRequest, SyncState
from centra_assets.sync_config import Strategy, SyncConfig

OP = "sweep_entities"

# A sweep that somebody asked for and that its run did not settle is asked for again after this.
ASK_AGAIN = timedelta(minutes=5)
# Nobody has mended a token or a permission before; whoever has may start the sweep by hand.
AFTER_PERMANENT_FAILURE = timedelta(hours=1)

_EVERY_SECONDS = 30


@dataclass(frozen=True)
class Asked:
    """When a run was last requested for an entity, and which wish of somebody's it took along (0: none yet).

    `whole_at` is when it was last requested for all of the entity, if that was another time.
    """

    at: datetime
    wish: int = 0
    whole_at: datetime | None = None

    def again(self, now: datetime, entry: "Due") -> "Asked":
        """The same, after one more request. One for single partitions does not put off the whole."""
        return Asked(now, entry.wish, None if entry.is_whole else self.whole_at or self.at)


_NEVER = Asked(datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Due:
    """An entity to sweep now. Its slot stays the same until it was swept, or asked for in vain for its whole pause.

    Where only single partitions of it are wished for, it is not whole: any run takes those along.
    """

    entity: str
    slot: str
    wish: int = 0
    is_whole: bool = True


def due(
    config: SyncConfig,
    marks: Sequence[Mark],
    wishes: Sequence[SweepRequest],
    asked: Mapping[str, Asked],
    now: datetime,
) -> list[Due]:
    """The entities to sweep, in the order of the settings: those whose time has come, and those somebody asked for.

    After downtime everything is due at once and nothing more than once: a sweep goes on from its own mark. One that
    fails is asked for again after its interval, not at every tick; one that failed for good after an hour at least.
    """
    newest = {entity: max(wish.id for wish in of) for entity, of in groupby(_sorted(wishes), lambda wish: wish.entity)}
    wished_whole = {wish.entity for wish in wishes if not wish.partition}
    checked = {(mark.entity, mark.strategy): mark for mark in marks if not mark.partition}
    found = []
    for entity, settings in config.entities.items():
        before = asked.get(entity)
        mark = checked.get((entity, str(settings.sweep.strategy)))
        last = mark.checked_at if mark else None
        every = None if settings.sweep.strategy is Strategy.NONE else settings.sweep.every
        if every is not None and mark is not None and mark.has_failed:
            every = max(every, AFTER_PERMANENT_FAILURE)
        pauses = [moment for moment in (last, (before.whole_at or before.at) if before else None) if moment]
        is_due = every is not None and all(now - moment >= every for moment in pauses)
        if entity in newest and (before is None or newest[entity] > before.wish or now - before.at >= ASK_AGAIN):
            slot = f"wish {newest[entity]}, {_count(now, ASK_AGAIN)}"
            found.append(Due(entity, slot, newest[entity], is_whole=is_due or entity in wished_whole))
        elif is_due and every is not None:
            slot = f"{last.isoformat() if last else 'never'}, {_count(now, every)}"
            found.append(Due(entity, slot, before.wish if before else 0))
    return found


def _sorted(wishes: Sequence[SweepRequest]) -> list[SweepRequest]:
    return sorted(wishes, key=lambda wish: wish.entity)


def _count(now: datetime, pause: timedelta) -> int:
    """The number of the pause that `now` lies in, counted from the epoch."""
    return int(now.timestamp() // pause.total_seconds())


def run_key(entities: Sequence[Due]) -> str:
    """The same for the same work not yet done, so that Dagster asks once; another one for anything else."""
    text = json.dumps([[entry.entity, entry.slot] for entry in entities])
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def remembered(cursor: str | None) -> dict[str, Asked]:
    """What the ticks before this one asked for; nothing where the cursor is not one of ours."""
    try:
        told = json.loads(cursor or "{}")
        return {entity: _asked(*entry) for entity, entry in told.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def cursor_of(asked: Mapping[str, Asked]) -> str:
    """The cursor that `remembered` reads."""
    return json.dumps({entity: _written(entry) for entity, entry in sorted(asked.items())})


def _written(asked: Asked) -> list[str | int]:
    whole = [asked.whole_at.isoformat()] if asked.whole_at else []
    return [asked.at.isoformat(), asked.wish, *whole]


def _asked(at: str, wish: int, whole_at: str | None = None) -> Asked:
    return Asked(datetime.fromisoformat(at), int(wish), datetime.fromisoformat(whole_at) if whole_at else None)


def build_sweep_sensor(
    job: AssetJob, config: SyncConfig, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """A sensor that asks for one run of `job` for all entities that are due, while no such run is under way."""

    @dg.sensor(
        name="sweeps",
        job=job,
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the sweeps that are due by sync.yaml, and for those that somebody asked for.",
    )
    def sweeps(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult | dg.SkipReason:
        now = clock()
        under_way = _under_way(context.instance, job.name)
        if under_way is not None:
            return dg.SkipReason(f"A sweep is under way since {shortly(_whole_seconds(now - under_way))}.")
        state = SyncState(warehouse.database_url)
        try:
            marks, wishes = state.marks(), state.requests()
        except Exception as error:
            return passed_over(error)
        asked = remembered(context.cursor)
        found = due(config, marks, wishes, asked, now)
        if not found:
            return dg.SkipReason("No sweep is due.")
        asked |= {entry.entity: asked.get(entry.entity, _NEVER).again(now, entry) for entry in found}
        request = dg.RunRequest(
            run_key=run_key(found),
            run_config={"ops": {OP: {"config": {"entities": [entry.entity for entry in found if entry.is_whole]}}}},
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor_of(asked))

    return sweeps


def _under_way(instance: dg.DagsterInstance, job_name: str) -> datetime | None:
    """When the oldest unfinished run of the job was made, if there is one."""
    records = instance.get_run_records(unfinished(job_name), limit=1, ascending=True)
    return records[0].create_timestamp if records else None


def _whole_seconds(value: timedelta) -> timedelta:
    return timedelta(seconds=max(0, int(value.total_seconds())))
