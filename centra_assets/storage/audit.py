"""Writes and reads the trail in `ops.audit`. Who asked for what is told by the callers; no values come here."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

Outcome = Literal["begun", "done", "refused", "failed"]

_INSERT = """
INSERT INTO ops.audit (kind, subject, partition, run_id, actor, outcome, fields, before_hash, after_hash, counts,
                       request_id, detail)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
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


def write(cursor: Cursor[TupleRow], entries: Sequence[AuditEntry]) -> None:
    """Adds the entries in the cursor's transaction: they stand if what they tell of stands."""
    cursor.executemany(
        _INSERT,
        [
            (
                entry.kind,
                entry.subject,
                entry.partition,
                entry.run_id,
                entry.actor,
                entry.outcome,
                list(entry.fields),
                entry.before,
                entry.after,
                Jsonb(dict(entry.counts)),
                entry.request_id,
                Jsonb(dict(entry.detail)),
            )
            for entry in entries
        ],
    )


def local_actor(command: str) -> str:
    """Who asks when a command is run in a shell: the command and the machine's user."""
    try:
        return f"command:{command} by {getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"command:{command}"
