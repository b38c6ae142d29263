"""`centra-assets roles`: the analysts' database roles, printed or applied. Who may read what is in `storage.grants`."""

from collections.abc import Iterator

import psycopg
import typer

from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.marts.registry import MARTS, core_table
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.ddl import whole
from centra_assets.storage.failures import translated
from centra_assets.storage.grants import creation, grants
from centra_assets.storage.tables import Table
from centra_assets.storage.warehouse import Warehouse


class RolesRefusedError(CentraAssetsError):
    """The database does not let this user make roles."""

    code = "ROLES_REFUSED"
    remedy = (
        "Give the user of CENTRA_DATABASE_URL the attribute CREATEROLE, or let an administrator run what "
        "`centra-assets roles` prints."
    )


def run_roles(*, apply: bool) -> int:
    """Prints the statements, or carries them out in one transaction after preparing every table. Returns 0."""
    if not apply:
        for statement in [*creation(), *(grant for table in tables() for grant in grants(table))]:
            typer.echo(f"{statement.as_string(None).strip()};")
        return 0
    url = Settings.load().database_url
    if url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    known = [core_table(contract) for entity in ENTITIES for contract in entity.tables] + [mart.table for mart in MARTS]
    Warehouse(url.get_secret_value()).prepare(known)
    _apply(url.get_secret_value())
    typer.echo(f"The roles may read {sum(1 for _ in tables())} tables. docs/privacy.md says how people get them.")
    return 0


def tables() -> Iterator[Table]:
    """Every table of core and marts as it stands in the database, and its history."""
    for entity in ENTITIES:
        for contract in entity.tables:
            yield from whole(core_table(contract))
    for mart in MARTS:
        yield from whole(mart.table)


def _apply(url: str) -> None:
    with translated(), psycopg.connect(url, application_name="centra_assets", connect_timeout=10) as connection:
        try:
            for statement in [*creation(), *(grant for table in tables() for grant in grants(table))]:
                connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            raise RolesRefusedError("PostgreSQL refused to make the roles or to grant to them.") from None
