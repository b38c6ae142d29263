"""Who is not let in is told apart from a server that is not there yet, against a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from centra_assets.failures import is_transient
from centra_assets.logins import login_refused
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.errors import LoginRefusedError, WarehouseUnavailableError
from centra_assets.storage.migrate import upgrade
from centra_assets.storage.warehouse import Warehouse

# A word that a server that starts says of itself, too.
USER, PASSWORD = "system", "not-told"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of our own that asks one user for a password."""
    folder = tmp_path_factory.mktemp("doors")
    server = EmbeddedPostgres(folder / "pg", durable=False)
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for name in (USER, "limited"):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
                )
            connection.execute("CREATE ROLE nobody NOLOGIN")
            connection.execute("ALTER ROLE limited CONNECTION LIMIT 0")
            (path,) = connection.execute("SELECT current_setting('hba_file')").fetchall()[0]
            rules = Path(path)
            rules.write_text(f"local all {USER} scram-sha-256\nlocal template1 all reject\n" + rules.read_text())
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()


def _failure(url: str, **given: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        psycopg.connect(url, connect_timeout=10, **given)
    return caught.value


@pytest.mark.parametrize(
    "given",
    [
        {"dbname": "nowhere"},
        {"user": "stranger"},
        {"user": "nobody"},
        {"user": USER},
        {"user": USER, "password": "wrong"},
        {"dbname": "template1"},
    ],
    ids=["no such database", "no such user", "no login", "no password", "wrong password", "kept out"],
)
def test_who_is_not_let_in_is_refused_for_good(server: EmbeddedPostgres, given: dict[str, str]) -> None:
    error = _failure(server.url, **given)
    assert error.sqlstate is None
    assert login_refused(error)
    assert not is_transient(error)


def test_a_user_whose_connections_are_used_up_may_come_again(server: EmbeddedPostgres) -> None:
    error = _failure(server.url, user="limited")
    assert not login_refused(error)
    assert is_transient(error)


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/system", "postgresql:///system?host=/nowhere&user=database"])
def test_a_server_that_is_not_there_may_come_back(url: str) -> None:
    error = _failure(url)
    assert not login_refused(error)
    assert is_transient(error)


class _Connection:
    """What psycopg keeps of a connection that failed, with a server's sentence in another language."""

    status = psycopg.pq.ConnStatus.BAD

    def __init__(self, said: str, db: str = "shop", user: str = "system") -> None:
        self.error_message = f'connection to server at "shop", port 5432 failed: {said}\n'.encode()
        self.db, self.user = db.encode(), user.encode()


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("FATAL:  Datenbank »shop« existiert nicht", True),
        ("FATAL:  la base de données « shop » n'existe pas", True),
        ('FATAL:  lösenordsautentisering misslyckades för användare "system"', True),
        ('FATAL:  データベース"shop"は存在しません', True),
        ("FATAL:  no such database: shop", True),
        ("FATAL:  the database system is starting up", False),
        ("FATAL:  the database system is in recovery mode", False),
        ("FATAL:  das Datenbanksystem startet", False),
        ("FATAL:  sorry, too many clients already", False),
        ('FATAL:  too many connections for database "shop"', False),
        ("server closed the connection unexpectedly", False),
    ],
)
def test_what_a_server_quotes_is_what_it_refuses(said: str, refused: bool) -> None:
    error = psycopg.OperationalError("connection failed", pgconn=cast(Any, _Connection(said)))
    assert login_refused(error) is refused
    assert is_transient(error) is not refused


def test_the_warehouse_and_the_migrations_say_so_under_a_code_of_its_own(server: EmbeddedPostgres) -> None:
    url = server.url_of("nowhere")
    with pytest.raises(LoginRefusedError) as queried:
        Warehouse(url).query("SELECT 1 AS one")
    with pytest.raises(LoginRefusedError):
        upgrade(url)
    assert "nowhere" not in str(queried.value)
    assert not is_transient(queried.value)
    # Whoever stops because there is no database stops here too.
    assert isinstance(queried.value, WarehouseUnavailableError)


def test_what_sqlalchemy_wraps_is_told_apart_as_well(server: EmbeddedPostgres) -> None:
    url = sqlalchemy.make_url(server.url_of("nowhere")).set(drivername="postgresql+psycopg")
    with pytest.raises(sqlalchemy.exc.OperationalError) as caught:
        sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect()
    assert not is_transient(caught.value)
