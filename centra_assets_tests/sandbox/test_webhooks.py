"""Webhooks over real HTTP: what each kind says, how it is signed, gathered, retried and dropped."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from centra_assets.sandbox.webhooks import WebhookKind, WebhookPlugin, signature
from centra_assets_tests.sandbox.conftest import Caller
from centra_assets_tests.sandbox.receiver import Receiver, until

SECRET = "a secret of the tests"
MakeReceiver = Callable[..., Receiver]


@pytest.fixture
def make_receiver() -> Iterator[MakeReceiver]:
    made: list[Receiver] = []

    def make(**given: Any) -> Receiver:
        made.append(Receiver(**given))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def caller(make_sandbox: Any, call: Any) -> Caller:
    return call(make_sandbox(own_world=True))


def install(caller: Caller, *receivers: Receiver, **given: Any) -> None:
    fields = {"kind": WebhookKind.INTEGRATION, "secret": SECRET, "gather_seconds": 0.0} | given
    caller.sandbox.instance.webhooks.install(
        [WebhookPlugin(name=f"plugin{n}", url=receiver.url, **fields) for n, receiver in enumerate(receivers)]
    )


def touch(caller: Caller, type_name: str, key: int) -> None:
    caller.admin("records", {"type": type_name, "key": key})


def first(caller: Caller, type_name: str) -> Any:
    return caller.sandbox.world.tables[type_name].rows()[0]


def test_the_documented_example_of_a_signature_is_reproduced():
    signed = signature("test123", 12345678, b"payload=%7B%22x%22%3A%22test%22%7D")
    assert signed.startswith("t=12345678,v1=0b9cd84f")
    assert signed.endswith("c549")


def test_an_order_that_changes_is_told_by_its_number_and_signed_over_the_raw_body(caller, make_receiver):
    receiver = make_receiver()
    install(caller, receiver)
    number = first(caller, "Order").number
    touch(caller, "Order", number)
    until(lambda: receiver.calls)
    (got,) = receiver.calls
    assert got.content_type == "application/x-www-form-urlencoded"
    assert got.body.startswith(b"payload=%7B%22events%22")
    stamp, _, digest = (got.signature or "").partition(",v1=")
    moment = stamp.removeprefix("t=")
    assert abs(time.time() - int(moment)) < 60
    assert digest == hmac.new(SECRET.encode(), f"{moment}.".encode() + got.body, hashlib.sha256).hexdigest()
    (event,) = got.events
    assert (event["type"], event["action"], event["id"]) == ("order", "update", number)
    told = datetime.strptime(event["date"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=ZoneInfo("Europe/Stockholm"))
    assert abs(time.time() - told.timestamp()) < 60


def test_an_edit_on_demand_is_visible_and_told_at_once(caller, make_receiver):
    receiver = make_receiver()
    install(caller, receiver)
    edited = caller.admin("orders/edit", {"age_days": 300})
    query = "query Q($n: [Int!]) { orders(where: {number: $n}) { number internalComment updatedAt } }"
    (order,) = caller.data(query, n=[edited["number"]])["orders"]
    assert order["internalComment"] == edited["changed"]["internal_comment"][1]
    until(lambda: {"order"} == {event["type"] for event in receiver.events})
    assert {event["id"] for event in receiver.events} == {edited["number"]}
