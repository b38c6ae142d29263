"""Asks for a run when loads have made days of marts stale that nobody takes care of. Days are computed by the run."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.assets.quarantine import blocked_days, in_words, sources_of
from centra_assets.calendar import Calendar
from centra_assets.jobs import AssetJob
from centra_assets.marts.model import Mart
from centra_assets.marts.refresh import StaleDay, drop, stale_days
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.backing_off import passed_over, pause
from centra_assets.sensors.runs import unfinished
from centra_assets.storage.warehouse import Warehouse

# What an incremental sync has just loaded it also refreshes; the sensor takes what nobody took.
_SETTLED = timedelta(seconds=10)
# Days that a tick looks at; the run takes all there are.
_DAYS = 366
# Work that failed is asked for again after this long, not at once and for ever.
_ASK_AGAIN = timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(hours=6)


def build_stale_marts_sensor(
    job: AssetJob,
    marts: Sequence[Mart],
    calendar: Calendar,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """A sensor that asks for one run of `job` for all stale days, while no such run is under way."""

    @dg.sensor(
        name="stale_marts",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Computes days of marts again that a change in core, late or not, has made stale.",
    )
    def stale_marts(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs_count(unfinished(job.name)):
            return dg.SkipReason(f"{job.name} is under way.")
        store = warehouse.open()
        oldest: list[int] = []
        waiting: list[str] = []
        try:
            for mart in marts:
                found = _stale(context, store, mart, calendar)
                blocked = blocked_days(sources_of(mart), [stale.day for stale in found], store)
                waiting += [f"{mart.asset}: {in_words(blocked)}"] if blocked else []
                oldest += [stale.oldest for stale in found if stale.day not in blocked]
        except Exception as error:
            return passed_over(error)
        if not oldest:
            return dg.SkipReason(" ".join(waiting) or "No day of a mart is stale.")
        why_not = pause(context.instance, job.name, clock(), first=_ASK_AGAIN, longest=_LONGEST_PAUSE)
        if why_not:
            return dg.SkipReason(why_not)
        period = int(clock().timestamp() // _ASK_AGAIN.total_seconds())
        # The oldest note goes when its day was loaded: the same key is the same work, not yet done.
        return dg.RunRequest(run_key=f"stale-{min(oldest)}-{period}")

    return stale_marts


def _stale(context: dg.SensorEvaluationContext, store: Warehouse, mart: Mart, calendar: Calendar) -> Sequence[StaleDay]:
    """The stale days that the mart has. What lies before its first one is forgotten."""
    found = stale_days(store, mart, _DAYS, settled=_SETTLED)
    # A day that has not begun by our clock may have by Centra's; its note waits for it.
    outside = {stale.day for stale in found if stale.day < calendar.start.isoformat()}
    if outside:
        count = drop(store, mart, outside)
        context.log.info(f"{mart.asset}: {count} stale days lie before its first partition and were dropped.")
    return [stale for stale in found if calendar.has_day(stale.day)]
