"""What becomes of webhook calls: gathered, retried, dropped, lost, doubled, late, overtaken, and never in the way."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from centra_assets_tests.sandbox.conftest import Caller
from centra_assets_tests.sandbox.receiver import Receiver, until


@pytest.fixture
def caller(make_sandbox: Callable[..., Any], call: Callable[..., Caller]) -> Caller:
    return call(make_sandbox(own_world=True))


def numbers(caller: Caller, count: int) -> list[int]:
    return [order.number for order in caller.sandbox.world.orders.rows()[:count]]


def told(receiver: Receiver) -> list[int]:
    return [event["id"] for event in receiver.events]


def one_by_one(caller: Caller, given: list[int]) -> None:
    """Change orders so that each makes a call of its own."""
    for number in given:
        made = caller.counts()["made"]
        caller.touch("Order", number)
        until(lambda made=made: caller.counts()["made"] > made)


def settled(caller: Caller) -> bool:
    counts = caller.counts()
    return counts["gathering"] == counts["underway"] == 0


def test_changes_within_the_window_go_into_one_call(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver, gather_seconds=0.5)
    given = numbers(caller, 5)
    for number in given:
        caller.touch("Order", number)
    until(lambda: receiver.calls)
    assert told(receiver) == given
    assert len(receiver.calls) == 1


def test_a_call_holds_no_more_events_than_the_plugin_allows(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver, gather_seconds=0.5, max_events=2)
    given = numbers(caller, 5)
    for number in given:
        caller.touch("Order", number)
    until(lambda: len(told(receiver)) == 5)
    # A slow machine may end the gathering between two of them.
    assert max(len(call.events) for call in receiver.calls) == 2
    assert told(receiver) == given


def test_a_call_that_is_refused_is_sent_again_after_growing_waits_and_signed_anew(caller, make_receiver):
    receiver = make_receiver(statuses=[500, 503, 404])
    caller.install(receiver, retries=3, retry_delay_seconds=0.3)
    caller.touch("Order", numbers(caller, 1)[0])
    until(lambda: caller.counts()["delivered"] == 1)
    assert len({call.body for call in receiver.calls}) == 1
    at = [call.at for call in receiver.calls]
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert len(waits) == 3
    assert all(wait >= wanted for wait, wanted in zip(waits, (0.29, 0.59, 1.19), strict=True))
    # The last try is seconds after the first, and its signature says so.
    assert len({call.signature for call in receiver.calls}) > 1
    counts = caller.counts()
    assert (counts["attempts"], counts["refused"], counts["retries"], counts["dropped"]) == (4, 3, 3, 0)


def test_without_retries_a_refused_call_is_dropped_and_the_next_one_comes(caller, make_receiver):
    receiver = make_receiver(statuses=[503])
    caller.install(receiver)
    one_by_one(caller, numbers(caller, 2))
    until(lambda: caller.counts()["delivered"] == 1)
    assert caller.counts()["dropped"] == 1
    assert told(receiver) == numbers(caller, 2)


def test_a_receiver_that_is_down_loses_calls_and_gets_the_ones_after(caller, make_receiver):
    gone, receiver = make_receiver(), make_receiver()
    gone.close()
    caller.install(gone, receiver)
    caller.touch("Order", numbers(caller, 1)[0])
    until(lambda: caller.counts("plugin0")["dropped"] == 1 and caller.counts("plugin1")["delivered"] == 1)
    assert caller.counts("plugin0")["unanswered"] == 1


def test_a_receiver_that_answers_too_late_counts_as_silent(caller, make_receiver):
    receiver = make_receiver(pause=1.5)
    caller.install(receiver, timeout_seconds=0.2)
    caller.touch("Order", numbers(caller, 1)[0])
    until(lambda: caller.counts()["dropped"] == 1)
    assert caller.counts()["unanswered"] == 1


def test_a_receiver_that_hangs_holds_up_neither_answers_nor_changes(caller, make_receiver):
    receiver = make_receiver(pause=4.0)
    caller.install(receiver, timeout_seconds=4.0)
    caller.touch("Order", numbers(caller, 1)[0])
    until(lambda: receiver.calls)
    began = time.perf_counter()
    for number in numbers(caller, 10):
        caller.touch("Order", number)
        caller.data("{ orders(limit: 5) { number } }")
    assert time.perf_counter() - began < 3
    assert len(receiver.calls) == 1


def test_a_share_of_the_calls_is_lost_and_the_others_come_once(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    caller.admin("faults", {"deliveries": [{"kind": "lost", "share": 0.4}]})
    given = numbers(caller, 40)
    one_by_one(caller, given)
    until(lambda: settled(caller))
    counts = caller.counts()
    assert 5 < counts["lost"] < 30
    assert counts["lost"] + counts["delivered"] == counts["made"] == 40
    assert len(told(receiver)) == len(set(told(receiver))) == counts["delivered"]


def test_the_same_seed_loses_the_same_calls(make_sandbox, call, make_receiver):
    lost = []
    for _ in range(2):
        caller, receiver = call(make_sandbox(own_world=True, seed=21)), make_receiver()
        caller.install(receiver)
        caller.admin("faults", {"deliveries": [{"kind": "lost", "share": 0.5}]})
        one_by_one(caller, numbers(caller, 20))
        until(lambda caller=caller: settled(caller))
        lost.append([number in told(receiver) for number in numbers(caller, 20)])
    assert lost[0] == lost[1]
    assert {True, False} == set(lost[0])


def test_counted_calls_are_doubled_and_no_more(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    caller.admin("faults", {"deliveries": [{"kind": "doubled", "times": 2}]})
    given = numbers(caller, 3)
    one_by_one(caller, given)
    until(lambda: settled(caller))
    assert told(receiver) == [given[0], given[0], given[1], given[1], given[2]]
    assert caller.counts()["doubled"] == 2


def test_a_late_call_is_passed_by_others_and_comes_in_the_end(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    caller.admin("faults", {"deliveries": [{"kind": "late", "times": 1, "seconds": 2}]})
    began = time.monotonic()
    given = numbers(caller, 3)
    one_by_one(caller, given)
    until(lambda: len(receiver.calls) == 3)
    assert told(receiver) == [given[1], given[2], given[0]]
    assert receiver.calls[2].at - began >= 2


def test_a_reordered_call_comes_after_the_next_one_or_after_a_while(caller, make_receiver):
    receiver = make_receiver()
    caller.install(receiver)
    caller.admin("faults", {"deliveries": [{"kind": "reordered", "times": 1, "seconds": 60}]})
    given = numbers(caller, 4)
    one_by_one(caller, given[:3])
    until(lambda: len(receiver.calls) == 3)
    assert told(receiver)[:2] == [given[1], given[0]]
    caller.admin("faults", {"deliveries": [{"kind": "reordered", "times": 1, "seconds": 0.3}]})
    one_by_one(caller, given[3:])
    until(lambda: len(receiver.calls) == 4)
    assert caller.counts()["reordered"] == 2


def test_a_fault_can_be_meant_for_one_plugin(caller, make_receiver):
    first, second = make_receiver(), make_receiver()
    caller.install(first, second)
    caller.admin("faults", {"deliveries": [{"kind": "lost", "times": 1, "only": "plugin1"}]})
    caller.touch("Order", numbers(caller, 1)[0])
    until(lambda: first.calls and caller.counts("plugin1")["lost"] == 1)
    assert not second.calls


def test_a_storm_of_429s_blows_for_so_many_seconds(caller):
    caller.sandbox.clock.freeze()
    caller.admin("faults", {"requests": [{"kind": "throttle", "for_seconds": 10, "seconds": 1}]})
    assert [caller.post("{ orders(limit: 1) { number } }").status_code for _ in range(5)] == [429] * 5
    caller.sandbox.clock.advance(10)
    assert caller.post("{ orders(limit: 1) { number } }").status_code == 200
