"""Creates and widens warehouse tables until they fit their `Table`. Migrations of `ops` and loads are elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from centra_assets.storage import grants
from centra_assets.storage.column_types import normalised, widens
from centra_assets.storage.errors import SchemaChangeRefusedError
from centra_assets.storage.tables import SYSTEM_COLUMNS, Column, Table

# What a superseded row has besides the columns of its table.
HISTORY_COLUMNS: tuple[Column, ...] = (
    Column("_operation", "text", nullable=False, description="What ended this version: `update` or `delete`."),
    Column("_valid_from", "timestamp with time zone", nullable=False, description="When this version was loaded."),
    Column("_valid_to", "timestamp with time zone", nullable=False, description="When it was superseded."),
    Column("_run_id", "text", nullable=False, description="Run whose load superseded it."),
    Column(
        "_superseded_fetched_at", "timestamp with time zone", description="When that was fetched which superseded it."
    ),
)

_HISTORY = "history"
_LOCK = 0x44444C  # "DDL"
_LOCK_TIMEOUT: LiteralString = "SET LOCAL lock_timeout = '10s'"
_RETIRED = "No longer in the contract; kept for what it holds."
_NAME_LIMIT = 63  # bytes of a PostgreSQL identifier

_CATALOG = """
SELECT n.nspname, c.relname, obj_description(c.oid, 'pg_class'),
  coalesce((
    SELECT jsonb_object_agg(a.attname, jsonb_build_array(
             format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum)))
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}'),
  coalesce((
    SELECT jsonb_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
    WHERE i.indrelid = c.oid AND i.indisprimary), '[]'),
  coalesce((
    SELECT jsonb_agg(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid), '[]'),
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'forget_loaded_partitions')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""


# See digests.py: what others write makes us forget what we knew of the table.
_WATCH: LiteralString = """
CREATE TRIGGER forget_loaded_partitions AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION ops.forget_loaded_partitions()
"""


@dataclass(frozen=True)
class _Existing:
    """A table as the catalog has it: `columns` maps a name to (type, not null, comment)."""

    comment: str | None
    columns: Mapping[str, tuple[str, bool, str | None]]
    key: list[str]
    indexes: list[str]
    watched: bool


@dataclass(frozen=True)
class _Step:
    """One statement, and what to tell people about it ("" for what is not worth telling)."""

    statement: sql.Composed
    report: str = ""


def history_of(table: Table) -> Table:
    """The twin that keeps superseded rows. Everything in it is nullable, because contracts change."""
    columns = [replace(column, nullable=True) for column in (*table.columns, *SYSTEM_COLUMNS)]
    return Table(
        name=table.name,
        columns=[*columns, *HISTORY_COLUMNS],
        key=(),
        description=f"Superseded versions of the rows of {table.schema}.{table.name}.",
        schema=_HISTORY,
        # The second one finds what was deleted from a partition by a later reading than a late batch's.
        indexes=((*table.key, "_valid_to"), ("_partition", "_operation", "_superseded_fetched_at")),
    )


def whole(table: Table) -> list[Table]:
    """The table as it stands in the database, with the machinery's own columns, and its history."""
    return [replace(table, columns=(*table.columns, *SYSTEM_COLUMNS), indexes=_indexes(table)), history_of(table)]


def prepare(connection: Connection[TupleRow], tables: Iterable[Table]) -> list[str]:
    """Makes the tables and their history fit; returns what was done, in words, and nothing when all fitted.

    New columns are added as nullable, types are widened, a column that left the contract is kept and may be null from
    now on. Raises SchemaChangeRefusedError, and does nothing, when a change could lose data.
    """
    wanted: list[Table] = []
    for table in tables:
        wanted += whole(table)
    with connection.transaction():
        if not _steps(wanted, _existing(connection, wanted)):
            return []
        # Somebody else may be at it: look again under the lock.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        steps = _steps(wanted, _existing(connection, wanted))
        # Whoever wants the table after us waits as long as we do: rather be tried again than stand in the way.
        connection.execute(_LOCK_TIMEOUT)
        for step in steps:
            connection.execute(step.statement)
        if steps:
            grants.follow(connection, wanted)
    # A history changes with its table and needs no words of its own.
    return [step.report for step in steps if step.report and not step.report.startswith(f"{_HISTORY}.")]


def _indexes(table: Table) -> Sequence[Sequence[str]]:
    """A load asks for partitions or for records, so each has an index; PostgreSQL below 18 cannot skip a column."""
    return (("_partition",), ("_record_id",), *table.indexes)


def _existing(connection: Connection[TupleRow], tables: Sequence[Table]) -> dict[tuple[str, str], _Existing]:
    names = [[table.schema for table in tables], [table.name for table in tables]]
    found = {}
    for schema, name, comment, columns, key, indexes, watched in connection.execute(_CATALOG, names):
        described = {column: (kind, not_null, note) for column, (kind, not_null, note) in columns.items()}
        found[(schema, name)] = _Existing(comment, described, key, indexes, watched)
    return found


