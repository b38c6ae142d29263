"""Carries out what sync.yaml says of retention: every part, in its time, with a trail. What goes is beside."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from centra_assets.entities.model import Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.failures import translated as as_known
from centra_assets.retention import event_log, own_tables, raw
from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.retention.pieces import Done
from centra_assets.storage import audit
from centra_assets.storage.audit import AuditEntry
from centra_assets.storage.failures import translated
from centra_assets.storage.lake import Lake
from centra_assets.storage.locks import LAKE_UPKEEP, alone
from centra_assets.sync_config import RetentionSettings

KIND = "retention"

_OPS_TABLES = ("inbox", "load_log", "api_spending", "alert", "alert_delivery")
_SIZES = """
SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint FROM unnest(%s::text[]) name
"""


class RetentionUnderWayError(CentraAssetsError):
    """Another process removes old data, or rewrites the lake, at this moment."""

    code = "RETENTION_UNDER_WAY"
    remedy = "Wait until the other run of `retention` or `forget` has ended; the next night's run does what is left."
    transient = True


class RetentionFailedError(CentraAssetsError):
    """Parts of a retention run failed; what the others removed is removed."""

    code = "RETENTION_FAILED"
    remedy = "See the codes of the parts that failed; the next run goes on where this one stopped."


@dataclass(frozen=True)
class Work:
    """What retention is to be carried out on, by whom, and how what runs wrote to their standard output goes."""

    database_url: str
    lake: Lake
    entities: Sequence[Entity]
    policy: RetentionSettings
    run_id: str
    actor: str
    drop_output: event_log.DropOutput
    moment: Moment = field(default_factory=Moment)
    rehearse: bool = False

    @property
    def tables(self) -> list[str]:
        """Those that have a history."""
        return [contract.table for entity in self.entities for contract in entity.tables]


Part = Callable[[Work, Connection[TupleRow], Deadline], Outcome]


def carry_out(work: Work) -> Iterator[Outcome]:
    """Each part's outcome as soon as it is there; one that fails holds up no other, and its outcome says its code.

    In a rehearsal nothing is removed, and the outcomes say what would be. Raises RetentionUnderWayError, and storage's
    errors where the database cannot be reached.
    """
    deadline = Deadline.within(work.policy.budget_minutes * 60)
    with alone(work.database_url, KIND) as is_alone:
        if not is_alone:
            raise RetentionUnderWayError("Another run of retention has not ended yet.")
        with _connected(work.database_url) as connection:
            _write(connection, work, "all", "begun", {})
            for place, (name, part) in enumerate(_PARTS):
                yield _carried_out(name, part, work, connection, deadline.share(len(_PARTS) - place))


def raise_failures(outcomes: Sequence[Outcome]) -> None:
    """Raises RetentionFailedError where a part failed, once all were tried."""
    failed = [f"{outcome.part}: {outcome.code}" for outcome in outcomes if outcome.code]
    if failed:
        raise RetentionFailedError(f"{len(failed)} of {len(outcomes)} parts failed ({', '.join(failed)}).")


@contextmanager
def _connected(url: str) -> Iterator[Connection[TupleRow]]:
    with translated(), psycopg.connect(url, application_name="centra_retention", autocommit=True) as connection:
        yield connection


def _carried_out(name: str, part: Part, work: Work, connection: Connection[TupleRow], deadline: Deadline) -> Outcome:
    started = time.perf_counter()
    try:
        with translated():
            outcome = part(work, connection, deadline)
            _write(connection, work, name, "done", outcome.counts)
    except Exception as error:  # the others are carried out nevertheless
        known = as_known(error)
        outcome = Outcome(name, {}, finished=False, code=known.code, cause=str(known))
    if outcome.code:
        _write(connection, work, name, "failed", {})
    outcome.seconds = time.perf_counter() - started
    return outcome


def _ops(work: Work, connection: Connection[TupleRow], deadline: Deadline) -> Outcome:
    with _measured(work, connection, [f"ops.{name}" for name in _OPS_TABLES]) as sizes:
        outcome = own_tables.tidy_ops(connection, work.policy, work.moment, deadline)
        sizes.shrank = any(outcome.counts.values())
    return sizes.added_to(outcome)


def _dagster(work: Work, connection: Connection[TupleRow], deadline: Deadline) -> Outcome:
    if not event_log.is_here(connection):
        return Outcome(event_log.PART, {}, notes=("Dagster's storage is not in this database; nothing was pruned.",))
    with _measured(work, connection, event_log.TABLES) as sizes:
        drop = work.drop_output if not work.rehearse else lambda _: None
        outcome = event_log.prune(connection, work.policy, work.moment, deadline, drop)
        sizes.shrank = any(outcome.counts.values())
    return sizes.added_to(outcome)


def _raw(work: Work, connection: Connection[TupleRow], deadline: Deadline) -> Outcome:
    names, days = [entity.name for entity in work.entities], work.policy.raw_days
    if work.rehearse:
        return raw.foreseen(work.lake, names, days=days, moment=work.moment)
    with alone(work.database_url, LAKE_UPKEEP) as is_alone:
        if not is_alone:
            raise RetentionUnderWayError("Somebody else rewrites files of the lake.")
        return raw.tidy(work.lake, names, days=days, moment=work.moment, deadline=deadline, run_id=work.run_id)


def _history(work: Work, connection: Connection[TupleRow], deadline: Deadline) -> Outcome:
    def tell(table: str, done: Done) -> None:
        _write(connection, work, f"history/{table}", "done", {"rows_deleted": done.rows})

    with _measured(work, connection, [f"history.{table}" for table in work.tables]) as sizes:
        outcome = own_tables.tidy_history(connection, work.tables, work.policy, work.moment, deadline, tell)
        sizes.shrank = bool(outcome.counts["rows_deleted"])
    return sizes.added_to(outcome)


_PARTS: tuple[tuple[str, Part], ...] = (
    (own_tables.OPS_PART, _ops),
    (event_log.PART, _dagster),
    (raw.PART, _raw),
    (own_tables.HISTORY_PART, _history),
)


@dataclass
class _Sizes:
    before: int
    after: int = 0
    shrank: bool = False

    def added_to(self, outcome: Outcome) -> Outcome:
        outcome.counts = {**outcome.counts, "bytes_before": self.before, "bytes_after": self.after}
        return outcome


@contextmanager
def _measured(work: Work, connection: Connection[TupleRow], tables: Sequence[str]) -> Iterator[_Sizes]:
    """The tables' sizes, indexes included, around the block; what it emptied is vacuumed. A rehearsal is undone."""
    sizes = _Sizes(_size(connection, tables))
    with connection.transaction(force_rollback=True) if work.rehearse else nullcontext():
        yield sizes
    if sizes.shrank and not work.rehearse:
        for table in tables:
            schema_and_name = sql.Identifier(*table.split("."))
            if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() != (None,):
                connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(schema_and_name))
    sizes.after = _size(connection, tables)


def _size(connection: Connection[TupleRow], tables: Sequence[str]) -> int:
    row = connection.execute(_SIZES, [list(tables)]).fetchone()
    return int(row[0]) if row else 0


def _write(
    connection: Connection[TupleRow], work: Work, subject: str, outcome: audit.Outcome, counts: Mapping[str, int]
) -> None:
    """The trail. Begun is written before anything is removed, so that nothing is ever removed in silence."""
    if work.rehearse:
        return
    entry = AuditEntry(KIND, subject, work.actor, outcome, work.run_id, counts=counts)
    with connection.transaction(), connection.cursor() as cursor:
        audit.write(cursor, [entry])
