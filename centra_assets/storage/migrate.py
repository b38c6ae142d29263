"""Brings a database's schemas and `ops` tables up to date with Alembic. Core tables come from contracts: see ddl.py.

The receiver goes on meanwhile. Each migration is a transaction of its own, so that no lock outlives what needs it; one
that would have to wait for a lock gives up at once and is tried again, for whoever came after it would wait as well;
and indexes on tables that are full are built beside their writers, see `concurrent_indexes`.
"""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import errors

from centra_assets.logins import login_refused
from centra_assets.storage.errors import LoginRefusedError, MigrationHeldUpError, WarehouseUnavailableError

# Dagster keeps an `alembic_version` in the same database; ours has a name and a schema of its own.
SCHEMA = "ops"
VERSION_TABLE = "schema_version"

_LOCK = 0x43454E54  # "CENT": one upgrade at a time in a database
# So long does a statement wait for a table, and with it all who want to write there; then they have so long for it.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '400ms'"
_BREATH_SECONDS = 1.0
_LOOK_SECONDS = 0.2
# So long is tried what somebody's transaction stands in the way of.
PATIENCE_SECONDS = 600.0


def upgrade(url: str, *, to: str = "heads", patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Applies what is missing, up to a revision. Safe to call at every start and from several processes at once.

    Raises WarehouseUnavailableError, LoginRefusedError, and MigrationHeldUpError when others kept a table locked for
    all that time; what was applied until then stays.
    """
    target = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(target, poolclass=sqlalchemy.NullPool)
    try:
        with _alone(engine):
            _upgrade(engine, to, patience_seconds)
    except sqlalchemy.exc.OperationalError as error:
        if login_refused(error.orig):
            raise LoginRefusedError("PostgreSQL answers and refuses user, password or database.") from None
        # The message may hold a host or a user; the class says enough.
        raise WarehouseUnavailableError(f"{type(error.orig).__name__} while talking to PostgreSQL.") from None


@contextmanager
def _alone(engine: sqlalchemy.Engine) -> Iterator[None]:
    """The right to upgrade, kept by a connection that does nothing else, so that it outlives every transaction.

    Asked for again and again: a statement that waited for it would be one that the building of an index waits for.
    """
    with engine.connect() as connection:
        while not connection.scalar(sqlalchemy.select(sqlalchemy.func.pg_try_advisory_xact_lock(_LOCK))):
            connection.rollback()
            time.sleep(_LOOK_SECONDS)
        connection.execute(sqlalchemy.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield


def _upgrade(engine: sqlalchemy.Engine, to: str, patience_seconds: float) -> None:
    sqlalchemy.event.listen(engine, "begin", _impatient)
    until = time.monotonic() + patience_seconds
    while True:
        try:
            with engine.connect() as connection:
                _apply(connection, to)
            return
        except sqlalchemy.exc.OperationalError as error:
            if not isinstance(error.orig, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            if time.monotonic() > until:
                raise MigrationHeldUpError("Other transactions kept a table locked that has to change.") from None
        time.sleep(_BREATH_SECONDS)


def _impatient(connection: sqlalchemy.Connection, *_: Any) -> None:
    connection.exec_driver_sql(_LOCK_TIMEOUT)


def _apply(connection: sqlalchemy.Connection, to: str) -> None:
    connection.execute(sqlalchemy.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    # Alembic begins its own transactions only on a connection that is in none.
    connection.commit()
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
