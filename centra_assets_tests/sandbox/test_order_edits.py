"""Orders changed on demand: of any age, visible at once, and what the answer says is what is read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from centra_assets_tests.sandbox.conftest import Caller
from centra_assets_tests.sandbox.data_books import everything_wrong

READ = """query Q($n: [Int!]) { orders(where: {number: $n}) {
  number createdAt updatedAt internalComment status grandTotal { value } totals { quantity shipping { value } } } }"""


@pytest.fixture
def caller(make_sandbox: Callable[..., Any], call: Callable[..., Caller]) -> Caller:
    return call(make_sandbox(own_world=True))


def read(caller: Caller, number: int) -> dict[str, Any]:
    (order,) = caller.data(READ, n=[number])["orders"]
    return order


@pytest.mark.parametrize("age_days", [0, 30, 365])
def test_an_order_of_about_that_age_is_changed_and_its_day_told(caller, age_days):
    asked_at = caller.sandbox.clock.now()
    edited = caller.admin("orders/edit", {"age_days": age_days})
    order = read(caller, edited["number"])
    created = datetime.fromisoformat(order["createdAt"])
    assert abs(asked_at - timedelta(days=age_days) - created) < timedelta(days=12)
    assert edited["day"] == created.astimezone(ZoneInfo("Europe/Stockholm")).date().isoformat()
    assert order["internalComment"] == edited["changed"]["internal_comment"][1]
    assert datetime.fromisoformat(order["updatedAt"]) >= asked_at.replace(microsecond=0)
    assert datetime.fromisoformat(edited["at"]) >= asked_at


def test_money_changes_where_it_can_and_the_books_still_balance(caller):
    caller.admin("traffic", {"steps": 20, "only": ["order placed"]})
    for _ in range(6):
        edited = caller.admin("orders/edit", {"money": True})
        before, after = edited["changed"]["grand_total"]
        assert Decimal(after) < Decimal(before)
        order = read(caller, edited["number"])
        assert Decimal(str(order["grandTotal"]["value"])) == Decimal(after)
    assert not everything_wrong(caller.sandbox.world)


def test_the_same_order_can_be_changed_again_and_again(caller):
    number = caller.first("Order").number
    comments = [caller.admin("orders/edit", {"number": number})["changed"]["internal_comment"][1] for _ in range(5)]
    assert len(set(comments)) == 5
    assert read(caller, number)["internalComment"] == comments[-1]


def test_orders_are_drawn_from_all_ages_when_nothing_is_said(caller):
    days = {caller.admin("orders/edit", {})["day"][:7] for _ in range(40)}
    assert len(days) > 5


def test_an_order_that_is_not_there_is_refused(caller):
    answer = httpx.post(f"{caller.sandbox.admin_url}/orders/edit", json={"number": 1})
    assert answer.status_code == 400
    assert "there is no order 1" in answer.text


def test_traffic_tells_what_it_did_by_kind_and_reference(caller):
    steps = caller.admin("traffic", {"steps": 3, "only": ["order placed"]})["steps"]
    newest = [order.number for order in caller.sandbox.world.orders.rows()[-3:]]
    created = [
        change["reference"]
        for step in steps
        for change in step["changes"]
        if (change["object_type"], change["change_type"]) == ("Order", "CREATED")
    ]
    assert created == newest
    assert {step["what"] for step in steps} == {"order placed"}


def test_a_kind_of_traffic_that_is_not_possible_does_nothing(caller):
    (step,) = caller.admin("traffic", {"steps": 1, "only": ["voucher removed"]})["steps"]
    assert step == {"what": "", "changes": []}
    answer = httpx.post(f"{caller.sandbox.admin_url}/traffic", json={"steps": 1, "only": ["flood"]})
    assert answer.status_code == 400
