"""Brings one table in line with a batch inside a transaction that others opened. Locks, retries, logs are elsewhere."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import polars as pl
from psycopg import Cursor, errors, sql
from psycopg.rows import TupleRow

from centra_assets.storage.changes import Change, observed
from centra_assets.storage.copying import copy_into, indexes_rebuilt
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.following import Stale, days_in, days_of, followed
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table

_STAGE = sql.Identifier("pg_temp", "stage")
_RECORD = sql.Identifier("pg_temp", "record")
_VERDICT = sql.Identifier("pg_temp", "verdict")

INSERTED, UPDATED, DELETED = "inserted", "updated", "deleted"
# Differs from the batch and stays: the batch is older, or the row's record is in quarantine.
STALE, SPARED = "stale", "spared"

Pieces = Callable[[], Iterator[bytes]]
# (outcome, partition in the batch or else in core, partition in core) -> rows
Outcomes = Mapping[tuple[str, str, str | None], int]


@dataclass(frozen=True)
class CollapseGuard:
    """Stops a load that would delete more than `fraction` of a table's rows in scope and more than `rows` rows.

    Without `may_empty` it also stops one that would leave nothing of a partition in its scope, however few its rows.
    """

    fraction: float = 0.5
    rows: int = 100
    may_empty: bool = True

    def refuses(self, gone: int, known: int) -> bool:
        """Whether so many of the known rows or records are gone that it is rather to be doubted."""
        return gone > self.rows and gone > self.fraction * known


DEFAULT_GUARD = CollapseGuard()
# For partitions that are snapshots of a whole: unlike a day, they hardly ever become empty in earnest.
SNAPSHOT_GUARD = CollapseGuard(may_empty=False)
# For those who looked and know that the rows are gone.
OPEN_GUARD = CollapseGuard(fraction=1)


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

    `column` (`_partition` or `_record_id`) is one of the keys of `as_of` for every row in scope; with a `partition`,
    all lie in that one. `records` says when each record of the batch was read (_partition where the scope is one of
    partitions, _record_id, _fetched_at); other records were read when `as_of` says. Rows that were fetched later than
    that, and rows of the records in `spared`, are not deleted.
    """

    column: str
    partition: str | None
    records: Callable[[], pl.DataFrame]
    as_of: Mapping[str, datetime | None]
    spared: Sequence[str]


@dataclass(frozen=True)
class Moment:
    """When a load happens, and for whom."""

    at: datetime
    run_id: str


