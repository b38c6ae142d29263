"""`ops.forget_request`: who is to be forgotten, who asked, how far it has come; and its trail. Erases nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from centra_assets.logs import redacted
from centra_assets.privacy.errors import ForgetRequestError
from centra_assets.privacy.forgotten import remember
from centra_assets.privacy.links import Reference, people
from centra_assets.storage.audit import AuditEntry, Outcome, write
from centra_assets.storage.lake_leftovers import LONGEST_FETCH

KIND = "forget"
# Nearly every fetch that had begun before the list knew the customer is over by then, and what loads it into core.
LOOK_AGAIN_AFTER = timedelta(minutes=15)
# And by then each.
LAST_LOOK_AFTER = LONGEST_FETCH + LOOK_AGAIN_AFTER

# Of a bigint.
_LARGEST_ID = 2**63 - 1

_OPEN = """
INSERT INTO ops.forget_request (customer_ids, buyer_ids, reason, requested_by, run_id) VALUES (%s, %s, %s, %s, %s)
RETURNING id
"""
_REQUEST: LiteralString = """
SELECT id, customer_ids, buyer_ids, reason, requested_by, state, steps, counts, look_again_at,
  coalesce(finished_at + %(last_look)s <= clock_timestamp(), false) AS is_settled FROM ops.forget_request
"""
_DUE = f"{_REQUEST} WHERE state = 'open' OR state = 'done' AND look_again_at <= clock_timestamp() ORDER BY id"
_ONE = f"{_REQUEST} WHERE id = %(id)s"
_BEGIN = "UPDATE ops.forget_request SET attempts = attempts + 1, run_id = %s WHERE id = %s"
_STEP = "UPDATE ops.forget_request SET steps = steps || %s::text, counts = counts || %s, error = NULL WHERE id = %s"
_DONE = """
UPDATE ops.forget_request SET state = 'done', finished_at = clock_timestamp(), error = NULL,
  look_again_at = clock_timestamp() + %s WHERE id = %s
"""
_LOOKED = """
UPDATE ops.forget_request SET error = NULL, counts = counts || %s, look_again_at = finished_at + %s WHERE id = %s
"""
_VERIFIED = "UPDATE ops.forget_request SET state = 'verified', error = NULL, counts = counts || %s WHERE id = %s"
_FAILED = "UPDATE ops.forget_request SET error = %s WHERE id = %s"
_RECORDS = """
INSERT INTO ops.forgotten_record (request_id, entity, record_id)
SELECT %s, %s, unnest(%s::text[]) ON CONFLICT DO NOTHING
"""
_RECORDS_OF = "SELECT entity, record_id FROM ops.forgotten_record WHERE request_id = %s"
_DROP_RECORDS = "DELETE FROM ops.forgotten_record WHERE request_id = %s"


@dataclass(frozen=True)
class Request:
    """One request, as far as it has come. `counts` say what each place held.

    It is settled when nothing can come in any more that was on its way when the steps were taken.
    """

    id: int
    customer_ids: Sequence[int]
    buyer_ids: Sequence[int]
    reason: str
    requested_by: str
    state: str
    steps: Sequence[str]
    counts: Mapping[str, int]
    look_again_at: datetime | None
    is_settled: bool

    @property
    def people(self) -> list[Reference]:
        """Whom it is about."""
        return people(self.customer_ids, self.buyer_ids)

    def entries(self, outcome: Outcome, run_id: str, detail: Mapping[str, Any] | None = None) -> list[AuditEntry]:
        """One entry for each person, which holds the counts where there is but one, and else one for all."""
        numbers = {"customer": len(self.customer_ids), "buyer": len(self.buyer_ids)}
        numbers = {kind: count for kind, count in numbers.items() if count}
        told = {"reason": self.reason, **{f"{kind}s": count for kind, count in numbers.items()}, **(detail or {})}
        alone = len(self.people) == 1
        entries = [
            AuditEntry(
                kind=KIND,
                subject=f"{person.kind} {person.value}",
                actor=self.requested_by,
                outcome=outcome,
                run_id=run_id,
                counts=self.counts if alone else {},
                request_id=f"forget-{self.id}",
                detail=told,
            )
            for person in self.people
        ]
        if not alone and self.counts:
            subject = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in numbers.items())
            together = AuditEntry(KIND, subject, self.requested_by, outcome, run_id)
            entries.append(_with_counts(together, self.counts, f"forget-{self.id}", told))
        return entries


def _with_counts(
    entry: AuditEntry, counts: Mapping[str, int], request_id: str, detail: Mapping[str, Any]
) -> AuditEntry:
    return AuditEntry(
        entry.kind,
        entry.subject,
        entry.actor,
        entry.outcome,
        entry.run_id,
        counts=counts,
        request_id=request_id,
        detail=detail,
    )


def check_people(customer_ids: Collection[int], buyer_ids: Collection[int]) -> None:
    """Raises ForgetRequestError where nobody is named, or by what cannot be an id of Centra's."""
    if not (customer_ids or buyer_ids):
        raise ForgetRequestError("No customer and no buyer is named.")
    wrong = sorted({number for number in (*customer_ids, *buyer_ids) if not 0 < number <= _LARGEST_ID})
    if wrong:
        raise ForgetRequestError(f"{', '.join(map(str, wrong[:10]))}: ids are from 1 to {_LARGEST_ID}.")


