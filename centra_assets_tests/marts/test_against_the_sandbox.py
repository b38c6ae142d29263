"""The mart over a world of orders as they come: every tax mode, discount, bundle and refund there is."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from centra_assets.entities.model import Axis
from centra_assets.entities.registry import entity
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import stale
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.assets.platform import QUIET, Platform


@pytest.fixture
def platform(database_url: str, tmp_path: Path, sandbox: RunningSandbox) -> Iterator[Platform]:
    made = Platform(
        sandbox=sandbox,
        database_url=database_url,
        lake_folder=tmp_path / "lake",
        days=90,
        partitions_per_run=90,
        entities=[entity("orders"), entity("returns")],
    )
    yield made
    made.instance.dispose()


@pytest.mark.slow
def test_a_world_of_orders_adds_up_in_the_mart(platform: Platform) -> None:
    platform.refresh(Axis.DAY)
    keys = platform.keys(Axis.DAY)
    # A first load makes every day stale on which anything happened, and no other.
    happened = platform.warehouse.query(
        "select distinct business_date::text as day from (select business_date from core.orders "
        "union select business_date from core.payments union select business_date from core.return_refunds) dates"
    )
    assert set(stale(platform.warehouse, DAILY_SALES, 1000)) == set(happened["day"])
    result = platform.definitions.resolve_job_def("refresh_marts").execute_in_process(
        instance=platform.instance,
        tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
        run_config=QUIET,
    )
    assert {item.check_name: item.passed for item in result.get_asset_check_evaluations()} == {
        rule.name: True for rule in DAILY_SALES.rules
    }
    assert stale(platform.warehouse, DAILY_SALES, 1000) == []
    money = summed(platform.warehouse)
    assert money["gross"] == money["net"] + money["tax"]
    # The figures had something to tell; of gift certificates a small world may have none.
    assert all(money[name] > 0 for name in ("gross", "net", "tax", "discount", "shipping", "refunds")), money


def summed(warehouse: Warehouse) -> dict[str, Decimal]:
    names = [column.name for column in DAILY_SALES.table.columns if column.type.startswith("numeric")]
    names = [name for name in names if name != "refunds_of_cancelled_orders"]
    sums = ", ".join(f"sum({name}) as {name}" for name in names)
    (row,) = warehouse.query(f"select {sums} from marts.daily_sales").to_dicts()
    return row
