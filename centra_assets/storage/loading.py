"""One load: all tables of an entity in one transaction, with quarantine, report and log. Connections are elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import cast

import polars as pl
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, scalar_row

from centra_assets.storage import audit
from centra_assets.storage.batches import PartitionScope, Scope, TableBatch, as_of_each, checked, fetches
from centra_assets.storage.copying import CsvSource, as_csv
from centra_assets.storage.digests import forget, remember
from centra_assets.storage.following import Stale, note
from centra_assets.storage.planning import Plan, per_partition, planned
from centra_assets.storage.quarantine import NOBODY, update_quarantine
from centra_assets.storage.recognition import recognised
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table
from centra_assets.storage.trail import Asked, TableDone, entries, seal_of
from centra_assets.storage.upsert import (
    SPARED,
    STALE,
    CollapseGuard,
    LoadCounts,
    Moment,
    Outcomes,
    TableUpsert,
    Truth,
    counted,
)

# Enough for hash joins of a batch of some 100,000 rows; many loads at once stay within a laptop's memory.
_SETTINGS = """
SET LOCAL centra_assets.loading = 'yes';
SET LOCAL work_mem = '64MB';
SET LOCAL temp_buffers = '64MB';
SET LOCAL jit = off
"""

_LOG = """
INSERT INTO ops.load_log (at, entity, table_name, run_id, partitions,
                          inserted, updated, unchanged, deleted, quarantined, seconds)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class LoadReport:
    """What a load did, per table and per table and partition; every partition of a PartitionScope is listed."""

    tables: Mapping[str, LoadCounts]
    by_partition: Mapping[str, Mapping[str, LoadCounts]]
    quarantined: int
    seconds: float


class Load:
    """One call of `Warehouse.load`; may run several times, each time in a transaction of its own."""

    def __init__(
        self,
        entity: str,
        batches: Sequence[TableBatch],
        scope: Scope,
        asked: Asked,
        quarantined: pl.DataFrame | None,
        guard: CollapseGuard,
        within: Callable[[Cursor[TupleRow]], None] | None = None,
    ) -> None:
        self._started = time.perf_counter()
        self._entity = entity
        self._scope = scope
        self._asked = asked
        self._quarantined = NOBODY if quarantined is None else quarantined
        self._guard = guard
        self._within = within
        # Tables in one order for everybody, so that no two loads wait for each other in a circle.
        ordered = sorted(batches, key=lambda batch: (batch.table.schema, batch.table.name))
        self._work = [(batch.table, checked(batch, scope)) for batch in ordered]
        frames = [*(rows for _, rows in self._work), self._quarantined]
        readings = [] if not isinstance(scope, PartitionScope) or scope.readings is None else [scope.readings]
        self._truth = Truth(
            column=scope.column,
            partition=scope.partition,
            records=cache(partial(fetches, [*frames, *readings], scope)),
            as_of=as_of_each(frames, scope),
            spared=self._quarantined["_record_id"].to_list(),
        )

    def run(self, connection: Connection[TupleRow]) -> LoadReport:
        """Does it all or nothing."""
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
            wait_for_turn(cursor, self._entity)
            moment = Moment(_now(connection), self._asked.run_id)
            done, stale = self._upsert(cursor, moment)
            note(cursor, stale, moment.at)
            update_quarantine(cursor, self._entity, self._quarantined, self._truth, moment)
            report = self._report({name: table.counts for name, table in done.items()})
            _log(cursor, self._entity, moment, report)
            self._leave_trail(cursor, done)
            if self._within:
                self._within(cursor)
        return report

    def _leave_trail(self, cursor: Cursor[TupleRow], done: Mapping[str, TableDone]) -> None:
        """Entries for what changed, in the load's own transaction; a load that changed nothing leaves none."""
        if any(table.has_changes for table in done.values()):
            key = seal_of(cursor)
            audit.write(cursor, [entry for table in done.values() for entry in entries(table, self._asked, key)])

    def _upsert(self, cursor: Cursor[TupleRow], moment: Moment) -> tuple[dict[str, TableDone], set[Stale]]:
        plans = planned(cursor, self._work, self._scope)
        done = {}
        stale: set[Stale] = set()
        with ThreadPoolExecutor(1) as pool:
            sources = [_Sources(pool, plan, moment) for plan in plans]
            for index, plan in enumerate(plans):
                # The next table's CSV is written while PostgreSQL works on this one.
                for source in sources[index : index + 2]:
                    source.begin()
                upsert = TableUpsert(cursor, plan.table, self._truth, moment, self._guard)
                done[plan.table.name] = self._carry_out(cursor, plan, sources[index], upsert)
                stale |= upsert.stale()
        return done, stale

    def _carry_out(self, cursor: Cursor[TupleRow], plan: Plan, sources: "_Sources", upsert: TableUpsert) -> TableDone:
        fresh = per_partition(plan.fresh)
        outcomes: Outcomes = {}
        counts = {partition: LoadCounts(unchanged=count) for partition, count in plan.same.items()}
        copied = not fresh or upsert.copy(plan.fresh, sources.fresh)
        if not copied:
            # Rows that the table has elsewhere: their records moved, so everything is compared.
            keys = sorted({*plan.compared_keys, *plan.fresh[self._scope.column]})
            outcomes = upsert.compare(keys, sources.everything, plan.late)
            counts |= counted(per_partition(pl.concat([plan.fresh, plan.compared])), outcomes)
        else:
            if plan.compared_keys:
                outcomes = upsert.compare(plan.compared_keys, sources.compared, plan.late)
            found = counted(per_partition(plan.compared), outcomes)
            # A partition may have both: a record that is new, and one that is not.
            for partition in {*fresh, *found}:
                new = LoadCounts(inserted=fresh.get(partition, 0))
                counts[partition] = LoadCounts.total([new, found.get(partition, LoadCounts())])
        exact = self._keep_digests(cursor, plan, {*fresh}, outcomes)
        return TableDone(plan, counts, upsert.changes, exact, copied)

    def _keep_digests(
        self, cursor: Cursor[TupleRow], plan: Plan, fresh: set[str], outcomes: Outcomes
    ) -> Mapping[str, str]:
        """Remembers the partitions that now hold just what the batch holds, and returns their digests; forgets the
        others that were touched.
        """
        doubtful = {part for kind, *parts in outcomes for part in parts if part and kind in (STALE, SPARED)}
        touched = fresh | {part for _, *parts in outcomes for part in parts if part}
        forgotten = doubtful | (touched - plan.digests.keys())
        if forgotten:
            forget(cursor, plan.table, forgotten)
        exact = {partition: digest for partition, digest in plan.digests.items() if partition not in forgotten}
        if exact:
            remember(
                cursor, plan.table, exact, self._scope.sources if isinstance(self._scope, PartitionScope) else None
            )
        return exact

    def _report(self, counts: Mapping[str, Mapping[str, LoadCounts]]) -> LoadReport:
        partitions = self._scope.partitions if isinstance(self._scope, PartitionScope) else ()
        nothing = {partition: LoadCounts() for partition in partitions}
        by_partition = {table: {**nothing, **found} for table, found in counts.items()}
        return LoadReport(
            tables={table: LoadCounts.total(found.values()) for table, found in by_partition.items()},
            by_partition=by_partition,
            quarantined=self._quarantined["_record_id"].n_unique(),
            seconds=time.perf_counter() - self._started,
        )


