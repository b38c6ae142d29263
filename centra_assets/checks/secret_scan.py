"""Looks through tables and raw files for payment secrets. What one looks like is in `payment_secrets`.

Tables are read whole every time. Raw files never change, so a mark says how far they were read, and what was found
stays found until it is gone, wherever upkeep moves it; a scan reads so much at a time, and the next one goes on.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
from psycopg import sql

from centra_assets.checks.payment_secrets import ARTICLE_NUMBER, SUSPICIOUS, secrets_in, secrets_in_payload
from centra_assets.storage import sync_state
from centra_assets.storage.lake import Lake, LakeFile
from centra_assets.storage.warehouse import Warehouse

# As which the mark of raw is kept in ops.sync_state, for the entity `raw/<name>`.
STRATEGY = "payment_secrets"
# When more is recognised than before, everything is read again.
_VERSION = 3
# How much of raw one scan reads, as it is packed, and in how many files.
_MOST_BYTES, _MOST_FILES = 256 * 1024 * 1024, 4_000
# A file is named by when its fetch began, and may appear so much later.
_LONGEST_FETCH = timedelta(days=1)

_COLUMNS = """
SELECT n.nspname::text AS schema, c.relname::text AS relation, a.attname::text AS name, t.typname = 'jsonb' AS is_json,
  t.typname IN ('text', 'jsonb', '_text', 'varchar') AS is_text,
  coalesce(a.attnum = ANY(i.indkey), false) AS is_key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname IN ('core', 'history', 'marts', 'ops') AND c.relkind IN ('r', 'p') AND a.attnum > 0
  AND NOT a.attisdropped AND (t.typname IN ('text', 'jsonb', '_text', 'varchar') OR a.attnum = ANY(i.indkey))
ORDER BY 1, 2, a.attnum
"""


@dataclass(frozen=True)
class Relation:
    """A table that has text: the columns to look at, those that are JSON, and what names a row."""

    schema: str
    name: str
    texts: Sequence[str]
    documents: Collection[str]
    keys: Sequence[str]


def relations(warehouse: Warehouse) -> list[Relation]:
    """Every table of ours with text in it, as the database has them. Article numbers are no text in this sense."""
    found = []
    for (schema, name), rows in warehouse.query(_COLUMNS).group_by(["schema", "relation"], maintain_order=True):
        keys = rows.filter("is_key")["name"].to_list()
        texts = [text for text in rows.filter("is_text")["name"] if _is_looked_at(text)]
        if texts:
            documents = set(rows.filter("is_json")["name"])
            found.append(Relation(str(schema), str(name), texts, documents, keys))
    return found


def _is_looked_at(column: str) -> bool:
    # The machinery's own hold ids.
    return not column.startswith("_") and not ARTICLE_NUMBER.search(column)


def in_table(relation: Relation, warehouse: Warehouse) -> Iterator[str]:
    """`core.orders.other_comment 1017: card number` for every secret in a table."""
    keys = relation.keys or ["_record_id"] if relation.schema in ("core", "history") else relation.keys
    columns = [sql.SQL("{}::text").format(sql.Identifier(name)) for name in relation.texts]
    key = sql.SQL("concat_ws('@', {})").format(sql.SQL(", ").join(map(sql.Identifier, keys))) if keys else sql.SQL("''")
    statement = sql.SQL("SELECT {} AS key, {} FROM {} WHERE concat_ws(E'\\n', {}) ~ %s").format(
        key,
        sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(each, sql.Identifier(f"text_{place}")) for place, each in enumerate(columns)
        ),
        sql.Identifier(relation.schema, relation.name),
        sql.SQL(", ").join(columns),
    )
    for row_key, *texts in warehouse.query(statement.as_string(), [SUSPICIOUS]).iter_rows():
        named = row_key if not secrets_in(row_key) else "(its key is one)"
        for name, text in zip(relation.texts, texts, strict=True):
            for where, kind in _judged(name, text, is_document=name in relation.documents):
                yield f"{relation.schema}.{relation.name}.{where} {named}: {kind}"


def _judged(name: str, text: str | None, *, is_document: bool) -> Iterator[tuple[str, str]]:
    if text is None:
        return
    if is_document:
        yield from dict.fromkeys(secrets_in_payload(json.loads(text), name))
    else:
        yield from ((name, kind) for kind in secrets_in(f"{name}: {text}"))


@dataclass(frozen=True)
class RawScan:
    """What a scan of raw found, files found before included, and how much it left to the next one."""

    found: Sequence[str]
    files: int
    left: int


def in_raw(entity: str, lake: Lake, warehouse: Warehouse, *, run_id: str) -> RawScan:
    """Reads on in an entity's raw files, and again what was found in them before."""
    name = f"raw/{entity}"
    mark = warehouse.query(
        "SELECT detail FROM ops.sync_state WHERE entity = %s AND partition = '' AND strategy = %s", [name, STRATEGY]
    )
    held = json.loads(mark["detail"][0]) if mark.height else {}
    known = held if held.get("version") == _VERSION else {}
    files = sorted(file for of in lake.all_files(entity).values() for file in of)
    chosen, late, left = _next(files, known.get("read_to"))
    again = _suspects(files, known.get("found", {}))
    found = {file.path: told for file in dict.fromkeys((*again, *late, *chosen)) if (told := _in_file(file, lake))}
    read_to = max((file.fetched_at.isoformat() for file in chosen), default=known.get("read_to"))
    detail = {"version": _VERSION, "read_to": read_to, "found": found, "left": left}
    note = partial(sync_state.checked, entity=name, strategy=STRATEGY, run_id=run_id, detail=detail)
    warehouse.transact(note)
    partitions = {file.path: file.partition for file in files}
    told = [f"{name}/{partitions[path]} {what}" for path, records in found.items() for what in records]
    return RawScan(list(dict.fromkeys(told)), len(chosen), left)


