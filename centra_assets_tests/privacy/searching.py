"""Looks for words in everything that a platform keeps: every table, every file of the lake, every event. No claims."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

import dagster as dg
import polars as pl
import psycopg
from psycopg import sql

from centra_assets_tests.assets.platform import Platform

_TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""

# Each time that a text is put into JSON, or a row is written as text, doubles them.
_ONE_BACKSLASH = sql.SQL(r"regexp_replace(t::text, '\\+', '\', 'g')")


def traces(platform: Platform, words: Sequence[str], instances: Iterable[dg.DagsterInstance]) -> list[str]:
    """The places that hold one of the words, in whatever case and spelling."""
    return [*in_tables(platform.database_url, words), *in_lake(platform, words), *in_events(instances, words)]


def spellings(words: Iterable[str]) -> list[str]:
    """The words in small letters: as they are, as in an address of the web, as in JSON."""
    found: set[str] = set()
    for word in words:
        # What is escaped was not made small before.
        for written in (word, word.upper()):
            found |= {written, quote(written), quote_plus(written), json.dumps(written)[1:-1]}
    return sorted({spelled.lower() for spelled in found})


def holds(text: str, spelled: Sequence[str]) -> bool:
    """Whether a text has one of the spellings, however often it was put into JSON."""
    small = re.sub(r"\\+", r"\\", text.lower())
    return any(each in small for each in spelled)


def _pattern(spelled: str) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", spelled) + "%"


def in_tables(url: str, words: Sequence[str]) -> Iterator[str]:
    """Tables of every schema, whatever the types of their columns."""
    patterns = [_pattern(each) for each in spellings(words)]
    with psycopg.connect(url) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            statement = sql.SQL("SELECT count(*) FROM {} t WHERE {} ILIKE ANY(%s)").format(
                sql.Identifier(schema, table), _ONE_BACKSLASH
            )
            row = connection.execute(statement, [patterns]).fetchone()
            if row and row[0]:
                yield f"{schema}.{table}: {row[0]} rows"


def in_lake(platform: Platform, words: Sequence[str]) -> Iterator[str]:
    """Files below the lake's folder, superseded and hidden ones included."""
    spelled = spellings(words)
    for path in sorted(platform.lake_folder.rglob("*")):
        if path.is_file() and path.suffix == ".parquet":
            text = pl.concat([pl.read_parquet(path).select(pl.all().cast(pl.String))]).write_csv()
            if holds(text, spelled):
                yield f"lake {path.parent.parent.name}/{path.parent.name}/{path.name}"
        elif path.is_file():
            yield f"lake has a file that is not Parquet: {path.name}"


def in_events(instances: Iterable[dg.DagsterInstance], words: Sequence[str]) -> Iterator[str]:
    """Every event and log line of every run, as Dagster stores it."""
    spelled = spellings(words)
    for instance in instances:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                if holds(entry.to_json(), spelled):
                    yield f"event of {run.job_name}"
            if holds(str(run), spelled):
                yield f"run of {run.job_name}"
