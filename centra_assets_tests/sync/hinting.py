"""Hints of a platform, as tests store and follow them."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Priority
from centra_assets.entities.hints import targets
from centra_assets.privacy.forgotten import ForgottenList
from centra_assets.storage.inbox import ClaimedHint, Delivery, Hint, Inbox, Stored
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync.drain import Drained, HintFollower
from centra_assets.sync.sweeping import Surroundings
from centra_assets_tests.assets.platform import Platform

_deliveries = itertools.count(1)


def hint(
    platform: Platform,
    object_type: str,
    reference: Any,
    *,
    kind: str = "event",
    action: str = "UPDATED",
    delivery: str | None = None,
) -> Stored:
    """Stores what a delivery of this kind says of one object: a hint for every entity that it speaks of."""
    told = [
        Hint(target.entity, target.via, object_type, action, str(reference), "{}")
        for target in targets(kind, object_type)
    ] or [Hint("", "", object_type, action, str(reference), "{}")]
    source = "event" if kind == "event" else "webhook"
    return Inbox(platform.database_url).store([Delivery(source, "sandbox", delivery or str(next(_deliveries)), told)])


@contextmanager
def hasty_around(platform: Platform, run_id: str = "follow-run") -> Iterator[Surroundings]:
    """What following needs of a platform; its client tries once, so that a fault is seen and not waited out."""
    with connect(
        url=platform.sandbox.url,
        token=platform.token or platform.sandbox.token,
        database_url=platform.database_url,
        priority=Priority.REAL_TIME,
        max_attempts=1,
    ) as client:
        yield Surroundings(
            client=client,
            lake=platform.lake,
            warehouse=platform.warehouse,
            state=SyncState(platform.database_url),
            calendar=platform.calendar,
            run_id=run_id,
        )


def follow(
    platform: Platform,
    *,
    limit: int = 500,
    is_followed: Callable[[ClaimedHint], bool] = lambda hint: True,
    run_id: str = "follow-run",
) -> Drained:
    """One batch of the hints that are due."""
    with hasty_around(platform, run_id) as surroundings, Inbox(platform.database_url).drainer(run_id) as drainer:
        assert drainer is not None
        listed = ForgottenList(platform.database_url)
        return HintFollower(surroundings, platform.entities, listed=listed, is_followed=is_followed).drain(
            drainer, limit
        )


def follow_again(platform: Platform, **options: Any) -> Drained:
    """One batch, with those hints as well that are not to be tried before later."""
    platform.warehouse.transact(
        lambda cursor: cursor.execute("UPDATE ops.inbox SET available_at = clock_timestamp() WHERE state = 'waiting'")
    )
    return follow(platform, **options)


def states(platform: Platform) -> dict[str, int]:
    """How many hints are in each state."""
    return dict(platform.warehouse.query("SELECT state, count(*) FROM ops.inbox GROUP BY 1").iter_rows())


def errors(platform: Platform) -> Sequence[str]:
    """The codes that hints bear."""
    return platform.warehouse.query("SELECT DISTINCT error FROM ops.inbox WHERE error IS NOT NULL ORDER BY 1")[
        "error"
    ].to_list()


def edited_order(platform: Platform, **wanted: Any) -> Any:
    """An order that has just changed in the sandbox: its number and what changed."""
    answer = httpx.post(f"{platform.sandbox.admin_url}/orders/edit", json=wanted, timeout=30)
    answer.raise_for_status()
    return answer.json()


def live_a_little(platform: Platform) -> None:
    """Some traffic, so that the small shop has orders to edit and to ship whatever the moment it was built at."""
    platform.admin("traffic", steps=60)


def until_something_is_packed(platform: Platform) -> None:
    """Traffic until an order's newest shipment waits to be sent, as only such a one can be deleted."""
    for _ in range(50):
        live_a_little(platform)
        platform.admin("traffic", steps=5, only=["shipment created"])
        shipments = platform.sandbox.world.shipments.rows()[-20:]
        if any(not each.isShipped and not each.isPaid and each.order.shipments[-1] is each for each in shipments):
            return
    raise AssertionError("fifty rounds of traffic packed nothing that waits to be sent")


def happened(platform: Platform, what: str, steps: int = 1) -> list[dict[str, Any]]:
    """The changes that some steps of one kind of traffic made; at least one."""
    told = platform.admin("traffic", steps=steps, only=[what])["steps"]
    changes = [change for step in told for change in step["changes"]]
    assert changes, f"nothing came of {what!r}"
    return changes


def told_of(platform: Platform, changes: Sequence[dict[str, Any]]) -> None:
    """Stores what the event queue says of these changes."""
    for change in changes:
        hint(platform, change["object_type"], change["reference"], action=change["change_type"])


def order_numbers(platform: Platform, count: int) -> list[int]:
    """The numbers of the sandbox's latest orders."""
    return [order.number for order in platform.sandbox.world.orders.rows()[-count:]]
