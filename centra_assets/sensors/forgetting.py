"""Asks for a run when somebody is to be forgotten: by a request that is due, or because Centra has anonymised them."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.requests import due
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.sensors.runs import unfinished

OP = "forget"
# Work that failed is asked for again after this long, not at once and for ever.
_ASK_AGAIN = timedelta(minutes=15)


def build_forgetting_sensor(job: dg.JobDefinition) -> dg.SensorDefinition:
    """A sensor that asks for one run of `job`, while no such run is under way."""

    @dg.sensor(
        name="forgetting",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Forgets customers whom Centra has anonymised, and carries out requests that are due.",
    )
    def asks(
        context: dg.SensorEvaluationContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs_count(unfinished(job.name)):
            return dg.SkipReason(f"{job.name} is under way.")
        store = warehouse.open()
        waiting = store.transact(due)
        forgetting = Forgetting(lake.open(), store, warehouse.database_url)
        newest, has_changes = forgetting.customers_loaded(int(context.cursor or 0))
        # The cursor is the load up to which nobody was found: a large table is not searched at every tick.
        anonymised = forgetting.anonymised(1) if has_changes or not context.cursor else []
        if not anonymised:
            context.update_cursor(str(newest))
        if not waiting and not anonymised:
            return dg.SkipReason("Nobody is to be forgotten.")
        request = waiting[0] if waiting else None
        about = f"{request.id}-{request.state}-{len(request.steps)}" if request else f"customer-{anonymised[0]}"
        period = int(datetime.now(UTC).timestamp() // _ASK_AGAIN.total_seconds())
        return dg.RunRequest(
            run_key=f"forget-{about}-{period}",
            run_config=dg.RunConfig(ops={OP: {"config": {"anonymised": True}}}),
        )

    return asks
