"""Whether a delivery could be stored just now. It stores nothing."""

import asyncio
import time

from psycopg.errors import UndefinedTable

from centra_assets.errors import CentraAssetsError
from centra_assets.receiver.connection import connected, until
from centra_assets.storage.failures import translated

_SECONDS = 2.0
# Whoever asks more often is told what was found last: a probe must not be a way to wear out the database.
_FRESH_SECONDS = 1.0
_INBOX = "SELECT to_regclass('ops.inbox') IS NOT NULL"


class Readiness:
    """Looks at the database on a connection of its own, one look at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._looking = asyncio.Lock()
        self._found: str | None = None
        self._found_at = -_FRESH_SECONDS

    async def problem(self) -> str | None:
        """The code of the error that a delivery would meet, or None."""
        async with self._looking:
            if time.monotonic() - self._found_at >= _FRESH_SECONDS:
                self._found = await self._look()
                self._found_at = time.monotonic()
            return self._found

    async def _look(self) -> str | None:
        try:
            with translated():
                deadline = asyncio.get_running_loop().time() + _SECONDS
                connection = await connected(self._url, deadline, statement_seconds=_SECONDS)
                async with connection:
                    with until(deadline, connection):
                        row = await (await connection.execute(_INBOX)).fetchone()
                if not (row and row[0]):
                    raise UndefinedTable("ops.inbox")
        except CentraAssetsError as error:
            return error.code
        return None
