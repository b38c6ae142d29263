"""Nothing that an API client can read changes without an event that names it, and times of change move with it."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from centra_assets.assets.queries import query_of
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.entities.hints import DIRECT, EVENTS
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.sandbox.data.world import Change
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox, SandboxOptions
from centra_assets_tests.sandbox.data_books import everything_wrong

pytestmark = pytest.mark.slow

WINDOW = {"from": "1990-01-01T00:00:00+00:00", "to": "2190-01-01T00:00:00+00:00"}
KEYS = {Axis.STORE: "stores", Axis.PRICELIST: "pricelists", Axis.WAREHOUSE: "warehouses"}
# As in Centra: levels have no events of their own, and the lowest prices no ids.
SILENT = {"stock", "lowest_prices"}
Records = dict[tuple[str, str], Any]


def everything(client: BlockingClient) -> Records:
    """Every record of every entity, by entity and id."""
    records: Records = {}
    for entity in ENTITIES:
        requests: list[dict[str, Any]] = [{}]
        if entity.axis in (Axis.DAY, Axis.MONTH):
            requests = [WINDOW]
        elif entity.axis in KEYS:
            root = KEYS[entity.axis]
            answer = client.execute(f"{{ {root}(limit: 100) {{ id }} }}")
            requests = [{"key": row["id"]} for row in answer.data[root]]
        for _, page in client.stream(query_of(entity), requests):
            for record_id, payload in zip(page.ids, page.payloads, strict=True):
                records[entity.name, record_id] = without_silent_fields(entity.name, json.loads(payload))
    return records


def without_silent_fields(entity: str, record: Any) -> Any:
    """A size's quantity follows the stock, without a word about the product."""
    for variant in record.get("variants", ()) if entity == "products" else ():
        for size in variant["productSizes"]:
            size.pop("quantity")
    return record


@pytest.fixture(scope="module")
def lived() -> Iterator[Any]:
    """Everything before and after some weeks of traffic, and what was heard meanwhile."""
    heard: list[Change] = []
    labels: Counter[str] = Counter()
    with (
        RunningSandbox(SandboxOptions(scale=0.02, plan=Plan.OFF, seed=17)) as running,
        connect(url=running.url, token=running.token) as client,
    ):
        before, start = everything(client), running.clock.now()
        running.world.on_change.append(heard.append)
        for _ in range(300):
            running.clock.advance(1800)
            labels[running.instance.step().what] += 1
        for step in range(3000):
            # What chance left out, as soon as there is something of the kind to do: an invoice to be paid is that of a
            # wholesale order, of which there are few, once it was shipped.
            missing = {kind for kind, _, _ in running.world.traffic.kinds} - labels.keys()
            if not missing and step >= 300:
                break
            running.clock.advance(1800 if step >= 300 else 0)
            labels[running.instance.step(sorted(missing)).what] += 1
            labels[running.instance.step().what] += 1
        yield before, everything(client), heard, labels, start, running.world


def changed(lived: Any) -> set[tuple[str, str]]:
    before, after, *_ = lived
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key) and key[0] not in SILENT}


def test_traffic_does_a_bit_of_everything(lived: Any) -> None:
    *_, labels, _, world = lived
    kinds = {label for label, _, _ in world.traffic.kinds}
    assert kinds - labels.keys() == set()
    assert everything_wrong(world) == Counter()


def test_whatever_reads_differently_was_named_by_an_event(lived: Any) -> None:
    _, _, heard, *_ = lived
    told = {
        (target.entity, str(change.reference))
        for change in heard
        for target in EVENTS[change.object_type]
        if target.via == DIRECT
    }
    assert len(changed(lived)) > 200
    assert changed(lived) - told == set()


def test_whatever_is_gone_was_told_as_deleted_and_nothing_else_was(lived: Any) -> None:
    before, after, heard, *_ = lived
    deleted = {
        (target.entity, str(change.reference))
        for change in heard
        if change.change_type == "DELETED"
        for target in EVENTS[change.object_type]
    }
    gone = {key for key in before.keys() - after.keys() if key[0] not in SILENT}
    assert {"shipments", "returns", "vouchers", "newsletter_subscriptions"} == {entity for entity, _ in deleted}
    assert gone <= deleted
    assert deleted.isdisjoint(after)


def test_times_of_change_move_where_there_are_any_and_returns_have_none(lived: Any) -> None:
    before, after, _, _, start, _ = lived
    with_time = Counter[str]()
    for key in changed(lived) & before.keys() & after.keys():
        moment = after[key].get("updatedAt")
        if moment is not None:
            with_time[key[0]] += 1
            assert datetime.fromisoformat(moment) > start, key
    assert {"orders", "shipments", "customers", "products", "displays", "campaigns", "vouchers"} <= with_time.keys()
    assert "returns" not in with_time
    assert any(entity == "returns" for entity, _ in changed(lived))
