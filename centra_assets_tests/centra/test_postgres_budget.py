"""The budget in PostgreSQL: one state for all, whoever draws from it."""

import asyncio
from collections.abc import Sequence

import psycopg

from centra_assets.centra.buckets import Cost, Kind, Priority, RateLimit
from centra_assets.centra.postgres_budget import PostgresBudget

ENVIRONMENT = "brand.centra.com"


def limits(remaining: int = 100_000) -> list[RateLimit]:
    return [
        RateLimit(Kind.REQUESTS, 10, 60, 60),
        RateLimit(Kind.COMPLEXITY, 3600, 100_000, remaining),
    ]


class Limits:
    """A reader of limits that counts how often it was asked."""

    def __init__(self, remaining: int = 100_000) -> None:
        self.remaining = remaining
        self.read = 0

    async def __call__(self) -> Sequence[RateLimit]:
        self.read += 1
        return limits(self.remaining)


def tokens(database_url: str, kind: str, interval: int) -> float:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT tokens FROM ops.api_bucket WHERE kind = %s AND interval_seconds = %s", [kind, interval]
        ).fetchone()
    assert row is not None
    return float(row[0])


def test_what_one_process_draws_is_gone_for_the_other(database_url: str) -> None:
    async def scenario() -> float:
        one, other = PostgresBudget(database_url, ENVIRONMENT), PostgresBudget(database_url, ENVIRONMENT)
        read = Limits()
        await one.take(Cost(complexity=40_000), Priority.BACKFILL, read_limits=read)
        await other.take(Cost(complexity=50_000), Priority.BACKFILL, read_limits=read)
        await one.close()
        await other.close()
        return read.read

    assert asyncio.run(scenario()) == 1
    assert 5_000 <= tokens(database_url, "QUERY_COMPLEXITY", 3600) <= 6_000