def check_by(by: str) -> None:
    """Raises ForgetRequestError where nobody asks, or where the trail would keep a customer's address for ever."""
    if not by.strip():
        raise ForgetRequestError("Nobody is named who asks.")
    if redacted(by) != by:
        # Not repeated: this text is shown and logged.
        raise ForgetRequestError("Who asks holds what looks like an e-mail address or a secret; the trail keeps it.")


def open_request(
    cursor: Cursor[TupleRow],
    customer_ids: Collection[int],
    *,
    buyer_ids: Collection[int] = (),
    by: str,
    reason: str,
    run_id: str = "",
) -> int:
    """Makes a request and puts its people on the list, from which on nothing of theirs comes in as it is."""
    check_people(customer_ids, buyer_ids)
    check_by(by)
    customers, buyers = sorted(set(customer_ids)), sorted(set(buyer_ids))
    row = cursor.execute(_OPEN, [customers, buyers, reason, by, run_id]).fetchone()
    assert row is not None
    number = int(row[0])
    remember(cursor, people(customers, buyers), number)
    write(cursor, request(cursor, number).entries("begun", run_id))
    return number


def request(cursor: Cursor[TupleRow], number: int) -> Request:
    """The request as it is now."""
    with cursor.connection.cursor(row_factory=class_row(Request)) as rows:
        found = rows.execute(_ONE, {"id": number, "last_look": LAST_LOOK_AFTER}).fetchone()
    if found is None:
        raise ForgetRequestError(f"There is no request {number}.")
    return found


def due(cursor: Cursor[TupleRow]) -> list[Request]:
    """Requests with steps to take, and those to be looked at once more, oldest first."""
    with cursor.connection.cursor(row_factory=class_row(Request)) as rows:
        return rows.execute(_DUE, {"last_look": LAST_LOOK_AFTER}).fetchall()


def begin(cursor: Cursor[TupleRow], number: int, run_id: str) -> None:
    """Notes that somebody takes the request's steps now."""
    cursor.execute(_BEGIN, [run_id, number])


def step_done(cursor: Cursor[TupleRow], number: int, step: str, counts: Mapping[str, int]) -> None:
    """Notes a step, in the transaction of what it did."""
    cursor.execute(_STEP, [step, Jsonb(dict(counts)), number])


def keep_records(cursor: Cursor[TupleRow], number: int, records: Mapping[str, Collection[str]]) -> None:
    """Remembers which records the request is about: what they were found by is erased with them."""
    for entity, ids in records.items():
        cursor.execute(_RECORDS, [number, entity, sorted(ids)])


def records_of(cursor: Cursor[TupleRow], number: int) -> dict[str, list[str]]:
    """The records of a request, by entity."""
    found: dict[str, list[str]] = {}
    for entity, record_id in cursor.execute(_RECORDS_OF, [number]):
        found.setdefault(entity, []).append(record_id)
    return found


def finish(cursor: Cursor[TupleRow], number: int, run_id: str) -> None:
    """Notes that all steps were taken, and when to look once more."""
    cursor.execute(_DONE, [LOOK_AGAIN_AFTER, number])
    write(cursor, request(cursor, number).entries("done", run_id))


def looked_again(cursor: Cursor[TupleRow], looked_at: Request, run_id: str, late: Mapping[str, int]) -> None:
    """Notes another look and what it found. `looked_at` is the request as it was before: if settled, that was the last.

    The list of records has served then.
    """
    number, known = looked_at.id, looked_at.counts
    found = Jsonb({f"late {place}": known.get(f"late {place}", 0) + count for place, count in late.items()})
    look = "last" if looked_at.is_settled else "second"
    if looked_at.is_settled:
        cursor.execute(_VERIFIED, [found, number])
        cursor.execute(_DROP_RECORDS, [number])
    else:
        cursor.execute(_LOOKED, [found, LAST_LOOK_AFTER, number])
    write(cursor, request(cursor, number).entries("done", run_id, {"look": look}))


def fail(cursor: Cursor[TupleRow], number: int, run_id: str, code: str) -> None:
    """Notes that the steps broke off; they are taken up where they were left."""
    cursor.execute(_FAILED, [code, number])
    write(cursor, request(cursor, number).entries("failed", run_id, {"error": code}))
