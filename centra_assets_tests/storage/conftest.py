"""A warehouse whose two small tables are ready."""

import pytest

from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.storage.shop import LINES, ORDERS


@pytest.fixture
def warehouse(database_url: str) -> Warehouse:
    ready = Warehouse(database_url)
    ready.prepare([ORDERS, LINES])
    return ready
