"""Every rule across rows and tables: it passes on sound rows and names the key of the row that breaks it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import psycopg
import pytest

from centra_assets.assets.tables import table_of
from centra_assets.checks.rules import RULES, Rule
from centra_assets.entities.registry import ENTITIES
from centra_assets_tests.checks.evaluating import CONTRACTS, evaluate, fill, prepare

Rows = Mapping[str, list[Mapping[str, Any]]]

TOTALS = {"line_values": "100", "shipping": "10", "handling": "5", "discounts": "20", "tax_added": "7"}
SUM = {**TOTALS, "tax_deducted": "2", "grand_total": "100", "status": "SHIPPED"}

# Rule -> rows that keep it, rows that break it (added to them), keys that the check must name.
CASES: dict[tuple[str, str], tuple[Rows, Rows, list[str]]] = {
    ("order_lines", "every_line_has_its_order"): (
        {"orders": [{"number": 1}], "order_lines": [{"id": 11, "order_number": 1}]},
        {"order_lines": [{"id": 12, "order_number": 2}]},
        ["12"],
    ),
    ("orders", "totals_add_up"): (
        {
            "orders": [
                {"number": 1, **SUM},
                # A minor unit per line may be lost to rounding, and a cancelled order's totals say nothing.
                {"number": 2, **SUM, "grand_total": "100.02"},
                {"number": 3, **SUM, "grand_total": "0", "status": "CANCELLED"},
            ],
            "order_lines": [{"id": 21, "order_number": 2}, {"id": 22, "order_number": 2}],
        },
        {"orders": [{"number": 5, **SUM, "grand_total": "100.02"}]},
        ["5"],
    ),
    ("return_lines", "no_more_returned_than_ordered"): (
        {
            "order_lines": [{"id": 11, "order_number": 1, "quantity": 2, "cancelled_quantity": 1}],
            "return_lines": [
                {"id": 31, "order_line_id": 11, "quantity": 1},
                {"id": 32, "order_line_id": 11, "quantity": 2},
            ],
        },
        {"return_lines": [{"id": 33, "order_line_id": 11, "quantity": 1}]},
        ["11"],
    ),
    ("stock_levels", "physical_is_free_plus_allocated"): (
        {
            "stock_levels": [
                {
                    "product_size_id": 1,
                    "warehouse_id": 1,
                    "physical_quantity": 5,
                    "free_to_allocate_quantity": 7,
                    "allocated_quantity": -2,
                }
            ]
        },
        {
            "stock_levels": [
                {
                    "product_size_id": 2,
                    "warehouse_id": 1,
                    "physical_quantity": 5,
                    "free_to_allocate_quantity": 5,
                    "allocated_quantity": 1,
                }
            ]
        },
        ["2@1"],
    ),
}


def reference(table: str, column: str, parent: str, parent_key: str, key: str) -> None:
    """A case of a column that must be known in its parent; null, where there may be one, is no reference."""
    nullable = next(found.nullable for found in table_of(CONTRACTS[table]).columns if found.name == column)
    unknown: list[Mapping[str, Any]] = [{key: 102, column: None}] if nullable else []
    CASES[table, f"{column}_is_known"] = (
        {parent: [{parent_key: 1}], table: [{key: 101, column: 1}, *unknown]},
        {table: [{key: 103, column: 2}]},
        ["103"],
    )


for child in ("shipments", "returns"):
    # The order 4 is from before the first partition, which is no gap.
    CASES[child, "order_number_is_known"] = (
        {"orders": [{"number": 5}], child: [{"id": 101, "order_number": 5}, {"id": 102, "order_number": 4}]},
        {child: [{"id": 103, "order_number": 6}]},
        ["103"],
    )
reference("orders", "market_id", "markets", "id", "number")
reference("orders", "store_id", "stores", "id", "number")
reference("orders", "pricelist_id", "pricelists", "id", "number")
reference("product_variants", "product_id", "products", "id", "id")
reference("product_sizes", "product_variant_id", "product_variants", "id", "id")
reference("prices", "pricelist_id", "pricelists", "id", "id")
CASES["stock_levels", "product_size_id_is_known"] = (
    {"product_sizes": [{"id": 1}], "stock_levels": [{"product_size_id": 1}]},
    {"stock_levels": [{"product_size_id": 2}]},
    ["2"],
)
reference("display_items", "display_id", "displays", "id", "id")


def test_every_rule_is_tried_here() -> None:
    assert {(rule.table, rule.name) for rule in RULES} == set(CASES)
    assert len(RULES) == len(CASES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.table}-{rule.name}")
def test_a_rule_passes_on_sound_rows_and_names_the_key_that_breaks_it(rule: Rule, database_url: str) -> None:
    sound, broken, keys = CASES[rule.table, rule.name]
    prepare(database_url, {rule.table, *rule.tables})
    fill(database_url, sound)
    passed = evaluate(database_url, rule.table, rule.name)
    assert passed.passed
    assert passed.metadata["failures"].value == 0

    fill(database_url, broken)
    failed = evaluate(database_url, rule.table, rule.name)
    assert not failed.passed
    assert failed.metadata["failing_keys"].value == keys
    assert failed.metadata["failures"].value == len(keys)
    assert failed.severity is (dg.AssetCheckSeverity.ERROR if rule.severe else dg.AssetCheckSeverity.WARN)
    assert failed.metadata["remedy"].value == rule.remedy


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.tables], ids=lambda r: f"{r.table}-{r.name}")
def test_a_rule_over_a_table_that_is_not_there_yet_warns_and_names_it(rule: Rule, database_url: str) -> None:
    prepare(database_url, {rule.table})
    found = evaluate(database_url, rule.table, rule.name)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert set(found.metadata["tables_not_materialized"].value) <= set(rule.tables)
    assert found.metadata["tables_not_materialized"].value


def test_the_queries_read_the_tables_that_they_name_and_no_others() -> None:
    tables = {contract.table for entity in ENTITIES for contract in entity.tables}
    for rule in RULES:
        read = {table for table in tables if f"core.{table} " in f"{rule.failures} "}
        assert read == {rule.table, *rule.tables}, rule.name


class TestUnknownTotals:
    """A token without a permission leaves nulls; they are no zeros and prove nothing, neither way."""

    @pytest.mark.parametrize("part", [*TOTALS, "tax_deducted", "grand_total", "status"])
    def test_an_order_of_which_a_part_is_unknown_is_counted_and_not_judged(self, part: str, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines"})
        cancelled = {"number": 2, "status": "CANCELLED"}
        fill(database_url, {"orders": [{"number": 1, **SUM, part: None}, cancelled, {"number": 3, **SUM}]})
        found = evaluate(database_url, "orders", "totals_add_up")
        assert found.passed
        assert found.metadata["not_judged"].value == 1

    def test_the_orders_that_are_known_are_judged_beside_it(self, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines"})
        off = {**SUM, "grand_total": "99"}
        fill(database_url, {"orders": [{"number": 1, **off}, {"number": 2, **off, "shipping": None}]})
        found = evaluate(database_url, "orders", "totals_add_up")
        assert found.metadata["failing_keys"].value == ["1"]
        assert found.metadata["not_judged"].value == 1

    def test_where_all_is_known_nothing_is_left_unjudged(self, database_url: str) -> None:
        prepare(database_url, {"orders", "order_lines"})
        fill(database_url, {"orders": [{"number": 1, **SUM}]})
        assert evaluate(database_url, "orders", "totals_add_up").metadata["not_judged"].value == 0


class TestColumns:
    def test_a_prepared_table_keeps_its_contract(self, database_url: str) -> None:
        prepare(database_url, {"orders"})
        assert evaluate(database_url, "orders", "columns_match_contract").passed

    def test_an_absent_table_does_not(self, database_url: str) -> None:
        assert not evaluate(database_url, "orders", "columns_match_contract").passed

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

    def test_a_column_that_somebody_added_is_shown_and_no_fault(self, database_url: str) -> None:
        prepare(database_url, {"orders"})
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE core.orders ADD COLUMN of_our_own text")
        found = evaluate(database_url, "orders", "columns_match_contract")
        assert found.passed
        assert found.metadata["columns_kept"].value == ["of_our_own"]
