"""A hint becomes a row: fetched by id, appended to raw, loaded into core, done in the same transaction."""

from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.sync.hinting import edited_order, follow, hint, states


def test_an_order_that_a_hint_names_is_changed_in_raw_and_in_core(own_platform: MakePlatform) -> None:
    platform = own_platform()
    platform.refresh()
    edited = edited_order(platform, age_days=1)
    assert platform.differences()
    hint(platform, "order", edited["number"], kind="integration_api", action="update")
    drained = follow(platform)
    assert platform.differences() == {}
    assert states(platform) == {"done": 1}
    (followed,) = drained.followed
    assert followed.error is None
    assert followed.applied.raw == {edited["day"]: 1}
    assert set(followed.applied.tables["orders"]) == {edited["day"]}