def _steps(tables: Sequence[Table], existing: dict[tuple[str, str], _Existing]) -> list[_Step]:
    steps: list[_Step] = []
    for table in tables:
        found = existing.get((table.schema, table.name))
        if found is None:
            steps.append(_creation(table))
            columns = {c.name: (normalised(c.type), not c.nullable, None) for c in table.columns}
            found = _Existing(None, columns, [], [], watched=False)
        else:
            _refuse_other_key(table, found)
        steps += _column_steps(table, found)
        steps += _index_steps(table, found)
        if table.schema != _HISTORY and not found.watched:
            steps.append(_Step(_on(table, _WATCH)))
        if table.description and table.description != found.comment:
            steps.append(_Step(_on(table, "COMMENT ON TABLE {table} IS {text}", text=sql.Literal(table.description))))
    return steps


def _creation(table: Table) -> _Step:
    parts: list[sql.Composable] = [_definition(column) for column in table.columns]
    if table.key:
        parts.append(sql.SQL("PRIMARY KEY ({})").format(_names(table.key)))
    statement = _on(table, "CREATE TABLE {table} ({parts})", parts=sql.SQL(", ").join(parts))
    return _Step(statement, f"{_label(table)}: created")


def _column_steps(table: Table, found: _Existing) -> Iterable[_Step]:
    wanted = {column.name: column for column in table.columns}
    for column in table.columns:
        if column.name not in found.columns:
            definition = _definition(replace(column, nullable=True))
            yield _Step(
                _on(table, "ALTER TABLE {table} ADD COLUMN {definition}", definition=definition),
                f"{_label(table)}.{column.name}: added",
            )
            comment = None
        else:
            kind, not_null, comment = found.columns[column.name]
            yield from _type_steps(table, column, kind)
            if not_null and column.nullable:
                yield _may_be_null(table, column.name, f"{_label(table)}.{column.name}: may be null now")
        if _comment(column) != (comment or ""):
            yield _commented(table, column.name, _comment(column))
    for name, (_, not_null, comment) in found.columns.items():
        if name in wanted or comment == _RETIRED:
            continue
        if not_null:
            yield _may_be_null(table, name)
        yield replace(
            _commented(table, name, _RETIRED), report=f"{_label(table)}.{name}: left the contract, kept with its data"
        )


def _type_steps(table: Table, column: Column, kind: str) -> Iterable[_Step]:
    target = normalised(column.type)
    if target == kind:
        return
    if not widens(kind, target):
        raise SchemaChangeRefusedError(
            f"{_label(table)}.{column.name} is {kind} in the database and {target} in the contract, "
            "and not every value survives that."
        )
    yield _Step(
        _on(table, "ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind}", name=_name(column.name), kind=_type(target)),
        f"{_label(table)}.{column.name}: widened from {kind} to {target}",
    )


def _index_steps(table: Table, found: _Existing) -> Iterable[_Step]:
    for columns in table.indexes:
        name = _index_name(table, columns)
        if name not in found.indexes:
            yield _Step(
                _on(table, "CREATE INDEX {name} ON {table} ({columns})", name=_name(name), columns=_names(columns))
            )


def _refuse_other_key(table: Table, found: _Existing) -> None:
    if list(table.key) != found.key:
        raise SchemaChangeRefusedError(
            f"{_label(table)} has the key ({', '.join(found.key)}) in the database and "
            f"({', '.join(table.key)}) in the contract."
        )


def _may_be_null(table: Table, name: str, report: str = "") -> _Step:
    return _Step(_on(table, "ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL", name=_name(name)), report)


def _commented(table: Table, name: str, text: str) -> _Step:
    return _Step(
        _on(table, "COMMENT ON COLUMN {table}.{name} IS {text}", name=_name(name), text=sql.Literal(text or None))
    )


def _comment(column: Column) -> str:
    return f"{column.description} [personal data]".strip() if column.personal_data else column.description


def _definition(column: Column) -> sql.Composed:
    definition = sql.SQL("{} {}").format(_name(column.name), _type(normalised(column.type)))
    return definition if column.nullable else definition + sql.SQL(" NOT NULL")


def _index_name(table: Table, columns: Sequence[str]) -> str:
    name = f"{table.name}__{'__'.join(columns)}"
    if len(name.encode()) <= _NAME_LIMIT:
        return name
    return f"{name[:50]}__{sha256(name.encode()).hexdigest()[:10]}"


def _label(table: Table) -> str:
    return f"{table.schema}.{table.name}"


def _on(table: Table, template: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(template).format(table=sql.Identifier(table.schema, table.name), **parts)


def _type(name: str) -> sql.SQL:
    # Safe: `normalised` lets nothing pass but a type's name and its numbers.
    return sql.SQL(name)


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
