"""Fixtures of the alerts' sensor. What such an installation is lives in alerting.py."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import dagster as dg
import pytest

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.alerts.conditions import settings
from centra_assets_tests.alerts.database import emptied, shared_database
from centra_assets_tests.alerts.endpoint import Endpoint
from centra_assets_tests.alerts.mailbox import Mailbox
from centra_assets_tests.sensors.alerting import SHOP, Desk, Make, Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    fresh = Shop()
    for part in fields(Shop):
        setattr(SHOP, part.name, getattr(fresh, part.name))
    yield SHOP


@pytest.fixture(scope="session")
def alerts_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with shared_database(postgres_server) as url:
        yield url


@pytest.fixture
def make(alerts_database: str, shop: Shop) -> Iterator[Make]:
    database_url = emptied(alerts_database)
    with Mailbox() as mailbox, Endpoint() as endpoint, dg.DagsterInstance.ephemeral() as instance:

        def made(instance: dg.DagsterInstance = instance, **given: Any) -> Desk:
            channels = {"mail": mailbox.settings(), "pager": {"type": "http", "url": endpoint.url}}
            return Desk(instance, database_url, mailbox, endpoint, settings(channels, **given))

        yield made


@pytest.fixture
def desk(make: Make) -> Desk:
    """One whose first tick is over: from now on everything is news."""
    desk = make()
    desk.tick()
    return desk
