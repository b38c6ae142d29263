"""Streams a frame into PostgreSQL as CSV, every character as it was. What happens to the rows then is elsewhere."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager

import polars as pl
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.storage.column_types import normalised
from centra_assets.storage.tables import Column, Table

# Rows per piece of CSV: some megabytes, so that memory stays flat and PostgreSQL is never without work.
_ROWS_PER_PIECE = 20_000

# PostgreSQL stores no NUL, and jsonb takes neither its escape nor half a surrogate pair.
_NUL = b"\x00"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SUSPECT_ESCAPE = r"\\u(?:0000|[dD][89abAB])"
_ESCAPE = re.compile(
    r"""
    (?P<whole> \\\\ | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2} )   # fine as it is
    | \\u0000 | \\u[dD][89a-fA-F][0-9a-fA-F]{2}                                      # refused by jsonb
    """,
    re.VERBOSE,
)


def as_csv(rows: pl.DataFrame, columns: Sequence[Column]) -> Iterator[bytes]:
    """The columns of the frame as pieces of CSV, in the order given."""
    documents = [column.name for column in columns if normalised(column.type) == "jsonb"]
    ordered = rows.select(_storable(rows, documents, column.name) for column in columns)
    for piece in ordered.iter_slices(_ROWS_PER_PIECE):
        buffer = io.BytesIO()
        # Strings are quoted and NULL is not: so an empty string, NULL and the text \N stay three things.
        piece.write_csv(buffer, include_header=False, null_value="\\N", quote_style="non_numeric")
        text = buffer.getvalue()
        yield text.replace(_NUL, _REPLACEMENT.encode()) if _NUL in text else text


def copy_into(
    cursor: Cursor[TupleRow], target: sql.Composable, columns: Sequence[str], pieces: Iterator[bytes]
) -> None:
    """COPYs the pieces into `target`."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, NULL '\\N')").format(target, names)
    with cursor.copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)


_INDEXES = """
SELECT x.relname, pg_get_indexdef(x.oid) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND NOT i.indisunique
"""


@contextmanager
def indexes_rebuilt(cursor: Cursor[TupleRow], table: Table) -> Iterator[None]:
    """While the table is filled for the first time, it has no indexes but its key: building them once is cheaper."""
    name = sql.Identifier(table.schema, table.name)
    definitions: list[TupleRow] = []
    filled = cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name)).fetchone()
    if filled == (False,):
        definitions = cursor.execute(_INDEXES, [f'"{table.schema}"."{table.name}"']).fetchall()
    for index, _ in definitions:
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(table.schema, index)))
    yield
    for _, definition in definitions:
        cursor.execute(definition)


class Ahead(Iterator[bytes]):
    """The same pieces, the next one computed in the pool while the caller, or PostgreSQL, is busy. Starts at once."""

    def __init__(self, pool: Executor, pieces: Iterator[bytes]) -> None:
        self._pool = pool
        self._pieces = pieces
        self._pending: Future[bytes | None] = pool.submit(next, pieces, None)

    def __next__(self) -> bytes:
        piece = self._pending.result()
        if piece is None:
            raise StopIteration
        self._pending = self._pool.submit(next, self._pieces, None)
        return piece


class CsvSource:
    """Gives the same CSV as often as it is called; after `begin`, its first piece is being written already."""

    def __init__(self, pool: Executor, write: Callable[[], Iterator[bytes]]) -> None:
        self._pool = pool
        self._write = write
        self._begun: Ahead | None = None

    def begin(self) -> None:
        """Starts writing; once is enough."""
        self._begun = self._begun or Ahead(self._pool, self._write())

    def __call__(self) -> Iterator[bytes]:
        begun, self._begun = self._begun, None
        return begun or Ahead(self._pool, self._write())


def _storable(rows: pl.DataFrame, documents: Sequence[str], name: str) -> pl.Expr | pl.Series:
    if name not in documents or not rows[name].str.contains(_SUSPECT_ESCAPE).any():
        return pl.col(name)
    texts = [None if text is None else _mended(text) for text in rows[name]]
    return pl.Series(name, texts, dtype=pl.String)


def _mended(document: str) -> str:
    return _ESCAPE.sub(lambda match: match["whole"] or _REPLACEMENT, document)
