"""Sweeps of what has no time of change: windows of creation, whole snapshots, the stock's ledger."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from centra_assets.centra.errors import EndpointError, TransportError
from centra_assets.entities.model import Axis
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync import apply as applying
from centra_assets.sync.ops import RECONCILE, SWEEP
from centra_assets.sync.sweeping import Setting, Sweep
from centra_assets.sync_config import Strategy
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import lake_files, refusals, run_of, swept, swept_once, told_by_tags

SNAPSHOT = Setting(Strategy.SNAPSHOT)
WINDOW = Setting(Strategy.WINDOW, window_days=14)


def changed_in(platform: Platform, change: Callable[[Any], None]) -> None:
    """Changes the sandbox's world behind everybody's back: no event tells of it."""
    with platform.sandbox.world.lock:
        change(platform.sandbox.world)
        platform.sandbox.instance.indexes.forget()


def test_a_return_that_changed_is_found_by_its_window(own_platform: MakePlatform) -> None:
    platform = own_platform(("returns",), days=30, scale=0.05)
    platform.refresh()
    entry = platform.sandbox.world.tables["Return"].rows()[-1]
    changed_in(platform, lambda world: setattr(entry, "comment", "found by its window"))
    outcome = swept_once(platform, "returns", setting=Setting(Strategy.WINDOW, window_days=29))
    assert (outcome.changed, sum(outcome.applied.raw.values())) == (1, 1)
    assert platform.differences() == {}


def test_a_deleted_return_becomes_a_tombstone_and_its_history_is_kept(own_platform: MakePlatform) -> None:
    platform = own_platform(("returns",), days=30, scale=0.05)
    platform.refresh()
    entry = platform.sandbox.world.tables["Return"].rows()[-1]
    changed_in(platform, lambda world: world.tables["Return"].remove(entry.id))
    swept_once(platform, "returns", setting=Setting(Strategy.WINDOW, window_days=29))
    assert platform.warehouse.query("SELECT 1 AS one FROM core.returns WHERE id = %s", [entry.id]).height == 0
    kept = platform.warehouse.query("SELECT _operation FROM history.returns WHERE id = %s", [entry.id])
    assert kept["_operation"].to_list() == ["delete"]
    day = next(iter(swept_once(platform, "returns", setting=WINDOW).applied.raw), None)
    assert day is None
    assert all(
        entry.id != int(found) for found in platform.lake.read("returns", platform.lake.partitions("returns"))["id"]
    )


def test_a_window_does_not_bury_what_is_older_than_itself(own_platform: MakePlatform) -> None:
    platform = own_platform(("returns",), days=60, scale=0.05)
    platform.refresh()
    before = platform.count("returns")
    outcome = swept_once(platform, "returns", setting=Setting(Strategy.WINDOW, window_days=1))
    assert outcome.read < before
    assert platform.count("returns") == before


def test_after_longer_downtime_a_window_begins_where_the_last_one_ended(own_platform: MakePlatform) -> None:
    platform = own_platform(("returns",), days=30, scale=0.05)
    platform.refresh()
    short = Setting(Strategy.WINDOW, window_days=1)
    swept_once(platform, "returns", setting=short)
    entry = next(each for each in platform.sandbox.world.tables["Return"].rows() if each.id in held_returns(platform))
    changed_in(platform, lambda world: setattr(entry, "comment", "while nobody looked"))
    assert swept_once(platform, "returns", setting=short).changed == 0
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("UPDATE ops.sync_state SET watermark = watermark - interval '30 days'")
    caught_up = swept_once(platform, "returns", setting=short)
    assert caught_up.changed == 1
    assert platform.differences() == {}
    # Back to its own width, in which the small shop may have had a return or none.
    assert swept_once(platform, "returns", setting=short).read < caught_up.read


def test_a_window_that_failed_for_good_is_no_window_that_was_read(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("returns",), days=30, scale=0.05)
    platform.refresh()
    swept_once(platform, "returns", setting=WINDOW)
    state = SyncState(platform.database_url)
    before = state.mark("returns", "window")

    def refused(self: Sweep, *args: Any) -> Any:
        raise EndpointError("Nobody here answers to GraphQL.")

    monkeypatch.setattr(Sweep, "rows", refused)
    (outcome,) = swept(platform, "returns", setting=WINDOW)
    after = state.mark("returns", "window")
    assert outcome.error is not None
    assert before.watermark is not None and after.watermark == before.watermark
    assert before.checked_at is not None and after.checked_at is not None and after.checked_at > before.checked_at


def held_returns(platform: Platform) -> list[int]:
    """The ids of the returns that core has, of days that a short window does not reach."""
    oldest_first = "SELECT id FROM core.returns WHERE created_at < now() - interval '5 days' ORDER BY created_at"
    return platform.warehouse.query(oldest_first)["id"].to_list()


def test_a_record_that_a_reading_missed_is_asked_for_before_it_is_buried(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    real = Sweep.rows

    def short(self: Sweep, *args: Any) -> Any:
        for page, rows in real(self, *args):
            yield page, rows.slice(1)

    monkeypatch.setattr(Sweep, "rows", short)
    before = platform.count("markets")
    outcome = swept_once(platform, "markets", setting=SNAPSHOT)
    assert (platform.count("markets"), outcome.changed) == (before, 0)


def test_a_snapshot_writes_the_changed_record_and_no_other(own_platform: MakePlatform) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    market = platform.sandbox.world.tables["Market"].rows()[0]
    files = lake_files(platform, "markets")
    changed_in(platform, lambda world: setattr(market, "comment", "changed by hand"))
    outcome = swept_once(platform, "markets", setting=SNAPSHOT)
    assert (outcome.changed, dict(outcome.applied.raw)) == (1, {"all": 1})
    assert lake_files(platform, "markets") == files + 1


def test_a_snapshot_that_collapsed_is_refused_and_touches_nothing(own_platform: MakePlatform) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    before, files = platform.count("markets"), lake_files(platform, "markets")

    def remove_all(world: Any) -> None:
        for market in world.tables["Market"].rows():
            world.tables["Market"].remove(market.id)

    changed_in(platform, remove_all)
    (outcome,) = swept(platform, "markets", setting=SNAPSHOT)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.transient) == ("STORAGE_COLLAPSE", False)
    assert (platform.count("markets"), lake_files(platform, "markets")) == (before, files)
    assert refusals(platform) == [("markets", "STORAGE_COLLAPSE")]


def test_one_entity_that_fails_holds_up_no_other(own_platform: MakePlatform) -> None:
    platform = own_platform(("markets", "stores"))
    platform.refresh(Axis.NONE)
    store = platform.sandbox.world.tables["Store"].rows()[0]

    def change(world: Any) -> None:
        for market in world.tables["Market"].rows():
            world.tables["Market"].remove(market.id)
        store.name = "Renamed"

    changed_in(platform, change)
    outcomes = {outcome.entity.name: outcome for outcome in swept(platform, setting=SNAPSHOT)}
    assert outcomes["markets"].error is not None
    assert (outcomes["stores"].error, outcomes["stores"].changed) == (None, 1)
    # The alerts know a run by its tags.
    for job in (SWEEP, RECONCILE):
        result = run_of(platform, job, "markets", "stores")
        assert not result.success
        assert told_by_tags(platform, result) == ("STORAGE_COLLAPSE", "permanent")


def test_a_kill_between_raw_and_core_is_mended_by_the_next_comparison(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    market, removed, *_ = platform.sandbox.world.tables["Market"].rows()

    def change(world: Any) -> None:
        market.comment = "changed by hand"
        world.tables["Market"].remove(removed.id)

    changed_in(platform, change)

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(applying._Loading, "load", killed)
        with pytest.raises(KeyboardInterrupt):
            swept(platform, "markets", setting=SNAPSHOT)
    assert swept_once(platform, "markets", setting=SNAPSHOT).changed >= 2
    assert swept_once(platform, "markets", setting=SNAPSHOT).changed == 0
    held = platform.warehouse.query("SELECT id FROM core.markets")["id"].to_list()
    assert (market.id in held, removed.id in held) == (True, False)


def test_a_partition_that_was_asked_for_is_read_and_the_request_settled(own_platform: MakePlatform) -> None:
    platform = own_platform(("pricelists", "prices"))
    platform.refresh(Axis.NONE)
    platform.refresh_everything()
    state = SyncState(platform.database_url)
    first, second, *_ = platform.keys(Axis.PRICELIST)
    state.ask_for(["prices"], reason="a test", partition=first)
    outcomes = swept(platform, "pricelists")
    read = {outcome.entity.name: outcome for outcome in outcomes}
    held = platform.warehouse.query("SELECT count(*) AS n FROM core.prices WHERE _partition = %s", [first])["n"][0]
    assert read["prices"].read == held > 0
    assert state.requests() == []
    assert all(mark.entity != "prices" for mark in state.marks())
    assert second != first


def test_a_request_for_an_entity_that_there_is_not_holds_up_nothing(own_platform: MakePlatform) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    state = SyncState(platform.database_url)
    state.ask_for(["gone_since_an_upgrade"], reason="a test", partition="1")
    assert swept_once(platform, "markets", setting=SNAPSHOT).changed == 0


def test_a_request_is_kept_when_the_sweep_failed_for_a_moment(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    state = SyncState(platform.database_url)
    state.ask_for(["markets"], reason="a test")

    def cut(self: Sweep, *args: Any) -> Any:
        raise TransportError("The connection was cut.")

    monkeypatch.setattr(Sweep, "rows", cut)
    (outcome,) = swept(platform, "markets", setting=SNAPSHOT)
    assert outcome.error is not None and outcome.error.transient
    assert [request.entity for request in state.requests()] == ["markets"]
    assert state.mark("markets", "snapshot").checked_at is None