class TableUpsert:
    """One table's part of a load, in the transaction of `cursor`."""

    def __init__(
        self, cursor: Cursor[TupleRow], table: Table, truth: Truth, moment: Moment, guard: CollapseGuard
    ) -> None:
        self._cursor = cursor
        self._table = table
        self._truth = truth
        self._moment = moment
        self._guard = guard
        self._columns = [column.name for column in (*table.columns, *SYSTEM_COLUMNS)]
        self._core = sql.Identifier(table.schema, table.name)
        self._parts = _statement_parts(table, truth)
        self._copied: set[Stale] = set()
        self._compared: dict[str, set[date | None]] = {}
        # By partition, what `compare` changed.
        self.changes: Mapping[str, Change] = {}

    def copy(self, rows: pl.DataFrame, pieces: Pieces) -> bool:
        """COPYs rows, whose CSV are the pieces, straight into the table.

        Changes nothing and returns False when a key is there already.
        """
        try:
            with self._cursor.connection.transaction(), indexes_rebuilt(self._cursor, self._table):
                copy_into(self._cursor, self._core, self._columns, pieces())
        except errors.UniqueViolation:
            return False
        self._copied = days_in(self._table, rows)
        return True

    def compare(self, keys: Sequence[str], pieces: Pieces, late: pl.DataFrame) -> Outcomes:
        """Makes the table's rows of the partitions or records `keys` equal to the rows in `pieces`.

        No row is inserted whose record was read later than the row, as `late` says (_partition, _record_id, _read_at).
        """
        self._stage(pieces)
        self._judge(keys)
        self._refuse_late(late)
        self._spare()
        outcomes = self._outcomes()
        self._refuse_collapse(outcomes)
        try:
            with self._cursor.connection.transaction():
                self._carry_out(outcomes)
        except errors.UniqueViolation:
            # Some rows are in core under another partition or record: they moved.
            self._find_moved()
            outcomes = self._outcomes()
            self._carry_out(outcomes)
        self._run("DROP TABLE {stage}, {verdict}")
        return outcomes

    def stale(self) -> set[Stale]:
        """The days of other assets that what was done so far made stale."""
        return self._copied.union(*(days_of(self._table, *found) for found in self._compared.items()))

    def _stage(self, pieces: Pieces) -> None:
        self._run("CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {columns} FROM {core} WITH NO DATA")
        self._run(
            "CREATE TEMPORARY TABLE {verdict} (outcome text, partition text, was text, stage_row tid, core_row tid,"
            " read_at timestamptz)"
            " ON COMMIT DROP"
        )
        copy_into(self._cursor, _STAGE, self._columns, pieces())

    def _judge(self, keys: Sequence[str]) -> None:
        """One pass over batch and core: a verdict for every row that is not the same in both."""
        self._run(
            """
            INSERT INTO {verdict} (outcome, partition, was, stage_row, core_row)
            SELECT CASE WHEN c.core_row IS NULL THEN 'inserted'
                        WHEN s.stage_row IS NULL THEN 'deleted'
                        WHEN {not_older} THEN 'updated' ELSE 'stale' END,
                   coalesce(s._partition, c._partition), c._partition, s.stage_row, c.core_row
            FROM (SELECT ctid AS stage_row, * FROM {stage}) s
            FULL JOIN (SELECT ctid AS core_row, * FROM {core} WHERE {in_scope}) c ON {key_match}
            WHERE c.core_row IS NULL OR s.stage_row IS NULL OR {differs}
            """,
            keys=keys,
        )

    def _refuse_late(self, late: pl.DataFrame) -> None:
        """Takes back insertions that a later reading lacked. An equal one is a new parse of the same reading."""
        if late.is_empty():
            return
        self._run(
            """
            UPDATE {verdict} v SET outcome = 'stale'
            FROM {stage} s JOIN unnest(%(homes)s::text[], %(ids)s::text[], %(read_at)s::timestamptz[])
              AS l (home, id, read_at) ON l.home = s._partition AND l.id = s._record_id AND l.read_at > s._fetched_at
            WHERE v.outcome = 'inserted' AND s.ctid = v.stage_row
            """,
            homes=late["_partition"].to_list(),
            ids=late["_record_id"].to_list(),
            read_at=late["_read_at"].to_list(),
        )

    def _spare(self) -> None:
        """Takes back deletions of what is newer than the batch, or whose record is in quarantine."""
        candidates = self._run("SELECT count(*) FROM {verdict} WHERE outcome = 'deleted'").fetchone()
        if not candidates or not candidates[0]:
            return
        self._run("CREATE TEMPORARY TABLE {record} (home text, id text, fetched_at timestamptz) ON COMMIT DROP")
        text = self._truth.records().write_csv(include_header=False, null_value="\\N", quote_style="non_numeric")
        copy_into(self._cursor, _RECORD, ["home", "id", "fetched_at"], iter([text.encode()]))
        self._run(
            """
            UPDATE {verdict} v SET read_at = coalesce(r.fetched_at, a.as_of), outcome = CASE
              WHEN c._record_id = ANY(%(spared)s) OR c._fetched_at > coalesce(r.fetched_at, a.as_of) THEN 'spared'
              ELSE 'deleted' END
            FROM {core} c
            JOIN unnest(%(keys)s::text[], %(as_of)s::timestamptz[]) AS a (key, as_of) ON a.key = c.{scoped}
            LEFT JOIN {record} r ON {same_record}
            WHERE v.outcome = 'deleted' AND c.ctid = v.core_row
            """,
            spared=self._truth.spared,
            keys=list(self._truth.as_of),
            as_of=list(self._truth.as_of.values()),
        )
        self._run("DROP TABLE {record}")

    def _find_moved(self) -> None:
        """Turns insertions of keys that core has, outside the scope, into updates; keeps them where core is newer."""
        self._run(
            """
            UPDATE {verdict} v SET core_row = c.ctid, was = c._partition, outcome = CASE
              WHEN NOT ({differs}) THEN 'same' WHEN {not_older} THEN 'updated' ELSE 'stale' END
            FROM {stage} s JOIN {core} c ON {key_match}
            WHERE v.outcome = 'inserted' AND s.ctid = v.stage_row
            """
        )

    def _outcomes(self) -> Outcomes:
        found = self._run("SELECT outcome, partition, was, count(*) FROM {verdict} GROUP BY 1, 2, 3")
        return {(outcome, partition, was): count for outcome, partition, was, count in found}

    def _refuse_collapse(self, outcomes: Outcomes) -> None:
        deleted = _total(outcomes, DELETED)
        if deleted > self._guard.rows:
            present = sum(self._present().values())
            if self._guard.refuses(deleted, present):
                raise self._collapse(f"{deleted} of {present} rows", deleted)
        # A scope of records is no snapshot: its partitions have other rows.
        if deleted and not self._guard.may_empty and self._truth.column == "_partition":
            emptied = sorted(self._emptied(outcomes))
            if emptied:
                raise self._collapse(f"all rows of {len(emptied)} partitions, {emptied[0]} among them,", deleted)

    def _emptied(self, outcomes: Outcomes) -> Iterator[str]:
        """Partitions that would lose every row they have, and get none."""
        for partition, rows in self._present().items():
            arriving = _total(outcomes, INSERTED, partition) + _total(outcomes, UPDATED, partition)
            if _total(outcomes, DELETED, partition) == rows and not arriving:
                yield partition

    def _present(self) -> dict[str, int]:
        """How many rows core has in scope, per partition."""
        found = self._run(
            "SELECT _partition, count(*) FROM {core} WHERE {in_scope} GROUP BY 1", keys=list(self._truth.as_of)
        )
        return dict(found.fetchall())

    def _collapse(self, what: str, rows: int) -> CollapseError:
        table = self._table
        cause = f"the load would delete {what} of {table.schema}.{table.name}; nothing was changed."
        return CollapseError(cause, f"{table.schema}/{table.name}", {"deleted": rows})

    def _carry_out(self, outcomes: Outcomes) -> None:
        self._follow()
        rows: Counter[str] = Counter()
        for (outcome, partition, _), count in outcomes.items():
            rows.update({partition: count} if outcome in (INSERTED, UPDATED, DELETED) else {})
        self.changes = observed(self._cursor, self._table, self._parts, rows) if rows else {}
        superseded = _total(outcomes, UPDATED) + _total(outcomes, DELETED)
        if superseded:
            self._run(
                """
                INSERT INTO {history} ({columns}, _operation, _valid_from, _valid_to, _run_id,
                                       _superseded_fetched_at)
                SELECT {core_columns}, CASE v.outcome WHEN 'deleted' THEN 'delete' ELSE 'update' END,
                       c._loaded_at, %(at)s, %(run_id)s, coalesce(s._fetched_at, v.read_at)
                FROM {verdict} v JOIN {core} c ON c.ctid = v.core_row LEFT JOIN {stage} s ON s.ctid = v.stage_row
                WHERE v.outcome IN ('updated', 'deleted')
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

    def _follow(self) -> None:
        """Remembers the days of rows that are about to change: before and after."""
        for column in followed(self._table):
            found = self._execute(
                """
                SELECT s.{day} FROM {verdict} v JOIN {stage} s ON s.ctid = v.stage_row
                WHERE v.outcome IN ('inserted', 'updated')
                UNION SELECT c.{day} FROM {verdict} v JOIN {core} c ON c.ctid = v.core_row
                WHERE v.outcome IN ('updated', 'deleted')
                """,
                {**self._parts, "day": sql.Identifier(column)},
                {},
            )
            self._compared[column] = {day for (day,) in found}

    def _run(self, template: LiteralString, **values: Any) -> Cursor[TupleRow]:
        return self._execute(template, self._parts, values)

    def _execute(
        self, template: LiteralString, parts: Mapping[str, sql.Composable], values: Mapping[str, Any]
    ) -> Cursor[TupleRow]:
        return self._cursor.execute(sql.SQL(template).format(**parts), values or None)


def _statement_parts(table: Table, truth: Truth) -> dict[str, sql.Composable]:
    """What the statements above have in their braces. Aliases: `s` the stage, `c` core."""
    columns = [column.name for column in (*table.columns, *SYSTEM_COLUMNS)]
    settable = [name for name in columns if name not in table.key]
    compared = [column.name for column in table.columns if column.name not in table.key] + ["_partition"]
    by_partition = truth.column == "_partition"
    within = sql.SQL(" AND _partition = {}").format(truth.partition) if truth.partition is not None else sql.SQL("")
    return {
        "core": sql.Identifier(table.schema, table.name),
        "history": sql.Identifier("history", table.name),
        "stage": _STAGE,
        "verdict": _VERDICT,
        "record": _RECORD,
        "scoped": sql.Identifier(truth.column),
        "in_scope": sql.SQL("{} = ANY(%(keys)s)").format(sql.Identifier(truth.column)) + within,
        "same_record": sql.SQL(
            "r.id = c._record_id AND r.home = c._partition" if by_partition else "r.id = c._record_id"
        ),
        "key_match": sql.SQL(" AND ").join(sql.SQL("s.{0} = c.{0}").format(sql.Identifier(key)) for key in table.key),
        "differs": sql.SQL("({}) IS DISTINCT FROM ({})").format(_listed(compared, "s"), _listed(compared, "c")),
        "not_older": sql.SQL(
            "s._fetched_at >= c._fetched_at AND (s._source_updated_at >= c._source_updated_at) IS NOT FALSE"
        ),
        "columns": _listed(columns),
        "core_columns": _listed(columns, "c"),
        "stage_columns": _listed(columns, "s"),
        "assignments": sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in settable),
    }


def counted(staged: Mapping[str, int], outcomes: Outcomes) -> dict[str, LoadCounts]:
    """The outcomes per partition, given how many rows of each partition the batch had."""
    counts = {}
    for partition in {*staged, *(partition for _, partition, _ in outcomes)}:
        inserted, updated, deleted = (_total(outcomes, name, partition) for name in (INSERTED, UPDATED, DELETED))
        counts[partition] = LoadCounts(inserted, updated, staged.get(partition, 0) - inserted - updated, deleted)
    return counts


def _total(outcomes: Outcomes, wanted: str, partition: str | None = None) -> int:
    return sum(
        count for (outcome, where, _), count in outcomes.items() if outcome == wanted and partition in (None, where)
    )


def _listed(names: Iterable[str], alias: str = "") -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)
