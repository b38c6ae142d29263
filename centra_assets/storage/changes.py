"""What a comparison is about to change: names of fields, and digests of rows before and after. Changes nothing.

A digest is a sum over the rows' hashes, whatever their order. It is not keyed, so it leaves the process only sealed;
see trail.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.storage.tables import Table

# So many rows a load may look at again: more would cost it a fifth of its time.
MOST_ROWS = 5_000
_FEWEST_OF_A_PARTITION = 20

# Rows of the verdict meet core and stage by their places: what differs is read once more, and nothing else.
_OBSERVE: LiteralString = """
SELECT v.partition, array_remove(ARRAY[{fields}]::text[], NULL),
  count(c.ctid), sum(hash_record_extended(ROW({before}), 0)) FILTER (WHERE v.core_row IS NOT NULL),
  count(s.ctid), sum(hash_record_extended(ROW({after}), 0)) FILTER (WHERE v.stage_row IS NOT NULL)
FROM {verdict} v
LEFT JOIN {core} c ON c.ctid = v.core_row
LEFT JOIN {stage} s ON s.ctid = v.stage_row
WHERE v.outcome IN ('inserted', 'updated', 'deleted')
GROUP BY v.partition
"""
_SAMPLE: LiteralString = """
SELECT v.partition, array_remove(ARRAY[{fields}]::text[], NULL)
FROM (
  SELECT *, row_number() OVER (PARTITION BY partition) AS place FROM {verdict} WHERE outcome = 'updated'
) v
JOIN {core} c ON c.ctid = v.core_row
JOIN {stage} s ON s.ctid = v.stage_row
WHERE v.place <= %(most)s
GROUP BY v.partition
"""
_FIELD: LiteralString = (
    "CASE WHEN bool_or(s.{name} IS DISTINCT FROM c.{name}) FILTER (WHERE v.outcome = 'updated') THEN {text} END"
)


@dataclass(frozen=True)
class Change:
    """One partition's: the fields that differ in any updated row; the rows that go, and those that come.

    With `sampled`, of that many of its updated rows only, and no digests.
    """

    fields: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None
    sampled: int | None = None


def observed(
    cursor: Cursor[TupleRow], table: Table, parts: Mapping[str, sql.Composable], rows: Mapping[str, int]
) -> dict[str, Change]:
    """By partition, what the verdict of a TableUpsert says; `parts` are its names of core, stage and verdict, `rows`
    how many it changes in each partition. Of very many only some are looked at.
    """
    values = [column.name for column in table.columns]
    compared = [*(name for name in values if name not in table.key), "_partition"]
    fields = (sql.SQL(_FIELD).format(name=sql.Identifier(name), text=sql.Literal(name)) for name in compared)
    named = {name: parts[name] for name in ("core", "stage", "verdict")} | {"fields": sql.SQL(", ").join(fields)}
    if sum(rows.values()) > MOST_ROWS:
        most = max(_FEWEST_OF_A_PARTITION, MOST_ROWS // len(rows))
        found: dict[str, list[str]] = dict(cursor.execute(sql.SQL(_SAMPLE).format(**named), {"most": most}).fetchall())
        return {partition: Change(tuple(found.get(partition, ())), sampled=most) for partition in rows}
    statement = sql.SQL(_OBSERVE).format(
        **named,
        before=sql.SQL(", ").join(sql.Identifier("c", name) for name in values),
        after=sql.SQL(", ").join(sql.Identifier("s", name) for name in values),
    )
    return {
        partition: Change(tuple(fields), _digest(going, before), _digest(coming, after))
        for partition, fields, going, before, coming, after in cursor.execute(statement)
    }


def _digest(rows: int, total: object) -> str | None:
    return f"{rows} {total}" if rows else None
