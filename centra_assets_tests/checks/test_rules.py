"""Every rule across rows and tables: it passes on sound rows and names the key of the row that breaks it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import psycopg
import pytest

from centra_assets.assets.tables import table_of
from centra_assets.checks.build import build_checks
from centra_assets.checks.rules import RULES, Rule
from centra_assets.checks.rules.references import WITHOUT_TABLE, references, target_of
from centra_assets.entities.registry import ENTITIES
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.checks.cases import CASES
from centra_assets_tests.checks.cases.sales import SUM, TOTALS
from centra_assets_tests.checks.evaluating import CONTRACTS, entity_of, evaluate, fill, insert, prepare

# What is read beside others only for its codes, which nothing changes.
CODES = {"currencies"}
BY_NAME = {rule.full_name: rule for rule in RULES}


@pytest.fixture(scope="module")
def core(postgres_server: EmbeddedPostgres) -> Iterator[psycopg.Connection[tuple[str]]]:
    """Every core table, empty. Whoever inserts rolls back: a database for each of hundreds of rules would take long."""
    with psycopg.connect(postgres_server.url, autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE rules TEMPLATE migrated")
        try:
            prepare(postgres_server.url_of("rules"), CONTRACTS)
            with psycopg.connect(postgres_server.url_of("rules")) as connection:
                yield connection
        finally:
            administrator.execute("DROP DATABASE rules WITH (FORCE)")


def test_every_rule_is_tried_here() -> None:
    assert BY_NAME.keys() == CASES.keys()
    assert len(RULES) == len(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_rule_passes_on_sound_rows_and_names_the_key_that_breaks_it(
    name: str, core: psycopg.Connection[tuple[str]]
) -> None:
    sound, broken, keys = CASES[name]
    with core.transaction(force_rollback=True):
        insert(core, sound)
        assert _keys(core, BY_NAME[name]) == []
        insert(core, broken)
        assert sorted(_keys(core, BY_NAME[name])) == sorted(keys)


def _keys(core: psycopg.Connection[tuple[str]], rule: Rule) -> list[str]:
    return [key for (key,) in core.execute(rule.failures.encode())]


@pytest.mark.parametrize("name", ["orders.totals_add_up", "shipments.order_number_is_known"])
def test_a_check_tells_what_is_broken_how_badly_and_what_to_do(name: str, database_url: str) -> None:
    rule, (sound, broken, keys) = BY_NAME[name], CASES[name]
    prepare(database_url, {rule.table, *rule.tables})
    fill(database_url, sound)
    passed = evaluate(database_url, rule.table, rule.name)
    assert passed.passed
    assert passed.metadata["failures"].value == 0

    fill(database_url, broken)
    failed = evaluate(database_url, rule.table, rule.name)
    assert not failed.passed
    assert set(failed.metadata["failing_keys"].value) == keys
    assert failed.metadata["failures"].value == len(keys)
    assert failed.severity is (dg.AssetCheckSeverity.ERROR if rule.severe else dg.AssetCheckSeverity.WARN)
    assert failed.metadata["remedy"].value == rule.remedy


def test_a_rule_over_tables_that_are_not_there_yet_warns_and_names_them(database_url: str) -> None:
    prepare(database_url, {"orders"})
    found = evaluate(database_url, "orders", "totals_add_up")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["tables_not_materialized"].value == ["order_lines", "currencies"]


def test_the_queries_read_the_tables_that_they_name_and_no_others() -> None:
    for rule in RULES:
        asked = f"{rule.failures} {rule.not_judged or ''} "
        read = {table for table in CONTRACTS if f"core.{table} " in asked}
        assert read == {rule.table, *rule.tables}, rule.full_name


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.not_judged], ids=lambda rule: rule.full_name)
def test_what_is_not_judged_is_counted(rule: Rule, core: psycopg.Connection[tuple[str]]) -> None:
    with core.transaction(force_rollback=True):
        insert(core, CASES[rule.full_name][0])
        ((counted,),) = core.execute((rule.not_judged or "").encode())
        assert counted == {"orders.totals_add_up": 0}.get(rule.full_name, 1)


def test_what_compares_two_records_that_were_read_apart_is_an_error_only_where_neither_can_change() -> None:
    # An unchanged row keeps the time of its first fetch, so no time tells which of the two is behind.
    entity_of = {contract.table: each.name for each in ENTITIES for contract in each.tables}
    apart = {
        rule.name
        for rule in RULES
        if rule.severe and len({entity_of[t] for t in (rule.table, *rule.tables)} - CODES) > 1
    }
    assert apart == {"currency_is_the_orders"}


def test_every_id_in_the_contracts_points_somewhere_or_is_known_to_have_no_table() -> None:
    tables = {contract.table: (entity, contract) for entity in ENTITIES for contract in entity.tables}
    ids = [(contract, name) for _, contract in tables.values() for name in contract.columns() if name.endswith("_id")]
    lost = [
        f"{contract.table}.{name}"
        for contract, name in ids
        if target_of(contract, name, tables) is None
        and name.removesuffix("_id") not in {*WITHOUT_TABLE, "currency", "mapped_attribute"}
    ]
    assert lost == []
    assert {name.removesuffix("_id") for _, name in ids} >= WITHOUT_TABLE


def test_references_are_found_in_every_family_and_lead_to_keys() -> None:
    found = {f"{r.contract.table}.{r.column}": (r.parent.table, r.within_record) for r in references()}
    assert found["order_lines.order_number"] == ("orders", True)
    assert found["orders.payment_method_id"] == ("store_plugins", False)
    assert found["prices.currency"] == ("currencies", False)
    assert found["bundle_items.product_variant_id"] == ("product_variants", False)
    # What a line only repeats of its header is judged once, on the header.
    assert "payments.store_id" not in found
    assert "order_lines.currency" not in found
    for reference in references():
        assert reference.parent_key in {column.name for column in table_of(reference.parent).columns}


class TestUnknownTotals:
    """A token without a permission leaves nulls; they are no zeros and prove nothing, neither way."""

    @pytest.mark.parametrize("part", [*TOTALS, "tax_deducted", "grand_total", "status"])
    def test_an_order_of_which_a_part_is_unknown_is_counted_and_not_judged(self, part: str, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines", "currencies"})
        cancelled = {"number": 2, "status": "CANCELLED"}
        fill(database_url, {"orders": [{"number": 1, **SUM, part: None}, cancelled, {"number": 3, **SUM}]})
        found = evaluate(database_url, "orders", "totals_add_up")
        assert found.passed
        assert found.metadata["not_judged"].value == 1

    def test_the_orders_that_are_known_are_judged_beside_it(self, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines", "currencies"})
        off = {**SUM, "grand_total": "99"}
        fill(database_url, {"orders": [{"number": 1, **off}, {"number": 2, **off, "shipping": None}]})
        found = evaluate(database_url, "orders", "totals_add_up")
        assert found.metadata["failing_keys"].value == ["1"]
        assert found.metadata["not_judged"].value == 1

    def test_where_all_is_known_nothing_is_left_unjudged(self, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines", "currencies"})
        fill(database_url, {"orders": [{"number": 1, **SUM}]})
        assert evaluate(database_url, "orders", "totals_add_up").metadata["not_judged"].value == 0


def test_a_level_that_was_read_after_the_ledger_is_judged_once_what_moved_it_could_be_here(database_url: str) -> None:
    rule = BY_NAME["stock_levels.movements_explain_the_level"]
    prepare(database_url, {rule.table, *rule.tables})
    fill(database_url, CASES[rule.full_name][0])
    of_this_moment = {"product_size_id": 1, "warehouse_id": 3, "physical_quantity": 4, "_fetched_at": datetime.now(UTC)}
    fill(database_url, {"stock_levels": [of_this_moment]})
    found = evaluate(database_url, rule.table, rule.name)
    assert found.passed
    assert found.metadata["not_judged"].value == 2
    for told in (
        "UPDATE core.stock_levels SET _fetched_at = _fetched_at - interval '16 minutes'",
        "UPDATE core.stock_changes SET _fetched_at = clock_timestamp() WHERE id = 2",
    ):
        with psycopg.connect(database_url) as connection:
            connection.execute(told)
            ((key,),) = connection.execute(rule.failures.encode()).fetchall()
            assert key == "1/3"
            connection.rollback()


class TestColumns:
    def test_a_prepared_table_keeps_its_contract(self, database_url: str) -> None:
        prepare(database_url, {"orders"})
        assert evaluate(database_url, "orders", "columns_match_contract").passed

    def test_an_absent_table_is_not_judged(self, database_url: str) -> None:
        found = evaluate(database_url, "orders", "columns_match_contract")
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert found.metadata["tables_not_materialized"].value == ["orders"]
        assert "never materialized is core.orders" in str(found.description)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("ALTER TABLE core.orders DROP COLUMN status", "columns_absent"),
            ("ALTER TABLE core.orders ALTER COLUMN status TYPE varchar(3)", "columns_of_another_type"),
        ],
    )
    def test_a_missing_or_changed_column_is_named(self, database_url: str, change: str, told: str) -> None:
        prepare(database_url, {"orders"})
        with psycopg.connect(database_url) as connection:
            connection.execute(change)
        found = evaluate(database_url, "orders", "columns_match_contract")
        assert not found.passed
        assert found.metadata[told].value == ["status"]

    def test_a_step_that_fails_midway_has_evaluated_nothing(self, database_url: str) -> None:
        # It may be tried again, and would evaluate some checks twice.
        own = {contract.table for contract in entity_of("orders").tables}
        prepare(database_url, own.union(*(rule.tables for rule in RULES if rule.table in own)))
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE core.orders DROP COLUMN status")
        result = dg.materialize(
            [build_checks(entity_of("orders"))],
            selection=dg.AssetSelection.all_asset_checks(),
            resources={"warehouse": WarehouseResource(database_url=database_url)},
            instance=dg.DagsterInstance.ephemeral(),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        assert not result.success
        assert result.get_asset_check_evaluations() == []

    def test_a_column_that_somebody_added_is_shown_and_no_fault(self, database_url: str) -> None:
        prepare(database_url, {"orders"})
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE core.orders ADD COLUMN of_our_own text")
        found = evaluate(database_url, "orders", "columns_match_contract")
        assert found.passed
        assert found.metadata["columns_kept"].value == ["of_our_own"]
