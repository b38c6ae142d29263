"""How each delivery is answered, and what is in the inbox afterwards."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from centra_assets.receiver.serve import BoundedHttp
from centra_assets_tests.receiver.serving import (
    FORM,
    OLD_SECRET,
    body_of,
    inbox,
    metric,
    order_event,
    post,
    serving,
    signed,
)


def test_a_signed_delivery_is_in_the_inbox_when_it_is_answered(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, order_event(39790)) == 200
    columns = "source, channel, entity, via, object_type, action, reference, state, repeats"
    assert inbox(database_url, columns) == [("webhook", "shop", "orders", "", "order", "update", "39790", "waiting", 0)]
    assert inbox(database_url, "element ->> 'date'") == ["2021-01-29 14:40:58.628033"]
    assert abs(inbox(database_url, "extract(epoch FROM sent_at)::float8")[0] - time.time()) < 60


@pytest.mark.parametrize(("plugin", "key"), [("checkout", "products"), ("storefront", "DisplayItems")])
def test_ids_of_the_storefront_are_hints_of_displays(
    receiver: httpx.Client, database_url: str, plugin: str, key: str
) -> None:
    assert post(receiver, body_of({key: ["52", 53]}), plugin=plugin) == 200
    found = inbox(database_url, "channel, position, entity, via, reference")
    assert found == [
        (plugin, 0, "displays", "display_items.id", "52"),
        (plugin, 1, "displays", "display_items.id", "53"),
    ]


def test_a_type_that_speaks_of_several_entities_is_a_hint_for_each(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, body_of({"pricelists": ["7"]}), plugin="checkout") == 200
    assert sorted(inbox(database_url, "entity || via || reference")) == ["lowest_prices@7", "pricelists7", "prices@7"]


def test_what_nobody_knows_is_kept_and_counted(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, body_of({"cmsArticles": ["9"], "order": "1"}), plugin="checkout") == 200
    assert post(receiver, body_of({"products": [{"id": 5}]}), plugin="checkout") == 200
    found = inbox(database_url, "object_type, entity, reference, state")
    assert found == [
        ("cmsArticles", "", "9", "unknown"),
        ("order", "", "1", "unknown"),
        ("products", "", "", "unknown"),
    ]
    assert metric(receiver, 'centra_receiver_hints_total{entity="unknown",plugin="checkout"}') == 3


def test_both_secrets_of_a_rotation_are_valid(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, order_event(1)) == 200
    second = order_event(2)
    assert post(receiver, second, headers=signed(second, OLD_SECRET)) == 200
    assert inbox(database_url) == ["1", "2"]


def test_the_secret_of_another_plugin_is_not_valid(receiver: httpx.Client) -> None:
    body = body_of({"products": ["1"]})
    assert post(receiver, body, plugin="checkout", headers=signed(body, OLD_SECRET)) == 401


def test_an_event_seen_again_changes_nothing_even_when_it_is_signed_anew(
    receiver: httpx.Client, database_url: str
) -> None:
    body = order_event(1)
    assert [post(receiver, body, headers=signed(body, age=age)) for age in (20, 10, 0)] == [200, 200, 200]
    assert inbox(database_url, "reference, repeats") == [("1", 2)]
    assert metric(receiver, "centra_receiver_repeated_hints_total") == 2


def test_a_list_of_ids_is_a_new_fact_when_it_is_signed_at_another_moment(
    receiver: httpx.Client, database_url: str
) -> None:
    body = body_of({"products": ["52"]})
    headers = signed(body, age=10)
    assert [post(receiver, body, plugin="checkout", headers=headers) for _ in range(2)] == [200, 200]
    assert post(receiver, body, plugin="checkout", headers=signed(body)) == 200
    assert inbox(database_url, "reference, repeats") == [("52", 1), ("52", 0)]


def test_repeats_in_parallel_are_stored_once(receiver: httpx.Client, database_url: str) -> None:
    body, headers = order_event(1), signed(order_event(1))
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: post(receiver, body, headers=headers), range(64)))
    assert answers == [200] * 64
    assert inbox(database_url, "reference, repeats") == [("1", 63)]


def test_a_delivery_that_speaks_of_nothing_is_taken(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, body_of({"events": []})) == 200
    assert inbox(database_url) == []


def test_whoever_cannot_sign_gets_one_and_the_same_answer(receiver: httpx.Client, database_url: str) -> None:
    body = order_event(1)
    good = signed(body)["x-centra-signature"]
    attempts = [
        ("nobodys", good),
        ("SHOP", good),
        ("%2e%2e", good),
        ("shop", ""),
        ("shop", "nonsense"),
        ("shop", signed(body, "wrong")["x-centra-signature"]),
        ("shop", signed(body + b"x")["x-centra-signature"]),
        ("shop", signed(body, age=400)["x-centra-signature"]),
        ("shop", signed(body, age=-400)["x-centra-signature"]),
    ]
    answers = [
        receiver.post(f"/webhooks/{plugin}", content=body, headers={"content-type": FORM, "x-centra-signature": header})
        for plugin, header in attempts
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b'{"error":"UNAUTHORIZED"}')}
    assert {tuple(sorted(answer.headers.keys())) for answer in answers} == {tuple(sorted(answers[0].headers.keys()))}
    assert inbox(database_url) == []


def test_the_signature_is_proved_before_the_body_is_looked_at(receiver: httpx.Client) -> None:
    garbage = b"\xff\xfe garbage"
    assert post(receiver, garbage, headers=signed(garbage, "wrong")) == 401
    assert post(receiver, garbage, headers=signed(garbage)) == 400


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_another_content_type_is_refused(receiver: httpx.Client, content_type: str | None) -> None:
    body = order_event(1)
    headers = {name: value for name, value in signed(body).items() if name != "content-type"}
    assert post(receiver, body, headers=headers | ({"content-type": content_type} if content_type else {})) == 400


def test_the_content_type_may_name_a_charset(receiver: httpx.Client) -> None:
    body = order_event(1)
    assert post(receiver, body, headers=signed(body) | {"content-type": f"{FORM.upper()}; charset=utf-8"}) == 200


def test_what_postgresql_cannot_hold_is_malformed(receiver: httpx.Client, database_url: str) -> None:
    assert post(receiver, order_event(1, note="\u0000")) == 400
    assert post(receiver, order_event(2)) == 200
    assert inbox(database_url) == ["2"]


def test_a_body_that_is_too_large_is_refused_before_and_while_it_is_sent(database_url: str) -> None:
    body = order_event(1, note="x" * 4_000)

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 500):
            yield body[start : start + 500]

    with serving(database_url, max_body_bytes=2_000) as receiver:
        assert post(receiver, body) == 413
        chunked = receiver.post("/webhooks/shop", content=in_pieces(), headers=signed(body))
        assert chunked.request.headers["transfer-encoding"] == "chunked"
        assert chunked.status_code == 413
        assert post(receiver, order_event(2)) == 200
    assert inbox(database_url) == ["2"]


def test_a_sender_that_asks_first_is_told_at_once_that_a_body_is_too_large(receiver: httpx.Client) -> None:
    with _line(receiver) as line:
        line.sendall(_head(b"Content-Length: 99999999\r\nExpect: 100-continue\r\n"))
        assert _answered(line).startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_cut_off(receiver: httpx.Client) -> None:
    with _line(receiver) as line:
        line.sendall(_head(b"Transfer-Encoding: chunked\r\n"))
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        sent = 0
        with pytest.raises(OSError):
            while sent < 64 * 2**20:
                line.sendall(piece)
                sent += len(piece)


def test_a_length_that_promises_less_than_is_sent_is_no_way_in(receiver: httpx.Client, database_url: str) -> None:
    body = order_event(1)
    headers = signed(body)
    with _line(receiver) as line:
        head = _head(f"Content-Length: 5\r\nX-Centra-Signature: {headers['x-centra-signature']}\r\n".encode())
        line.sendall(head + body)
        # Whichever is seen first: the wrong signature, or that what follows is no request.
        assert _answered(line)[9:12] in (b"400", b"401")
    assert inbox(database_url) == []


def test_a_body_that_trickles_in_is_given_up(database_url: str) -> None:
    with serving(database_url, body_seconds=0.3) as receiver:
        with _line(receiver) as line:
            line.sendall(_head(b"Content-Length: 100\r\n") + b"p")
            assert _answered(line).startswith(b"HTTP/1.1 408 ")
        assert metric(receiver, _answers_of("RECEIVER_BODY_TOO_SLOW", 408)) == 1


def test_headers_that_trickle_in_are_given_up(receiver: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttp, "header_seconds", 0.3)
    with _line(receiver) as line:
        line.sendall(b"POST /webhooks/shop HTTP/1.1\r\nX-Slow: ")
        assert _hung_up(line)


def test_endless_headers_are_given_up(receiver: httpx.Client) -> None:
    with _line(receiver) as line:
        line.sendall(b"POST /webhooks/shop HTTP/1.1\r\n")
        # It ends while we send or, where all of it fits into buffers on the way, after it; without an end it times out.
        with suppress(ConnectionError):
            for number in range(2_000):
                line.sendall(f"X-Header-{number}: {'x' * 1_000}\r\n".encode())
            while line.recv(65_536):
                pass


def test_one_connection_carries_many_deliveries(receiver: httpx.Client, database_url: str) -> None:
    with _line(receiver) as line:
        for number in range(3):
            body = order_event(number)
            signature = signed(body)["x-centra-signature"]
            line.sendall(_head(f"Content-Length: {len(body)}\r\nX-Centra-Signature: {signature}\r\n".encode()) + body)
            assert _answered(line).startswith(b"HTTP/1.1 200 ")
    assert inbox(database_url) == ["0", "1", "2"]


def test_other_ways_and_methods_are_not_there(receiver: httpx.Client) -> None:
    assert receiver.get("/webhooks/shop").status_code == 405
    assert receiver.post("/webhooks/").status_code == 404
    assert receiver.post("/webhooks/shop/more").status_code == 404


def _answers_of(reason: str, status: int, plugin: str = "shop") -> str:
    return f'centra_receiver_deliveries_total{{plugin="{plugin}",reason="{reason}",status="{status}"}}'


def _line(receiver: httpx.Client) -> socket.socket:
    return socket.create_connection((receiver.base_url.host, receiver.base_url.port or 0), timeout=20)


def _head(fields: bytes) -> bytes:
    return b"POST /webhooks/shop HTTP/1.1\r\nHost: here\r\nContent-Type: " + FORM.encode() + b"\r\n" + fields + b"\r\n"


def _answered(line: socket.socket) -> bytes:
    """The next answer, without what follows it."""
    received = b""
    while not received.endswith((b"}", b"received.")):
        piece = line.recv(4096)
        assert piece, "hung up without an answer"
        received += piece
    return received


def _hung_up(line: socket.socket) -> bool:
    try:
        return line.recv(4096) == b""
    except ConnectionResetError:
        return True
