"""Brings a database's schemas and `ops` tables up to date with Alembic. Core tables come from contracts: see ddl.py."""

import io
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from centra_assets.storage.errors import WarehouseUnavailableError

# Dagster keeps an `alembic_version` in the same database; ours has a name and a schema of its own.
SCHEMA = "ops"
VERSION_TABLE = "schema_version"

_LOCK = 0x43454E54  # "CENT": one upgrade at a time in a database


def upgrade(url: str) -> None:
    """Applies what is missing. Safe to call at every start and from several processes at once.

    Raises WarehouseUnavailableError.
    """
    try:
        _upgrade(url)
    except sqlalchemy.exc.OperationalError as error:
        # The message may hold a host or a user; the class says enough.
        raise WarehouseUnavailableError(f"{type(error.orig).__name__} while talking to PostgreSQL.") from None


def _upgrade(url: str) -> None:
    target = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(target, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        config = Config(stdout=io.StringIO())
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")
