"""The embedded server starts, is shared, survives kills and leaves nothing running."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
import sqlalchemy

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.errors import EmbeddedServerError
from centra_assets.storage.migrate import upgrade


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="centra-tests-") as path:
        yield Path(path)


def answer(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int(connection.execute("SELECT 42").fetchone()[0])  # type: ignore[index]


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def test_it_keeps_its_data_between_runs(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    with EmbeddedPostgres(folder) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_its_url_works_for_sqlalchemy_too(postgres_server: EmbeddedPostgres) -> None:
    engine = sqlalchemy.create_engine(postgres_server.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 42")).scalar() == 42
    engine.dispose()


def test_the_last_user_stops_it_and_not_an_earlier_one(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder, durable=False), EmbeddedPostgres(folder, durable=False)
    first.start()
    url = first.url
    second.start()
    first.stop()
    assert answer(url) == 42
    second.stop()
    with pytest.raises(EmbeddedServerError, match="not running"):
        _ = second.url
    with pytest.raises(psycopg.OperationalError):
        answer(url)


KILLED_USER = """
import os, signal, sys
from centra_assets.storage.embedded import EmbeddedPostgres
EmbeddedPostgres(sys.argv[1], durable=False).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_user_does_not_keep_the_server_alive(folder: Path) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED_USER, str(folder)], capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL
    assert process.stdout == b""
    with EmbeddedPostgres(folder, durable=False) as server:
        url = server.url
        assert answer(url) == 42
    with pytest.raises(psycopg.OperationalError):
        answer(url)


def test_a_killed_server_starts_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    os.kill(postmaster(server), signal.SIGKILL)
    with EmbeddedPostgres(folder, durable=False) as again:
        assert answer(again.url) == 42
    server.stop()


def test_a_process_id_that_went_to_another_program_is_no_server(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as server:
        stale = (server.data / "postmaster.pid").read_text()
        number = str(postmaster(server))
    (server.data / "postmaster.pid").write_text(stale.replace(number, str(os.getpid()), 1))
    with EmbeddedPostgres(folder, durable=False) as again:
        assert answer(again.url) == 42


def test_an_initialisation_that_was_cut_short_is_begun_again(folder: Path) -> None:
    (folder / "data" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder, durable=False) as server:
        assert answer(server.url) == 42


def test_a_long_and_odd_path_is_no_obstacle(folder: Path) -> None:
    with EmbeddedPostgres(folder / ("a'b c" * 20) / "server", durable=False) as server:
        assert answer(server.url) == 42
        socket = Path(server.url.partition("host=")[2])
        assert socket.stat().st_mode & 0o077 == 0
    assert not socket.exists()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as server:
        pass
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedServerError, match="incompatible"):
        server.start()


def test_migrations_started_at_once_are_applied_once(postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE upgraded")
        url = postgres_server.url_of("upgraded")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upgrade, [url] * 4))
        with psycopg.connect(url) as upgraded:
            schemas = upgraded.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information)'")
            assert {name for (name,) in schemas} == {"public", "core", "history", "marts", "ops"}
            assert upgraded.execute("SELECT count(*) FROM ops.schema_version").fetchone() == (1,)
            assert upgraded.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,)
        connection.execute("DROP DATABASE upgraded")
