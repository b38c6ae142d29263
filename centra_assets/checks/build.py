"""Builds Dagster asset checks from contracts and rules. What is promised is written in those, not here."""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from centra_assets.assets.check_words import described, described_by_failure
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.metadata import core_key
from centra_assets.assets.tables import table_of
from centra_assets.checks.rules import RULES, Rule
from centra_assets.entities.contract import Contract
from centra_assets.entities.model import Entity
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.tables import SYSTEM_COLUMNS
from centra_assets.storage.warehouse import Warehouse

SHOWN_KEYS = 20
# In the metadata: the tables without which a rule cannot be judged.
NOT_MATERIALIZED = "tables_not_materialized"


def build_checks(entity: Entity) -> dg.AssetChecksDefinition:
    """All checks of an entity's core tables, evaluated by one step: schema, and the rules on its tables."""
    contracts = {contract.table: contract for contract in entity.tables}
    rules = [rule for rule in RULES if rule.table in contracts]

    specs = [
        dg.AssetCheckSpec(
            "columns_match_contract",
            asset=core_key(table),
            description=described(
                f"core.{table} has the contract's columns, types and key. If not, a migration was refused.",
                "read the log of the run that loaded it last, and docs/storage.md.",
            ),
        )
        for table in contracts
    ]
    specs += [
        dg.AssetCheckSpec(
            rule.name,
            asset=core_key(rule.table),
            additional_deps=[core_key(table) for table in rule.tables if table != rule.table],
            description=described_by_failure(rule.meaning, rule.remedy),
        )
        for rule in rules
    ]

    @dg.multi_asset_check(name=f"checks_{entity.name}", specs=specs, can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def checks(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        store = warehouse.open()
        wanted = context.selected_asset_check_keys
        asked = [rule for rule in rules if dg.AssetCheckKey(core_key(rule.table), rule.name) in wanted]
        with failures_told_apart():
            absent = _absent(store, asked)
            # All or nothing: a step that is tried again evaluates no check twice.
            results = [
                *[
                    _columns(store, contract)
                    for table, contract in contracts.items()
                    if dg.AssetCheckKey(core_key(table), "columns_match_contract") in wanted
                ],
                *[_rule(store, rule, absent) for rule in asked],
            ]
        yield from results

    return checks


def _columns(store: Warehouse, contract: type[Contract]) -> dg.AssetCheckResult:
    found = dict(
        store.query(
            "select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute a "
            "where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped",
            (f"core.{contract.table}",),
        ).iter_rows()
    )
    if not found:
        return _unjudged(contract.table, "columns_match_contract", [contract.table])
    table = table_of(contract)
    promised = {column.name: column.type for column in (*table.columns, *SYSTEM_COLUMNS)}
    absent = sorted(set(promised) - set(found))
    narrower = sorted(name for name in promised.keys() & found.keys() if promised[name] != found[name])
    return dg.AssetCheckResult(
        asset_key=core_key(contract.table),
        check_name="columns_match_contract",
        passed=not absent and not narrower,
        metadata={
            "columns": len(found),
            "columns_absent": absent,
            "columns_of_another_type": narrower,
            "columns_kept": sorted(set(found) - set(promised)),
        },
    )


def _absent(store: Warehouse, rules: Sequence[Rule]) -> Collection[str]:
    """The tables that these rules read and that are not there; one question for all of them."""
    needed = sorted({table for rule in rules for table in (rule.table, *rule.tables)})
    return set(
        store.query(
            "select name from unnest(%s::text[]) as needed (name) where to_regclass('core.' || name) is null",
            (needed,),
        )["name"]
    )


def _rule(store: Warehouse, rule: Rule, absent_tables: Collection[str]) -> dg.AssetCheckResult:
    absent = [table for table in (rule.table, *rule.tables) if table in absent_tables]
    if absent:
        return _unjudged(rule.table, rule.name, absent)
    failing = store.query(rule.failures)
    return dg.AssetCheckResult(
        asset_key=core_key(rule.table),
        check_name=rule.name,
        passed=failing.height == 0,
        severity=dg.AssetCheckSeverity.ERROR if rule.severe else dg.AssetCheckSeverity.WARN,
        metadata={
            "failures": failing.height,
            "failing_keys": failing["key"].head(SHOWN_KEYS).to_list(),
            "meaning": rule.meaning,
            "remedy": rule.remedy,
            **({"not_judged": store.query(rule.not_judged)["rows"][0]} if rule.not_judged else {}),
        },
    )


def _unjudged(table: str, check: str, absent: Sequence[str]) -> dg.AssetCheckResult:
    """A warning in the UI that says why nothing was judged; it is no alert."""
    return dg.AssetCheckResult(
        asset_key=core_key(table),
        check_name=check,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"It could not be judged: never materialized {'is' if len(absent) == 1 else 'are'} "
        f"{', '.join(f'core.{name}' for name in absent)}. It is judged once that is loaded.",
        metadata={NOT_MATERIALIZED: list(absent)},
    )
