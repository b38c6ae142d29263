"""Notes which days of an asset a load made stale. What is computed from them again, and when, is not known here."""

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.storage.tables import Table

# (asset, day as ISO text)
Stale = tuple[str, str]

_NOTED_HERE = "SELECT DISTINCT asset, partition FROM ops.stale_partition WHERE xmin = pg_current_xact_id()::xid"

_NOTE = """
INSERT INTO ops.stale_partition (asset, partition, at)
SELECT asset, partition, %s FROM unnest(%s::text[], %s::text[]) AS stale (asset, partition)
"""


def followed(table: Table) -> list[str]:
    """The columns whose days somebody follows."""
    return list(dict.fromkeys(follower.column for follower in table.follows))


def days_in(table: Table, rows: pl.DataFrame) -> set[Stale]:
    """What rows make stale that are all new."""
    found = {column: rows[column].unique() for column in followed(table)}
    return _stale(table, ((column, day) for column, days in found.items() for day in days))


def days_of(table: Table, column: str, days: Iterable[date | str | None]) -> set[Stale]:
    """What a change on these days of a column makes stale."""
    return _stale(table, ((column, day) for day in days))


def note(cursor: Cursor[TupleRow], stale: Iterable[Stale], at: datetime) -> None:
    """Appends to the notes; they are read and deleted by whoever computes."""
    ordered = sorted(stale)
    if ordered:
        cursor.execute(_NOTE, [at, [asset for asset, _ in ordered], [day for _, day in ordered]])


def noted_here(cursor: Cursor[TupleRow]) -> set[Stale]:
    """What the transaction under way has noted: for those who load and want to see to it themselves."""
    return set(cursor.execute(_NOTED_HERE).fetchall())


def _stale(table: Table, days: Iterable[tuple[str, date | str | None]]) -> set[Stale]:
    """A row without a date is in no day of anything. A date may be the text of one: `_partition` can be followed."""
    return {
        (follower.asset, str(day))
        for column, day in days
        if day is not None
        for follower in table.follows
        if follower.column == column
    }
