"""What the client remembers between runs: live schemas, denied fields, what it spent. Decides nothing by them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg

from centra_assets.centra.shared_state import database_failures_told_apart
from centra_assets.centra.statistics import ClientStats

# A field that was refused is asked for again after so long: permissions are granted, too.
DENIED_FOR = timedelta(days=1)


def fingerprint(token: str) -> str:
    """Tells tokens apart without giving them away."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


class ApiMemory(Protocol):
    """Shared, durable memory of a Centra environment. Times are aware; `token` is a fingerprint."""

    async def schema(self, environment: str) -> tuple[str, datetime] | None:
        """The live schema's definition text and when it was fetched."""

    async def remember_schema(self, environment: str, sdl: str) -> None:
        """Stores the live schema."""

    async def denied(self, environment: str, token: str) -> Mapping[str, str]:
        """Coordinates (`Type.field`) that this token was refused lately, with the permission each needs."""

    async def remember_denied(self, environment: str, token: str, denied: Mapping[str, str]) -> None:
        """Stores refusals."""

    async def forget_denied(self, environment: str, token: str) -> None:
        """Forgets the refusals of this token."""

    async def add_spent(self, environment: str, entity: str, spent: ClientStats) -> None:
        """Adds to what was asked for an entity in the running hour."""


class LocalMemory:
    """Remembers within one process."""

    def __init__(self) -> None:
        self._schemas: dict[str, tuple[str, datetime]] = {}
        self._denied: dict[tuple[str, str], dict[str, tuple[str, datetime]]] = {}

    async def schema(self, environment: str) -> tuple[str, datetime] | None:
        return self._schemas.get(environment)

    async def remember_schema(self, environment: str, sdl: str) -> None:
        self._schemas[environment] = (sdl, datetime.now(UTC))

    async def denied(self, environment: str, token: str) -> Mapping[str, str]:
        since = datetime.now(UTC) - DENIED_FOR
        known = self._denied.get((environment, token), {})
        return {coordinate: permission for coordinate, (permission, seen) in known.items() if seen > since}

    async def remember_denied(self, environment: str, token: str, denied: Mapping[str, str]) -> None:
        now = datetime.now(UTC)
        known = self._denied.setdefault((environment, token), {})
        known.update({coordinate: (permission, now) for coordinate, permission in denied.items()})

    async def forget_denied(self, environment: str, token: str) -> None:
        self._denied.pop((environment, token), None)

    async def add_spent(self, environment: str, entity: str, spent: ClientStats) -> None:
        """Nobody looks at the spending of a process that ends."""


class PostgresMemory:
    """Remembers in ops.api_schema, ops.api_denied, ops.api_spending. Rarely used, so it connects anew each time."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def schema(self, environment: str) -> tuple[str, datetime] | None:
        rows = await self._rows("SELECT sdl, fetched_at FROM ops.api_schema WHERE environment = %s", [environment])
        return (rows[0][0], rows[0][1]) if rows else None

    async def remember_schema(self, environment: str, sdl: str) -> None:
        await self._rows(
            "INSERT INTO ops.api_schema (environment, sdl, fetched_at) VALUES (%s, %s, now()) "
            "ON CONFLICT (environment) DO UPDATE SET sdl = excluded.sdl, fetched_at = excluded.fetched_at",
            [environment, sdl],
        )

    async def denied(self, environment: str, token: str) -> Mapping[str, str]:
        rows = await self._rows(
            "SELECT coordinate, permission FROM ops.api_denied "
            "WHERE environment = %s AND token_fingerprint = %s AND seen_at > now() - %s",
            [environment, token, DENIED_FOR],
        )
        return dict(rows)

    async def remember_denied(self, environment: str, token: str, denied: Mapping[str, str]) -> None:
        await self._rows(
            "INSERT INTO ops.api_denied (environment, token_fingerprint, coordinate, permission, seen_at) "
            "SELECT %s, %s, coordinate, permission, now() "
            "FROM unnest(%s::text[], %s::text[]) AS d(coordinate, permission) "
            "ON CONFLICT (environment, token_fingerprint, coordinate) "
            "DO UPDATE SET permission = excluded.permission, seen_at = excluded.seen_at",
            [environment, token, list(denied), list(denied.values())],
        )

    async def forget_denied(self, environment: str, token: str) -> None:
        await self._rows(
            "DELETE FROM ops.api_denied WHERE environment = %s AND token_fingerprint = %s", [environment, token]
        )

    async def add_spent(self, environment: str, entity: str, spent: ClientStats) -> None:
        numbers = [spent.requests, spent.complexity, spent.retries, spent.throttled, spent.seconds_waited]
        await self._rows(
            "INSERT INTO ops.api_spending AS held "
            "(environment, entity, hour, requests, complexity, retries, throttled, seconds_waited) "
            "VALUES (%s, %s, date_trunc('hour', clock_timestamp(), 'UTC'), %s, %s, %s, %s, %s) "
            "ON CONFLICT (hour, entity, environment) DO UPDATE SET requests = held.requests + excluded.requests, "
            "complexity = held.complexity + excluded.complexity, retries = held.retries + excluded.retries, "
            "throttled = held.throttled + excluded.throttled, "
            "seconds_waited = held.seconds_waited + excluded.seconds_waited",
            [environment, entity, *numbers],
        )

    async def _rows(self, query: str, parameters: Sequence[Any]) -> list[Any]:
        with database_failures_told_apart():
            connection = await psycopg.AsyncConnection.connect(
                self._database_url, autocommit=True, application_name="centra_assets memory", connect_timeout=10
            )
            async with connection:
                cursor = await connection.execute(query, parameters)
                return await cursor.fetchall() if cursor.description else []
