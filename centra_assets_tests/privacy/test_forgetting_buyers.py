"""A forgotten buyer of a wholesale account is nowhere; the account, the colleagues and the figures stay."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from centra_assets.checks.anonymised import anonymised, in_inbox, remains
from centra_assets.commands.forget import run_forget
from centra_assets.entities.hints import DIRECT
from centra_assets.entities.model import TransformContext
from centra_assets.entities.registry import entity
from centra_assets.privacy.links import Kind, Reference
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets.storage.lake import Lake
from centra_assets.sync.apply import apply
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.privacy.conftest import Town, marts, materialized, parsed_again
from centra_assets_tests.privacy.forgetting_there import (
    Copied,
    everything,
    forget_buyers,
    forgetting,
    let_time_pass,
)
from centra_assets_tests.privacy.person import TRACES
from centra_assets_tests.privacy.purchaser import BUYERS_EMAIL, BUYERS_TRACES, Purchaser
from centra_assets_tests.privacy.searching import in_lake, in_tables, traces

SALES = "select * from marts.daily_sales order by 1, 2, 3, 4"


def hint(platform: Platform, via: str, reference: int) -> None:
    """A delivery that says more than it should, of an account or of one of its buyers."""
    element = json.dumps({"id": reference, "buyers": [{"name": "Hildegunst"}]})
    told = Hint("accounts", via, "Buyer" if via else "Account", "UPDATED", str(reference), element)
    Inbox(platform.database_url).store([Delivery("webhook", "shop", f"of {reference}", [told])])


def others(platform: Platform, purchaser: Purchaser) -> dict[str, pl.DataFrame]:
    """What is the account's, the colleagues' or a customer's own."""
    whose = {
        "core.accounts": "true",
        "core.account_addresses": "true",
        "core.account_attributes": "true",
        "core.customers": "true",
        "core.buyers": f"id <> {purchaser.buyer}",
        "history.buyers": f"id <> {purchaser.buyer}",
        "core.orders": f"not number = any(array{list(purchaser.orders)})",
        "core.order_addresses": f"not order_number = any(array{list(purchaser.orders)})",
        "core.newsletter_subscriptions": f"id <> {purchaser.subscription}",
    }
    found = {table: platform.warehouse.query(f"select * from {table} where {rows}") for table, rows in whose.items()}
    return {table: rows.sort(rows.columns) for table, rows in found.items()}


@pytest.mark.slow
def test_a_forgotten_buyer_is_nowhere_and_does_not_come_back_and_nobody_else_loses_anything(
    copied: Copied, town: Town
) -> None:
    platform, purchaser = copied().platform, town.purchaser
    instances = [town.platform.instance, platform.instance]
    hint(platform, "buyers.id", purchaser.buyer)
    hint(platform, DIRECT, purchaser.account)
    held = {found.split(":")[0] for found in in_tables(platform.database_url, BUYERS_TRACES)}
    assert held >= {
        "ops.inbox",
        "core.buyers",
        "core.orders",
        "core.order_addresses",
        "history.order_addresses",
        "core.order_lines",
        "core.shipments",
        "core.newsletter_subscriptions",
    }
    assert {found.split("/")[0] for found in in_lake(platform, BUYERS_TRACES)} == {
        f"lake {name}"
        for name in ("accounts", "orders", "newsletter_subscriptions", "shipments", "returns", "invoices")
    }
    sales, kept = platform.warehouse.query(SALES), others(platform, purchaser)
    assert kept["core.buyers"].filter(pl.col("id") == purchaser.colleague)["email"].null_count() == 0
    assert all(rows.height for table, rows in kept.items() if table != "history.buyers")

    forget_buyers(platform, purchaser.buyer)
    assert traces(platform, BUYERS_TRACES, instances) == []
    assert platform.warehouse.query("select distinct element::text as e from ops.inbox")["e"].to_list() == ["{}"]
    assert platform.warehouse.query(SALES).equals(sales)
    for table, rows in others(platform, purchaser).items():
        assert rows.equals(kept[table]), table
    left = platform.warehouse.query("select status, account_id from core.buyers where id = %s", [purchaser.buyer])
    assert left.rows() == [("ACTIVE", purchaser.account)]
    # The customer of the other tests is still whole.
    assert list(in_lake(platform, TRACES))

    # Parsed again from raw, and asked of Centra, which still knows everything.
    assert parsed_again(platform) == {}
    assert materialized(platform) == {}
    marts(platform)
    assert traces(platform, BUYERS_TRACES, instances) == []
    assert platform.warehouse.query(SALES).equals(sales)


