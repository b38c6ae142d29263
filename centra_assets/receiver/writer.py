"""Stores deliveries in the inbox, many in one transaction. What a delivery says and how it is answered is not here."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from centra_assets.errors import CentraAssetsError
from centra_assets.receiver.connection import connected, until
from centra_assets.receiver.errors import OverloadedError, ReceiverError, StoringTooSlowError
from centra_assets.receiver.metrics import Metrics
from centra_assets.storage.errors import RowRefusedError, WarehouseUnavailableError
from centra_assets.storage.failures import translated
from centra_assets.storage.inbox import STORE, WAKE, Delivery, Stored, parameters

_LOG = logging.getLogger(__name__)
_GROUP_DELIVERIES = 500
_GROUP_HINTS = 5_000
# After a failure: a database that is away is not asked more often than this, and a group gathers meanwhile.
_PAUSE_SECONDS = 0.1


@dataclass(eq=False)
class _Waiting:
    delivery: Delivery
    # Cancelled when whoever waits has given up.
    stored: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: CentraAssetsError) -> None:
        if not self.stored.done():
            self.stored.set_exception(error)


class InboxWriter:
    """One writer, one connection, which it opens again by itself. `run` is its task; `store` is for everybody else."""

    def __init__(self, url: str, metrics: Metrics, *, seconds: float = 3.0, most_waiting: int = 2_000) -> None:
        self._url = url
        self._metrics = metrics
        self._seconds = seconds
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(most_waiting)
        self._connection: AsyncConnection[TupleRow] | None = None
        self._away = False

    @property
    def depth(self) -> int:
        """How many deliveries wait to be written."""
        return self._queue.qsize()

    async def store(self, delivery: Delivery) -> None:
        """Returns when the delivery is on disk, and within `seconds` in any case.

        Raises OverloadedError, StoringTooSlowError, or an error of storage; RowRefusedError is this delivery's own.
        """
        waiting = _Waiting(delivery)
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise OverloadedError(f"{self._queue.maxsize:,} deliveries wait already.") from None
        try:
            async with asyncio.timeout(self._seconds):
                await waiting.stored
        except TimeoutError:
            raise StoringTooSlowError(f"Not stored within {self._seconds:g} seconds.") from None

    async def run(self) -> None:
        """Write until cancelled. Whoever waits then is told that nothing was stored."""
        group: list[_Waiting] = []
        try:
            while True:
                group = await self._gathered()
                await self._write(group)
        finally:
            while not self._queue.empty():
                group.append(self._queue.get_nowait())
            for waiting in group:
                waiting.fail(OverloadedError("The receiver is ending."))
            await self._hang_up()

    async def _gathered(self) -> list[_Waiting]:
        """All that wait, as far as one transaction should go; at least one."""
        group: list[_Waiting] = []
        hints = 0
        while not group or (len(group) < _GROUP_DELIVERIES and hints < _GROUP_HINTS and not self._queue.empty()):
            waiting = await self._queue.get()
            if not waiting.stored.done():
                group.append(waiting)
                hints += len(waiting.delivery.hints)
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            stored = await self._stored([waiting.delivery for waiting in group])
        except RowRefusedError as error:
            if len(group) == 1:
                group[0].fail(error)
                return
            # One of them holds what PostgreSQL does not take; halving finds it, and the others are stored.
            middle = len(group) // 2
            await self._write(group[:middle])
            await self._write(group[middle:])
        except CentraAssetsError as error:
            if not self._away:
                self._away = True
                _LOG.error("database away", extra={"fields": {"code": error.code, "cause": error.cause}})
            await self._fail(group, error)
        except Exception:
            _LOG.exception("writing failed")
            await self._fail(group, ReceiverError("Writing failed."))
        else:
            self._note_success(stored)
            for waiting in group:
                if not waiting.stored.done():
                    waiting.stored.set_result(None)

    async def _fail(self, group: Sequence[_Waiting], error: CentraAssetsError) -> None:
        for waiting in group:
            waiting.fail(error)
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _stored(self, deliveries: Sequence[Delivery]) -> Stored:
        deadline = asyncio.get_running_loop().time() + self._seconds
        used_before = self._connection is not None
        try:
            return await self._transaction(deliveries, deadline)
        except WarehouseUnavailableError:
            # The server may have been started again since; a repeat of what was stored after all is recognised.
            if not used_before or asyncio.get_running_loop().time() >= deadline:
                raise
            return await self._transaction(deliveries, deadline)

    async def _transaction(self, deliveries: Sequence[Delivery], deadline: float) -> Stored:
        with translated():
            if self._connection is None:
                self._connection = await connected(self._url, deadline, statement_seconds=self._seconds)
            connection = self._connection
            try:
                with until(deadline, connection):
                    async with connection.transaction():
                        cursor = await connection.execute(STORE, parameters(deliveries))
                        outcomes = [new for (new,) in await cursor.fetchall()]
                        await connection.execute(WAKE)
            except (psycopg.DataError, psycopg.IntegrityError):
                raise
            except BaseException:
                await self._hang_up()
                raise
        return Stored(new=sum(outcomes), repeated=len(outcomes) - sum(outcomes))

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _note_success(self, stored: Stored) -> None:
        self._metrics.note_stored(stored)
        if self._away:
            self._away = False
            _LOG.info("database back")
