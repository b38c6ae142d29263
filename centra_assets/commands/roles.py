"""`centra-assets roles`: the analysts' database roles, printed or applied. Who may read what is in `storage.grants`."""

from collections.abc import Iterator, Sequence

import psycopg
import typer
from psycopg.rows import TupleRow

from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.marts.registry import MARTS, core_table
from centra_assets.marts.sync_health import TABLE as SYNC_HEALTH
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.ddl import whole
from centra_assets.storage.failures import translated
from centra_assets.storage.grants import Rights, rights
from centra_assets.storage.tables import Table


class RolesRefusedError(CentraAssetsError):
    """The database does not let this user make roles."""

    code = "ROLES_REFUSED"
    remedy = (
        "Give the user of CENTRA_DATABASE_URL the attribute CREATEROLE, or let an administrator run what "
        "`centra-assets roles` prints."
    )


def run_roles(*, apply: bool) -> int:
    """Prints the statements for this database as it is, or carries out the same ones in one transaction. Returns 0.

    Raises SettingsError, RolesRefusedError, storage's errors.
    """
    url = Settings.load().database_url
    if url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    known = list(tables())
    with translated(), _connected(url.get_secret_value()) as connection:
        found = rights(connection, known)
        if apply:
            _carry_out(connection, found)
    if apply:
        count = len(known) - _tables(found.lacking)
        typer.echo(f"The roles may read {count} tables. docs/privacy.md says how people get them.")
    else:
        for statement in found.statements:
            typer.echo(f"{statement.as_string(None).strip()};")
    for line in _of_lacking(found.lacking):
        typer.echo(line if apply else f"-- {line}")
    return 0


def tables() -> Iterator[Table]:
    """Every table of core and marts as it stands in the database, and its history."""
    for entity in ENTITIES:
        for contract in entity.tables:
            yield from whole(core_table(contract))
    for mart in MARTS:
        yield from whole(mart.table)
    yield from whole(SYNC_HEALTH)


def _connected(url: str) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(url, application_name="centra_assets", connect_timeout=10)


def _carry_out(connection: psycopg.Connection[TupleRow], found: Rights) -> None:
    try:
        for statement in found.statements:
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        raise RolesRefusedError("PostgreSQL refused to make the roles or to grant to them.") from None


def _tables(names: Sequence[str]) -> int:
    return sum(1 for name in names if "." in name)


def _of_lacking(names: Sequence[str]) -> Iterator[str]:
    schemas = [name for name in names if "." not in name]
    if schemas:
        yield f"Not there: {', '.join(schemas)}. Run `centra-assets migrate`, then this again."
    if count := _tables(names):
        yield f"{count} tables are not there yet; each gets its rights when the first load makes it."
