"""A database is upgraded while others write to it, after an upgrade that was interrupted, and from every state."""

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.errors import MigrationHeldUpError
from centra_assets.storage.migrate import upgrade
from centra_assets_tests.receiver.serving import await_that

# The last revision before the inbox was widened.
BEFORE = "0005_concurrent_loads"
INDEXES = ("ops.inbox_done_at", "ops.audit_run")

_FILL = """
INSERT INTO ops.inbox (source, channel, delivery, position, entity, via, object_type, action, reference, element, state,
  done_at)
SELECT 'shop', 'webhook', n::text, 0, 'orders', '', 'order', 'update', n::text, '{}', 'done', now()
FROM generate_series(%s::int, %s::int) n
"""
_numbers = itertools.count(1)


@pytest.fixture
def old_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database of before, with a well-filled inbox."""
    name = f"old_{next(_numbers)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            url = postgres_server.url_of(name)
            upgrade(url, to=BEFORE)
            with psycopg.connect(url) as filling:
                filling.execute(_FILL, [1, 20_000])
            yield url
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def version(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("SELECT version_num FROM ops.schema_version").fetchone()[0])  # type: ignore[index]


def indexes(url: str) -> dict[str, tuple[int, bool]]:
    """Those of INDEXES that are there: their number in the catalog, and whether they are in use."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT name, i.indexrelid::bigint, i.indisvalid FROM unnest(%s::text[]) name"
            " JOIN pg_index i ON i.indexrelid = to_regclass(name)",
            [list(INDEXES)],
        )
        return {name: (number, is_valid) for name, number, is_valid in rows}


def is_waited_for(url: str) -> bool:
    with psycopg.connect(url) as connection:
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE 'ALTER TABLE ops.inbox%'"
        )
        return waiting.fetchone() != (0,)


class Deliveries:
    """Writes hint after hint into the inbox. None may wait a second for the table; whoever does is refused."""

    def __init__(self, url: str) -> None:
        self.stored, self._enough, self._url = 0, Event(), url

    def go_on(self) -> None:
        with psycopg.connect(self._url, autocommit=True, options="-c lock_timeout=1s") as connection:
            while not self._enough.is_set():
                connection.execute(_FILL, [1_000_000 + self.stored, 1_000_000 + self.stored])
                self.stored += 1

    def come_through(self, future: "Future[None]", count: int = 100) -> None:
        """Waits until so many more are stored."""
        before = self.stored
        await_that(lambda: self.stored >= before + count or future.done())

    def end(self) -> None:
        self._enough.set()


def test_nobody_who_writes_to_the_inbox_waits_a_second_for_an_upgrade(old_url: str) -> None:
    deliveries = Deliveries(old_url)
    with ThreadPoolExecutor(2) as pool, psycopg.connect(old_url) as reading:
        # Somebody has read from the inbox and not come to an end.
        reading.execute("SELECT count(*) FROM ops.inbox")
        writing = pool.submit(deliveries.go_on)
        try:
            deliveries.come_through(writing)
            upgrading = pool.submit(upgrade, old_url)
            for _ in range(2):
                await_that(lambda: is_waited_for(old_url) or writing.done())
                deliveries.come_through(writing)
            assert version(old_url) == BEFORE
            reading.rollback()
            upgrading.result(timeout=120)
            deliveries.come_through(writing)
        finally:
            deliveries.end()
        writing.result(timeout=30)
    assert {name: valid for name, (_, valid) in indexes(old_url).items()} == dict.fromkeys(INDEXES, True)
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT count(*) FROM ops.inbox").fetchone() == (20_000 + deliveries.stored,)


def test_who_is_kept_from_a_table_for_too_long_says_so_and_goes_on_another_time(old_url: str) -> None:
    with psycopg.connect(old_url) as reading:
        reading.execute("SELECT count(*) FROM ops.inbox")
        with pytest.raises(MigrationHeldUpError):
            upgrade(old_url, patience_seconds=0)
    assert version(old_url) == BEFORE
    upgrade(old_url, patience_seconds=0)
    assert version(old_url) != BEFORE


