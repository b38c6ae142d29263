"""What a load leaves in the trail: an entry per table and partition in which rows changed, one where it was refused.

How entries are written is in audit.py; what the rows were is in history.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.errors import CentraAssetsError
from centra_assets.logs import work
from centra_assets.storage.audit import AuditEntry, Outcome
from centra_assets.storage.changes import Change
from centra_assets.storage.digests import hashed
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.planning import Plan
from centra_assets.storage.tables import Table
from centra_assets.storage.upsert import LoadCounts

KIND = "load"
_NO_CHANGE = Change()


@dataclass(frozen=True)
class Asked:
    """Who wanted a load, and in which run."""

    actor: str
    run_id: str


@dataclass(frozen=True)
class TableDone:
    """What was done to one table. `copied` says that the plan's fresh rows went straight in, without a comparison;
    `exact` are the digests of the partitions that now hold just what the batch holds.
    """

    plan: Plan
    counts: Mapping[str, LoadCounts]
    changes: Mapping[str, Change]
    exact: Mapping[str, str]
    copied: bool

    @property
    def has_changes(self) -> bool:
        """Whether a row came, changed or went."""
        return any(_is_change(count) for count in self.counts.values())


def seal_of(cursor: Cursor[TupleRow]) -> bytes:
    """The installation's own key, without which nobody can find by trying what was hashed."""
    row = cursor.execute("SELECT key FROM ops.audit_key").fetchone()
    assert row is not None, "the migration writes it"
    return cast(bytes, row[0])


def entries(done: TableDone, asked: Asked, key: bytes) -> Iterator[AuditEntry]:
    """One per partition in which a row came, changed or went."""
    changed = {partition: count for partition, count in done.counts.items() if _is_change(count)}
    table = done.plan.table
    # Only where no digest of the whole partition is at hand anyway.
    copied = _digests_of_copied(done.plan) if done.copied and changed.keys() - done.exact.keys() else {}
    for partition, counts in sorted(changed.items()):
        change = done.changes.get(partition, _NO_CHANGE)
        is_whole = change.sampled is not None or _is_known_whole(done, partition, counts)
        came = " ".join(part for part in (change.after, copied.get(partition)) if part)
        before, after = (
            (done.plan.known.get(partition), done.exact.get(partition)) if is_whole else (change.before, came or None)
        )
        sampled = {} if change.sampled is None else {"fields_of_rows": change.sampled}
        yield AuditEntry(
            kind=KIND,
            subject=subject_of(table),
            actor=asked.actor,
            outcome="done",
            run_id=asked.run_id,
            partition=partition,
            fields=change.fields,
            before=_sealed(key, table, partition, before),
            after=_sealed(key, table, partition, after),
            counts={"inserted": counts.inserted, "updated": counts.updated, "deleted": counts.deleted},
            request_id=work().get("request", ""),
            detail={"hashes": "partition" if is_whole else "rows", **sampled},
        )


def refusal(entity: str, error: CentraAssetsError, asked: Asked, outcome: Outcome | None = None) -> AuditEntry:
    """A load that changed nothing: held back by the guard, or impossible, unless the outcome is told."""
    is_collapse = isinstance(error, CollapseError)
    return AuditEntry(
        kind=KIND,
        subject=(error.subject if isinstance(error, CollapseError) else "") or entity,
        actor=asked.actor,
        outcome=outcome or ("refused" if is_collapse else "failed"),
        run_id=asked.run_id,
        counts=error.counts if isinstance(error, CollapseError) else {},
        request_id=work().get("request", ""),
        detail={"code": error.code, "entity": entity},
    )


def _is_change(counts: LoadCounts) -> bool:
    return bool(counts.inserted or counts.updated or counts.deleted)


def subject_of(table: Table) -> str:
    """The asset's name."""
    return f"{table.schema}/{table.name}"


def _is_known_whole(done: TableDone, partition: str, counts: LoadCounts) -> bool:
    """Whether there are digests of the whole partition, before and after; nothing was there before a first load."""
    is_first = not (counts.updated or counts.deleted or counts.unchanged)
    return partition in done.exact and (partition in done.plan.known or is_first)


def _digests_of_copied(plan: Plan) -> Mapping[str, str]:
    rows: pl.DataFrame = plan.fresh
    return hashed(rows.select([column.name for column in plan.table.columns]), rows["_partition"])


def _sealed(key: bytes, table: Table, partition: str, digest: str | None) -> str | None:
    """The same for the same rows of the same partition, and for nobody without the key."""
    if digest is None:
        return None
    return hmac.new(key, f"{table.relation} {partition} {digest}".encode(), sha256).hexdigest()[:32]
