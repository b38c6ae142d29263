"""Sweeps by `updatedAt`: nothing is lost between the watermark and now, and nothing is read without need."""

from datetime import UTC, datetime, timedelta

import pytest

from centra_assets.errors import CentraAssetsError
from centra_assets.storage import sync_state
from centra_assets.sync import updates
from centra_assets.sync.sweeping import Setting
from centra_assets.sync_config import Strategy
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import around, lake_files, swept, swept_once, watermark

UPDATED = Setting(Strategy.UPDATED, overlap=timedelta(minutes=10))


def edited(platform: Platform, *, age_days: int) -> int:
    """An order of that age, changed in the sandbox a moment ago."""
    return int(platform.admin("orders/edit", age_days=age_days)["number"])


def test_an_order_that_changed_is_swept_up(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    assert swept_once(platform, "orders").changed == 0
    edited(platform, age_days=5)
    assert platform.differences() != {}
    outcome = swept_once(platform, "orders")
    assert (sum(outcome.applied.raw.values()), platform.differences()) == (1, {})
    assert outcome.applied.tables["orders"].keys() == outcome.applied.raw.keys()


def test_a_sweep_without_a_backfill_says_so_and_reads_nothing(make_platform: MakePlatform) -> None:
    platform = make_platform()
    outcome = swept_once(platform, "orders")
    assert (outcome.read, outcome.changed, watermark(platform, "orders")) == (0, 0, None)
    assert "materialize" in outcome.notes[0]


def test_what_changed_between_the_backfill_and_the_first_sweep_is_not_lost(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    for _ in range(3):
        edited(platform, age_days=3)
    platform.admin("traffic", steps=20)
    swept_once(platform, "orders")
    assert platform.differences() == {}


def test_days_after_the_last_one_that_was_loaded_are_read_from_their_beginning(own_platform: MakePlatform) -> None:
    platform = own_platform(days=10)
    platform.refresh(keys=platform.keys(platform.entities[0].axis)[:-5])
    platform.admin("traffic", steps=10)
    assert platform.differences() != {}
    swept_once(platform, "orders")
    assert platform.differences() == {}


def test_an_update_behind_the_watermark_but_within_the_overlap_is_read(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    edited(platform, age_days=5)
    swept_once(platform, "orders")
    mark = watermark(platform, "orders")
    assert mark is not None
    late = platform.sandbox.world.tables["Order"].rows()[-3]
    behind = mark - timedelta(minutes=2)
    with platform.sandbox.world.lock:
        late.otherComment, late.updatedAt = "committed late", behind
        platform.sandbox.instance.indexes.forget()
    assert swept_once(platform, "orders", setting=UPDATED).changed == 1
    held = platform.warehouse.query("SELECT other_comment FROM core.orders WHERE number = %s", [late.number])
    assert held["other_comment"].to_list() == ["committed late"]


def test_the_mark_never_passes_what_was_committed(own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    swept_once(platform, "orders")
    before = watermark(platform, "orders")
    edited(platform, age_days=5)

    def killed(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sync_state, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            swept_once(platform, "orders")
    assert watermark(platform, "orders") == before
    assert platform.differences() != {}
    swept_once(platform, "orders")
    assert platform.differences() == {}


def test_a_change_stamped_in_the_future_does_not_carry_the_mark_along(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    order = platform.sandbox.world.tables["Order"].rows()[-10]
    with platform.sandbox.world.lock:
        order.otherComment, order.updatedAt = "from tomorrow", datetime.now(UTC) + timedelta(days=1)
        platform.sandbox.instance.indexes.forget()
    swept_once(platform, "orders")
    mark = watermark(platform, "orders")
    assert mark is None or mark <= datetime.now(UTC)
    number = edited(platform, age_days=5)
    swept_once(platform, "orders")
    assert platform.differences() == {}
    assert number != order.number


def test_since_reads_further_back_than_the_watermark(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    swept_once(platform, "orders")
    plain = swept_once(platform, "orders")
    wide = swept_once(platform, "orders", since=datetime.now(UTC) - timedelta(days=20))
    assert wide.read > plain.read
    assert wide.changed == 0


def test_since_later_than_the_watermark_skips_nothing(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20)
    platform.refresh()
    edited(platform, age_days=5)
    outcome = swept_once(platform, "orders", since=datetime.now(UTC) + timedelta(hours=1))
    assert outcome.changed > 0
    assert platform.differences() == {}


def test_a_sweep_of_many_pages_stops_after_its_time_and_goes_on_the_next_time(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=20, scale=0.05)
    platform.refresh()
    swept_once(platform, "orders")
    changed = platform.sandbox.world.tables["Order"].rows()[-150:]
    with platform.sandbox.world.lock:
        for place, order in enumerate(changed):
            order.otherComment = "touched"
            order.updatedAt = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=600 - place)
        platform.sandbox.instance.indexes.forget()
    outcomes = [swept_once(platform, "orders", setting=UPDATED, budget=timedelta(0)) for _ in range(2)]
    assert not outcomes[0].is_finished
    assert outcomes[0].changed < len(changed)
    for _ in range(20):
        if outcomes[-1].is_finished:
            break
        outcomes.append(
            swept_once(platform, "orders", setting=Setting(Strategy.UPDATED, timedelta(seconds=1)), budget=timedelta(0))
        )
    assert outcomes[-1].is_finished
    assert platform.differences() == {}


def test_an_entity_that_cannot_be_sorted_moves_its_mark_only_at_the_end(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("purchase_orders",), days=60)
    platform.refresh(platform.entities[0].axis)
    purchase = platform.sandbox.world.tables["PurchaseOrder"].rows()[-1]
    platform.admin("records", type="PurchaseOrder", key=purchase.id, set={"internalComment": "changed"})
    marks: list[datetime | None] = []
    real = updates.Sweep.apply

    def watching(self: updates.Sweep, *args: object, **options: object) -> None:
        real(self, *args, **options)  # type: ignore[arg-type]
        marks.append(watermark(platform, "purchase_orders"))

    monkeypatch.setattr(updates.Sweep, "apply", watching)
    assert swept_once(platform, "purchase_orders").changed == 1
    assert set(marks) == {None}
    assert watermark(platform, "purchase_orders") is not None


def test_a_failure_leaves_the_mark_and_is_told_with_its_code(own_platform: MakePlatform) -> None:
    platform = own_platform(days=10)
    platform.refresh()
    platform.admin("schema", removed=["OrderFilter.updatedAt"])
    with around(platform) as surroundings:
        surroundings.client.look_afresh()
    (outcome,) = swept(platform, "orders", setting=UPDATED)
    assert isinstance(outcome.error, CentraAssetsError)
    assert outcome.error.code == "CENTRA_FILTER_MISSING"
    assert watermark(platform, "orders") is None
    assert lake_files(platform, "orders") == len(platform.lake.partitions("orders"))
