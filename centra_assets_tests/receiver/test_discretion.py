"""What the receiver says of itself, and that nothing of a delivery is in it."""

import json
import logging

import httpx
import pytest

from centra_assets.logs import JSON, Lines
from centra_assets.receiver.errors import ReceiverNotStartedError
from centra_assets.receiver.logs import RefusalLog
from centra_assets.receiver.serve import bound_socket
from centra_assets.receiver.writer import InboxWriter
from centra_assets_tests.receiver.serving import (
    OLD_SECRET,
    SECRET,
    body_of,
    inbox,
    metric,
    options,
    order_event,
    post,
    serving,
    signed,
)

MARK, ORDER = "anna-andersson", 471_147_114_711


def _written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What all but the test's own client logged, as it would be written."""
    return [Lines(JSON).format(record) for record in caplog.records if not record.name.startswith("http")]


def test_logs_and_metrics_hold_nothing_of_a_delivery(
    database_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    marked = order_event(ORDER, note=MARK)
    wrong = signed(marked, f"wrong-{MARK}")
    with serving(database_url, max_body_bytes=2_000) as receiver:
        answers = [
            post(receiver, marked),
            post(receiver, marked, headers=wrong),
            post(receiver, marked, plugin=f"plugin-{MARK}"),
            post(receiver, marked, headers={"x-centra-signature": MARK}),
            post(receiver, marked, headers=signed(marked, age=999)),
            post(receiver, order_event(1, note=MARK * 500)),
            post(receiver, body_of({"events": [{"type": "order", "id": f"{MARK} {MARK}"}]})),
            post(receiver, order_event(2, note=f"{MARK}\u0000")),
        ]
        metrics = receiver.get("/metrics").text
    assert answers == [200, 401, 401, 401, 401, 413, 400, 400]
    lines = _written(caplog)
    assert len([line for line in lines if "delivery refused" in line]) >= 5
    everything = "\n".join([*lines, metrics, *capfd.readouterr()])
    for hidden in (MARK, SECRET, OLD_SECRET, str(ORDER), "x-centra-signature", wrong["x-centra-signature"][-64:]):
        assert hidden not in everything


def test_a_fault_of_ours_is_answered_as_doubt_and_told_without_its_message(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError(MARK)

    with serving(database_url) as receiver:
        with monkeypatch.context() as patch:
            patch.setattr(InboxWriter, "store", broken)
            answer = receiver.post("/webhooks/shop", content=order_event(1), headers=signed(order_event(1)))
        assert (answer.status_code, answer.json()) == (503, {"error": "RECEIVER_ERROR"})
        with monkeypatch.context() as patch:
            patch.setattr(InboxWriter, "_transaction", broken)
            assert post(receiver, order_event(1)) == 503
        assert post(receiver, order_event(1)) == 200
    faults = [line for line in map(json.loads, _written(caplog)) if line.get("exception") == "KeyError"]
    assert [fault["event"] for fault in faults] == ["delivery failed", "writing failed"]
    assert MARK not in "".join(_written(caplog))


def test_refusals_are_told_once_a_second_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    log = RefusalLog(lambda: now)
    for _ in range(50):
        log.note("shop", 401, "WEBHOOK_UNSIGNED")
    log.note("shop", 413, "RECEIVER_BODY_TOO_LARGE")
    now = 101.0
    log.note("shop", 401, "WEBHOOK_UNSIGNED")
    told = [(line["reason"], line["times"]) for line in map(json.loads, _written(caplog))]
    assert told == [("WEBHOOK_UNSIGNED", 1), ("RECEIVER_BODY_TOO_LARGE", 1), ("WEBHOOK_UNSIGNED", 50)]


def test_metrics_count_answers_hints_and_the_last_delivery(receiver: httpx.Client) -> None:
    before = metric(receiver, "centra_receiver_last_stored_timestamp_seconds")
    assert post(receiver, order_event(1)) == 200
    assert post(receiver, order_event(1)) == 200
    assert post(receiver, order_event(1), plugin="nobodys") == 401
    answers = 'centra_receiver_deliveries_total{plugin="%s",reason="%s",status="%d"}'
    assert metric(receiver, answers % ("shop", "STORED", 200)) == 2
    assert metric(receiver, answers % ("(unknown)", "RECEIVER_PLUGIN_UNKNOWN", 401)) == 1
    assert metric(receiver, 'centra_receiver_hints_total{entity="orders",plugin="shop"}') == 2
    assert metric(receiver, "centra_receiver_repeated_hints_total") == 1
    assert metric(receiver, "centra_receiver_seconds_count") == 3
    assert before == 0
    assert metric(receiver, "centra_receiver_last_stored_timestamp_seconds") > 0


def test_options_never_print_what_is_secret(database_url: str) -> None:
    printed = repr(options("postgresql://u:tell-nobody@h/d"))
    assert "tell-nobody" not in printed
    assert SECRET not in printed


def test_a_taken_port_is_an_error_of_ours() -> None:
    taken = bound_socket("127.0.0.1", 0)
    with taken, pytest.raises(ReceiverNotStartedError):
        bound_socket("127.0.0.1", taken.getsockname()[1])


def test_readiness_and_health_are_told_apart(receiver: httpx.Client, database_url: str) -> None:
    assert receiver.get("/healthz").json() == {"status": "alive"}
    assert receiver.get("/readyz").json() == {"status": "ready"}
    assert inbox(database_url) == []
