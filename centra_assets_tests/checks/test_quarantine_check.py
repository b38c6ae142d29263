"""When quarantine warns and when it blocks: the contract's share, of the whole and of the days that a run is about."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from centra_assets.assets.metadata import core_key
from centra_assets.assets.quarantine import blocked_days, is_over, limit_of, partitions_over, sources_of
from centra_assets.assets.tables import table_of
from centra_assets.checks.quarantine import build_quarantine_check
from centra_assets.entities.contract import SHARE_OF_MONEY, Contract
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.quarantined import Part, set_aside, standing, standing_of_partitions
from centra_assets.storage.warehouse import Warehouse

ORDERS = entity("orders")
DAY, NEXT = "2024-05-03", "2024-05-04"
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

_HELD = """
INSERT INTO core.orders (number, _record_id, _partition, _fetched_at, _loaded_at)
SELECT n, n::text, %s, now(), now() FROM generate_series(%s::int, %s::int - 1) AS n
"""
_ASIDE = """
INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, run_id)
SELECT %s, n::text, %s, %s::jsonb, now(), now(), now(), 'test' FROM generate_series(%s::int, %s::int - 1) AS n
"""
_REASONS = json.dumps([{"table": "order_lines", "rule": "quantity_is_positive", "rows": 1}])


@dg.asset(key="downstream", deps=[core_key("orders")])
def _downstream() -> None:
    """What waits for orders."""


class Shop:
    """Orders that core holds, and others that are in quarantine. Numbers go up from 1."""

    def __init__(self, url: str) -> None:
        self.url, self.warehouse, self._next = url, Warehouse(url), 1
        self.warehouse.prepare([table_of(contract) for contract in ORDERS.tables])

    def held(self, day: str, count: int) -> None:
        self._insert(_HELD, [day, self._next, self._next + count])
        self._next += count

    def aside(self, day: str, count: int, *, in_core_as_well: bool = False) -> None:
        first = self._next - count if in_core_as_well else self._next
        self._insert(_ASIDE, [ORDERS.name, day, _REASONS, first, first + count])
        self._next = max(self._next, first + count)

    def check(self, tags: Mapping[str, str] | None = None) -> dg.AssetCheckEvaluation:
        """What the check says in a run with these tags that computes something, too."""
        result = self.run(dg.AssetSelection.all_asset_checks() | dg.AssetSelection.assets("downstream"), tags)
        (evaluation,) = result.get_asset_check_evaluations()
        # Blocking is what it says: the step fails with the error, and only with it.
        holds_back = not evaluation.passed and evaluation.severity is ERROR
        assert result.success != holds_back
        assert bool(result.get_asset_materialization_events()) != holds_back
        return evaluation

    def run(self, selection: dg.AssetSelection, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """A run of the check, of an asset behind it, or of both."""
        job = dg.Definitions(
            assets=[dg.AssetSpec(core_key("orders")), _downstream],
            asset_checks=[build_quarantine_check(ORDERS)],
            resources={"warehouse": WarehouseResource(database_url=self.url)},
            jobs=[dg.define_asset_job("checks", selection=selection)],
            executor=dg.in_process_executor,
        ).resolve_job_def("checks")
        return job.execute_in_process(
            instance=dg.DagsterInstance.ephemeral(),
            tags=dict(tags or {}),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def blocked(self, *days: str) -> dict[str, str]:
        return blocked_days(sources_of(DAILY_SALES), days, self.warehouse)

    def _insert(self, statement: str, values: list[Any]) -> None:
        self.warehouse.transact(lambda cursor: cursor.execute(statement.encode(), values))


@pytest.fixture
def shop(database_url: str) -> Shop:
    return Shop(database_url)


def judged(evaluation: dg.AssetCheckEvaluation) -> tuple[bool, dg.AssetCheckSeverity]:
    return evaluation.passed, evaluation.severity


def test_with_nothing_aside_it_passes_and_blocks_nothing(shop: Shop) -> None:
    shop.held(DAY, 10)
    assert shop.check().passed
    assert shop.blocked(DAY, NEXT) == {}


def test_a_run_that_only_judges_tells_of_the_error_and_does_not_fail(shop: Shop) -> None:
    shop.held(DAY, 20)
    shop.aside(DAY, 5)
    result = shop.run(dg.AssetSelection.all_asset_checks())
    (evaluation,) = result.get_asset_check_evaluations()
    assert judged(evaluation) == (False, ERROR)
    assert result.success


def test_a_small_share_is_a_warning_that_names_keys_and_reasons(shop: Shop) -> None:
    shop.held(DAY, 200)
    shop.aside(DAY, 4)
    told = shop.check()
    assert judged(told) == (False, WARN)
    assert told.metadata["records_quarantined"].value == 4
    assert told.metadata["share_quarantined"].value == round(4 / 204, 6)
    assert told.metadata["failing_keys"].value == ["201", "202", "203", "204"]
    assert told.metadata["reasons"].value == {"order_lines: quantity_is_positive": 4}
    assert told.metadata["partitions_blocked"].value == []
    assert shop.blocked(DAY, NEXT) == {}


def test_more_than_the_contract_allows_of_the_whole_blocks_every_day(shop: Shop) -> None:
    shop.held(DAY, 100)
    # One a day, so that no day by itself has too many.
    for number in range(10, 20):
        shop.aside(f"2024-06-{number}", 1)
    assert judged(shop.check()) == (False, ERROR)
    assert judged(shop.check({"dagster/partition": DAY})) == (False, ERROR)
    blocked = shop.blocked(DAY, NEXT)
    assert set(blocked) == {DAY, NEXT}
    assert "10 of 110 records (9.1%) of orders are in quarantine, more than 3.0%" in blocked[DAY]


def test_a_fifth_of_one_day_blocks_that_day_although_the_year_is_fine(shop: Shop) -> None:
    shop.held(NEXT, 1000)
    shop.held(DAY, 20)
    shop.aside(DAY, 5)
    told = shop.check()
    assert judged(told) == (False, ERROR)
    assert told.metadata["partitions_blocked"].value == [f"{DAY}: 5 of 25 records (20.0%)"]
    blocked = shop.blocked(DAY, NEXT)
    assert set(blocked) == {DAY}
    assert DAY in blocked[DAY]


@pytest.mark.parametrize(
    ("tags", "severity"),
    [
        ({"dagster/partition": DAY}, ERROR),
        ({"dagster/partition": NEXT}, WARN),
        ({RANGE[0]: "2024-05-01", RANGE[1]: DAY}, ERROR),
        ({RANGE[0]: NEXT, RANGE[1]: "2024-05-31"}, WARN),
    ],
)
def test_a_run_is_stopped_by_its_own_days_and_not_by_others(
    shop: Shop, tags: Mapping[str, str], severity: dg.AssetCheckSeverity
) -> None:
    shop.held(NEXT, 1000)
    shop.held(DAY, 20)
    shop.aside(DAY, 5)
    told = shop.check(tags)
    assert judged(told) == (False, severity)
    # Whoever reads it learns of the others all the same.
    assert told.metadata["partitions_blocked"].value == [f"{DAY}: 5 of 25 records (20.0%)"]


def test_one_or_two_of_a_quiet_day_are_no_pattern(shop: Shop) -> None:
    shop.held(NEXT, 1000)
    shop.held(DAY, 2)
    shop.aside(DAY, 2)
    assert judged(shop.check()) == (False, WARN)
    assert shop.blocked(DAY, NEXT) == {}
    shop.aside(DAY, 1)
    assert judged(shop.check()) == (False, ERROR)
    assert set(shop.blocked(DAY, NEXT)) == {DAY}


def test_a_record_whose_last_good_version_is_in_core_counts_once(shop: Shop) -> None:
    shop.held(DAY, 50)
    shop.aside(DAY, 10, in_core_as_well=True)
    found = standing(shop.warehouse, "orders", table_of(ORDERS.tables[0]))
    assert found.whole == found.partitions[DAY] == Part(aside=10, held=40)


@pytest.mark.parametrize(("held", "aside"), [(400, 3), (400, 12), (400, 13), (20, 3), (0, 3), (5000, 3)])
def test_the_quick_look_and_the_whole_count_agree(shop: Shop, held: int, aside: int) -> None:
    shop.held(NEXT, held)
    shop.aside(DAY, aside)
    limit, main = limit_of(ORDERS), table_of(ORDERS.tables[0])
    quick = standing_of_partitions(shop.warehouse, "orders", main, limit=limit)
    whole = standing(shop.warehouse, "orders", main)
    assert is_over(quick.whole, limit) == is_over(whole.whole, limit)
    assert partitions_over(quick, limit) == partitions_over(whole, limit)


def test_what_is_aside_can_be_asked_for_by_entity_partition_and_id(shop: Shop) -> None:
    shop.aside(DAY, 2)
    shop.aside(NEXT, 1)
    found = set_aside(shop.warehouse, entity="orders", partition=DAY)
    assert [record.record_id for record in found] == ["1", "2"]
    assert [str(reason) for reason in found[0].reasons] == ["order_lines: quantity_is_positive"]
    assert [record.partition for record in set_aside(shop.warehouse, ids=["3"])] == [NEXT]
    assert set_aside(shop.warehouse, entity="returns") == []


def test_an_entity_whose_table_was_never_made_can_be_judged(database_url: str) -> None:
    warehouse = Warehouse(database_url)
    warehouse.transact(lambda cursor: cursor.execute(_ASIDE.encode(), ["returns", DAY, _REASONS, 1, 5]))
    assert set(blocked_days([entity("returns")], [DAY], warehouse)) == {DAY}


def test_a_month_blocks_its_days_and_a_store_every_day(database_url: str) -> None:
    warehouse = Warehouse(database_url)
    monthly = next(each for each in ENTITIES if each.axis == "month")
    keyed = next(each for each in ENTITIES if each.axis == "store")
    warehouse.prepare([table_of(monthly.tables[0])])
    values = [monthly.name, "2024-05-01", _REASONS, 1, 5]
    warehouse.transact(lambda cursor: cursor.execute(_ASIDE.encode(), values))
    # As a whole all of it is aside, so that everything waits; of the parts only what they concern.
    assert set(blocked_days([monthly], [DAY, "2024-06-01"], warehouse)) == {DAY, "2024-06-01"}
    blockage = _only_partitions(monthly.name, "2024-05-01")
    assert blockage.of_day(DAY) and not blockage.of_day("2024-06-01")
    assert _only_partitions(keyed.name, "1").of_day(DAY)


def _only_partitions(name: str, partition: str) -> Any:
    from centra_assets.assets.quarantine import Blockage

    return Blockage(entity(name), 0.05, None, {partition: Part(3, 3)})


def test_tables_that_people_book_money_by_allow_less_than_others() -> None:
    stricter = {each.name for each in ENTITIES if limit_of(each) == SHARE_OF_MONEY}
    assert {"orders", "returns", "invoices", "shipments", "prices"} == stricter
    assert Contract.quarantine_blocks_above > SHARE_OF_MONEY
    assert all(0 < contract.quarantine_blocks_above < 1 for each in ENTITIES for contract in each.tables)
