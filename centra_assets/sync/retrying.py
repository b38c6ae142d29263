"""Brings quarantined records through once more: fetched anew, or parsed anew from the lake. Chooses no records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.centra.errors import FilterMissingError
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.failures import is_transient, translated
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.storage import audit
from centra_assets.storage.audit import AuditEntry
from centra_assets.storage.quarantined import SetAside, set_aside
from centra_assets.storage.warehouse import OPEN_GUARD
from centra_assets.sync.apply import Applied, apply
from centra_assets.sync.drain import RecordsGoneError, is_credible
from centra_assets.sync.lookup import fetch, lookup_of
from centra_assets.sync.partitioning import PLACED_SCHEMA
from centra_assets.sync.snapshots import sweep_partition
from centra_assets.sync.sweeping import Setting, Surroundings, Sweep
from centra_assets.sync.tombstones import tombstones
from centra_assets.sync_config import Strategy

KIND = "quarantine_retry"
SOURCE = "quarantine"

# Records that are loaded together.
_BATCH = 500
# Ids that the trail names per entry; its counts have them all.
_IDS_TOLD = 100

_STAYED = """
SELECT record_id, partition FROM ops.quarantine
JOIN unnest(%(ids)s::text[], %(partitions)s::text[]) AS tried (id, home)
  ON record_id = tried.id AND partition = tried.home
