"""The sensor `inbox`: hints that nobody follows ask for a run that does. What following means is in sync."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.jobs import AssetJob
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.backing_off import begun, ended, passed_over, pause
from centra_assets.storage.inbox import Inbox

# The daemon looks at its sensors every five seconds: a tick that stays this long hears hints in between.
_WAIT_SECONDS = 4.0
# A run that was asked for so long ago and has not begun is not coming.
_QUEUED_FOR = timedelta(seconds=60)
# A run that began and does not follow hints is still opening what it needs, or is dead, or is just going.
_BEGINNING_FOR = timedelta(seconds=15)

# After a run that failed as soon as it began, the next one would most likely fail as well: not at every tick.
_AT_ONCE = timedelta(seconds=15)
_AFTER_FAILURE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(minutes=15)

_AWAITED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
)
_UNDER_WAY = (*_AWAITED, dg.DagsterRunStatus.STARTED)


def build_inbox_sensor(
    job: AssetJob, *, wait_seconds: float = _WAIT_SECONDS, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> dg.SensorDefinition:
    """A sensor that asks for a run of `job` when hints are due, nobody follows them, and no such run is coming."""

    @dg.sensor(
        name="inbox",
        job=job,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts following the hints that webhooks and events left in ops.inbox.",
    )
    def inbox(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.RunRequest | dg.SkipReason:
        deadline = time.monotonic() + wait_seconds
        held = Inbox(warehouse.database_url)
        try:
            while not held.waiting().due:
                left = deadline - time.monotonic()
                if left <= 0 or not held.wait_for_hints(left):
                    return dg.SkipReason("No hint is due.")
            if held.is_drained():
                return dg.SkipReason("A run is following the hints.")
        except Exception as error:
            return passed_over(error)
        why_not = _why_not(context.instance, job.name, clock())
        if why_not:
            return dg.SkipReason(why_not)
        # No run key: hints that come while the last run ends must be able to ask for another one at once.
        return dg.RunRequest()

    return inbox


def _why_not(instance: dg.DagsterInstance, job_name: str, now: datetime) -> str:
    """What speaks against asking for a run: one that is about to follow hints, or one that has just failed to."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=10):
        status = record.dagster_run.status
        if now - begun(record) < (_QUEUED_FOR if status in _AWAITED else _BEGINNING_FOR) and status in _UNDER_WAY:
            return f"A run for the hints is {status.value.lower()}."
        if status not in _UNDER_WAY:
            break
    return pause(instance, job_name, now, first=_AFTER_FAILURE, longest=_LONGEST_PAUSE, counts=_failed_as_it_began)


def _failed_as_it_began(record: dg.RunRecord) -> bool:
    """Whether it never came to follow hints. One that did has put those back that failed, each with its own pause."""
    return ended(record) - begun(record) < _AT_ONCE
