"""Failures of the PostgreSQL that holds budget and memory, as our own errors. What is kept there is beside this."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from centra_assets.centra.errors import SharedStateRefusedError, SharedStateUnavailableError
from centra_assets.failures import is_transient


@contextmanager
def database_failures_told_apart() -> Iterator[None]:
    """Turns psycopg's errors into a transient one where the connection is the trouble, else into a permanent one.

    The server's message may hold a host, a user or a value; the class and the state say enough.
    """
    try:
        yield
    except psycopg.Error as error:
        if is_transient(error):
            raise SharedStateUnavailableError(f"{_named(error)} while talking to PostgreSQL.") from None
        raise SharedStateRefusedError(f"PostgreSQL refused a statement: {_named(error)}.") from None


def _named(error: psycopg.Error) -> str:
    return f"{type(error).__name__} ({error.sqlstate})" if error.sqlstate else type(error).__name__
