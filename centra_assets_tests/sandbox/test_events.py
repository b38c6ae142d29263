"""The events queue: listeners, order, confirmation, and whose queue it is."""

import pytest

LISTEN = """mutation M($input: [EventListenerSetInput!]!) { setEventListeners(input: $input) {
  eventListeners { objectType changeTypes integrationName } userErrors { message } } }"""
UNSET = """mutation M($input: [EventListenerUnsetInput!]!) { unsetEventListeners(input: $input) {
  eventListeners { objectType changeTypes } userErrors { message } } }"""
CONFIRM = """mutation M($ids: [Int!]!) { confirmEvents(input: {eventsIds: $ids}) {
  events { id } userErrors { message } userWarnings { message } } }"""
EVENTS = """{ events(limit: 200) { id objectType changeType objectReference createdAt store { id } object { __typename
  ... on DirectToConsumerOrder { number otherComment } ... on WholesaleOrder { number otherComment } } } }"""


@pytest.fixture
def caller(make_sandbox, call):
    return call(make_sandbox(own_world=True))


def _touch(caller, number, comment):
    caller.admin("records", {"type": "Order", "key": number, "set": {"otherComment": comment}})


def _numbers(caller):
    return [order.number for order in caller.sandbox.world.orders.rows()[:4]]


def test_nothing_is_queued_before_someone_listens(caller):
    _touch(caller, _numbers(caller)[0], "unheard")
    caller.data(LISTEN, input=[{"objectType": "Order"}])
    assert caller.data(EVENTS)["events"] == []


def test_events_wait_oldest_first_until_they_are_confirmed(caller):
    caller.data(LISTEN, input=[{"objectType": "Order", "changeTypes": ["UPDATED"]}])
    numbers = _numbers(caller)
    for number in numbers:
        _touch(caller, number, "seen")
    events = caller.data(EVENTS)["events"]
    assert [event["objectReference"] for event in events] == numbers
    assert caller.data(EVENTS)["events"] == events
    first = [event["id"] for event in events[:2]]
    confirmed = caller.data(CONFIRM, ids=first)["confirmEvents"]
    assert [event["id"] for event in confirmed["events"]] == first
    assert [event["objectReference"] for event in caller.data(EVENTS)["events"]] == numbers[2:]


def test_confirming_twice_warns_and_is_no_error(caller):
    caller.data(LISTEN, input=[{"objectType": "Order"}])
    _touch(caller, _numbers(caller)[0], "once")
    ids = [event["id"] for event in caller.data(EVENTS)["events"]]
    caller.data(CONFIRM, ids=ids)
    again = caller.data(CONFIRM, ids=ids)["confirmEvents"]
    assert again["userErrors"] == []
    assert len(again["userWarnings"]) == len(ids)


def test_an_event_shows_its_object_as_it_is_when_read(caller):
    caller.data(LISTEN, input=[{"objectType": "Order"}])
    number = _numbers(caller)[0]
    _touch(caller, number, "first")
    _touch(caller, number, "second")
    events = caller.data(EVENTS)["events"]
    assert [event["object"]["otherComment"] for event in events] == ["second", "second"]
    assert {event["object"]["number"] for event in events} == {number}


def test_listening_adds_change_types_and_unsetting_deletes_what_waits(caller):
    caller.data(LISTEN, input=[{"objectType": "Order", "changeTypes": ["CREATED"]}])
    added = caller.data(LISTEN, input=[{"objectType": "Order", "changeTypes": ["UPDATED"]}])["setEventListeners"]
    assert added["eventListeners"] == [
        {"objectType": "Order", "changeTypes": ["CREATED", "UPDATED"], "integrationName": "sandbox"}
    ]
    _touch(caller, _numbers(caller)[0], "lost")
    left = caller.data(UNSET, input=[{"objectType": "Order", "changeTypes": ["UPDATED"]}])["unsetEventListeners"]
    assert left["eventListeners"] == [{"objectType": "Order", "changeTypes": ["CREATED"]}]
    assert caller.data(EVENTS)["events"] == []
    assert caller.data(UNSET, input=[{"objectType": "Order"}])["unsetEventListeners"]["eventListeners"] == []


def test_integrations_have_queues_of_their_own_and_tokens_of_one_name_share_it(caller):
    erp, erp_too, wms = (caller.with_token(integration=name) for name in ("erp", "erp", "wms"))
    erp.data(LISTEN, input=[{"objectType": "Order"}])
    _touch(caller, _numbers(caller)[0], "for the ERP")
    (event,) = erp_too.data(EVENTS)["events"]
    assert wms.data(EVENTS)["events"] == []
    erp_too.data(CONFIRM, ids=[event["id"]])
    assert erp.data(EVENTS)["events"] == []


