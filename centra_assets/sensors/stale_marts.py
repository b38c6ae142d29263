"""Asks for the days of marts that loads have made stale, of whatever age. The days are computed in `marts.refresh`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.calendar import Calendar, contiguous
from centra_assets.entities.model import Axis
from centra_assets.jobs import AssetJob
from centra_assets.marts.model import Mart
from centra_assets.marts.refresh import StaleDay, drop, stale_days
from centra_assets.resources.storage import WarehouseResource

# What an incremental sync has just loaded it also refreshes; the sensor takes what nobody took.
_SETTLED = timedelta(seconds=10)
# Days that a tick asks for at most; the next one asks for the rest.
_DAYS = 366
# Days whose run failed are asked for again after this long, not at once and for ever.
_ASK_AGAIN = timedelta(minutes=15)
_UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def build_stale_marts_sensor(
    job: AssetJob, marts: Sequence[Mart], calendar: Calendar, *, partitions_per_run: int
) -> dg.SensorDefinition:
    """A sensor that asks for runs of `job` over ranges of stale days, while no such run is under way."""

    @dg.sensor(
        name="stale_marts",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Computes days of marts again that a change in core, late or not, has made stale.",
    )
    def stale_marts(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        under_way = dg.RunsFilter(job_name=job.name, statuses=list(_UNFINISHED))
        if context.instance.get_runs_count(under_way):
            return dg.SkipReason(f"{job.name} is under way.")
        store = warehouse.open()
        requests: list[dg.RunRequest] = []
        for mart in marts:
            found = stale_days(store, mart, _DAYS, settled=_SETTLED)
            ours = [stale for stale in found if _is_ours(stale.day, calendar)]
            outside = {stale.day for stale in found} - {stale.day for stale in ours}
            if outside:
                count = drop(store, mart, outside)
                context.log.info(f"{mart.asset}: {count} stale days lie outside of its partitions and were dropped.")
            requests += _requests(mart, ours, partitions_per_run)
        return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("No day of a mart is stale.")

    return stale_marts


def _is_ours(day: str, calendar: Calendar) -> bool:
    return calendar.start.isoformat() <= day <= datetime.now(calendar.zone).date().isoformat()


def _requests(mart: Mart, stale: Sequence[StaleDay], partitions_per_run: int) -> Iterator[dg.RunRequest]:
    """One run per range of neighbouring days."""
    oldest = {found.day: found.oldest for found in stale}
    period = int(datetime.now(UTC).timestamp() // _ASK_AGAIN.total_seconds())
    for days in contiguous(Axis.DAY, list(oldest), at_most=max(1, -(-len(oldest) // partitions_per_run))):
        yield dg.RunRequest(
            # The oldest note goes when its day was loaded: the same key is the same work, not yet done.
            run_key=f"{mart.name}-{days[0]}-{min(oldest[day] for day in days)}-{period}",
            tags={
                "dagster/asset_partition_range_start": days[0],
                "dagster/asset_partition_range_end": days[-1],
            },
        )
