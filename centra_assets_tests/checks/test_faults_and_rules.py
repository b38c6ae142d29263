"""Every promise that Centra's answers can break: the sandbox breaks it, its rule fails and no other, and it heals."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from centra_assets.calendar import Calendar
from centra_assets.checks.rules import RULES
from centra_assets.checks.rules.references import references
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.sandbox.data.broken_compliance import BROKEN_COMPLIANCE
from centra_assets.sandbox.data.broken_references import BROKEN_REFERENCES
from centra_assets.sandbox.data.faults import NAMED_FAULTS
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.checks.shop import Shop, open_shop

# What no answer of Centra's can break: our own derivations, and the keys that it is asked with.
OURS = {
    "displays.store_id_is_known",
    "invoices.business_date_is_its_partition",
    "lowest_prices.pricelist_id_is_known",
    "orders.business_date_is_its_partition",
    "payments.sign_follows_the_direction",
    "prices.pricelist_id_is_known",
    "returns.business_date_is_its_partition",
    "shipments.business_date_is_its_partition",
    "stock_changes.business_date_is_its_partition",
    "stock_levels.warehouse_id_is_known",
}
# Nor a row and the header that it came with, which one transaction loads.
TORN = {f"{r.contract.table}.{r.column}_is_known" for r in references() if r.within_record}
UNBREAKABLE = OURS | TORN
NAMES = {rule.full_name for rule in RULES}


@pytest.fixture(scope="module")
def shop(
    postgres_server: EmbeddedPostgres, built_at: datetime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    options = SandboxOptions(scale=0.05, months=2, plan=Plan.OFF, built_at=built_at)
    with RunningSandbox(options) as sandbox:
        # From before the opening count, so that the ledger is whole.
        calendar = Calendar(sandbox.world.stock_changes.rows()[0].createdAt.date(), ZoneInfo("Europe/Stockholm"))
        with open_shop(postgres_server, sandbox, tmp_path_factory.mktemp("broken-shop"), calendar) as opened:
            yield opened


def test_every_rule_has_a_fault_unless_nothing_that_centra_says_could_break_it() -> None:
    torn = {f"{r.contract.table}.{r.column}_is_known" for r in references() if r.within_record}
    # The standing checks' own faults are tried with them.
    faults = NAMED_FAULTS.keys() - BROKEN_COMPLIANCE.keys()
    assert {rule.full_name for rule in RULES} == faults | OURS | torn
    assert not NAMED_FAULTS.keys() & (OURS | torn)


def test_no_rule_fails_on_a_sound_shop(shop: Shop) -> None:
    shop.heal()
    assert shop.failing() == {}


@pytest.mark.parametrize("fault", sorted(NAMES & NAMED_FAULTS.keys() - BROKEN_REFERENCES.keys()))
def test_a_broken_promise_fails_its_rule_and_no_other(shop: Shop, fault: str) -> None:
    # What the fault before this one broke is whole again, or its rule would fail as well.
    tables = shop.corrupt([fault])
    assert shop.failing(tables).keys() == {fault}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_what_points_at_nothing_fails_its_rule_and_no_other(shop: Shop, entity: Entity) -> None:
    """The references of one kind of record break at once: each rule reads one column, and there are a hundred."""
    names = {f"{contract.table}.{column}_is_known" for contract in entity.tables for column in contract.columns()}
    faults = sorted(names & BROKEN_REFERENCES.keys())
    if not faults:
        assert not names & NAMES - UNBREAKABLE
        return
    tables = shop.corrupt(faults)
    assert shop.failing(tables).keys() == set(faults)


def test_whatever_was_broken_heals(shop: Shop) -> None:
    tables = shop.corrupt(["orders.totals_add_up", "stock_levels.product_size_id_is_known"])
    assert shop.failing(tables)
    shop.heal()
    assert shop.failing(tables) == {}
