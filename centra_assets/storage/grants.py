"""Who may read which columns: the grants of the analysts' roles, by the tables' marks. Makes no table."""

from collections.abc import Iterable, Sequence

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from centra_assets.storage.tables import Table

# Reads core, history and marts but for personal data; the other one reads that as well. Neither may log in: people
# have roles of their own that are members of one of them.
ANALYST, ANALYST_PERSONAL = "centra_analyst", "centra_analyst_personal"
_ROLES = (ANALYST, ANALYST_PERSONAL)
SCHEMAS = ("core", "history", "marts")

_EXIST = "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)"
_MAKE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN CREATE ROLE {role} NOLOGIN; END IF;
END $$
"""


def creation() -> list[sql.Composed]:
    """The roles themselves and what they may enter; safe to repeat."""
    schemas = sql.SQL(", ").join(map(sql.Identifier, SCHEMAS))
    roles = [sql.SQL(_MAKE).format(name=sql.Literal(name), role=sql.Identifier(name)) for name in _ROLES]
    return [
        *roles,
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(ANALYST), sql.Identifier(ANALYST_PERSONAL)),
        sql.SQL("REVOKE ALL ON SCHEMA ops FROM {}").format(_names(_ROLES)),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schemas, sql.Identifier(ANALYST)),
    ]


def grants(table: Table) -> list[sql.Composed]:
    """What the roles may read of a table: column by column, so that a column that comes later is nobody's at first.

    What was granted before is taken back; a column that left the contract is granted to nobody.
    """
    relation = sql.Identifier(table.schema, table.name)
    plain = [column.name for column in table.columns if not column.personal_data]
    personal = [column.name for column in table.columns if column.personal_data]
    found = [sql.SQL("REVOKE ALL ON {} FROM {}").format(relation, _names(_ROLES)), _granted(plain, relation, ANALYST)]
    return [*found, *([_granted(personal, relation, ANALYST_PERSONAL)] if personal else [])]


def follow(connection: Connection[TupleRow], tables: Iterable[Table]) -> None:
    """Brings the roles' rights in line with these tables, where the roles exist; in the caller's transaction."""
    row = connection.execute(_EXIST, [list(_ROLES)]).fetchone()
    if row is None or row[0] < len(_ROLES):
        return
    for table in tables:
        for statement in grants(table):
            connection.execute(statement)


def _granted(columns: Sequence[str], relation: sql.Identifier, role: str) -> sql.Composed:
    return sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(_names(columns), relation, sql.Identifier(role))


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
