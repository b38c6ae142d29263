"""Core tables in PostgreSQL: prepare them, load batches into them, query them. How a table is upserted is elsewhere."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, TypeVar

import polars as pl
import psycopg
from psycopg import Connection, Cursor, errors
from psycopg.rows import TupleRow

from centra_assets.errors import CentraAssetsError
from centra_assets.storage import audit, ddl, results
from centra_assets.storage.audit import AuditEntry
from centra_assets.storage.batches import PartitionScope, RecordScope, Scope, TableBatch
from centra_assets.storage.errors import StorageError
from centra_assets.storage.failures import translated
from centra_assets.storage.loading import Load, LoadReport, recognise
from centra_assets.storage.tables import Table
from centra_assets.storage.trail import Asked, refusal
from centra_assets.storage.upsert import DEFAULT_GUARD, OPEN_GUARD, SNAPSHOT_GUARD, CollapseGuard, LoadCounts

__all__ = [
    "DEFAULT_GUARD",
    "OPEN_GUARD",
    "SNAPSHOT_GUARD",
    "CollapseGuard",
    "LoadCounts",
    "LoadReport",
    "PartitionScope",
    "RecordScope",
    "TableBatch",
    "Warehouse",
]

_ATTEMPTS = 4
# Who asked, where nobody said so.
UNTOLD = "untold"

T = TypeVar("T")


class Warehouse:
    """The database behind `url`, with `core` and its `history`. Opens one connection per call and closes it.

    `actor` is who asked for what is loaded, for the trail in ops.audit: `schedule:<name>`, `command:<name>` and so on.
    """

    def __init__(self, url: str, *, actor: str = UNTOLD) -> None:
        self._url = url
        self._actor = actor

    def prepare(self, tables: Iterable[Table]) -> list[str]:
        """Creates or widens tables until they fit; returns what changed, in words. See ddl.prepare."""
        with self._connected() as connection:
            return ddl.prepare(connection, tables)

    def load(
        self,
        entity: str,
        batches: Sequence[TableBatch],
        *,
        scope: Scope,
        run_id: str,
        quarantined: pl.DataFrame | None = None,
        guard: CollapseGuard = DEFAULT_GUARD,
        within: Callable[[Cursor[TupleRow]], None] | None = None,
    ) -> LoadReport:
        """Makes core equal to the batches within the scope, in one transaction; what was superseded goes to history.

        Loads of one entity wait for each other. A row that is older than the one in core changes nothing, nor does one
        that a later reading found gone. Rows in scope that no batch holds are deleted, unless their record is in
        `quarantined` (_record_id, _partition, _fetched_at, reasons as JSON text): its last good version stays.
        `within` is called at the end of the transaction, once per attempt at it; when it raises, nothing was loaded.
        It may write to ops and must leave core alone. Raises CollapseError where too much would go.

        What changed is in ops.audit with the load itself; what was refused is there too, by a transaction of its own.
        """
        asked = Asked(self._actor, run_id)
        try:
            return self._attempted(Load(entity, batches, scope, asked, quarantined, guard, within).run)
        except CentraAssetsError as error:
            if not error.transient:
                self._tell(refusal(entity, error, asked))
            raise

    def refused(self, entity: str, error: CentraAssetsError, run_id: str) -> None:
        """Puts into the trail what was refused before it came to a load; whoever refuses raises or keeps the error."""
        self._tell(refusal(entity, error, Asked(self._actor, run_id), outcome="refused"))

    def _tell(self, entry: AuditEntry) -> None:
        # The error that is under way says more than one of the trail could.
        with suppress(StorageError):
            self.transact(lambda cursor: audit.write(cursor, [entry]))

    def transact(self, work: Callable[[Cursor[TupleRow]], T]) -> T:
        """What `work` returns, done in one transaction with a load's attempts and errors; it may be called again."""

        def run(connection: Connection[TupleRow]) -> T:
            with connection.transaction(), connection.cursor() as cursor:
                return work(cursor)

        return self._attempted(run)

    def recognise(
        self, entity: str, tables: Sequence[Table], raw: pl.DataFrame, sources: Mapping[str, str], *, run_id: str
    ) -> LoadReport:
        """The load, without parsing, of those partitions of `sources` that every table was last loaded with from just
        these lake rows by the same code: all unchanged. The report has them, and no others; see recognition.py.
        """
        with self._connected() as connection:
            return recognise(connection, entity, tables, raw, sources, run_id)

    def query(self, statement: LiteralString, params: Sequence[Any] | Mapping[str, Any] = ()) -> pl.DataFrame:
        """The answer to a query as a frame, read-only. Numerics are decimals, JSON is text."""
        with self._connected() as connection:
            connection.read_only = True
            results.json_as_text(connection.adapters)
            cursor = connection.execute(statement, params or None)
            return results.frame(cursor)

    def _attempted(self, run: Callable[[Connection[TupleRow]], T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            with self._connected() as connection:
                try:
                    return run(connection)
                except (errors.DeadlockDetected, errors.SerializationFailure):
                    if attempt == _ATTEMPTS:
                        raise
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _connected(self) -> Iterator[Connection[TupleRow]]:
        with (
            translated(),
            psycopg.connect(self._url, application_name="centra_assets", connect_timeout=10) as connection,
        ):
            yield connection
