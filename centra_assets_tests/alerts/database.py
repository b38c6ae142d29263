"""One database for many tests of alerts, emptied before each: copying a fresh one takes longer than most of them do."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from centra_assets.storage.embedded import EmbeddedPostgres

_numbers = itertools.count(1)
# All that alerting writes, and all that these tests let it see.
_EMPTY = """
DELETE FROM ops.alert; DELETE FROM ops.alert_part; DELETE FROM ops.alert_cursor; DELETE FROM ops.alert_silence;
DELETE FROM ops.alert_delivery; DELETE FROM ops.quarantine; DELETE FROM ops.inbox; DELETE FROM ops.api_gate;
"""


@contextmanager
def shared_database(server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a migrated database that lives as long as the context."""
    name = f"alerts_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated".encode())
        try:
            yield server.url_of(name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def emptied(url: str) -> str:
    """The same URL, when nothing of an earlier test is left there."""
    with psycopg.connect(url) as connection:
        connection.execute(_EMPTY)
    return url
