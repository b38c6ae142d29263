"""The job `retry_quarantined`: tries what is in quarantine again, and tells what left it. How is in `retrying`."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES, failed_of, failures_told_apart
from centra_assets.assets.metadata import core_key
from centra_assets.calendar import Calendar
from centra_assets.centra.buckets import Priority
from centra_assets.entities.model import Entity
from centra_assets.resources.actors import asked_by
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.quarantined import SetAside, set_aside
from centra_assets.storage.sync_state import SyncState
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.alive import watched
from centra_assets.sync.retrying import SOURCE, Retried, retry
from centra_assets.sync.sweeping import Surroundings
from centra_assets.sync.telling import materializations

RETRY_QUARANTINED, RETRY_OP = "retry_quarantined", "retry_records"

# What the check of quarantine says of an entity now; checks are made above the jobs, so the job is given it.
Verdict = Callable[[Warehouse, Entity], dg.AssetCheckEvaluation]

_KEYS_TOLD = 20
_LONGEST_SECONDS = 6 * 3600


class RetryConfig(dg.Config):
    """What to try again: these entities and record ids, or all there are; asked for anew, or parsed from the lake."""

    entities: list[str] = []
    ids: list[str] = []
    refetch: bool = True


def build_retry_job(entities: Sequence[Entity], calendar: Calendar, verdict: Verdict) -> dg.JobDefinition:
    """The job, for these entities.

    `verdict` is logged of every entity that was tried or named: who has healed sees green when the run is over, and so
    does the alert, not within the hour when the check comes round by itself.
    """

    @dg.op(
        name=RETRY_OP,
        description="Fetches or parses quarantined records again; says which left and which stayed.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def retry_records(
        context: dg.OpExecutionContext,
        config: RetryConfig,
        centra: CentraResource,
        lake: LakeResource,
        warehouse: WarehouseResource,
    ) -> None:
        # Behind real time, before backfills: a person waits for it.
        with failures_told_apart(), centra.client(Priority.WRITE) as client:
            around = Surroundings(
                client=client,
                lake=lake.open(),
                warehouse=warehouse.open(context.run),
                state=SyncState(warehouse.database_url),
                calendar=calendar,
                run_id=context.run_id,
                log=context.log,
            )
            actor = asked_by(context.run.tags)
            outcomes = [
                _told(context, retry(entity, records, around, refetch=config.refetch, actor=actor))
                for entity, records in _chosen(entities, around, config)
            ]
            if not outcomes:
                context.log.info("Nothing of what was asked for is in quarantine.")
            tried = {outcome.entity.name for outcome in outcomes}
            for entity in entities:
                if entity.name in tried or entity.name in config.entities:
                    context.log_event(verdict(around.warehouse, entity))  # type: ignore[arg-type]  # taken, but not promised
            _raise_failures(outcomes)

    # A process for the step would cost as much as the run itself.
    @dg.job(
        name=RETRY_QUARANTINED,
        description="Tries records in ops.quarantine again, all of them or those of the config: fetches them anew from "
        "Centra, or (refetch: false) parses what the lake has. `centra-assets quarantine retry` starts it, too.",
        tags=watched(_LONGEST_SECONDS),
        executor_def=living_process,
    )
    def job() -> None:
        retry_records()

    return job


def _chosen(
    entities: Sequence[Entity], around: Surroundings, config: RetryConfig
) -> Iterator[tuple[Entity, list[SetAside]]]:
    """The records to try, entity by entity."""
    known = {entity.name: entity for entity in entities}
    held = set_aside(around.warehouse, ids=config.ids or None)
    for name, records in groupby(held, key=lambda record: record.entity):
        if name in known and (not config.entities or name in config.entities):
            yield known[name], list(records)


def _told(context: dg.OpExecutionContext, outcome: Retried) -> Retried:
    """The outcome, in the log and on the assets."""
    (context.log.warning if outcome.stayed or outcome.errors else context.log.info)(outcome.line())
    for event in materializations(
        outcome.entity,
        outcome.applied,
        source=SOURCE,
        requests=outcome.requests,
        complexity=outcome.complexity,
    ):
        context.log_event(event)
    context.log_event(
        dg.AssetObservation(
            core_key(outcome.entity.tables[0].table),
            metadata={
                "records_tried": outcome.tried,
                "records_left_quarantine": len(outcome.left),
                "records_gone": len(outcome.gone),
                "records_stayed": len(outcome.stayed),
                "keys_stayed": [record.record_id for record in outcome.stayed[:_KEYS_TOLD]],
            },
        )
    )
    return outcome


def _raise_failures(outcomes: Sequence[Retried]) -> None:
    """Makes the run fail where some could not be tried; one that stays because it is still broken is no failure."""
    errors = [(outcome.entity.name, error) for outcome in outcomes for error in outcome.errors]
    if errors:
        causes = " ".join(dict.fromkeys(f"{name}: {error}" for name, error in errors))
        raise failed_of([error for _, error in errors], f"Some records could not be tried again. {causes}")
