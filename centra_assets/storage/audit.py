"""Writes and reads the trail in `ops.audit`. Who asked for what is told by the callers; no values come here."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from centra_assets.storage.failures import translated

Outcome = Literal["begun", "done", "refused", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("begun", "done", "refused", "failed")

# One statement for all: a first load of years has thousands of entries.
_INSERT = """
INSERT INTO ops.audit (kind, subject, partition, run_id, actor, outcome, fields, before_hash, after_hash, counts,
                       request_id, detail)
SELECT * FROM jsonb_to_recordset(%s) AS told
  (kind text, subject text, partition text, run_id text, actor text, outcome text, fields text[], before text,
   after text, counts jsonb, request_id text, detail jsonb)
"""
# What a filter does not name is null and holds for every entry.
_FIND = """
SELECT id, at, kind, subject, partition, run_id, actor, outcome, fields, before_hash AS before, after_hash AS after,
  counts, request_id, detail
FROM ops.audit
WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
  AND (%(subjects)s::text[] IS NULL OR subject = ANY(%(subjects)s))
  AND (%(partition)s::text IS NULL OR partition = %(partition)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
  AND (%(run)s::text IS NULL OR starts_with(run_id, %(run)s))
  AND (%(actor)s::text IS NULL OR starts_with(actor, %(actor)s))
ORDER BY id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class AuditEntry:
    """One thing that was done. `subject` is an asset or an id; nothing in it is a value of somebody's data.

    `fields` are the names of those that changed, `before` and `after` hashes that tell nothing of what was hashed.
    """

    kind: str
    subject: str
    actor: str
    outcome: Outcome
    run_id: str = ""
    partition: str = ""
    fields: Sequence[str] = ()
    before: str | None = None
    after: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    request_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditRecord:
    """An entry as it stands in the trail, with its number and its moment."""

    id: int
    at: datetime
    kind: str
    subject: str
    partition: str
    run_id: str
    actor: str
    outcome: Outcome
    fields: Sequence[str]
    before: str | None
    after: str | None
    counts: Mapping[str, int]
    request_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are wanted: `since` counts in, `until` does not; of runs and actors the beginning is enough."""

    since: datetime | None = None
    until: datetime | None = None
    subjects: Sequence[str] | None = None
    partition: str | None = None
    kind: str | None = None
    outcome: Outcome | None = None
    run: str | None = None
    actor: str | None = None


def write(cursor: Cursor[TupleRow], entries: Sequence[AuditEntry]) -> None:
    """Adds the entries in the cursor's transaction: they stand if what they tell of stands."""
    if entries:
        cursor.execute(_INSERT, [Jsonb([_row(entry) for entry in entries])])


def find(url: str, wanted: AuditFilter, limit: int) -> list[AuditRecord]:
    """The newest entries that fit, newest first. Raises storage's errors."""
    values = {**vars(wanted), "subjects": None if wanted.subjects is None else list(wanted.subjects), "limit": limit}
    with translated(), psycopg.connect(url, application_name="centra_audit", connect_timeout=10) as connection:
        connection.read_only = True
        with connection.cursor(row_factory=class_row(AuditRecord)) as cursor:
            return cursor.execute(_FIND, values).fetchall()


def _row(entry: AuditEntry) -> Mapping[str, Any]:
    told = {**vars(entry), "fields": list(entry.fields)}
    return {**told, "counts": dict(entry.counts), "detail": dict(entry.detail)}


def local_actor(command: str) -> str:
    """Who asks when a command is run in a shell: the command and the machine's user."""
    try:
        return f"command:{command} by {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"command:{command}"
