"""The job `refresh_stale_days`: exactly the days of marts that are noted as stale, of whatever age. No figures here."""

from collections.abc import Iterator, Sequence

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.quarantine import blocked_days, in_words, sources_of
from centra_assets.calendar import Calendar
from centra_assets.marts.model import Mart
from centra_assets.marts.refresh import refresh, stale
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.alive import watched
from centra_assets.sync.telling import held_back, mart_materializations

REFRESH_STALE_DAYS = "refresh_stale_days"

# One statement computes so many days together; the next one takes the next.
_DAYS_AT_ONCE = 366


def build_stale_days_job(marts: Sequence[Mart], calendar: Calendar) -> dg.JobDefinition:
    """The job. Stale days lie scattered over years, and a run of ranges would compute all that lies between."""

    @dg.op(
        description="Computes the stale days of every mart until none is left, and tells of those that changed.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def compute_stale_days(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
        store = warehouse.open(context.run)
        with failures_told_apart():
            for mart in marts:
                for event in _refreshed(mart, store, calendar, context):
                    context.log_event(event)

    # A process for the step would cost as much as the run itself.
    @dg.job(
        name=REFRESH_STALE_DAYS,
        description="Computes the days of marts that a load has made stale. Started by the sensor `stale_marts`.",
        tags={"centra_assets/lane": "marts", **watched(1800)},
        executor_def=living_process,
    )
    def job() -> None:
        compute_stale_days()

    return job


def _refreshed(
    mart: Mart, store: Warehouse, calendar: Calendar, context: dg.OpExecutionContext
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    done: set[str] = set()
    while True:
        # A day that becomes stale again meanwhile is the next run's: this one has an end.
        days = [day for day in stale(store, mart, _DAYS_AT_ONCE + len(done)) if calendar.has_day(day)]
        days = [day for day in days if day not in done]
        if not days:
            return
        done.update(days)
        blocked = blocked_days(sources_of(mart), days, store)
        if blocked:
            # They stay noted: the first run after the quarantine was emptied computes them.
            context.log.warning(f"{mart.asset}: {in_words(blocked)}")
            yield held_back(mart, blocked)
        days = [day for day in days if day not in blocked]
        if not days:
            continue
        report = refresh(store, mart, days, run_id=context.run_id)
        context.log.info(f"{mart.asset}: {len(days)} days, {report.tables[mart.name]} in {report.seconds:.2f} s.")
        yield from mart_materializations(mart, report)
