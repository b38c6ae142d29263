"""A forgotten customer is nowhere: in no table, no file, no event, after no refetch; and nobody else loses anything."""

import json
from datetime import timedelta

import polars as pl
import psycopg
import pytest

from centra_assets.entities.hints import DIRECT
from centra_assets.entities.model import TransformContext
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.marts.registry import MARTS
from centra_assets.privacy.links import Kind, Reference
from centra_assets.privacy.paths import personal_columns
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets.sync.apply import apply
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.privacy.conftest import Town, gated, marts, materialized, parsed_again
from centra_assets_tests.privacy.forgetting_there import Copied, forget, forgetting
from centra_assets_tests.privacy.person import EMAIL, TRACES, Person
from centra_assets_tests.privacy.searching import in_events, in_lake, in_tables, traces

SALES = "select * from marts.daily_sales order by 1, 2, 3, 4"


@pytest.mark.slow
def test_a_forgotten_customer_is_nowhere_and_does_not_come_back(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    instances = [town.platform.instance, platform.instance]
    hint_of(platform, person.customer, "Zaphrodite Quuxberg")
    held = list(in_tables(platform.database_url, TRACES))
    for place in (
        "ops.inbox",
        "core.orders",
        "core.order_addresses",
        "history.order_addresses",
        "core.customers",
        "core.shipments",
    ):
        assert any(found.startswith(f"{place}:") for found in held), held
    assert {found.split("/")[0] for found in in_lake(platform, TRACES)} == {
        f"lake {name}"
        for name in ("orders", "customers", "newsletter_subscriptions", "shipments", "returns", "invoices")
    }
    assert not list(in_events(instances, TRACES))
    sales = platform.warehouse.query(SALES)
    counted = {table: platform.count(table) for table in ("customers", "orders", "order_lines", "order_addresses")}
    aside = platform.warehouse.query("select record_id from ops.quarantine")
    assert str(person.broken_order) in aside["record_id"].to_list()

    forget(platform, person.customer)
    assert traces(platform, TRACES, instances) == []
    hints = platform.warehouse.query("select reference, state, element::text as element from ops.inbox")
    assert hints.rows() == [(str(person.customer), "waiting", "{}")]
    assert {table: platform.count(table) for table in counted} == counted
    assert platform.warehouse.query(SALES).equals(sales)

    # Parsed again from raw as it lies there, core is as it was left.
    assert parsed_again(platform) == {}
    # Centra still knows everything, and what it says again is let in without the person.
    world = platform.sandbox.world
    assert world.tables["Customer"].one(person.customer).firstName == "Zaphrodite"
    with platform.asked() as asked:
        assert materialized(platform) == {}
    assert asked["requests"] > 0
    assert traces(platform, TRACES, instances) == []
    marts(platform)
    assert platform.warehouse.query(SALES).equals(sales)


def hint_of(platform: Platform, customer: int, name: str) -> None:
    """A delivery that says more than it should."""
    told = Hint(
        entity="customers",
        via=DIRECT,
        object_type="customer",
        action="UPDATED",
        reference=str(customer),
        element=json.dumps({"id": customer, "name": name}),
    )
    Inbox(platform.database_url).store([Delivery("webhook", "shop", "one", [told])])


def test_a_forgotten_customer_who_changes_in_centra_stays_forgotten(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    forget(platform, person.customer)
    # A hint brings the record by itself, unmasked, as every sweep does.
    orders = entity("orders")
    told = town.platform.lake.read("orders", town.platform.lake.partitions("orders"))
    news = told.filter(pl.col("id") == str(person.sound_order)).with_columns(
        pl.col("fetched_at") + timedelta(minutes=1), payload=pl.col("payload").str.replace("Ring Zaff", "Ring Zaffe")
    )
    assert "Zaffe" in news["payload"][0]
    applied = apply(
        orders,
        news,
        lake=gated(platform),
        warehouse=platform.warehouse,
        context=TransformContext(platform.calendar.zone),
        run_id="a-sweep",
        source="sweep",
    )
    assert applied.unchanged == 1
    assert not applied.raw
    assert traces(platform, TRACES, []) == []


def test_a_subscription_that_another_customer_may_have_made_is_kept_until_that_one_goes(
    copied: Copied, town: Town
) -> None:
    platform, person = copied().platform, town.person
    twin = person.neighbour
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("UPDATE core.customers SET email = %s WHERE id = %s", [EMAIL.lower(), twin])
    plan = forgetting(platform).plan([person.customer])
    assert plan.others == [Reference(Kind.CUSTOMER, str(twin))]
    assert plan.records["newsletter_subscriptions"] == 0
    forget(platform, person.customer)
    subscription = "select email from core.newsletter_subscriptions where id = %s"
    assert platform.warehouse.query(subscription, [person.subscription])["email"].to_list() == [EMAIL]
    assert "lake newsletter_subscriptions" in {found.split("/")[0] for found in in_lake(platform, TRACES)}
    forget(platform, twin)
    assert platform.warehouse.query(subscription, [person.subscription])["email"].to_list() == [None]
    assert traces(platform, TRACES, []) == []


def test_a_column_that_left_the_contract_is_emptied_too(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    with psycopg.connect(platform.database_url) as connection:
        for schema in ("core", "history"):
            connection.execute(f"ALTER TABLE {schema}.customers ADD COLUMN nickname text")
            connection.execute(
                f"UPDATE {schema}.customers SET nickname = 'zaphrodite' WHERE id = %s", [person.customer]
            )
            connection.execute(
                f"UPDATE {schema}.customers SET nickname = 'somebody else' WHERE id <> %s", [person.customer]
            )
    forget(platform, person.customer)
    assert traces(platform, TRACES, []) == []
    assert set(platform.warehouse.query("select nickname from core.customers")["nickname"]) == {None, "somebody else"}


def test_nobody_else_loses_anything(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    others = {
        "core.customers": f"id <> {person.customer}",
        "core.order_addresses": f"not order_number = any(array{list(person.orders)})",
        "core.newsletter_subscriptions": f"id <> {person.subscription}",
        "core.shipments": f"not order_number = any(array{list(person.orders)})",
        "history.customers": f"id <> {person.customer}",
    }
    before = {
        table: platform.warehouse.query(f"select * from {table} where {whose}") for table, whose in others.items()
    }
    assert all(rows.height for table, rows in before.items() if table.startswith("core."))
    lake = {path: pl.read_parquet(path) for path in platform.lake_folder.rglob("*.parquet")}
    forget(platform, person.customer)
    for table, whose in others.items():
        after = platform.warehouse.query(f"select * from {table} where {whose}")
        assert after.sort(after.columns).equals(before[table].sort(after.columns)), table
    own, changed = _own(platform, person), 0
    for path, rows in lake.items():
        now = pl.read_parquet(path)
        assert now.drop("payload").equals(rows.drop("payload"))
        theirs = set(now.filter(now["payload"].ne_missing(rows["payload"]))["id"])
        changed += len(theirs)
        assert theirs <= own.get(path.parent.parent.name, set())
    assert changed


def test_no_mart_has_personal_data_and_every_personal_column_may_be_null() -> None:
    assert not [mart.name for mart in MARTS if personal_columns(mart.contract)]
    for found in ENTITIES:
        for contract in found.tables:
            for column in personal_columns(contract):
                assert contract.columns()[column].nullable
                assert column not in contract.primary_key()


def _own(platform: Platform, person: Person) -> dict[str, set[str]]:
    """The ids of what belongs to the person, by entity, as the sandbox has it."""
    world = platform.sandbox.world
    return {
        "customers": {str(person.customer)},
        "orders": {str(number) for number in person.orders},
        "newsletter_subscriptions": {str(person.subscription)},
        "shipments": {str(found.id) for found in world.shipments if found.order.number in person.orders},
        "returns": {str(found.id) for found in world.returns if found.order.number in person.orders},
        "invoices": {str(found.id) for found in world.invoices if found.orders[0].number in person.orders},
    }
