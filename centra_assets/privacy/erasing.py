"""Takes the personal data of known records out of lake, tables and inbox. Which records these are is told by others."""

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

import polars as pl
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from centra_assets.entities.model import Entity
from centra_assets.marts.registry import core_table
from centra_assets.privacy.errors import RewriteRefusedError
from centra_assets.privacy.holdings import Holding, Holdings
from centra_assets.privacy.links import Part
from centra_assets.privacy.masking import mask
from centra_assets.storage import digests
from centra_assets.storage.lake import Lake, LakeFile
from centra_assets.storage.loading import wait_for_turn

# The load's own trigger would forget what is known of every partition; these few are forgotten here.
_QUIETLY = "SET LOCAL centra_assets.loading = 'yes'"

_INBOX = """
UPDATE ops.inbox SET element = '{}' WHERE entity = %s AND via = %s AND reference = ANY(%s) AND element <> '{}'
"""

# Told of every file that was rewritten; a test interrupts here.
Rewritten = Callable[[LakeFile], None]


def erase_in_lake(
    lake: Lake,
    entity: Entity,
    ids: Collection[str],
    rewritten: Rewritten = lambda _: None,
    *,
    part: Part | None = None,
) -> Counter[str]:
    """Rewrites the files that hold these records, each in one step; returns how many files and versions hold them.

    Of records that are shared only the `part` is masked.

    The caller holds locks.LAKE_UPKEEP. A file that says nothing personal any more stays as it is, so whoever was
    interrupted begins again. Raises RewriteRefusedError.
    """
    counts: Counter[str] = Counter()
    for files in lake.all_files(entity.name).values():
        for file in files:
            versions = lake.rows([file], ids)["payload"].drop_nulls().len()
            if not versions:
                continue
            counts += Counter({f"raw/{entity.name} files": 1, f"raw/{entity.name} versions": versions})
            before = lake.rows([file])
            after = before.with_columns(payload=_masked(entity, before, ids, part))
            if not before["payload"].equals(after["payload"]):
                lake.put(file, after, _verify)
                rewritten(file)
    return counts


def _masked(entity: Entity, rows: pl.DataFrame, ids: Collection[str], part: Part | None) -> pl.Series:
    meant = set(ids)
    payloads = [
        mask(entity, payload, part=part) if payload is not None and record in meant else payload
        for record, payload in rows.select("id", "payload").iter_rows()
    ]
    return pl.Series("payload", payloads, dtype=pl.String)


def _verify(path: Path, rows: pl.DataFrame) -> None:
    if not pl.read_parquet(path).equals(rows):
        raise RewriteRefusedError(f"{path.name} does not hold the {rows.height} rows that were written to it.")


def erase_in_tables(
    cursor: Cursor[TupleRow],
    entity: Entity,
    ids: Collection[str],
    holdings: Holdings,
    *,
    part: Part | None = None,
) -> Counter[str]:
    """Empties the personal columns of these records in core and history, in the cursor's transaction.

    Of records that are shared only the rows of the `part`.

    No version of the rows is kept in history, and no day of a mart becomes stale: figures have no personal columns.
    """
    cursor.execute(_QUIETLY)
    wait_for_turn(cursor, entity.name)
    counts: Counter[str] = Counter()
    for holding in holdings.of(entity):
        touched = _emptied(cursor, holding, ids, part)
        counts[holding.name] += len(touched)
        if touched and holding.schema == "core":
            digests.forget(cursor, core_table(holding.contract), set(touched))
    return +counts


def _emptied(cursor: Cursor[TupleRow], holding: Holding, ids: Collection[str], part: Part | None) -> list[str]:
    """The partitions of the rows that held something."""
    names, whose = holding.to_erase(), holding.whose(part)
    if not names or whose is None:
        return []
    statement = sql.SQL("UPDATE {} SET {} WHERE {} = ANY(%s) AND num_nonnulls({}) > 0 RETURNING _partition").format(
        holding.relation,
        sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in names),
        whose,
        sql.SQL(", ").join(sql.Identifier(name) for name in names),
    )
    meant = ids if part is None else part.ids
    return [partition for (partition,) in cursor.execute(statement, [list(meant)])]


def erase_in_inbox(cursor: Cursor[TupleRow], entity: str, ids: Collection[str], *, part: Part | None = None) -> int:
    """Empties what deliveries said of these records beside their ids; the hints themselves stay as they are.

    A delivery about a record that is shared may have said anything of the `part`, which is hinted at by itself as well.
    """
    emptied = cursor.execute(_INBOX, [entity, "", list(ids)]).rowcount
    return emptied + (cursor.execute(_INBOX, [entity, part.link.path, list(part.ids)]).rowcount if part else 0)
