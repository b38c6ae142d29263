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

# Rows of the verdict meet core and stage by their places, which is a hash join of what differs and of nothing else.
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
_FIELD: LiteralString = (
    "CASE WHEN bool_or(s.{name} IS DISTINCT FROM c.{name}) FILTER (WHERE v.outcome = 'updated') THEN {text} END"
)


@dataclass(frozen=True)
class Change:
    """One partition's: the fields that differ in any updated row; the rows that go, and those that come."""

    fields: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None


def observed(cursor: Cursor[TupleRow], table: Table, parts: Mapping[str, sql.Composable]) -> dict[str, Change]:
    """By partition, what the verdict of a TableUpsert says; `parts` are its names of core, stage and verdict."""
    values = [column.name for column in table.columns]
    compared = [*(name for name in values if name not in table.key), "_partition"]
    statement = sql.SQL(_OBSERVE).format(
        core=parts["core"],
        stage=parts["stage"],
        verdict=parts["verdict"],
        fields=sql.SQL(", ").join(
            sql.SQL(_FIELD).format(name=sql.Identifier(name), text=sql.Literal(name)) for name in compared
        ),
        before=sql.SQL(", ").join(sql.Identifier("c", name) for name in values),
        after=sql.SQL(", ").join(sql.Identifier("s", name) for name in values),
    )
    return {
        partition: Change(tuple(fields), _digest(going, before), _digest(coming, after))
        for partition, fields, going, before, coming, after in cursor.execute(statement)
    }


def _digest(rows: int, total: object) -> str | None:
    return f"{rows} {total}" if rows else None
