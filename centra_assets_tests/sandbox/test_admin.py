"""Faults, clock, schema, tokens and records by order of the admin side."""

import asyncio
import time

import httpx
import pytest

from centra_assets.sandbox.serve import RunningSandbox, SandboxNotStartedError, SandboxOptions

QUERY = "{ orders(limit: 20) { number } }"


@pytest.fixture
def caller(make_sandbox, call):
    return call(make_sandbox())


def _faults(caller, *requests, **others):
    caller.admin("faults", {"requests": list(requests), **others})


def test_a_counted_fault_strikes_that_many_times_and_then_no_more(caller):
    _faults(caller, {"kind": "status", "status": 503, "times": 2})
    assert [caller.post(QUERY).status_code for _ in range(4)] == [503, 503, 200, 200]


def test_a_share_of_requests_fails_and_the_rest_does_not(caller):
    _faults(caller, {"kind": "status", "status": 499, "share": 0.5})
    codes = [caller.post(QUERY).status_code for _ in range(60)]
    assert set(codes) == {499, 200}
    assert 10 < codes.count(499) < 50


def test_a_fault_can_be_meant_for_one_operation(caller):
    _faults(caller, {"kind": "status", "times": 1, "only": "products"})
    assert caller.post(QUERY).status_code == 200
    assert caller.post("{ products(limit: 1) { id } }").status_code == 503


