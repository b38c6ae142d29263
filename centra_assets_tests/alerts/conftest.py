"""Fixtures of the tests of alerts. What they have in common besides is in the modules next to this one."""

from collections.abc import Iterator

import pytest

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.alerts.database import emptied, shared_database


@pytest.fixture(scope="session")
def alerts_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with shared_database(postgres_server) as url:
        yield url


@pytest.fixture
def database_url(alerts_database: str) -> str:
    """A database in which no alert was ever seen."""
    return emptied(alerts_database)
