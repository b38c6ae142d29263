"""The right to be the only one of ours who does a thing, held by a connection. What is done with it is not known."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from centra_assets.storage.failures import translated

# Held, for the whole lake, by whoever rewrites or removes files there: retention, and forgetting a customer. One that
# merges files while the other masks them would bring back what was masked. Fetches only add files and do not ask.
LAKE_UPKEEP = "lake_upkeep"


@contextmanager
def alone(url: str, what: str) -> Iterator[bool]:
    """Whether nobody else of ours does `what` at this moment; if so, nobody else does for the length of the block.

    The right goes with the connection, so a process that dies holds nobody up.
    """
    with translated():
        connection = psycopg.connect(url, application_name="centra_lock", connect_timeout=10, autocommit=True)
    try:
        with translated():
            statement = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
            row = connection.execute(statement, [f"centra_assets/{what}"]).fetchone()
        yield bool(row and row[0])
    finally:
        # The server notices a closed connection a little later; who comes next need not wait for that.
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock_all()")
        connection.close()