def test_a_cut_body_breaks_the_connection(caller):
    _faults(caller, {"kind": "cut", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        caller.post(QUERY)
    assert caller.post(QUERY).status_code == 200


def test_a_malformed_body_is_200_and_no_json(caller):
    _faults(caller, {"kind": "malformed", "times": 1})
    answer = caller.post(QUERY)
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


def test_a_throttle_storm_names_the_moment_to_resume(caller):
    caller.sandbox.clock.freeze()
    _faults(caller, {"kind": "throttle", "times": 1, "seconds": 7}, retry_after="seconds")
    answer = caller.post(QUERY)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert caller.admin("stats")["throttled_by"] == {"fault": 1}


def test_latency_delays_answers_without_holding_up_others(make_sandbox, call):
    caller = call(make_sandbox(latency_ms=300))
    began = time.perf_counter()

    async def together():
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {caller.token}"}, timeout=30) as client:
            await asyncio.gather(*(client.post(caller.sandbox.url, json={"query": QUERY}) for _ in range(10)))

    asyncio.run(together())
    assert 0.3 <= time.perf_counter() - began < 2.5
    assert caller.admin("stats")["most_in_flight"] >= 5


def test_pages_drift_when_told_to(caller):
    _faults(caller, page_drift=-1)
    pages = [caller.data(f"{{ orders(limit: 10, page: {page}) {{ number }} }}")["orders"] for page in (1, 2)]
    assert pages[0][-1] == pages[1][0]
    _faults(caller, page_drift=1)
    drifted = caller.data("{ orders(limit: 10, page: 2) { number } }")["orders"]
    assert drifted[0]["number"] == caller.sandbox.world.orders.rows()[11].number


def test_int64_comes_as_text_when_told_to(caller):
    query = "{ accounts(limit: 1) { id } }"
    number = caller.data(query)["accounts"][0]["id"]
    _faults(caller, int64_as_text=True)
    assert caller.data(query)["accounts"][0]["id"] == str(number)


def test_a_permission_can_be_taken_from_every_token(caller):
    _faults(caller, denied_permissions=["Order:read"])
    assert "Order:read" in caller.error(QUERY)["message"]
    _faults(caller)
    assert caller.post(QUERY).status_code == 200


def test_a_field_can_be_missing_from_the_live_schema_and_come_back(caller):
    query = "{ orders(limit: 1) { isInternal ... on WholesaleOrder { number } } }"
    assert caller.post(query).status_code == 200
    caller.admin("schema", {"removed": ["Order.isInternal", "OrderSort.createdAt_ASC"]})
    assert caller.post(query).status_code == 400
    assert caller.post("{ orders(limit: 1, sort: [createdAt_ASC]) { number } }").status_code == 400
    fields = caller.data('{ __type(name: "WholesaleOrder") { fields { name } } }')["__type"]["fields"]
    assert "isInternal" not in {field["name"] for field in fields}
    caller.admin("schema", {"removed": []})
    assert caller.post(query).status_code == 200


def test_an_order_that_makes_no_sense_is_refused(caller):
    url = caller.sandbox.admin_url
    for path, order in (
        ("schema", {"removed": ["Order.nothingOfTheKind"]}),
        ("faults", {"requests": [{"kind": "meteor"}]}),
        ("records", {"type": "Order", "key": -1, "set": {}}),
        ("clock", {"now": "2024-01-01T00:00:00"}),
    ):
        assert caller.http.post(f"{url}/{path}", json=order).status_code == 400, path


def test_a_token_expires_by_the_sandboxs_clock(caller):
    short = caller.with_token(expires_in_seconds=60)
    assert short.post(QUERY).status_code == 200
    caller.admin("clock", {"advance_seconds": 61})
    assert short.post(QUERY).status_code == 403


def test_a_store_bound_token_sees_its_store_only(caller):
    orders = caller.sandbox.world.orders.rows()
    store, other = orders[0].store, next(order for order in orders if order.store is not orders[0].store)
    bound = caller.with_token(store_ids=[store.id])
    data = bound.data(
        "{ stores { id } markets { store { id } } counters { orders } orderConnection(first: 1) { totalCount } }"
    )
    assert data["stores"] == [{"id": store.id}]
    assert {market["store"]["id"] for market in data["markets"]} == {store.id}
    mine = sum(order.store is store for order in orders)
    assert data["counters"]["orders"] == data["orderConnection"]["totalCount"] == mine
    assert bound.data(f'{{ order(id: "{other.id}") {{ number }} }}')["order"] is None
    assert bound.data(f"{{ orders(where: {{number: {other.number}}}) {{ number }} }}")["orders"] == []


def test_a_touched_record_is_the_newest_by_its_update(make_sandbox, call):
    caller = call(make_sandbox(own_world=True))
    number = caller.sandbox.world.orders.rows()[0].number
    newest = "{ orders(limit: 1, sort: [updatedAt_DESC]) { number otherComment } }"
    caller.data(newest)
    caller.admin("clock", {"advance_seconds": 3600})
    caller.admin("records", {"type": "Order", "key": number, "set": {"otherComment": 'quoted "\\ text'}})
    assert caller.data(newest)["orders"] == [{"number": number, "otherComment": 'quoted "\\ text'}]


def test_records_are_corrupted_and_healed(make_sandbox, call):
    caller = call(make_sandbox(own_world=True))
    query = "{ orders(where: {number: %d}) { lines { quantity shippedQuantity lineValue { value } } } }"
    (number, *_) = caller.admin("corrupt", {"orders_share": 0.01})["orders"]
    broken = caller.data(query % number)["orders"]
    caller.admin("corrupt", {"heal": True})
    assert caller.data(query % number)["orders"] != broken


def test_truth_follows_its_window(caller):
    whole = caller.admin("truth")["orders"]["count"]
    middle = sorted(order.createdAt for order in caller.sandbox.world.orders)[whole // 2]
    window = caller.http.get(f"{caller.sandbox.admin_url}/truth", params={"to": middle.isoformat()}).json()
    assert 0 < window["orders"]["count"] < whole


def test_statistics_count_by_operation_and_reset(caller):
    caller.post("query Some { orders(limit: 3) { number } }")
    stats = caller.admin("stats")
    assert stats["operations"]["Some"]["complexity"] == 3
    assert stats["statuses"] == {"200": 1}
    caller.admin("reset-stats", {})
    assert caller.admin("stats")["requests"] == 0


def test_the_admin_side_is_not_under_graphql(caller):
    assert caller.http.get(f"{caller.sandbox.url}/admin/stats").status_code == 404
    assert caller.admin("health")["ok"] is True


def test_a_taken_port_is_an_error_with_a_remedy(caller):
    port = int(caller.sandbox.url.split(":")[2].split("/")[0])
    with pytest.raises(SandboxNotStartedError, match="Choose another port"):
        RunningSandbox(SandboxOptions(port=port, scale=0.05), world=caller.sandbox.world)


def test_promises_are_broken_by_name_and_healed(make_sandbox, call):
    caller = call(make_sandbox(own_world=True))
    known = caller.admin("corrupt")["faults"]
    assert "orders.totals_add_up" in known
    (touched,) = caller.admin("corrupt", {"fault": "orders.totals_add_up"})["touched"]
    assert touched["type"] == "Order"
    assert caller.admin("corrupt")["at_work"] == ["orders.totals_add_up"]
    caller.admin("corrupt", {"heal": True})
    assert caller.admin("corrupt")["at_work"] == []
