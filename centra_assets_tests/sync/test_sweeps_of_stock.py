"""The sweep of stock levels by the ledger of what moved them. Sweeps of other entities are beside this file."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from centra_assets.entities.registry import entity
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.sync.stock_ledger import moved_sizes
from centra_assets.sync.sweeping import Setting
from centra_assets.sync_config import Strategy
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import lasting_platform, swept, swept_once, watermark

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
    assert outcome.raw[key] > 0
    assert outcome.changed == 0
