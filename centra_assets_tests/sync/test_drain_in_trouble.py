"""Hints when Centra, the network or we ourselves fail: put back, given up with a code, taken over; nothing lost."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from centra_assets.storage import inbox
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync import drain
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.hinting import (
    edited_order,
    errors,
    follow,
    follow_again,
    hint,
    live_a_little,
    order_numbers,
    states,
)
from centra_assets_tests.sync.test_drain import ALL_DAYS


class Killed(BaseException):
    """What ends a process: nothing of ours may catch it."""


def comment_of(platform: Platform, number: int) -> Any:
    held = platform.warehouse.query("SELECT internal_comment FROM core.orders WHERE number = %s", [number])
    return held["internal_comment"].to_list()


def test_a_fault_that_passes_puts_the_hints_back_until_it_has_passed(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    hint(platform, "Order", number)
    platform.admin("faults", requests=[{"kind": "status", "status": 503, "share": 1.0}])
    # As often as no hint is tried against a fault that does not pass.
    platform.warehouse.transact(lambda cursor: cursor.execute("UPDATE ops.inbox SET outages = 50"))
    (followed,) = follow(platform).followed
    assert (followed.code, followed.is_transient) == ("CENTRA_SERVER", True)
    assert (states(platform), errors(platform)) == ({"waiting": 1}, ["CENTRA_SERVER"])
    platform.admin("faults")
    follow_again(platform)
    assert (states(platform), errors(platform), platform.count("orders")) == ({"done": 1}, [], 1)


def test_hints_put_back_are_not_tried_again_at_once(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    hint(platform, "Order", *order_numbers(platform, 1))
    platform.admin("faults", requests=[{"kind": "status", "status": 503, "share": 1.0}])
    assert follow(platform).claimed == 1
    assert follow(platform).claimed == 0


def test_a_permission_that_lacks_ends_the_hints_with_its_code_and_harms_no_other(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "shipments"), days=ALL_DAYS)
    shipment = platform.sandbox.world.shipments.rows()[-1]
    platform.admin("faults", denied_permissions=["Shipment:read"])
    hint(platform, "Shipment", shipment.id)
    hint(platform, "Order", *order_numbers(platform, 1))
    for _ in range(inbox.MOST_ATTEMPTS):
        follow_again(platform)
    assert (states(platform), errors(platform)) == ({"done": 1, "failed": 1}, ["CENTRA_PERMISSION"])
    assert platform.count("orders") == 1
    assert follow_again(platform).claimed == 0


def test_killed_between_raw_and_core_the_next_drainer_completes_it(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    hint(platform, "Order", number)
    follow(platform)
    edited = edited_order(platform, number=number)
    hint(platform, "Order", number)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Warehouse, "load", _dies)
        follow(platform)
    files = len(platform.lake.files("orders", edited["day"]))
    wanted = edited["changed"]["internal_comment"][1]
    assert files == 2
    assert comment_of(platform, number) != [wanted]
    assert states(platform) == {"done": 1, "waiting": 1}
    follow(platform)
    assert comment_of(platform, number) == [wanted]
    assert states(platform) == {"done": 2}
    assert len(platform.lake.files("orders", edited["day"])) == files


def test_killed_before_the_hint_is_marked_nothing_of_the_load_stands(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(days=ALL_DAYS)
    (number,) = order_numbers(platform, 1)
    hint(platform, "Order", number)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(drain._Ends, "mark", _dies)
        follow(platform)
    assert (platform.count("orders"), states(platform)) == (0, {"waiting": 1})
    follow(platform)
    assert (platform.count("orders"), states(platform)) == (1, {"done": 1})


def test_a_deletion_whose_load_was_killed_is_made_up_for(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("newsletter_subscriptions",))
    live_a_little(platform)
    platform.refresh(platform.entities[0].axis)
    before = platform.count("newsletter_subscriptions")
    (deleted,) = [change for change in _removed(platform) if change["change_type"] == "DELETED"]
    hint(platform, "NewsletterSubscription", deleted["reference"], action="DELETED")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Warehouse, "load", _dies)
        follow(platform)
    assert platform.count("newsletter_subscriptions") == before
    follow(platform)
    assert platform.count("newsletter_subscriptions") == before - 1
    assert platform.differences() == {}


def test_a_fault_of_our_own_is_named_and_quotes_nothing(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = own_platform(("orders", "shipments"), days=ALL_DAYS)
    hint(platform, "Order", *order_numbers(platform, 1))
    hint(platform, "Shipment", platform.sandbox.world.shipments.rows()[-1].id)
    apply = drain.apply

    def broken_for_orders(entity: Any, *arguments: Any, **options: Any) -> Any:
        if entity.name == "orders":
            raise KeyError("somebody@example.com")
        return apply(entity, *arguments, **options)

    monkeypatch.setattr(drain, "apply", broken_for_orders)
    follow(platform)
    assert (states(platform), errors(platform)) == ({"done": 1, "waiting": 1}, ["INTERNAL_ERROR"])


def test_most_records_gone_at_once_are_not_believed(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    numbers = order_numbers(platform, 60)
    for number in numbers:
        hint(platform, "Order", number)
    follow(platform)
    assert platform.count("orders") == 60
    platform.token = _token_of_another_store(platform, numbers)
    for number in numbers:
        hint(platform, "Order", number)
    (followed,) = follow(platform).followed
    assert (followed.code, errors(platform)) == ("RECORDS_GONE", ["RECORDS_GONE"])
    assert platform.count("orders") == 60
    platform.token = platform.sandbox.token
    follow_again(platform)
    assert states(platform) == {"done": 120}


def test_an_instance_without_the_filter_by_id_is_swept_instead(own_platform: MakePlatform) -> None:
    platform = own_platform(days=ALL_DAYS)
    platform.admin("schema", removed=["OrderFilter.number"])
    hint(platform, "Order", *order_numbers(platform, 1))
    follow(platform)
    asked = platform.warehouse.query("SELECT entity FROM ops.sweep_request")["entity"].to_list()
    assert (states(platform), asked) == ({"done": 1}, ["orders"])


def _dies(*_: Any, **__: Any) -> Any:
    raise Killed


def _removed(platform: Platform) -> list[dict[str, Any]]:
    answer = httpx.post(
        f"{platform.sandbox.admin_url}/traffic", json={"steps": 1, "only": ["subscription removed"]}, timeout=30
    )
    return [change for step in answer.json()["steps"] for change in step["changes"]]


def _token_of_another_store(platform: Platform, numbers: list[int]) -> str:
    """A token that is restricted to the store which has the fewest of these orders."""
    wanted = set(numbers)
    stores = [order.store.id for order in platform.sandbox.world.orders.rows() if order.number in wanted]
    fewest: Callable[[int], int] = stores.count
    known = [store.id for store in platform.sandbox.world.stores.rows()]
    told: str = platform.admin("tokens", store_ids=[min(known, key=fewest)])["token"]
    return told