WHERE entity = %(entity)s
"""

Place = tuple[str, str]


@dataclass
class Retried:
    """What became of the records of one entity: which left quarantine (`gone` of them because Centra has them no
    more), which stayed with their reasons as they are now, and what could not be tried at all.
    """

    entity: Entity
    tried: int = 0
    left: list[Place] = field(default_factory=list)
    gone: list[Place] = field(default_factory=list)
    stayed: list[SetAside] = field(default_factory=list)
    applied: Applied = field(default_factory=Applied)
    requests: int = 0
    complexity: int = 0
    errors: list[CentraAssetsError] = field(default_factory=list)

    def line(self) -> str:
        """One line for a log. Counts and codes only."""
        told = f"{self.entity.name}: {len(self.left)} of {self.tried} records left quarantine"
        told += f", {len(self.gone)} of them because Centra has them no more" if self.gone else ""
        told += f", {len(self.stayed)} stayed" if self.stayed else ""
        codes = sorted({error.code for error in self.errors})
        return told + (f"; failed with {', '.join(codes)}" if codes else "") + "."


def retry(entity: Entity, records: Sequence[SetAside], around: Surroundings, *, refetch: bool, actor: str) -> Retried:
    """Tries the records of one entity again. With `refetch` they are asked for by id first, or their partitions are
    read whole where Centra cannot be asked so; without, what the lake has is parsed again, and Centra is asked nothing.

    Every batch is in the audit, in the transaction that loads it. What fails is in the result, and harms no other.
    """
    attempt = _Attempt(entity, around, Retried(entity, tried=len(records)), actor, refetch)
    with around.client.measure(entity.name) as stats:
        for begin in range(0, len(records), _BATCH):
            attempt.batch(records[begin : begin + _BATCH])
    attempt.outcome.requests, attempt.outcome.complexity = stats.requests, stats.complexity
    return _settled(attempt.outcome, records, around)


def _settled(outcome: Retried, records: Sequence[SetAside], around: Surroundings) -> Retried:
    """The outcome with what the quarantine says now: it alone knows."""
    now = set_aside(around.warehouse, entity=outcome.entity.name, ids=[record.record_id for record in records])
    places = {record.place for record in records}
    outcome.stayed = [record for record in now if record.place in places]
    stayed = {record.place for record in outcome.stayed}
    outcome.left = [record.place for record in records if record.place not in stayed]
    outcome.gone = [place for place in outcome.gone if place not in stayed]
    return outcome


class _Attempt:
    """One entity's records under way."""

    def __init__(self, entity: Entity, around: Surroundings, outcome: Retried, actor: str, refetch: bool) -> None:
        self._entity, self._around, self.outcome = entity, around, outcome
        self._actor, self._refetch = actor, refetch
        self._is_keyed = entity.axis in DYNAMIC_AXES
        self._query: PreparedQuery | None = None
        self._is_prepared = False
        self._read_whole: set[str] = set()

    def batch(self, records: Sequence[SetAside]) -> None:
        """Tries some records together."""
        try:
            rows = self._fetched(records) if self._refetch else self._in_lake(records)
        except Exception as error:
            self._failed(records, error)
            return
        self._load(records, rows)

    def _load(self, records: Sequence[SetAside], rows: pl.DataFrame) -> None:
        """Loads them, by halves where together they fail for good: one that cannot be loaded keeps no other back."""
        buries = bool(rows["payload"].null_count())
        try:
            applied = apply(
                self._entity,
                rows,
                lake=self._around.lake,
                warehouse=self._around.warehouse,
                context=self._around.context,
                run_id=self._around.run_id,
                source=SOURCE,
                within=partial(self._note, records=records),
                again=True,
                # Whether a record is gone was judged when it was asked for.
                **({"guard": OPEN_GUARD} if buries else {}),
            )
        except Exception as error:
            if len(records) == 1 or is_transient(error):
                self._failed(records, error)
                return
            middle = len(records) // 2
            for half in (records[:middle], records[middle:]):
                self._load(half, rows.filter(self._is_of(half)))
            return
        self.outcome.applied = self.outcome.applied.and_then(applied)

    def _is_of(self, records: Sequence[SetAside]) -> pl.Expr:
        """Whether a row is of one of the records. Only where an id lives in several partitions do these matter."""
        ids = pl.col("id").is_in([record.record_id for record in records])
        return ids & pl.col("partition").is_in({record.partition for record in records}) if self._is_keyed else ids

    def _in_lake(self, records: Sequence[SetAside]) -> pl.DataFrame:
        """The records as they were read last; gone ones too, so that they leave."""
        known = self._around.lake.known(self._entity.name, _by_partition(records), gone=True)
        return known.select(list(PLACED_SCHEMA))

    def _fetched(self, records: Sequence[SetAside]) -> pl.DataFrame:
        """The records as Centra has them now, and tombstones of those that it has no more."""
        query = self._lookup()
        if query is None:
            for partition in sorted({record.partition for record in records} - self._read_whole):
                self._read(partition)
            return self._in_lake(records)
        wanted = _by_partition(records)
        fetched = fetch(self._around.client, self._entity, wanted, calendar=self._around.calendar, query=query)
        missing = fetched.missing if self._is_keyed else {record_id for record_id, _ in fetched.missing}
        gone = [record.place for record in records if (record.place if self._is_keyed else record.record_id) in missing]
        if not is_credible(len(gone), len(records)):
            raise RecordsGoneError(f"{len(gone)} of {len(records)} records of {self._entity.name} were not found.")
        self.outcome.gone += gone
        buried = pl.DataFrame(gone, schema={"id": pl.String, "partition": pl.String}, orient="row")
        return pl.concat([fetched.rows, tombstones(buried, fetched.asked_at)])

    def _lookup(self) -> PreparedQuery | None:
        if not self._is_prepared:
            try:
                self._query = lookup_of(self._around.client, self._entity)
            except FilterMissingError:
                self._query = None
            self._is_prepared = True
        return self._query

    def _read(self, partition: str) -> None:
        """Reads a partition whole, as a sweep does."""
        self._read_whole.add(partition)
        sweep = Sweep(self._entity, self._around, Setting(Strategy.SNAPSHOT))
        try:
            sweep_partition(sweep, partition)
        finally:
            self.outcome.applied = self.outcome.applied.and_then(sweep.outcome.applied)

    def _note(self, cursor: Cursor[TupleRow], records: Sequence[SetAside]) -> None:
        """Puts what came of them into the trail, in the transaction that made it so."""
        values = {
            "entity": self._entity.name,
            "ids": [record.record_id for record in records],
            "partitions": [record.partition for record in records],
        }
        stayed = len(cursor.execute(_STAYED, values).fetchall())
        audit.write(cursor, [self._entry("done", records, stayed=stayed, left=len(records) - stayed)])

    def _failed(self, records: Sequence[SetAside], error: Exception) -> None:
        known = translated(error)
        self.outcome.errors.append(known)
        self._around.log.error("%s: %d records could not be tried again: %s", self._entity.name, len(records), known)
        entry = self._entry("failed", records, stayed=len(records), left=0, code=known.code)
        self._around.warehouse.transact(lambda cursor: audit.write(cursor, [entry]))

    def _entry(
        self, outcome: audit.Outcome, records: Sequence[SetAside], *, stayed: int, left: int, code: str = ""
    ) -> AuditEntry:
        homes = {record.partition for record in records}
        detail: dict[str, Any] = {
            "ids": [record.record_id for record in records[:_IDS_TOLD]],
            "fetched_again": self._refetch,
            **({"code": code} if code else {}),
        }
        return AuditEntry(
            kind=KIND,
            subject=f"raw/{self._entity.name}",
            partition=homes.pop() if len(homes) == 1 else "",
            actor=self._actor,
            outcome=outcome,
            run_id=self._around.run_id,
            counts={"tried": len(records), "left": left, "stayed": stayed},
            detail=detail,
        )


def _by_partition(records: Sequence[SetAside]) -> Mapping[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for record in records:
        wanted.setdefault(record.partition, []).append(record.record_id)
    return wanted
