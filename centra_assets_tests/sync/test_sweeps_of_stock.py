"""The sweep of stock levels by the ledger of what moved them. Sweeps of other entities are beside this file."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from centra_assets.entities.registry import entity
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.sync import stock_ledger
from centra_assets.sync.ops import SWEEP
from centra_assets.sync.stock_ledger import moved_sizes
from centra_assets.sync.sweeping import Setting
from centra_assets.sync_config import Strategy
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import lasting_platform, run_of, swept, swept_once, watermark

_MOVERS = ("products", "orders", "shipments", "returns", "stock_changes", "purchase_orders", "deliveries")


@pytest.fixture(scope="module")
def stocked(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with stock and all that moves it; its world may be changed."""
    entities = [entity(name) for name in ("warehouses", *_MOVERS, "stock")]
    folder = tmp_path_factory.mktemp("stocked")
    with (
        RunningSandbox(SandboxOptions(scale=0.02, plan=Plan.OFF)) as sandbox,
        lasting_platform(postgres_server, sandbox, folder, days=20, entities=entities) as platform,
    ):
        swept(platform)
        yield platform


def test_the_ledger_brings_every_level_that_traffic_moved(stocked: Platform) -> None:
    stocked.admin("traffic", steps=60)
    assert "stock_levels" in stocked.differences()
    swept(stocked)
    assert stocked.differences() == {}


def test_what_the_look_ahead_into_the_ledger_brings_is_told_to_dagster(stocked: Platform) -> None:
    stocked.admin("traffic", steps=60)
    result = run_of(stocked, SWEEP, "stock")
    assert result.success
    told = {key.to_user_string() for event in result.get_asset_materialization_events() if (key := event.asset_key)}
    assert {"raw/stock_changes", "raw/stock"} <= told


def test_the_ledger_asks_for_nothing_when_nothing_moved(stocked: Platform) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert moved_sizes(stocked.warehouse, later) == {}
    mark = watermark(stocked, "stock", "ledger")
    outcome = swept_once(stocked, "stock", setting=Setting(Strategy.LEDGER, overlap=timedelta(microseconds=1)))
    assert (outcome.read, outcome.changed) == (0, 0)
    moved_on = watermark(stocked, "stock", "ledger")
    assert mark is not None and moved_on is not None and moved_on > mark


def test_a_warehouse_that_was_never_read_is_read_whole(stocked: Platform) -> None:
    (key, *_) = stocked.lake.partitions("stock")
    for file in stocked.lake.files("stock", key):
        (stocked.lake_folder / "raw" / "stock" / key / file.path.rsplit("/", 1)[1]).unlink()
    assert key not in stocked.lake.partitions("stock")
    outcome = swept_once(stocked, "stock")
    assert outcome.applied.raw[key] > 0
    assert outcome.changed == 0


def test_the_only_size_that_moved_may_be_gone(stocked: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    key, size = a_level(stocked)
    before = levels_of(stocked, key)
    removed_levels(stocked, key, lambda held: held == size)
    monkeypatch.setattr(stock_ledger, "moved_sizes", lambda *_: {key: {size}})
    swept_once(stocked, "stock", setting=Setting(Strategy.LEDGER))
    assert levels_of(stocked, key) == before - 1


def test_an_answer_without_any_level_empties_no_warehouse(stocked: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    key, size = a_level(stocked)
    before, mark = levels_of(stocked, key), watermark(stocked, "stock", "ledger")
    removed_levels(stocked, key, lambda held: True)
    monkeypatch.setattr(stock_ledger, "moved_sizes", lambda *_: {key: {size}})
    *_, outcome = swept(stocked, "stock", setting=Setting(Strategy.LEDGER))
    assert outcome.error is not None and outcome.error.code == "STORAGE_COLLAPSE"
    assert (levels_of(stocked, key), watermark(stocked, "stock", "ledger")) == (before, mark)


def a_level(platform: Platform) -> tuple[str, str]:
    """A warehouse that has some levels, and a size that it has."""
    rows = platform.warehouse.query(
        "SELECT _partition, min(_record_id) FROM core.stock_levels GROUP BY 1 HAVING count(*) > 5 ORDER BY 1 LIMIT 1"
    )
    key, size = rows.row(0)
    return key, size


def levels_of(platform: Platform, key: str) -> int:
    """How many levels core has of a warehouse."""
    count = "SELECT count(*)::int AS n FROM core.stock_levels WHERE _partition = %s"
    found: int = platform.warehouse.query(count, [key])["n"][0]
    return found


def removed_levels(platform: Platform, key: str, is_meant: Callable[[str], bool]) -> None:
    """Removes levels of a warehouse from the sandbox's world, without an event."""
    with platform.sandbox.world.lock:
        warehouse: Any = platform.sandbox.world.tables["Warehouse"].get(int(key))
        warehouse.stock = [level for level in warehouse.stock if not is_meant(str(level.productSize.id))]
        platform.sandbox.instance.indexes.forget()