def test_a_token_without_an_integration_name_has_no_queue(caller):
    assert "integration name" in caller.with_token().error(EVENTS)["message"]


def test_a_store_bound_token_sees_no_events_of_other_stores(caller):
    orders = caller.sandbox.world.orders.rows()
    mine, other = orders[0], next(order for order in orders if order.store is not orders[0].store)
    bound = caller.with_token(integration="erp", store_ids=[mine.store.id])
    bound.data(LISTEN, input=[{"objectType": "Order"}])
    _touch(caller, other.number, "not for you")
    _touch(caller, mine.number, "for you")
    assert [event["objectReference"] for event in bound.data(EVENTS)["events"]] == [mine.number]


def test_live_traffic_fills_the_queue_with_orders_by_number(caller):
    caller.data(LISTEN, input=[{"objectType": "Order"}, {"objectType": "Shipment"}])
    caller.admin("traffic", {"steps": 30})
    events = caller.data(EVENTS)["events"]
    of_orders = [event for event in events if event["objectType"] == "Order"]
    assert of_orders
    assert all(event["object"]["number"] == event["objectReference"] for event in of_orders)
    assert {event["changeType"] for event in events} <= {"CREATED", "UPDATED", "COMPLETED", "DELETED"}


def test_events_are_filtered_by_kind_change_and_store(caller):
    caller.data(LISTEN, input=[{"objectType": "Order"}, {"objectType": "Shipment"}])
    caller.admin("traffic", {"steps": 40})
    everything = caller.data(EVENTS)["events"]
    store = everything[0]["store"]["id"]
    some = caller.data(f"{{ events(limit: 200, where: {{objectType: [Order], storeId: [{store}]}}) {{ id }} }}")[
        "events"
    ]
    assert [event["id"] for event in some] == [
        event["id"] for event in everything if event["objectType"] == "Order" and event["store"]["id"] == store
    ]


def test_twenty_events_come_unless_more_are_asked_for_and_never_more_than_two_hundred(caller):
    caller.data(LISTEN, input=[{"objectType": "Order"}])
    for number in [order.number for order in caller.sandbox.world.orders.rows()[:25]]:
        _touch(caller, number, "one of many")
    assert len(caller.data("{ events { id } }")["events"]) == 20
    assert len(caller.data(EVENTS)["events"]) == 25
    assert "200" in caller.error("{ events(limit: 201) { id } }")["message"]


def test_a_deleted_object_is_named_and_no_longer_shown(caller):
    caller.data(LISTEN, input=[{"objectType": "NewsletterSubscription"}])
    (step,) = caller.admin("traffic", {"steps": 1, "only": ["subscription removed"]})["steps"]
    assert step["what"] == "subscription removed"
    (event,) = caller.data(EVENTS)["events"]
    assert (event["changeType"], event["object"]) == ("DELETED", None)
    assert event["objectReference"] == step["changes"][0]["reference"]


def test_what_hangs_on_a_changed_product_is_told_as_dependent(caller):
    caller.data(LISTEN, input=[{"objectType": "Product"}, {"objectType": "Display"}])
    told = set()
    for _ in range(20):
        caller.admin("traffic", {"steps": 1, "only": ["product edited"]})
        told |= {(event["objectType"], event["changeType"]) for event in caller.data(EVENTS)["events"]}
        if len(told) == 2:
            break
    assert told == {("Product", "UPDATED"), ("Display", "DEPENDENT_DATA_CHANGED")}


def test_every_kind_of_event_that_traffic_raises_can_be_read_with_its_object(caller):
    schema = caller.data('{ __type(name: "EventObjectType") { enumValues { name } } }')["__type"]["enumValues"]
    caller.data(LISTEN, input=[{"objectType": value["name"]} for value in schema])
    seen, steps = set(), []
    for _ in range(40):
        caller.sandbox.clock.advance(3600)
        steps += caller.admin("traffic", {"steps": 10})["steps"]
        while events := caller.data(EVENTS)["events"]:
            seen |= {(event["objectType"], event["changeType"]) for event in events}
            assert all(event["object"] is None for event in events if event["changeType"] == "DELETED")
            caller.data(CONFIRM, ids=[event["id"] for event in events])
    raised = {change["object_type"] for step in steps for change in step["changes"]}
    assert raised == {object_type for object_type, _ in seen}
    assert {"Order", "Shipment", "Customer", "StockChange", "PaymentHistoryEntry", "Price"} <= raised
