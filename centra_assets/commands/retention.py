"""The `retention` command: removes what sync.yaml says is old, in this process, with or without Dagster's daemon."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from rich.console import Console
from rich.table import Table

from centra_assets.entities.registry import ENTITIES
from centra_assets.retention.carrying_out import Work, carry_out, raise_failures
from centra_assets.retention.event_log import DropOutput
from centra_assets.retention.model import Outcome
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import local_actor
from centra_assets.storage.lake import Lake
from centra_assets.sync.retention_ops import output_of
from centra_assets.sync_file import load_sync_config


def run_retention(*, rehearse: bool) -> int:
    """Removes what is old, or says what would be removed; 0 when that was all of it, 1 when time ran out.

    Raises SettingsError, SyncConfigError, RetentionUnderWayError, RetentionFailedError, and storage's errors.
    """
    settings = Settings.load()
    if settings.database_url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    console, outcomes = Console(), []
    with _output() as drop_output:
        work = Work(
            database_url=settings.database_url.get_secret_value(),
            lake=Lake(settings.lake_url),
            entities=ENTITIES,
            policy=load_sync_config(settings.sync_file).retention,
            run_id=str(uuid.uuid4()),
            actor=local_actor("retention"),
            drop_output=drop_output,
            rehearse=rehearse,
        )
        for outcome in carry_out(work):
            outcomes.append(outcome)
            for note in (*outcome.notes, *([outcome.cause] if outcome.cause else [])):
                console.print(f"{outcome.part}: {note}")
    console.print(_table(outcomes, rehearse))
    raise_failures(outcomes)
    return 0 if all(outcome.finished for outcome in outcomes) else 1


@contextmanager
def _output() -> Iterator[DropOutput]:
    """How the instance of DAGSTER_HOME removes what runs wrote; without one there is nothing to remove it with."""
    if not os.environ.get("DAGSTER_HOME"):
        yield lambda _: None
        return
    with dg.DagsterInstance.get() as instance:
        yield output_of(instance)


def _table(outcomes: Sequence[Outcome], rehearse: bool) -> Table:
    table = Table(title="What would be removed" if rehearse else "What was removed", show_edge=False)
    table.add_column("part")
    table.add_column("what")
    table.add_column("how much", justify="right")
    for outcome in outcomes:
        for place, (name, count) in enumerate(outcome.counts.items()):
            table.add_row(outcome.part if place == 0 else "", name.replace("_", " "), f"{count:,}")
        if not outcome.finished:
            table.add_row(outcome.part, "time ran out: run it again" if not outcome.code else outcome.code, "")
    return table
