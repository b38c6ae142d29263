"""Hints of records that Centra does not show: when that is believed, and what one bad hint does to its neighbours."""

from typing import Any

import pytest

from centra_assets.privacy.forgotten import ForgottenList
from centra_assets.storage import inbox
from centra_assets.storage.inbox import Inbox
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync import drain
from centra_assets.sync.apply import apply
from centra_assets.sync.drain import HintFollower
from centra_assets.sync.lookup import resolve
from centra_assets_tests.assets import platform as platforms
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.hinting import (
    errors,
    follow,
    follow_again,
    hasty_around,
    hint,
    live_a_little,
    order_numbers,
    states,
)
from centra_assets_tests.sync.sweeping import refusals
from centra_assets_tests.sync.test_drain import ALL_DAYS

UNAVAILABLE = {"kind": "status", "status": 503, "share": 1.0}


def loaded(own_platform: MakePlatform, count: int) -> tuple[Platform, list[int]]:
    """A platform whose core has these orders, each by a hint that is done."""
    platform = own_platform(days=ALL_DAYS)
    live_a_little(platform)
    numbers = order_numbers(platform, count)
    for number in numbers:
        hint(platform, "Order", number)
    follow(platform)
    assert platform.count("orders") == count
    return platform, numbers


def hide(platform: Platform, *numbers: int) -> list[Any]:
    """Has the sandbox no longer show these orders, and tells no one."""
    world = platform.sandbox.world
    with world.lock:
        hidden = [order for order in world.orders.rows() if order.number in numbers]
        for order in hidden:
            world.tables["Order"].remove(order.number)
        platform.sandbox.instance.indexes.forget()
    return hidden


def told(platform: Platform, number: int) -> Any:
    """What the inbox has of the latest hint about this order."""
    return platform.warehouse.query(
        "SELECT state, error FROM ops.inbox WHERE reference = %s ORDER BY id DESC LIMIT 1", [str(number)]
    ).row(0)


def test_a_known_record_is_missed_twice_before_it_is_buried(own_platform: MakePlatform) -> None:
    platform, (number, _) = loaded(own_platform, 2)
    hide(platform, number)
    hint(platform, "Order", number)
    seen = []
    for _ in range(3):
        follow_again(platform)
        seen.append((*told(platform, number), platform.count("orders")))
    assert seen == [("waiting", "HINT_NOT_FOUND", 2), ("waiting", "HINT_NOT_FOUND", 2), ("done", None, 1)]


def test_a_record_whose_deletion_was_told_is_buried_at_once(own_platform: MakePlatform) -> None:
    platform, numbers = loaded(own_platform, 6)
    hide(platform, *numbers)
    for number in numbers:
        hint(platform, "Order", number, action="DELETED")
    follow(platform)
    assert (states(platform), platform.count("orders")) == ({"done": 12}, 0)


def test_all_of_a_few_known_records_gone_is_not_believed_however_often_they_are_missed(
    own_platform: MakePlatform,
) -> None:
    platform, numbers = loaded(own_platform, 5)
    hide(platform, *numbers)
    for number in numbers:
        hint(platform, "Order", number)
    for _ in range(inbox.MOST_ATTEMPTS):
        (followed,) = follow_again(platform).followed
        assert followed.code == "RECORDS_GONE"
    assert platform.count("orders") == 5
    assert (states(platform), errors(platform)) == ({"done": 5, "failed": 5}, ["RECORDS_GONE"])
    assert set(refusals(platform)) == {("orders", "RECORDS_GONE")}


def test_what_is_gone_is_counted_over_the_run_and_not_by_the_batch(own_platform: MakePlatform) -> None:
    platform, numbers = loaded(own_platform, 6)
    hide(platform, *numbers)
    codes = []
    with hasty_around(platform) as around, Inbox(platform.database_url).drainer("run") as drainer:
        assert drainer is not None
        follower = HintFollower(around, platform.entities, listed=ForgottenList(platform.database_url))
        for number in numbers:
            hint(platform, "Order", number)
            codes += [followed.code for followed in follower.drain(drainer, 100).followed]
    assert codes == ["", "", "", "", "RECORDS_GONE", "RECORDS_GONE"]
    assert platform.count("orders") == 6


