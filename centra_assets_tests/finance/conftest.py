"""Books for the tests of this folder. What they are lives in books.py."""

from collections.abc import Iterator

import pytest

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.finance.books import Books
from centra_assets_tests.fixtures.postgres import copy_of, prepared


@pytest.fixture(scope="session")
def books_template(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with prepared(postgres_server, lambda url: Books(Warehouse(url)).prepare()) as name:
        yield name


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, books_template: str) -> Iterator[str]:
    """A database of the test's own, in which the books' reference data are."""
    with copy_of(postgres_server, books_template) as url:
        yield url


@pytest.fixture
def books(database_url: str) -> Books:
    return Books(Warehouse(database_url))
