"""The job `retention` and its schedule: removes, part by part, what sync.yaml says is old. How is in `retention`."""

from collections.abc import Sequence

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.calendar import Calendar
from centra_assets.entities.model import Entity
from centra_assets.resources.actors import asked_by
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.retention.carrying_out import Work, carry_out, raise_failures
from centra_assets.retention.event_log import DropOutput
from centra_assets.sync_config import SyncConfig

RETENTION, OP = "retention", "remove_what_is_old"

# Shares its one slot with the runs that read partitions again, and lets whatever else waits go first.
_TAGS = {"centra_assets/lane": "refresh", "dagster/priority": "-10"}


class RetentionConfig(dg.Config):
    """With `rehearse` nothing is removed, and the metadata say what would be."""

    rehearse: bool = False


def build_retention_job(entities: Sequence[Entity], sync: SyncConfig) -> dg.JobDefinition:
    """The job, by the settings of sync.yaml."""

    @dg.op(
        name=OP,
        description="Removes what is older than sync.yaml keeps; a part that fails holds up no other.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def remove_what_is_old(
        context: dg.OpExecutionContext, config: RetentionConfig, lake: LakeResource, warehouse: WarehouseResource
    ) -> None:
        work = Work(
            database_url=warehouse.database_url,
            lake=lake.open(),
            entities=entities,
            policy=sync.retention,
            run_id=context.run_id,
            actor=asked_by(context.run.tags),
            drop_output=output_of(context.instance),
            rehearse=config.rehearse,
        )
        outcomes = []
        with failures_told_apart():
            for outcome in carry_out(work):
                outcomes.append(outcome)
                context.log.info(f"{outcome.part}: {dict(outcome.counts)} in {outcome.seconds:.1f} s.")
                for note in (*outcome.notes, *([outcome.cause] if outcome.cause else [])):
                    context.log.warning(f"{outcome.part}: {note}")
            context.add_output_metadata({key: value for each in outcomes for key, value in each.metadata().items()})
            raise_failures(outcomes)

    # A process for the step would cost as much as the run itself.
    @dg.job(
        name=RETENTION,
        description="Removes old hints, logs of old runs and, where sync.yaml says so, old history, and keeps the "
        "lake's files few. docs/retention.md says what is kept how long.",
        tags=_TAGS,
        executor_def=living_process,
    )
    def job() -> None:
        remove_what_is_old()

    return job


def build_retention_schedules(
    job: dg.JobDefinition, sync: SyncConfig, calendar: Calendar
) -> list[dg.ScheduleDefinition]:
    """The night's schedule; none without a cron in sync.yaml."""
    if sync.retention.cron is None:
        return []
    return [
        dg.ScheduleDefinition(
            name=RETENTION,
            job=job,
            cron_schedule=sync.retention.cron,
            execution_timezone=str(calendar.zone),
            default_status=dg.DefaultScheduleStatus.RUNNING,
            run_config={"ops": {OP: {"config": {"rehearse": False}}}},
            description="Removes what is older than sync.yaml keeps.",
        )
    ]


def output_of(instance: dg.DagsterInstance) -> DropOutput:
    """Removes what runs of the instance wrote to their standard output and left between their steps."""

    def drop(run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            instance.compute_log_manager.delete_logs(prefix=[run_id])

    return drop
