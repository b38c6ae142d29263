"""Who may read which columns: the grants of the analysts' roles, by the tables' marks. Makes no table."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from centra_assets.storage.tables import Table

# Reads core, history and marts but for personal data; the other one reads that as well. Neither may log in: people
# have roles of their own that are members of one of them.
ANALYST, ANALYST_PERSONAL = "centra_analyst", "centra_analyst_personal"
_ROLES = (ANALYST, ANALYST_PERSONAL)
SCHEMAS = ("core", "history", "marts")
_CLOSED = "ops"

_EXIST = "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)"
_SCHEMAS = "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY(%s)"
_HELD = """
SELECT n.nspname::text, c.relname::text, array_agg(a.attname::text) FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1, 2
"""
_MAKE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN CREATE ROLE {role} NOLOGIN; END IF;
END $$
"""


@dataclass(frozen=True)
class Rights:
    """Statements that give the roles their rights in a database as it is, and what they would name and it lacks."""

    statements: Sequence[sql.Composed]
    lacking: Sequence[str]


def rights(connection: Connection[TupleRow], tables: Sequence[Table]) -> Rights:
    """The roles, what they may enter, and what they may read of those tables and columns that are there.

    Safe to repeat. A table that is made later gets its rights when it is made: see `follow`.
    """
    held: dict[tuple[str, str], set[str]] = {
        (schema, name): set(columns) for schema, name, columns in connection.execute(_HELD, [list(SCHEMAS)])
    }
    entered = [name for (name,) in connection.execute(_SCHEMAS, [[*SCHEMAS, _CLOSED]])]
    there = [table for table in tables if (table.schema, table.name) in held]
    read = [statement for table in there for statement in _grants(table, held[(table.schema, table.name)])]
    lacking = [name for name in (*SCHEMAS, _CLOSED) if name not in entered]
    lacking += [f"{table.schema}.{table.name}" for table in tables if table not in there]
    return Rights([*_creation(entered), *read], lacking)


def _creation(entered: Collection[str]) -> Iterator[sql.Composed]:
    """The roles themselves, and which of these schemas they may enter."""
    for name in _ROLES:
        yield sql.SQL(_MAKE).format(name=sql.Literal(name), role=sql.Identifier(name))
    yield sql.SQL("GRANT {} TO {}").format(sql.Identifier(ANALYST), sql.Identifier(ANALYST_PERSONAL))
    if _CLOSED in entered:
        yield sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(sql.Identifier(_CLOSED), _names(_ROLES))
    open_ = [name for name in SCHEMAS if name in entered]
    if open_:
        yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(_names(open_), sql.Identifier(ANALYST))


def _grants(table: Table, held: Collection[str]) -> Iterator[sql.Composed]:
    """What the roles may read of a table: column by column, so that a column that comes later is nobody's at first.

    What was granted before is taken back; a column that left the contract is granted to nobody.
    """
    relation = sql.Identifier(table.schema, table.name)
    yield sql.SQL("REVOKE ALL ON {} FROM {}").format(relation, _names(_ROLES))
    for role, is_personal in ((ANALYST, False), (ANALYST_PERSONAL, True)):
        names = [each.name for each in table.columns if each.personal_data is is_personal and each.name in held]
        if names:
            yield sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(_names(names), relation, sql.Identifier(role))


def follow(connection: Connection[TupleRow], tables: Iterable[Table]) -> None:
    """Brings the roles' rights in line with these tables, where the roles exist; in the caller's transaction."""
    row = connection.execute(_EXIST, [list(_ROLES)]).fetchone()
    if row is None or row[0] < len(_ROLES):
        return
    for table in tables:
        for statement in _grants(table, {column.name for column in table.columns}):
            connection.execute(statement)


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
