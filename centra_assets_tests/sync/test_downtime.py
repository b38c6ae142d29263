"""An hour of downtime: nobody heard anything, and one round of sweeps makes the warehouse equal to the shop again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync.sweeping import Sweep
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import reconciled, swept

# Several pages where few orders are enough.
SHORT_PAGES = replace(entity("orders"), page_limit=20)
EVERYTHING = tuple(each.name for each in ENTITIES)


def test_after_traffic_without_any_hint_one_round_finds_everything(own_platform: MakePlatform) -> None:
    platform = own_platform(EVERYTHING, days=40)
    platform.refresh_everything()
    platform.admin("traffic", steps=150)
    assert platform.differences() != {}
    assert [outcome.error for outcome in swept(platform) if outcome.error] == []
    # What was deleted has no time of change; the night finds it.
    assert [outcome.error for outcome in reconciled(platform, days=39) if outcome.error] == []
    assert platform.differences() == {}
    again = swept(platform)
    assert sum(outcome.changed for outcome in again) == 0


@pytest.mark.parametrize("place", range(3))
def test_a_sweep_killed_after_any_page_goes_on_where_it_was(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    platform = own_platform(days=100, scale=0.05, entities=[SHORT_PAGES])
    platform.refresh()
    touched = touch_all(platform, a_second_each)
    assert touched > 60
    with monkeypatch.context() as patched:
        patched.setattr(Sweep, "apply", _killed_at(place, Sweep.apply))
        with pytest.raises(KeyboardInterrupt):
            swept(platform)
    (outcome,) = swept(platform)
    assert platform.differences() == {}
    assert outcome.is_finished
    # The overlap and what was not yet committed, not everything from the start.
    assert outcome.read <= touched + 20


def test_hundreds_of_changes_in_one_second_are_all_read(own_platform: MakePlatform) -> None:
    platform = own_platform(days=100, scale=0.05, entities=[SHORT_PAGES])
    platform.refresh()
    moment = datetime.now(UTC).replace(microsecond=0)
    touched = touch_all(platform, lambda number: moment)
    # However short its time, a sweep gets past a second that holds more than a page.
    (first,) = swept(platform, budget=timedelta(0))
    assert [request.entity for request in SyncState(platform.database_url).requests()] == ["orders"]
    (second,) = swept(platform, budget=timedelta(0))
    assert SyncState(platform.database_url).requests() == []
    assert (first.is_finished, second.is_finished) == (False, True)
    assert first.changed + second.changed == touched
    assert platform.differences() == {}


def test_what_changes_while_a_sweep_reads_is_not_lost(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=100, scale=0.05, entities=[SHORT_PAGES])
    platform.refresh()
    touch_all(platform, a_second_each)
    real = Sweep.apply

    def beside(self: Sweep, *args: Any, **options: Any) -> None:
        platform.admin("orders/edit", age_days=20)
        real(self, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Sweep, "apply", beside)
        swept(platform)
    swept(platform)
    assert platform.differences() == {}


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_are_the_merchants_wherever_the_process_runs(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    platform = own_platform(("orders", "returns"), days=20, zone=zone)
    platform.refresh()
    platform.admin("traffic", steps=40)
    swept(platform)
    reconciled(platform, days=19)
    assert platform.differences() == {}
    misplaced = """
        SELECT count(*) AS n FROM core.orders
        WHERE _partition <> to_char(created_at AT TIME ZONE %s, 'YYYY-MM-DD')
    """
    assert platform.warehouse.query(misplaced, [zone])["n"].to_list() == [0]


def a_second_each(place: int) -> datetime:
    """Times of change after each other, within the overlap of the first sweep."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=500 - place)


def touch_all(platform: Platform, changed_at: Callable[[int], datetime]) -> int:
    """Changes every order of the platform's days; returns how many. `changed_at` gives the time by its place."""
    begin, _ = platform.calendar.window(platform.entities[0].axis, platform.settings.start_date.isoformat())
    with platform.sandbox.world.lock:
        orders = [order for order in platform.sandbox.world.tables["Order"].rows() if order.createdAt >= begin]
        for place, order in enumerate(orders):
            order.otherComment, order.updatedAt = "touched", changed_at(place)
        platform.sandbox.instance.indexes.forget()
    return len(orders)


def _killed_at(place: int, real: Callable[..., None]) -> Callable[..., None]:
    calls = iter(range(place + 1))

    def apply(self: Sweep, *args: Any, **options: Any) -> None:
        if next(calls) == place:
            within = options.get("within")

            def dying(cursor: Any) -> None:
                if within is not None:
                    within(cursor)
                raise KeyboardInterrupt

            options["within"] = dying
        real(self, *args, **options)

    return apply
