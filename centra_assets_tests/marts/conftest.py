"""A shop of the test's own."""

import pytest

from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.marts.shop import Shop


@pytest.fixture
def shop(database_url: str) -> Shop:
    return Shop(Warehouse(database_url))