class _Sources:
    """The CSV of a plan's rows, for each way that they may take."""

    def __init__(self, pool: Executor, plan: Plan, moment: Moment) -> None:
        columns = (*plan.table.columns, *SYSTEM_COLUMNS)

        def source(*frames: pl.DataFrame) -> CsvSource:
            return CsvSource(pool, lambda: as_csv(pl.concat(frames).with_columns(_loaded_at=moment.at), columns))

        self.fresh = source(plan.fresh)
        self.compared = source(plan.compared)
        self.everything = source(plan.fresh, plan.compared)
        self._first = self.compared if plan.fresh.is_empty() else self.fresh

    def begin(self) -> None:
        """Starts writing what will be needed first."""
        self._first.begin()


def _now(connection: Connection[TupleRow]) -> datetime:
    """The clock, not the transaction's start: that may lie before another load that this one waited for."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cast(datetime, cursor.execute("SELECT clock_timestamp()").fetchone())


def wait_for_turn(cursor: Cursor[TupleRow], entity: str) -> None:
    """Loads of one entity follow each other; the turn ends with the transaction."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"centra_assets/{entity}"])


def recognise(
    connection: Connection[TupleRow],
    entity: str,
    tables: Sequence[Table],
    raw: pl.DataFrame,
    sources: Mapping[str, str],
    run_id: str,
) -> LoadReport:
    """The load of the partitions that hold just what their raw records say: nothing changes, and the log says so."""
    started = time.perf_counter()
    found: Mapping[str, Mapping[str, int]] = {}
    with connection.transaction(), connection.cursor() as cursor:
        # Most partitions of a first load are unknown; then nobody has to wait.
        if any(recognised(cursor, entity, tables, raw, sources).values()):
            wait_for_turn(cursor, entity)
            found = recognised(cursor, entity, tables, raw, sources)
        by_partition = {
            table: {partition: LoadCounts(unchanged=rows) for partition, rows in held.items()}
            for table, held in found.items()
            if held
        }
        totals = {table: LoadCounts.total(counts.values()) for table, counts in by_partition.items()}
        report = LoadReport(totals, by_partition, 0, time.perf_counter() - started)
        _log(cursor, entity, Moment(_now(connection), run_id), report)
    return report


def _log(cursor: Cursor[TupleRow], entity: str, moment: Moment, report: LoadReport) -> None:
    for table, counts in report.tables.items():
        numbers = [counts.inserted, counts.updated, counts.unchanged, counts.deleted]
        values = [moment.at, entity, table, moment.run_id, len(report.by_partition[table]), *numbers]
        cursor.execute(_LOG, [*values, report.quarantined, report.seconds])
