"""Books for the tests of this folder. What they are lives in books.py."""

import pytest

from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.finance.books import Books


@pytest.fixture
def books(database_url: str) -> Books:
    return Books(Warehouse(database_url)).prepare()