def _suspects(files: Sequence[LakeFile], found: Collection[str]) -> list[LakeFile]:
    """Files in which something was found before; where one of those is gone, all of its partition.

    Upkeep may have merged it into another, which is as old as what was read long ago.
    """
    gone = set(found) - {file.path for file in files}
    partitions = {path.rsplit("/", 2)[-2] for path in gone}
    return [file for file in files if file.path in found or file.partition in partitions]


def _next(files: Sequence[LakeFile], read_to: str | None) -> tuple[list[LakeFile], list[LakeFile], int]:
    """The files to read now, oldest first; those to read once more, for they may have appeared late; how many are left.

    Files of one moment are read together, for the mark is a moment.
    """
    end = datetime.fromisoformat(read_to) if read_to else None
    waiting = [file for file in files if end is None or file.fetched_at > end]
    late = [file for file in reversed(files) if end is not None and end - _LONGEST_FETCH < file.fetched_at <= end]
    chosen = _within_limits(waiting)
    return chosen, _within_limits(late), len(waiting) - len(chosen)


def _within_limits(files: Sequence[LakeFile]) -> list[LakeFile]:
    chosen: list[LakeFile] = []
    size = 0
    for file in files:
        size += file.size
        is_over = size > _MOST_BYTES or len(chosen) >= _MOST_FILES
        if chosen and is_over and file.fetched_at != chosen[-1].fetched_at:
            break
        chosen.append(file)
    return chosen


def _in_file(file: LakeFile, lake: Lake) -> list[str]:
    """`1017 otherComment: card number` for every secret in a file's payloads."""
    rows = lake.rows([file]).filter(pl.col("payload").str.contains(SUSPICIOUS))
    return [
        f"{record} {path}: {kind}"
        for record, payload in rows.select("id", "payload").iter_rows()
        for path, kind in dict.fromkeys(secrets_in_payload(_decoded(payload)))
    ]


def _decoded(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def summary(scan: RawScan) -> Mapping[str, Any]:
    """Its counts, for the UI."""
    return {"raw_files_read": scan.files, "raw_files_left": scan.left}
