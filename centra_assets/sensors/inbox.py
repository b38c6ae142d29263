"""The sensor `inbox`: hints that nobody follows ask for a run that does. What following means is in sync."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.errors import CentraAssetsError
from centra_assets.jobs import AssetJob
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.inbox import Inbox

# The daemon looks at its sensors every five seconds: a tick that stays this long hears hints in between.
_WAIT_SECONDS = 4.0
# A run that was asked for so long ago and has not begun is not coming.
_QUEUED_FOR = timedelta(seconds=60)
# A run that began and does not follow hints is still opening what it needs, or is dead, or is just going.
_BEGINNING_FOR = timedelta(seconds=15)

_AWAITED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
)


def build_inbox_sensor(job: AssetJob, *, wait_seconds: float = _WAIT_SECONDS) -> dg.SensorDefinition:
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
        except CentraAssetsError as error:
            if not error.transient:
                raise
            return dg.SkipReason(f"{error} The next tick tries again.")
        coming = _coming(context.instance, job.name, datetime.now(UTC))
        if coming:
            return dg.SkipReason(f"A run for the hints is {coming.value.lower()}.")
        # No run key: hints that come while the last run ends must be able to ask for another one at once.
        return dg.RunRequest()

    return inbox


def _coming(instance: dg.DagsterInstance, job_name: str, now: datetime) -> dg.DagsterRunStatus | None:
    """The state of a run that is about to follow hints, if there is one."""
    statuses: Sequence[dg.DagsterRunStatus] = (*_AWAITED, dg.DagsterRunStatus.STARTED)
    for record in instance.get_run_records(dg.RunsFilter(job_name=job_name, statuses=list(statuses)), limit=10):
        begun = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp
        patience = _QUEUED_FOR if record.dagster_run.status in _AWAITED else _BEGINNING_FOR
        if now - begun < patience:
            return record.dagster_run.status
    return None