def test_an_outage_uses_up_neither_tries_nor_looks(own_platform: MakePlatform) -> None:
    platform, (number, _) = loaded(own_platform, 2)
    hide(platform, number)
    hint(platform, "Order", number)
    platform.admin("faults", requests=[UNAVAILABLE])
    for _ in range(inbox.MOST_ATTEMPTS):
        follow_again(platform)
    platform.admin("faults", denied_permissions=["Order:read"])
    for _ in range(inbox.MOST_ATTEMPTS - 1):
        follow_again(platform)
        assert told(platform, number) == ("waiting", "CENTRA_PERMISSION")
    permitted_again(platform)
    follow_again(platform)
    assert (told(platform, number), platform.count("orders")) == (("waiting", "HINT_NOT_FOUND"), 2)


def test_a_claim_of_a_run_that_was_killed_is_no_look(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, (number, _) = loaded(own_platform, 2)
    hide(platform, number)
    hint(platform, "Order", number)
    with Inbox(platform.database_url).drainer("killed") as drainer:
        assert drainer is not None
        for _ in range(inbox.MOST_ATTEMPTS):
            assert len(drainer.claim(10)) == 1
    follow(platform)
    assert (told(platform, number), platform.count("orders")) == (("waiting", "HINT_NOT_FOUND"), 2)


def test_a_deletion_told_between_raw_and_core_is_not_undone_by_the_load(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    (orders,) = platform.entities
    platform.refresh(only=platforms.keys_of(orders, core=False))
    (number,) = order_numbers(platform, 1)
    hide(platform, number)
    hint(platform, "Order", number, action="DELETED")
    follow(platform)
    platform.refresh(only=platforms.keys_of(orders, raw=False))
    held = platform.warehouse.query("SELECT count(*) AS n FROM core.orders WHERE number = %s", [number])
    assert (held["n"].to_list(), platform.count("orders") > 0) == ([0], True)


@pytest.mark.parametrize("reference", ["9" * 25, "9" * 5000, "٣", "007", "1e3", ""])
@pytest.mark.parametrize("object_type", ["records", "parts"])
def test_a_reference_that_can_be_no_id_harms_no_other(
    own_platform: MakePlatform, object_type: str, reference: str
) -> None:
    platform = own_platform(("products",), days=ALL_DAYS)
    product = platform.sandbox.world.products.rows()[0]
    hint(platform, "Product", product.id)
    follow(platform)
    name, known = {
        "records": ("Product", product.id),
        "parts": ("ProductSize", product.variants[0].productSizes[0].id),
    }[object_type]
    hint(platform, name, known)
    hint(platform, name, reference)
    follow(platform)
    assert states(platform) == {"done": 2, "failed": 1}


def test_one_record_that_cannot_be_applied_fails_alone(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=ALL_DAYS)
    live_a_little(platform)
    *others, poison = order_numbers(platform, 7)
    for number in [*others[:3], poison, *others[3:]]:
        hint(platform, "Order", number)

    def choking(entity: Any, rows: Any, **options: Any) -> Any:
        if str(poison) in rows["id"].to_list():
            raise KeyError("poison")
        return apply(entity, rows, **options)

    monkeypatch.setattr(drain, "apply", choking)
    (followed,) = follow(platform).followed
    assert (followed.code, followed.states) == ("INTERNAL_ERROR", {"done": 6, "put back": 1})
    assert (sum(followed.applied.raw.values()), platform.count("orders")) == (6, 6)
    assert told(platform, poison) == ("waiting", "INTERNAL_ERROR")


def test_what_fails_whatever_is_asked_for_is_not_asked_for_again_hint_by_hint(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=ALL_DAYS)
    live_a_little(platform)
    for number in order_numbers(platform, 20):
        hint(platform, "Order", number)
    tries: list[int] = []

    def counted(entity: Any, hints: Any, warehouse: Any) -> Any:
        tries.append(len(hints))
        return resolve(entity, hints, warehouse)

    monkeypatch.setattr(drain, "resolve", counted)
    platform.admin("faults", denied_permissions=["Order:read"])
    (followed,) = follow(platform).followed
    assert (followed.code, len(tries)) == ("CENTRA_PERMISSION", 1)
    permitted_again(platform)
    monkeypatch.setattr(drain, "_MOST_SPLITS", 4)
    monkeypatch.setattr(Warehouse, "load", _breaks)
    tries.clear()
    follow_again(platform)
    assert (len(tries), states(platform), errors(platform)) == (9, {"waiting": 20}, ["INTERNAL_ERROR"])


def permitted_again(platform: Platform) -> None:
    """The permission is back, and what was refused without it is forgotten, as `doctor` forgets it."""
    platform.admin("faults", denied_permissions=[])
    platform.warehouse.transact(lambda cursor: cursor.execute("DELETE FROM ops.api_denied"))


def _breaks(*_: Any, **__: Any) -> Any:
    raise KeyError("broken")