def test_an_account_that_was_on_its_way_meanwhile_is_found_by_a_later_look(copied: Copied, town: Town) -> None:
    platform, purchaser = copied().platform, town.purchaser
    forget_buyers(platform, purchaser.buyer)
    told = town.platform.lake.read("accounts", town.platform.lake.partitions("accounts"))
    late = told.filter(pl.col("id") == str(purchaser.account)).with_columns(pl.col("fetched_at") + timedelta(minutes=1))
    apply(
        entity("accounts"),
        late,
        # A process that had asked before the buyer was on the list.
        lake=Lake(str(platform.lake_folder)),
        warehouse=platform.warehouse,
        context=TransformContext(platform.calendar.zone),
        run_id="a-late-run",
        source="sweep",
    )
    assert {place.split(":")[0] for place in in_tables(platform.database_url, BUYERS_TRACES)} == {"core.buyers"}
    due, later = Reference(Kind.BUYER, str(purchaser.buyer)), datetime.now(UTC) + timedelta(days=2)
    assert anonymised(platform.warehouse, later).due.count(due) == 1
    left = set(remains([due], platform.lake, platform.warehouse))
    assert {f"core.buyers.email {purchaser.account}", f"raw/accounts {purchaser.account}"} <= left
    let_time_pass(platform)
    (request,) = forgetting(platform).carry_out()
    assert request.counts["late raw/accounts"] == request.counts["late core.buyers"] == 1
    assert traces(platform, BUYERS_TRACES, []) == []
    assert list(remains([due], platform.lake, platform.warehouse)) == []
    assert in_inbox(platform.warehouse, later) == []


def test_what_is_known_by_an_address_only_is_kept_while_somebody_else_has_it(copied: Copied, town: Town) -> None:
    platform, purchaser = copied().platform, town.purchaser
    with psycopg.connect(platform.database_url) as connection:
        connection.execute(
            "UPDATE core.buyers SET email = %s WHERE id = %s", [BUYERS_EMAIL.upper(), purchaser.colleague]
        )
    plan = forgetting(platform).plan(buyer_ids=[purchaser.buyer])
    assert plan.others == [Reference(Kind.BUYER, str(purchaser.colleague))]
    assert plan.records["newsletter_subscriptions"] == 0
    assert plan.records["accounts"] == 1
    assert plan.records["orders"] == len(purchaser.orders)
    assert plan.records["customers"] == 0
    both = forgetting(platform).plan(buyer_ids=[purchaser.buyer, purchaser.colleague])
    assert both.records["newsletter_subscriptions"] == 1


def test_the_command_forgets_a_buyer_and_the_trail_names_the_id(
    copied: Copied, town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, buyer = copied().platform, town.purchaser.buyer
    installed_at(monkeypatch, database_url=platform.database_url, lake_url=str(platform.lake_folder))
    told: dict[str, Any] = {"buyers": [buyer], "same_email": False, "pending": False}
    before = everything(platform)
    assert run_forget(by="", dry_run=True, **told) == 0
    assert everything(platform).equals(before)
    assert platform.count("forget_request", "ops") == 0
    assert run_forget(by="Ebba at the desk", dry_run=False, **told) == 0
    assert traces(platform, BUYERS_TRACES, []) == []
    printed = capsys.readouterr().out.lower()
    assert f"what belongs to buyer {buyer}" in printed
    assert not any(trace in printed for trace in BUYERS_TRACES)
    trail = platform.warehouse.query(
        "select subject, outcome, detail->>'buyers' as buyers, counts->>'core.buyers' as emptied from ops.audit"
        " where kind = 'forget' order by id"
    )
    assert trail.rows() == [(f"buyer {buyer}", "begun", "1", None), (f"buyer {buyer}", "done", "1", "1")]


def test_one_request_forgets_customers_and_buyers(copied: Copied, town: Town) -> None:
    platform = copied().platform
    forgetting(platform).ask([town.person.customer], buyer_ids=[town.purchaser.buyer], by="user: the test")
    forgetting(platform).carry_out()
    assert traces(platform, (*TRACES, *BUYERS_TRACES), []) == []
    subjects = platform.warehouse.query("select distinct subject from ops.audit where kind = 'forget'")["subject"]
    assert set(subjects) == {
        f"customer {town.person.customer}",
        f"buyer {town.purchaser.buyer}",
        "1 customer, 1 buyer",
    }


def test_a_customer_of_the_same_number_is_somebody_else(copied: Copied, town: Town) -> None:
    platform, number = copied().platform, town.purchaser.buyer
    held = list(in_tables(platform.database_url, BUYERS_TRACES)), list(in_lake(platform, BUYERS_TRACES))
    assert all(held)
    # No customer has it here; somebody may still want it kept out.
    forgetting(platform).ask([number], by="user: the test", even_unknown=True)
    forgetting(platform).carry_out()
    assert (list(in_tables(platform.database_url, BUYERS_TRACES)), list(in_lake(platform, BUYERS_TRACES))) == held
    assert forgetting(platform).plan(buyer_ids=[town.person.customer]).records["customers"] == 0
