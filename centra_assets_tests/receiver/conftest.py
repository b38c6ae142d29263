"""Fixtures of the receiver's tests."""

from collections.abc import Iterator

import httpx
import pytest

from centra_assets_tests.receiver.serving import serving


@pytest.fixture
def receiver(database_url: str) -> Iterator[httpx.Client]:
    """A client of a receiver over the test's own database."""
    with serving(database_url) as client:
        yield client
