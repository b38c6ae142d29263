"""A connection to PostgreSQL that never keeps anybody waiting past a deadline. What it is used for is not known here.

Cancelling does not do: psycopg then waits for a server that may never answer. Breaking off the socket does.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import ConnectionTimeout
from psycopg.rows import TupleRow

# A commit that returned has been written to disk, whatever the server's or the role's own setting.
_PREPARE = "SELECT set_config('synchronous_commit', 'on', false), set_config('statement_timeout', %s, false)"


async def connected(url: str, deadline: float, *, statement_seconds: float) -> AsyncConnection[TupleRow]:
    """A connection with autocommit and durable commits. `deadline` is of the loop's clock. Raises psycopg's errors."""
    try:
        async with asyncio.timeout_at(deadline):
            connection = await AsyncConnection.connect(url, autocommit=True, application_name="centra_receiver")
    except TimeoutError:
        raise ConnectionTimeout("no connection in time") from None
    try:
        with until(deadline, connection):
            await connection.execute(_PREPARE, [f"{statement_seconds * 1000:.0f}ms"])
    except BaseException:
        await connection.close()
        raise
    return connection


@contextmanager
def until(deadline: float, connection: AsyncConnection[TupleRow]) -> Iterator[None]:
    """When the deadline passes within the block, whatever waits for the connection fails with OperationalError."""
    watchdog = asyncio.get_running_loop().call_at(deadline, _break_off, connection)
    try:
        yield
    finally:
        watchdog.cancel()


def _break_off(connection: AsyncConnection[TupleRow]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
