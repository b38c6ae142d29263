"""Ends runs whose process is dead and that nobody else noticed. Runs that give signs of life are left alone.

Dagster's code server watches over the runs it started with a thread that does not survive an outage of the database;
after one, a killed run would stay STARTED and hold its lane until its longest time is over.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import msgspec

from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.signs import signs_of
from centra_assets.sync.alive import SIGNS_TAG

# So many looks without a new sign, a sign being due at every one. Looks do not count across a pause of ours: what did
# not let us look may not have let the run give its signs either.
LOOKS = 8
LONGEST_PAUSE_SECONDS = 90.0


@dataclass(frozen=True)
class Watched:
    """What was last seen of one run: its count of signs, and at how many looks it was the same."""

    signs: int
    looks: int


@dataclass(frozen=True)
class Watch:
    """The sensor's memory."""

    at: float = 0.0
    runs: Mapping[str, Watched] = field(default_factory=dict)


def look(before: Watch, signs: Mapping[str, int], now: float) -> tuple[Watch, list[str]]:
    """The memory after another look, and the runs that were silent at too many of them."""
    is_continued = now - before.at <= LONGEST_PAUSE_SECONDS
    runs = {}
    for run_id, count in signs.items():
        held = before.runs.get(run_id)
        same = is_continued and held is not None and held.signs == count
        runs[run_id] = Watched(count, held.looks + 1 if same and held else 1)
    return Watch(now, runs), [run_id for run_id, watched in runs.items() if watched.looks >= LOOKS]


def judged(runs: Sequence[dg.DagsterRun], signs: Mapping[str, int]) -> dict[str, int]:
    """The signs of those runs that give them; no others can be judged.

    That are all which have given one, and those whose job promises it: what runs otherwise is nobody's business here.
    """
    return {run.run_id: signs.get(run.run_id, 0) for run in runs if SIGNS_TAG in run.tags or run.run_id in signs}


def build_silent_runs_sensor() -> dg.SensorDefinition:
    """The sensor `silent_runs`."""

    @dg.sensor(
        name="silent_runs",
        minimum_interval_seconds=20,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs as failed whose process has given no sign of life for some minutes, so that they do "
        "not keep others waiting.",
    )
    def silent_runs(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SkipReason:
        runs = context.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        before = msgspec.json.decode(context.cursor, type=Watch) if context.cursor else Watch()
        signs = signs_of(warehouse.database_url, [run.run_id for run in runs])
        after, silent = look(before, judged(runs, signs), time.time())
        context.update_cursor(msgspec.json.encode(after).decode())
        for run in runs:
            # One that came to its end while we looked stays as it ended.
            now = context.instance.get_run_by_id(run.run_id) if run.run_id in silent else None
            if now is not None and now.status is dg.DagsterRunStatus.STARTED:
                context.instance.report_run_failed(run, "Its process has given no sign of life for some minutes.")
                context.log.warning(f"run {run.run_id} of {run.job_name} was silent and counts as failed.")
        return dg.SkipReason(f"{len(runs)} runs are under way; {len(silent)} of them were silent and ended.")

    return silent_runs
