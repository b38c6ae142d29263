"""Failures of the warehouse's PostgreSQL as our own errors, without a value, a host or a user in them. No retries."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from centra_assets.failures import is_transient
from centra_assets.logins import login_refused
from centra_assets.storage.errors import (
    LoginRefusedError,
    NotPreparedError,
    RowRefusedError,
    WarehouseRefusedError,
    WarehouseUnavailableError,
)

_COPIED_COLUMN = re.compile(r"^COPY .*, column (\w+)", re.MULTILINE)


@contextmanager
def translated() -> Iterator[None]:
    """Turns psycopg's errors into those of storage; which of them pass is said elsewhere."""
    try:
        yield
    except (errors.DataError, errors.IntegrityError) as error:
        raise RowRefusedError(_refusal(error)) from None
    # The server's message may hold a host, a user or a value; the class and the state say enough.
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise NotPreparedError(f"The database lacks what a statement names: {_named(error)}.") from None
    except psycopg.Error as error:
        if login_refused(error):
            raise LoginRefusedError("PostgreSQL answers and refuses user, password or database.") from None
        if is_transient(error):
            raise WarehouseUnavailableError(f"{_named(error)} while talking to PostgreSQL.") from None
        raise WarehouseRefusedError(f"PostgreSQL refused a statement: {_named(error)}.") from None


def _named(error: psycopg.Error) -> str:
    return f"{type(error).__name__} ({error.sqlstate})" if error.sqlstate else type(error).__name__


def _refusal(error: psycopg.Error) -> str:
    """Which column and why, without the value: it may be personal data."""
    found = _COPIED_COLUMN.search(error.diag.context or "")
    column = error.diag.column_name or (found.group(1) if found else None)
    where = f" in column {column}" if column else ""
    table = f" of table {error.diag.table_name}" if error.diag.table_name else ""
    return f"PostgreSQL refused a row{where}{table}: {type(error).__name__} ({error.sqlstate})."
