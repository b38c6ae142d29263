"""A database that fails beside the client: errors with a code and a remedy, which repeat nothing of the server's."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from centra_assets.centra.errors import CentraError, SharedStateRefusedError, SharedStateUnavailableError
from centra_assets.centra.memory import PostgresMemory
from centra_assets.centra.postgres_budget import PostgresBudget

ENVIRONMENT = "brand.centra.com"
AWAY = "postgresql://someone:secret@127.0.0.1:1/none"
MALFORMED = "postgresql://someone:secret@127.0.0.1:1/none?sslmodus=secret"


async def use_budget(url: str) -> None:
    async with PostgresBudget(url, ENVIRONMENT).locked():
        pass


async def use_memory(url: str) -> None:
    await PostgresMemory(url).remember_schema(ENVIRONMENT, "type Query { a: Int }")


Use = Callable[[str], Awaitable[None]]
either = pytest.mark.parametrize("use", [use_budget, use_memory])


def failure(use: Use, url: str) -> CentraError:
    async def scenario() -> None:
        await use(url)

    with pytest.raises(CentraError) as caught:
        asyncio.run(scenario())
    # What would be shown as the cause of the cause is the server's own text.
    assert caught.value.__suppress_context__
    return caught.value


@either
def test_a_server_that_is_away_is_transient_and_its_url_is_not_told(use: Use) -> None:
    error = failure(use, AWAY)
    assert isinstance(error, SharedStateUnavailableError)
    assert error.transient
    assert not any(word in str(error) for word in ("someone", "secret", "127.0.0.1"))


@either
def test_a_malformed_url_is_permanent_and_not_told(use: Use) -> None:
    error = failure(use, MALFORMED)
    assert isinstance(error, SharedStateRefusedError)
    assert not any(word in str(error) for word in ("someone", "secret", "sslmodus"))


@either
def test_a_user_without_rights_is_permanent(use: Use, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET role = 'pg_monitor'")
    error = failure(use, database_url)
    assert isinstance(error, SharedStateRefusedError)
    assert not error.transient
    assert error.cause == "PostgreSQL refused a statement: InsufficientPrivilege (42501)."


@either
def test_a_database_without_migrations_is_permanent(use: Use, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP SCHEMA ops CASCADE")
    assert failure(use, database_url).cause == "PostgreSQL refused a statement: UndefinedTable (42P01)."


def test_tables_that_vanish_under_an_open_connection_are_told_by_their_own_state(database_url: str) -> None:
    async def scenario() -> None:
        budget = PostgresBudget(database_url, ENVIRONMENT)
        async with budget.locked():
            pass
        with psycopg.connect(database_url) as connection:
            connection.execute("DROP TABLE ops.api_bucket")
        async with budget.locked():
            pass

    with pytest.raises(SharedStateRefusedError, match=r"UndefinedTable \(42P01\)"):
        asyncio.run(scenario())


def test_a_budget_whose_connection_is_cut_says_so_and_connects_anew(database_url: str) -> None:
    async def scenario() -> float:
        budget = PostgresBudget(database_url, ENVIRONMENT)
        with pytest.raises(SharedStateUnavailableError):
            async with budget.locked():
                with psycopg.connect(database_url, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND application_name = 'centra_assets budget'"
                    )
        async with budget.locked() as (_, now):
            pass
        await budget.close()
        return now

    assert asyncio.run(scenario()) > 0
