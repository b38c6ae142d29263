"""Webhooks over real HTTP: what each kind says of a change, how it is signed, whose store it is for."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from centra_assets.sandbox.webhooks import WebhookKind, signature
from centra_assets_tests.sandbox.conftest import SECRET, Caller
from centra_assets_tests.sandbox.receiver import until


@pytest.fixture
def caller(make_sandbox: Callable[..., Any], call: Callable[..., Caller]) -> Caller:
    return call(make_sandbox(own_world=True))


def test_the_documented_example_of_a_signature_is_reproduced():
    signed = signature("test123", 12345678, b"payload=%7B%22x%22%3A%22test%22%7D")
    assert signed.startswith("t=12345678,v1=0b9cd84f")
    assert signed.endswith("c549")


def test_an_order_that_changes_is_told_by_its_number_and_signed_over_the_raw_body(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    number = caller.first("Order").number
    caller.touch("Order", number)
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


def test_traffic_is_told_with_its_actions_and_no_two_dates_are_the_same(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver, max_events=1000, gather_seconds=0.05)
    for _ in range(150):
        caller.sandbox.clock.advance(60)
        caller.sandbox.instance.step()
    until(lambda: caller.counts()["gathering"] == caller.counts()["underway"] == 0)
    said = {(event["type"], event["action"]) for event in receiver.events}
    assert {("order", "insert"), ("order", "update"), ("shipment", "create"), ("customer", "create")} <= said
    assert {("shipment", "good_to_go"), ("customer", "update"), ("return", "create")} <= said
    dates = [event["date"] for event in receiver.events]
    assert dates == sorted(set(dates))
    numbers = {order.number for order in caller.sandbox.world.orders}
    assert {event["id"] for event in receiver.events if event["type"] == "order"} <= numbers


def test_an_edit_on_demand_is_visible_and_told_at_once(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    edited = caller.admin("orders/edit", {"age_days": 300})
    query = "query Q($n: [Int!]) { orders(where: {number: $n}) { number internalComment updatedAt } }"
    (order,) = caller.data(query, n=[edited["number"]])["orders"]
    assert order["internalComment"] == edited["changed"]["internal_comment"][1]
    until(lambda: "order" in {event["type"] for event in receiver.events})
    assert {event["id"] for event in receiver.events} == {edited["number"]}


def test_the_checkout_kind_names_the_display_items_that_look_different(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver, kind=WebhookKind.CHECKOUT)
    display, category = caller.first("Display"), caller.first("Category")
    caller.touch("Display", display.id)
    until(lambda: len(receiver.calls) == 1)
    caller.touch("Category", category.id)
    until(lambda: len(receiver.calls) == 2)
    shown = sorted(str(item.id) for item in display.displayItems)
    assert sorted(receiver.calls[0].payload["products"]) == shown
    assert receiver.calls[1].payload == {"categories": [str(category.id)]}


def test_the_storefront_kind_says_the_same_in_its_own_words(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver, kind=WebhookKind.STOREFRONT, gather_seconds=0.3)
    for type_name in ("Display", "Market", "Pricelist", "Collection", "Brand", "Language", "Category"):
        caller.touch(type_name, caller.first(type_name).id)
    words = {"DisplayItems", "Markets", "Pricelists", "Collections", "Brands", "Languages", "Categories"}
    # On a slow machine the last ones come in a second call.
    until(lambda: words <= {word for call in receiver.calls for word in call.payload})
    assert {word for call in receiver.calls for word in call.payload} == words


@pytest.mark.parametrize("type_name", ["Product", "ProductVariant", "Price", "StockChange"])
def test_whatever_changes_a_product_reaches_its_display_items(caller, make_receiver, type_name):
    receiver = make_receiver()
    caller.install(receiver, kind=WebhookKind.CHECKOUT)
    caller.touch(type_name, caller.first(type_name).id)
    until(lambda: receiver.calls)
    told = {int(number) for number in receiver.calls[0].payload["products"]}
    assert told
    assert all(caller.sandbox.world.display_items.get(number) for number in told)


def test_a_plugin_of_a_store_hears_nothing_of_other_stores(caller, make_receiver):
    first, second = make_receiver(), make_receiver()
    caller.install(first, second, store_ids=frozenset({2}))
    orders = caller.sandbox.world.orders
    other = orders.find(lambda order: order.store.id == 1).number
    own = orders.find(lambda order: order.store.id == 2).number
    caller.touch("Order", other)
    caller.touch("Order", own)
    until(lambda: first.calls and second.calls)
    assert [event["id"] for event in first.events] == [own]
    display = caller.sandbox.world.displays.find(lambda display: display.store.id == 1)
    caller.install(first, kind=WebhookKind.CHECKOUT, store_ids=frozenset({2}))
    caller.touch("Display", display.id)
    caller.touch("Product", display.product.id)
    in_store = {item.id for d in display.product.displays if d.store.id == 2 for item in d.displayItems}
    if in_store:
        until(lambda: len(first.calls) == 2)
        assert {int(number) for number in first.calls[1].payload["products"]} == in_store
    assert caller.counts()["notices"] == len(in_store)


def test_what_a_kind_has_no_word_for_makes_no_call(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    caller.touch("Product", caller.first("Product").id)
    caller.touch("Customer", caller.first("Customer").id)
    until(lambda: receiver.calls)
    assert [event["type"] for event in receiver.events] == ["customer"]


def test_plugins_are_set_and_shown_without_their_secrets(caller, make_receiver):
    receiver = make_receiver()
    plugin = {"name": "erp", "kind": "integration_api", "url": receiver.url, "secret": SECRET, "gather_seconds": 0}
    answer = caller.put("webhooks", {"plugins": [plugin]})
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert SECRET not in json.dumps(caller.admin("webhooks"))
    # What is shown can be sent back as it is, but for the secret, which stays.
    again = {name: value for name, value in answer.json()["plugins"][0].items() if name != "secret"}
    assert caller.put("webhooks", {"plugins": [again | {"retries": 2}]}).status_code == 200
    caller.touch("Order", caller.first("Order").number)
    until(lambda: receiver.calls)
    assert receiver.calls[0].signature
    assert caller.put("webhooks", {"plugins": []}).json() == {"plugins": []}


@pytest.mark.parametrize(
    "wrong", [{"retries": 4}, {"url": "ftp://x"}, {"kind": "other_api"}, {"name": ""}, {"max_events": 0}]
)
def test_a_plugin_that_centra_would_not_have_is_refused(caller, wrong):
    plugin = {"name": "erp", "kind": "integration_api", "url": "http://127.0.0.1:9/"} | wrong
    assert caller.put("webhooks", {"plugins": [plugin]}).status_code == 400
    assert caller.admin("webhooks") == {"plugins": []}


def test_two_plugins_of_one_name_are_refused(caller):
    plugin = {"name": "erp", "kind": "integration_api", "url": "http://127.0.0.1:9/"}
    assert caller.put("webhooks", {"plugins": [plugin, plugin]}).status_code == 400
