"""What is known by an e-mail address alone, while somebody else may have that address: by core or only by raw."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from centra_assets.privacy.links import Kind, Reference
from centra_assets.storage.lake import SCHEMA
from centra_assets_tests.privacy.conftest import Town
from centra_assets_tests.privacy.forgetting_there import Copied, forgetting
from centra_assets_tests.privacy.house import DAY, House
from centra_assets_tests.privacy.person import EMAIL

ADDRESS = "Ada@mail.example"
BEGUN = datetime.now(UTC) - timedelta(days=9)


def say(house: House, entity: str, record: str, payload: dict[str, Any] | None, day: int) -> None:
    """A file of raw with one version, of that day."""
    at = BEGUN + timedelta(days=day)
    rows = pl.DataFrame(
        [(record, None, None if payload is None else json.dumps(payload), at, "test")], schema=SCHEMA, orient="row"
    )
    with house.plain.writer(entity, DAY, kind="changes", run_id="a-run", fetched_at=at) as writer:
        writer.append(rows)


@pytest.fixture
def inhabited(house: House) -> House:
    """A customer with a subscription; core has no tables."""
    say(house, "customers", "7", {"id": 7, "email": ADDRESS}, 1)
    say(house, "newsletter_subscriptions", "3", {"id": 3, "email": ADDRESS, "createdAt": BEGUN.isoformat()}, 1)
    return house


def test_nobody_else_has_the_address(inhabited: House) -> None:
    plan = inhabited.forgetting().plan([7])
    assert (plan.records["newsletter_subscriptions"], plan.others) == (1, [])


def test_a_customer_whom_only_raw_has_keeps_the_subscription(inhabited: House) -> None:
    say(inhabited, "customers", "8", {"id": 8, "email": f" {ADDRESS.upper()}\t"}, 1)
    plan = inhabited.forgetting().plan([7])
    assert (plan.records["newsletter_subscriptions"], plan.others) == (0, [Reference(Kind.CUSTOMER, "8")])
    assert inhabited.forgetting().plan([7, 8]).records["newsletter_subscriptions"] == 1


def test_a_buyer_whom_only_raw_has_keeps_the_subscription(inhabited: House) -> None:
    say(inhabited, "accounts", "5", {"id": 5, "buyers": [{"id": 7, "email": ADDRESS}, {"id": 6, "email": None}]}, 1)
    plan = inhabited.forgetting().plan([7])
    assert (plan.records["newsletter_subscriptions"], plan.others) == (0, [Reference(Kind.BUYER, "7")])
    assert inhabited.forgetting().plan([7], buyer_ids=[7]).records["newsletter_subscriptions"] == 1


@pytest.mark.parametrize(
    "newest", [{"id": 8, "email": "new@mail.example"}, {"id": 8, "email": ADDRESS, "isAnonymized": True}, None]
)
def test_somebody_who_has_it_no_more_keeps_nothing(inhabited: House, newest: dict[str, Any] | None) -> None:
    # The files' order by name is not that of their versions.
    say(inhabited, "customers", "8", newest, 3)
    say(inhabited, "customers", "8", {"id": 8, "email": ADDRESS}, 2)
    plan = inhabited.forgetting().plan([7])
    assert (plan.records["newsletter_subscriptions"], plan.others) == (1, [])


@pytest.mark.parametrize("written", [f"\t{EMAIL}\n", f"\u00a0{EMAIL.upper()} "])
def test_an_address_means_the_same_in_core_as_in_raw(copied: Copied, town: Town, written: str) -> None:
    platform, person = copied().platform, town.person
    with psycopg.connect(platform.database_url) as connection:
        # Core has the one that raw does not, as after a correction by hand.
        connection.execute(
            "UPDATE core.newsletter_subscriptions SET email = %s WHERE id = (SELECT max(id) FROM"
            " core.newsletter_subscriptions)",
            [written],
        )
    assert forgetting(platform).plan([person.customer]).records["newsletter_subscriptions"] == 2
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("UPDATE core.customers SET email = %s WHERE id = %s", [written, person.neighbour])
    plan = forgetting(platform).plan([person.customer])
    assert plan.others == [Reference(Kind.CUSTOMER, str(person.neighbour))]
    assert plan.records["newsletter_subscriptions"] == 0
