"""One load: all tables of an entity in one transaction, with quarantine, report and log. Connections are elsewhere."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import cast

import polars as pl
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, scalar_row

from centra_assets.storage.batches import PartitionScope, Scope, TableBatch, checked, fetches, newest_fetch
from centra_assets.storage.copying import CsvSource, as_csv
from centra_assets.storage.quarantine import NOBODY, update_quarantine
from centra_assets.storage.tables import SYSTEM_COLUMNS
from centra_assets.storage.upsert import CollapseGuard, LoadCounts, Moment, TableUpsert, Truth

# Enough for hash joins of a batch of some 100,000 rows; many loads at once stay within a laptop's memory.
_SETTINGS = "SET LOCAL work_mem = '64MB'; SET LOCAL temp_buffers = '64MB'; SET LOCAL jit = off"

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
        run_id: str,
        quarantined: pl.DataFrame | None,
        guard: CollapseGuard,
    ) -> None:
        self._started = time.perf_counter()
        self._entity = entity
        self._scope = scope
        self._run_id = run_id
        self._quarantined = NOBODY if quarantined is None else quarantined
        self._guard = guard
        # Tables in one order for everybody, so that no two loads wait for each other in a circle.
        ordered = sorted(batches, key=lambda batch: (batch.table.schema, batch.table.name))
        self._work = [(batch.table, checked(batch, scope)) for batch in ordered]
        frames = [*(rows for _, rows in self._work), self._quarantined]
        self._truth = Truth(
            column=scope.column,
            keys=list(scope.keys),
            records=cache(partial(fetches, frames)),
            as_of=scope.as_of or newest_fetch(frames),
            spared=self._quarantined["_record_id"].to_list(),
        )

    def run(self, connection: Connection[TupleRow]) -> LoadReport:
        """Does it all or nothing."""
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"centra_assets/{self._entity}"])
            moment = Moment(_now(connection), self._run_id)
            by_partition = self._upsert(cursor, moment)
            update_quarantine(cursor, self._entity, self._quarantined, self._truth, moment)
            report = self._report(by_partition)
            self._log(cursor, moment, report)
        return report

    def _upsert(self, cursor: Cursor[TupleRow], moment: Moment) -> dict[str, dict[str, LoadCounts]]:
        counts = {}
        with ThreadPoolExecutor(1) as pool:
            sources = [
                CsvSource(
                    pool,
                    partial(as_csv, rows.with_columns(_loaded_at=moment.at), (*table.columns, *SYSTEM_COLUMNS)),
                )
                for table, rows in self._work
            ]
            for index, (table, rows) in enumerate(self._work):
                # The next table's CSV is written while PostgreSQL works on this one.
                for source in sources[index : index + 2]:
                    source.begin()
                counts[table.name] = TableUpsert(cursor, table, self._truth, moment).apply(
                    rows, sources[index], self._guard
                )
        return counts

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

    def _log(self, cursor: Cursor[TupleRow], moment: Moment, report: LoadReport) -> None:
        for table, counts in report.tables.items():
            numbers = [counts.inserted, counts.updated, counts.unchanged, counts.deleted]
            partitions = len(report.by_partition[table])
            values = [moment.at, self._entity, table, self._run_id, partitions, *numbers]
            cursor.execute(_LOG, [*values, report.quarantined, report.seconds])


def _now(connection: Connection[TupleRow]) -> datetime:
    """The clock, not the transaction's start: that may lie before another load that this one waited for."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cast(datetime, cursor.execute("SELECT clock_timestamp()").fetchone())
