"""Brings one table in line with a batch inside a transaction that others opened. Locks, retries, logs are elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, LiteralString

import polars as pl
from psycopg import Cursor, errors, sql
from psycopg.rows import TupleRow

from centra_assets.storage.copying import copy_into
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table

_STAGE = sql.Identifier("pg_temp", "stage")
_VERDICT = sql.Identifier("pg_temp", "verdict")

INSERTED, UPDATED, DELETED = "inserted", "updated", "deleted"

Pieces = Callable[[], Iterator[bytes]]
Outcomes = Mapping[tuple[str, str], int]  # (outcome, partition) -> rows


@dataclass(frozen=True)
class CollapseGuard:
    """Stops a load that would delete more than `fraction` of a table's rows in scope and more than `rows` rows."""

    fraction: float = 0.5
    rows: int = 100


DEFAULT_GUARD = CollapseGuard()


@dataclass(frozen=True)
class LoadCounts:
    """What happened to rows. `unchanged` counts those in the batch that were the same, or older than what we have."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @classmethod
    def total(cls, counts: "Iterable[LoadCounts]") -> "LoadCounts":
        """The sum, number by number."""
        return cls(*(sum(column) for column in zip(*map(astuple, counts), strict=True)))


@dataclass(frozen=True)
class Truth:
    """What a load claims: of which rows its batch is the whole truth, and as of when.

    `column` (`_partition` or `_record_id`) is one of `keys` for every row in scope. `records` says when each record
    of the batch was fetched (_record_id, _fetched_at); rows of other records are as old as `as_of`. Rows that were
    fetched later than that, and rows of the records in `spared`, are not deleted.
    """

    column: str
    keys: Sequence[str]
    records: Callable[[], pl.DataFrame]
    as_of: datetime | None
    spared: Sequence[str]


@dataclass(frozen=True)
class Moment:
    """When a load happens, and for whom."""

    at: datetime
    run_id: str


class TableUpsert:
    """One table's part of a load. `pieces` gives the batch as CSV with all columns, as often as it is called."""

    def __init__(self, cursor: Cursor[TupleRow], table: Table, truth: Truth, moment: Moment) -> None:
        self._cursor = cursor
        self._table = table
        self._truth = truth
        self._moment = moment
        self._columns = [column.name for column in (*table.columns, *SYSTEM_COLUMNS)]
        self._core = sql.Identifier(table.schema, table.name)
        self._history = sql.Identifier("history", table.name)
        self._key_match = _all(sql.SQL("s.{0} = c.{0}").format(sql.Identifier(name)) for name in table.key)
        self._in_scope = sql.SQL("{} = ANY(%(keys)s)").format(sql.Identifier(truth.column))

    def apply(self, rows: pl.DataFrame, pieces: Pieces, guard: CollapseGuard) -> dict[str, LoadCounts]:
        """Inserts, updates and deletes; returns the counts per partition."""
        staged = _per_partition(rows)
        if not self._anything_in_scope() and self._copied_straight(pieces):
            return {partition: LoadCounts(inserted=count) for partition, count in staged.items()}
        self._stage(pieces)
        self._judge()
        self._spare()
        outcomes = self._outcomes()
        self._refuse_collapse(outcomes, guard)
        try:
            with self._cursor.connection.transaction():
                self._carry_out(outcomes)
        except errors.UniqueViolation:
            # Some rows are in core outside the scope: their records moved to another partition.
            self._find_moved()
            outcomes = self._outcomes()
            self._carry_out(outcomes)
        self._cursor.execute(sql.SQL("DROP TABLE {}, {}").format(_STAGE, _VERDICT))
        return _counts(staged, outcomes)

    def _anything_in_scope(self) -> bool:
        found = self._run("SELECT EXISTS (SELECT FROM {core} WHERE {in_scope})", keys=self._truth.keys).fetchone()
        return bool(found and found[0])

    def _copied_straight(self, pieces: Pieces) -> bool:
        """Nothing to compare with: COPY into the table itself, unless a key is there already, outside the scope."""
        try:
            with self._cursor.connection.transaction():
                copy_into(self._cursor, self._core, self._columns, pieces())
        except errors.UniqueViolation:
            return False
        return True

    def _stage(self, pieces: Pieces) -> None:
        self._run("CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {columns} FROM {core} WITH NO DATA")
        self._run(
            "CREATE TEMPORARY TABLE {verdict} (outcome text, partition text, stage_row tid, core_row tid)"
            " ON COMMIT DROP"
        )
        copy_into(self._cursor, _STAGE, self._columns, pieces())

    def _judge(self) -> None:
        """One pass over batch and core: a verdict for every row that is not the same in both."""
        self._run(
            """
            INSERT INTO {verdict}
            SELECT CASE WHEN c.core_row IS NULL THEN 'inserted'
                        WHEN s.stage_row IS NULL THEN 'deleted' ELSE 'updated' END,
                   coalesce(s._partition, c._partition), s.stage_row, c.core_row
            FROM (SELECT ctid AS stage_row, * FROM {stage}) s
            FULL JOIN (SELECT ctid AS core_row, * FROM {core} WHERE {in_scope}) c ON {key_match}
            WHERE c.core_row IS NULL OR s.stage_row IS NULL OR ({differs})
            """,
            keys=self._truth.keys,
        )

    def _spare(self) -> None:
        """Takes back deletions of what is newer than the batch, or whose record is in quarantine."""
        candidates = self._run("SELECT count(*) FROM {verdict} WHERE outcome = 'deleted'").fetchone()
        if not candidates or not candidates[0]:
            return
        self._run("CREATE TEMPORARY TABLE {record} (id text, fetched_at timestamptz) ON COMMIT DROP")
        text = self._truth.records().write_csv(include_header=False, quote_style="non_numeric").encode()
        copy_into(self._cursor, sql.Identifier("pg_temp", "record"), ["id", "fetched_at"], iter([text]))
        self._run(
            """
            DELETE FROM {verdict} v USING {core} c LEFT JOIN {record} r ON r.id = c._record_id
            WHERE v.outcome = 'deleted' AND c.ctid = v.core_row
              AND (c._record_id = ANY(%(spared)s) OR c._fetched_at > coalesce(r.fetched_at, %(as_of)s))
            """,
            spared=self._truth.spared,
            as_of=self._truth.as_of,
        )
        self._run("DROP TABLE {record}")

    def _find_moved(self) -> None:
        """Turns insertions of keys that core has, outside the scope, into updates, or drops them."""
        self._run(
            """
            UPDATE {verdict} v SET core_row = c.ctid, outcome = CASE WHEN {differs} THEN 'updated' ELSE 'same' END
            FROM {stage} s JOIN {core} c ON {key_match}
            WHERE v.outcome = 'inserted' AND s.ctid = v.stage_row
            """
        )
        self._run("DELETE FROM {verdict} WHERE outcome = 'same'")

    def _outcomes(self) -> Outcomes:
        found = self._run("SELECT outcome, partition, count(*) FROM {verdict} GROUP BY 1, 2").fetchall()
        return {(outcome, partition): count for outcome, partition, count in found}

    def _refuse_collapse(self, outcomes: Outcomes, guard: CollapseGuard) -> None:
        deleted = _total(outcomes, DELETED)
        if deleted <= guard.rows:
            return
        found = self._run("SELECT count(*) FROM {core} WHERE {in_scope}", keys=self._truth.keys).fetchone()
        present = int(found[0]) if found else 0
        if deleted > guard.fraction * present:
            raise CollapseError(
                f"the load would delete {deleted} of {present} rows of {self._table.schema}.{self._table.name}; "
                "nothing was changed."
            )

    def _carry_out(self, outcomes: Outcomes) -> None:
        superseded = _total(outcomes, UPDATED) + _total(outcomes, DELETED)
        if superseded:
            self._run(
                """
                INSERT INTO {history} ({columns}, _operation, _valid_from, _valid_to, _run_id)
                SELECT {core_columns}, CASE v.outcome WHEN 'deleted' THEN 'delete' ELSE 'update' END,
                       c._loaded_at, %(at)s, %(run_id)s
                FROM {verdict} v JOIN {core} c ON c.ctid = v.core_row WHERE v.outcome IN ('updated', 'deleted')
                """,
                at=self._moment.at,
                run_id=self._moment.run_id,
            )
        if _total(outcomes, DELETED):
            self._run("DELETE FROM {core} c USING {verdict} v WHERE v.outcome = 'deleted' AND c.ctid = v.core_row")
        if _total(outcomes, UPDATED):
            self._run(
                """
                UPDATE {core} c SET {assignments} FROM {verdict} v JOIN {stage} s ON s.ctid = v.stage_row
                WHERE v.outcome = 'updated' AND c.ctid = v.core_row
                """
            )
        if _total(outcomes, INSERTED):
            self._run(
                """
                INSERT INTO {core} ({columns}) SELECT {stage_columns}
                FROM {verdict} v JOIN {stage} s ON s.ctid = v.stage_row WHERE v.outcome = 'inserted'
                """
            )

    def _run(self, template: LiteralString, **values: Any) -> Cursor[TupleRow]:
        compared = [column.name for column in self._table.columns if column.name not in self._table.key]
        compared.append("_partition")
        settable = [name for name in self._columns if name not in self._table.key]
        differs = sql.SQL(
            "({}) IS DISTINCT FROM ({}) AND s._fetched_at >= c._fetched_at"
            " AND (s._source_updated_at >= c._source_updated_at) IS NOT FALSE"
        ).format(_listed(compared, "s"), _listed(compared, "c"))
        statement = sql.SQL(template).format(
            core=self._core,
            history=self._history,
            stage=_STAGE,
            verdict=_VERDICT,
            record=sql.Identifier("pg_temp", "record"),
            in_scope=self._in_scope,
            key_match=self._key_match,
            differs=differs,
            columns=_listed(self._columns),
            core_columns=_listed(self._columns, "c"),
            stage_columns=_listed(self._columns, "s"),
            assignments=sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in settable),
        )
        return self._cursor.execute(statement, values or None)


def _per_partition(rows: pl.DataFrame) -> dict[str, int]:
    counts = rows.group_by("_partition").len()
    return dict(zip(counts["_partition"].to_list(), counts["len"].to_list(), strict=True))


def _total(outcomes: Outcomes, wanted: str) -> int:
    return sum(count for (outcome, _), count in outcomes.items() if outcome == wanted)


def _counts(staged: Mapping[str, int], outcomes: Outcomes) -> dict[str, LoadCounts]:
    counts = {}
    for partition in {*staged, *(partition for _, partition in outcomes)}:
        inserted, updated, deleted = (outcomes.get((name, partition), 0) for name in (INSERTED, UPDATED, DELETED))
        unchanged = staged.get(partition, 0) - inserted - updated
        counts[partition] = LoadCounts(inserted, updated, unchanged, deleted)
    return counts


def _listed(names: Iterable[str], alias: str = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)


def _all(conditions: Iterable[sql.Composed]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)
