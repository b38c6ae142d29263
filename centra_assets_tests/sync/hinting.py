"""Hints of a platform, as tests store and follow them."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from centra_assets.entities.hints import targets
from centra_assets.storage.inbox import ClaimedHint, Delivery, Hint, Inbox, Stored
from centra_assets.sync.drain import Drained, HintFollower
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import around

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


def follow(
    platform: Platform,
    *,
    limit: int = 500,
    is_followed: Callable[[ClaimedHint], bool] = lambda hint: True,
    run_id: str = "follow-run",
) -> Drained:
    """One batch of the hints that are due."""
    with around(platform, run_id) as surroundings, Inbox(platform.database_url).drainer(run_id) as drainer:
        assert drainer is not None
        return HintFollower(surroundings, platform.entities, is_followed=is_followed).drain(drainer, limit)


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


def forget_records(platform: Platform, entity: str) -> None:
    """Marks every hint about an entity as waiting again, as if nobody had ever followed it."""
    platform.warehouse.transact(
        lambda cursor: cursor.execute(
            "UPDATE ops.inbox SET state = 'waiting', available_at = clock_timestamp() WHERE entity = %s", [entity]
        )
    )
