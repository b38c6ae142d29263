"""The jobs that keep raw and core fresh: `incremental_sync`, `sweep`, `reconcile`. What they do is beside this file."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES, failed_of, failures_told_apart
from centra_assets.assets.metadata import raw_key
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.buckets import Priority
from centra_assets.entities.model import Entity
from centra_assets.marts.model import Mart
from centra_assets.privacy.forgotten import ForgottenList
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.inbox import ClaimedHint, Inbox
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync.account import Account
from centra_assets.sync.alive import watched
from centra_assets.sync.drain import Drained, HintFollower
from centra_assets.sync.reconcile import run_reconciliation
from centra_assets.sync.sweeping import Outcome, Setting, Surroundings, setting_from
from centra_assets.sync.sweeps import run_sweeps
from centra_assets.sync.telling import materializations
from centra_assets.sync_config import SyncConfig

INCREMENTAL_SYNC, SWEEP, RECONCILE = "incremental_sync", "sweep", "reconcile"

# Under traffic, marts and the event log follow this often and not after every batch.
_SETTLE_SECONDS = 2.0
_LONGEST_SWEEP_SECONDS, _LONGEST_RECONCILIATION_SECONDS = 3600, 6 * 3600
# For the last batch of a run that follows hints.
_BEYOND_SECONDS = 600


class FollowConfig(dg.Config):
    """How long the run stays; what is not given is as sync.yaml has it."""

    linger_seconds: float | None = None
    longest_run_seconds: float | None = None


class SweepConfig(dg.Config):
    """What to sweep: these entities, from this moment (ISO 8601) or from their own watermarks."""

    entities: list[str]
    since: str | None = None


class ReconcileConfig(dg.Config):
    """What to reconcile, and how many days of it one by one."""

    entities: list[str]
    days: int = 30


@dataclass(frozen=True)
class SyncJobs:
    """The jobs."""

    incremental: dg.JobDefinition
    sweep: dg.JobDefinition
    reconcile: dg.JobDefinition

    def all(self) -> list[dg.JobDefinition]:
        """Each of them."""
        return [self.incremental, self.sweep, self.reconcile]


def build_sync_jobs(
    entities: Sequence[Entity], calendar: Calendar, sync: SyncConfig, marts: Sequence[Mart] = ()
) -> SyncJobs:
    """The three jobs, for these entities."""
    return SyncJobs(
        incremental=_job(
            INCREMENTAL_SYNC,
            "real_time",
            "Follows the hints in ops.inbox: fetches what they name, and brings it into raw, core and marts. Stays a "
            "while for more of them. Started by the sensor `inbox`.",
            _follow_hints(entities, calendar, sync, marts),
            sync.sync.longest_run_seconds + _BEYOND_SECONDS,
        ),
        sweep=_job(
            SWEEP,
            "sweep",
            "Looks for changes that no hint told of, entity by entity, as sync.yaml says.",
            _sweep_entities(entities, calendar, sync),
            _LONGEST_SWEEP_SECONDS,
        ),
        reconcile=_job(
            RECONCILE,
            "sweep",
            "Compares what Centra has with what we have, and mends the difference.",
            _reconcile_entities(entities, calendar),
            _LONGEST_RECONCILIATION_SECONDS,
        ),
    )


def _job(name: str, lane: str, description: str, work: dg.OpDefinition, longest_seconds: int) -> dg.JobDefinition:
    tags = {
        "centra_assets/lane": lane,
        **({"dagster/priority": "10"} if lane == "real_time" else {}),
        **watched(longest_seconds),
    }

    # A process for the step would cost as much as the run itself.
    @dg.job(name=name, description=description, tags=tags, executor_def=living_process)
    def job() -> None:
        work()

    return job


def _surroundings(
    context: dg.OpExecutionContext,
    client: BlockingClient,
    lake: LakeResource,
    warehouse: WarehouseResource,
    calendar: Calendar,
) -> Surroundings:
    return Surroundings(
        client=client,
        lake=lake.open(),
        warehouse=warehouse.open(context.run),
        state=SyncState(warehouse.database_url),
        calendar=calendar,
        run_id=context.run_id,
        log=context.log,
    )


def _follow_hints(
    entities: Sequence[Entity], calendar: Calendar, sync: SyncConfig, marts: Sequence[Mart]
) -> dg.OpDefinition:
    def is_followed(hint: ClaimedHint) -> bool:
        return sync.heeds(hint.entity, "event" if hint.source == "event" else "webhook")

    # Not tried again by Dagster: hints wait no longer than for the sensor's next tick, and it knows when not to ask.
    @dg.op(description="Follows hints until none has come for a while. Ends at once where another run does it.")
    def follow_hints(
        context: dg.OpExecutionContext,
        config: FollowConfig,
        centra: CentraResource,
        lake: LakeResource,
        warehouse: WarehouseResource,
    ) -> None:
        linger, longest = config.linger_seconds, config.longest_run_seconds
        inbox = Inbox(warehouse.database_url)
        with failures_told_apart(), inbox.drainer(context.run_id) as drainer:
            if drainer is None:
                context.log.info("Another run is following the hints.")
                return
            with centra.client(Priority.REAL_TIME) as client:
                around = _surroundings(context, client, lake, warehouse, calendar)
                _follow(
                    HintFollower(
                        around, entities, listed=ForgottenList(warehouse.database_url), is_followed=is_followed
                    ).batches(
                        drainer,
                        limit=sync.sync.batch,
                        linger=sync.sync.linger_seconds if linger is None else linger,
                        longest=sync.sync.longest_run_seconds if longest is None else longest,
                    ),
                    Account(context, around, marts),
                )

    return follow_hints


def _follow(batches: Iterator[Drained], account: Account) -> None:
    settled = time.monotonic()
    try:
        for drained in batches:
            account.add(drained)
            if not drained.claimed or time.monotonic() - settled >= _SETTLE_SECONDS:
                account.settle()
                settled = time.monotonic()
    finally:
        # What is in core is told, also when the batch after it failed.
        account.settle()
    account.close()


def _sweep_entities(entities: Sequence[Entity], calendar: Calendar, sync: SyncConfig) -> dg.OpDefinition:
    def setting_of(entity: Entity) -> Setting | None:
        return setting_from(sync.of(entity.name))

    @dg.op(
        description="Sweeps the entities one after the other; one that fails holds up no other.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def sweep_entities(
        context: dg.OpExecutionContext,
        config: SweepConfig,
        centra: CentraResource,
        lake: LakeResource,
        warehouse: WarehouseResource,
    ) -> None:
        since = datetime.fromisoformat(config.since) if config.since else None
        chosen = [entity for entity in entities if entity.name in config.entities]
        with (
            failures_told_apart(),
            centra.client(Priority.REAL_TIME) as hasty,
            centra.client() as patient,
        ):
            clients = {Priority.REAL_TIME: hasty, Priority.BACKFILL: patient}
            around = _surroundings(context, patient, lake, warehouse, calendar)
            outcomes = run_sweeps(
                chosen,
                around,
                known=entities,
                setting_of=setting_of,
                client_of=lambda entity: clients[sync.of(entity.name).asks_at],
                since=since,
            )
            _raise_failures(_told(context, outcomes))

    return sweep_entities


def _reconcile_entities(entities: Sequence[Entity], calendar: Calendar) -> dg.OpDefinition:
    @dg.op(
        description="Reconciles the entities one after the other; one that fails holds up no other.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def reconcile_entities(
        context: dg.OpExecutionContext,
        config: ReconcileConfig,
        centra: CentraResource,
        lake: LakeResource,
        warehouse: WarehouseResource,
    ) -> None:
        chosen = [entity for entity in entities if entity.name in config.entities]
        with failures_told_apart(), centra.client() as client:
            around = _surroundings(context, client, lake, warehouse, calendar)
            _raise_failures(_told(context, _observed(context, run_reconciliation(chosen, config.days, around))))

    return reconcile_entities


def _observed(context: dg.OpExecutionContext, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes, each shown on its raw asset, also when nothing was amiss."""
    for outcome in outcomes:
        context.log_event(dg.AssetObservation(raw_key(outcome.entity), metadata=outcome.detail()))
        yield outcome


def _told(context: dg.OpExecutionContext, outcomes: Iterator[Outcome]) -> list[Outcome]:
    """The outcomes, each told to Dagster as soon as it is there."""
    told = []
    for outcome in outcomes:
        for event in materializations(
            outcome.entity,
            outcome.applied,
            source=outcome.strategy,
            requests=outcome.requests,
            complexity=outcome.complexity,
        ):
            context.log_event(event)
        told.append(outcome)
    return told


def _raise_failures(outcomes: Sequence[Outcome]) -> None:
    """Makes the run fail where an entity did, once all were tried. The next sweep goes on from where this one came."""
    failed = {outcome.entity.name: outcome.error for outcome in outcomes if outcome.error is not None}
    if failed:
        causes = " ".join(f"{name}: {error}" for name, error in sorted(failed.items()))
        raise failed_of(list(failed.values()), f"{len(failed)} of {len(outcomes)} entities failed. {causes}")
