"""Looks for words in everything that a platform keeps: every table, every file of the lake, every event. No claims."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
import polars as pl
import psycopg
from psycopg import sql

from centra_assets_tests.assets.platform import Platform

_TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""


def traces(platform: Platform, words: Sequence[str], instances: Iterable[dg.DagsterInstance]) -> list[str]:
    """The places that hold one of the words, in whatever case."""
    return [*in_tables(platform.database_url, words), *in_lake(platform, words), *in_events(instances, words)]


def in_tables(url: str, words: Sequence[str]) -> Iterator[str]:
    """Tables of every schema, whatever the types of their columns."""
    patterns = [f"%{word}%" for word in words]
    with psycopg.connect(url) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            statement = sql.SQL("SELECT count(*) FROM {} t WHERE t::text ILIKE ANY(%s)").format(
                sql.Identifier(schema, table)
            )
            row = connection.execute(statement, [patterns]).fetchone()
            if row and row[0]:
                yield f"{schema}.{table}: {row[0]} rows"


def in_lake(platform: Platform, words: Sequence[str]) -> Iterator[str]:
    """Files below the lake's folder, superseded and hidden ones included."""
    for path in sorted(platform.lake_folder.rglob("*")):
        if path.is_file() and path.suffix == ".parquet":
            text = pl.concat([pl.read_parquet(path).select(pl.all().cast(pl.String))]).write_csv().lower()
            if any(word in text for word in words):
                yield f"lake {path.parent.parent.name}/{path.parent.name}/{path.name}"
        elif path.is_file():
            yield f"lake has a file that is not Parquet: {path.name}"


def in_events(instances: Iterable[dg.DagsterInstance], words: Sequence[str]) -> Iterator[str]:
    """Every event and log line of every run, as Dagster stores it."""
    for instance in instances:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                told = entry.to_json().lower()
                if any(word in told for word in words):
                    yield f"event of {run.job_name}"
            if any(word in str(run).lower() for word in words):
                yield f"run of {run.job_name}"