def test_what_was_applied_before_a_failure_stays(old_url: str) -> None:
    with psycopg.connect(old_url) as connection:
        # Stands where a later migration wants its own.
        connection.execute("CREATE TABLE ops.alert ()")
    with pytest.raises(ProgrammingError, match="already exists"):
        upgrade(old_url)
    assert version(old_url) == "0007_audit"
    with psycopg.connect(old_url) as connection:
        connection.execute("DROP TABLE ops.alert")
    upgrade(old_url)
    assert set(indexes(old_url)) == set(INDEXES)


def test_what_was_set_aside_before_the_link_has_it_afterwards(old_url: str) -> None:
    with psycopg.connect(old_url) as connection:
        connection.execute(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen,"
            " run_id) VALUES ('orders', '1017', '2026-05-01', '[]', now(), now(), now(), 'run')"
        )
    upgrade(old_url)
    with psycopg.connect(old_url) as connection:
        rows = connection.execute("SELECT record_id, times, raw_files FROM ops.quarantine").fetchall()
    assert rows == [("1017", 1, "raw/orders/2026-05-01/*.parquet")]


def test_an_index_whose_building_was_interrupted_is_built_anew(old_url: str) -> None:
    upgrade(old_url, to="0012_signs_of_life")
    assert indexes(old_url) == {}
    with psycopg.connect(old_url, autocommit=True) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY inbox_done_at ON ops.inbox (source)")
    broken = indexes(old_url)["ops.inbox_done_at"]
    assert not broken[1]
    upgrade(old_url)
    built = indexes(old_url)
    assert all(is_valid for _, is_valid in built.values())
    assert built["ops.inbox_done_at"][0] != broken[0]


def test_an_installation_that_has_the_indexes_already_keeps_them(old_url: str) -> None:
    upgrade(old_url, to="0012_signs_of_life")
    with psycopg.connect(old_url) as connection:
        # As an earlier revision made them.
        connection.execute("CREATE INDEX inbox_done_at ON ops.inbox (done_at) WHERE done_at IS NOT NULL")
        connection.execute("CREATE INDEX audit_run ON ops.audit (run_id) WHERE run_id <> ''")
    before = indexes(old_url)
    assert set(before) == set(INDEXES)
    upgrade(old_url)
    assert indexes(old_url) == before


_ALERTS = """
INSERT INTO ops.alert (key, kind, severity, owner, subject, title, text, link, count, state, since, begun, last_seen_at,
  opened_at, notified_at, notified_severity)
SELECT key, 'inbox', 'error', 'platform', '', '', '', '', 1, state, now(), '{}', now(), now() - interval '1 hour',
  now(), 'error'
FROM (VALUES ('alone', 'open'), ('among', 'recovering'), ('over', 'closed'), ('untold', 'open')) found (key, state);
INSERT INTO ops.alert_delivery (key, channel, event, notices, state, at)
SELECT key, channel, 'opened', jsonb_build_array(jsonb_build_object('condition', jsonb_build_object('key', about))),
  state, now() - age
FROM (VALUES
  ('alone', 'pager', 'alone', 'sent', interval '1 minute'), ('alone', 'mail', 'alone', 'pending', interval '1 minute'),
  ('alone', 'away', 'alone', 'dropped', interval '1 minute'), ('alone', 'before', 'alone', 'sent', interval '1 day'),
  ('digest', 'pager', 'among', 'sent', interval '1 minute'), ('over', 'pager', 'over', 'sent', interval '1 minute')
) found (key, channel, about, state, age)
"""


def test_who_was_told_of_what_stands_is_known_after_the_upgrade(old_url: str) -> None:
    upgrade(old_url, to="0013_concurrent_indexes")
    with psycopg.connect(old_url) as connection:
        connection.execute(_ALERTS.encode())
    upgrade(old_url)
    with psycopg.connect(old_url) as connection:
        heard = dict(connection.execute("SELECT key, heard FROM ops.alert").fetchall())
    assert heard == {"alone": ["mail", "pager"], "among": ["pager"], "over": [], "untold": []}


def test_an_upgrade_waits_for_the_one_that_is_under_way(old_url: str) -> None:
    """Else the building of an index and the one who waits for its end would wait for each other."""
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(upgrade, old_url) for _ in range(4)]:
            done.result(timeout=120)
    assert all(is_valid for _, is_valid in indexes(old_url).values())
