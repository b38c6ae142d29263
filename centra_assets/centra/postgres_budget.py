"""The budget that all processes share, kept in PostgreSQL. How buckets behave is in buckets.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from centra_assets.centra.buckets import Bucket, Buckets, Kind
from centra_assets.centra.budget import Budget

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


class PostgresBudget(Budget):
    """One state per `environment` (the API's host) in `ops.api_gate` and `ops.api_bucket`; one connection each."""

    def __init__(self, database_url: str, environment: str) -> None:
        super().__init__()
        self._database_url = database_url
        self._environment = environment
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[tuple[Buckets, float]]:
        async with self._turn:
            connection = await self._connected()
            async with connection.transaction(), connection.cursor() as cursor:
                buckets = await self._load(cursor)
                now = await _single(cursor, "SELECT extract(epoch FROM clock_timestamp())::float8")
                before = [bucket.kind for bucket in buckets.buckets]
                yield buckets, now
                await self._save(cursor, buckets, shrunk=len(buckets.buckets) < len(before))

    async def _connected(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._database_url, autocommit=True, application_name="centra_assets budget"
            )
            await self._connection.execute(
                "INSERT INTO ops.api_gate (environment) VALUES (%s) ON CONFLICT DO NOTHING", [self._environment]
            )
        return self._connection

    async def _load(self, cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Buckets:
        await cursor.execute(_LOCK, [self._environment])
        gate = await cursor.fetchone()
        assert gate is not None, "the gate's row is made with the connection"
        closed_until, limits_read_at, requests_since_read, seeded = gate
        await cursor.execute(_READ, [self._environment])
        return Buckets(
            buckets=[Bucket(Kind(row[0]), *row[1:]) for row in await cursor.fetchall()],
            seeded=seeded,
            closed_until=closed_until,
            limits_read_at=limits_read_at,
            requests_since_read=requests_since_read,
        )

    async def _save(self, cursor: psycopg.AsyncCursor[tuple[Any, ...]], state: Buckets, *, shrunk: bool) -> None:
        if shrunk:
            await cursor.execute("DELETE FROM ops.api_bucket WHERE environment = %s", [self._environment])
        if state.buckets:
            columns = zip(*((b.kind, b.interval_seconds, b.quota, b.tokens, b.at) for b in state.buckets), strict=True)
            await cursor.execute(_WRITE_BUCKETS, [self._environment, *[list(column) for column in columns]])
        await cursor.execute(
            _WRITE_GATE,
            [state.closed_until, state.limits_read_at, state.requests_since_read, state.seeded, self._environment],
        )


async def _single(cursor: psycopg.AsyncCursor[tuple[Any, ...]], query: str) -> float:
    await cursor.execute(query)
    row = await cursor.fetchone()
    assert row is not None
    return float(row[0])
