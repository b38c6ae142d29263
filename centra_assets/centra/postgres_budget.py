"""The budget that all processes share, kept in PostgreSQL. How buckets behave is in buckets.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from centra_assets.centra.buckets import Bucket, Buckets, Kind
from centra_assets.centra.budget import Budget
from centra_assets.centra.shared_state import database_failures_told_apart

# Who holds the gate's row holds the buckets. `clock_timestamp` is read after the lock is held: one clock for all.
_LOCK = """
    SELECT extract(epoch FROM closed_until)::float8, extract(epoch FROM limits_read_at)::float8,
           requests_since_read, seeded
    FROM ops.api_gate WHERE environment = %s FOR UPDATE
"""
_READ = """
    SELECT kind, interval_seconds, quota, tokens, extract(epoch FROM at)::float8 FROM ops.api_bucket
    WHERE environment = %s
"""
_WRITE_GATE = """
    UPDATE ops.api_gate SET closed_until = to_timestamp(%s), limits_read_at = to_timestamp(%s),
           requests_since_read = %s, seeded = %s
    WHERE environment = %s
"""
_WRITE_BUCKETS = """
    INSERT INTO ops.api_bucket (environment, kind, interval_seconds, quota, tokens, at)
    SELECT %s, kind, interval_seconds, quota, tokens, to_timestamp(at)
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::float8[], %s::float8[])
         AS b(kind, interval_seconds, quota, tokens, at)
    ON CONFLICT (environment, kind, interval_seconds)
    DO UPDATE SET quota = excluded.quota, tokens = excluded.tokens, at = excluded.at
"""


_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class PostgresBudget(Budget):
    """One state per `environment` (the API's host) in `ops.api_gate` and `ops.api_bucket`; one connection each."""

    def __init__(self, database_url: str, environment: str) -> None:
        super().__init__()
        self._database_url = database_url
        self._environment = environment
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[tuple[Buckets, float]]:
        with database_failures_told_apart():
            async with self._turn:
                try:
                    connection = await self._connected()
                    buckets, now = await self._load(connection)
                    known = len(buckets.buckets)
                    yield buckets, now
                    await self._save(connection, buckets, shrunk=len(buckets.buckets) < known)
                except BaseException:
                    # Closing ends the transaction whatever state it is in; the next one connects anew.
                    await self.close()
                    raise

    async def _connected(self) -> _Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._database_url,
                autocommit=True,
                application_name="centra_assets budget",
                connect_timeout=10,
                # A crash of the server may forget the last draws; they are read from Centra again.
                options="-c synchronous_commit=off",
            )
            await self._connection.execute(
                "INSERT INTO ops.api_gate (environment) VALUES (%s) ON CONFLICT DO NOTHING", [self._environment]
            )
        return self._connection

    async def _load(self, connection: _Connection) -> tuple[Buckets, float]:
        # In a pipeline all goes out at once; each statement still sees what was committed before it began.
        async with connection.pipeline():
            await connection.execute("BEGIN")
            gate = await connection.execute(_LOCK, [self._environment])
            rows = await connection.execute(_READ, [self._environment])
            clock = await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        closed_until, limits_read_at, requests_since_read, seeded = await _single(gate)
        buckets = Buckets(
            buckets=[Bucket(Kind(row[0]), *row[1:]) for row in await rows.fetchall()],
            seeded=seeded,
            closed_until=closed_until,
            limits_read_at=limits_read_at,
            requests_since_read=requests_since_read,
        )
        return buckets, (await _single(clock))[0]

    async def _save(self, connection: _Connection, state: Buckets, *, shrunk: bool) -> None:
        gate = [state.closed_until, state.limits_read_at, state.requests_since_read, state.seeded, self._environment]
        rows = [(b.kind, b.interval_seconds, b.quota, b.tokens, b.at) for b in state.buckets]
        async with connection.pipeline():
            if shrunk:
                await connection.execute("DELETE FROM ops.api_bucket WHERE environment = %s", [self._environment])
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                await connection.execute(_WRITE_BUCKETS, [self._environment, *columns])
            await connection.execute(_WRITE_GATE, gate)
            await connection.execute("COMMIT")


async def _single(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = await cursor.fetchone()
    assert row is not None, "the gate's row is made with the connection"
    return row
