"""Removes or empties rows of a table piece by piece, each in a transaction of its own. What goes is told by callers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from centra_assets.retention.model import Deadline

# Pages of 8 kB of one transaction: some ten thousand rows, done in well under a second.
_PAGES = 512

_PAGES_OF = "SELECT pg_relation_size(%s::regclass, 'main') / current_setting('block_size')::int"


@dataclass(frozen=True)
class Condition:
    """Rows of a table, `t` in the condition, and the values in it."""

    schema: str
    table: str
    where: LiteralString
    values: Mapping[str, Any]

    @property
    def relation(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)

    @property
    def name(self) -> str:
        return self.relation.as_string()


@dataclass(frozen=True)
class Done:
    """How many rows, and whether that was all of them."""

    rows: int
    finished: bool


def delete(connection: Connection[TupleRow], which: Condition, deadline: Deadline) -> Done:
    """Deletes the rows, page after page of the table, in one pass and without an index."""
    return _by_pages(connection, which, "DELETE FROM {table} t WHERE {pages} AND ({where})", deadline)


def empty(connection: Connection[TupleRow], which: Condition, assignment: LiteralString, deadline: Deadline) -> Done:
    """Carries out the assignment in the rows; it must make them rows of which the condition no longer holds."""
    return _by_pages(
        connection, which, "UPDATE {table} t SET {assignment} WHERE {pages} AND ({where})", deadline, assignment
    )


def exists(connection: Connection[TupleRow], schema: str, table: str) -> bool:
    """Whether there is such a table."""
    name = sql.Identifier(schema, table).as_string()
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
    return bool(row and row[0])


def _by_pages(
    connection: Connection[TupleRow],
    which: Condition,
    template: LiteralString,
    deadline: Deadline,
    assignment: LiteralString = "",
) -> Done:
    # A range of ctid is read as these pages and no others.
    statement = sql.SQL(template).format(
        table=which.relation,
        assignment=sql.SQL(assignment),
        pages=sql.SQL("t.ctid >= %(first_page)s::tid AND t.ctid < %(next_page)s::tid"),
        where=sql.SQL(which.where),
    )
    row = connection.execute(_PAGES_OF, [which.name]).fetchone()
    pages, rows = int(row[0]) if row else 0, 0
    for first in range(0, pages, _PAGES):
        if deadline.is_over:
            return Done(rows, finished=False)
        place = {"first_page": f"({first},0)", "next_page": f"({first + _PAGES},0)"}
        with connection.transaction():
            rows += connection.execute(statement, {**which.values, **place}).rowcount
    return Done(rows, finished=True)
