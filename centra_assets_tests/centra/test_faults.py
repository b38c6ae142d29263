"""What Centra and the network do wrong: what may pass is tried again, what will not is said at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from centra_assets.centra import transport
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.errors import (
    AuthenticationError,
    CentraError,
    EndpointError,
    RequestRefusedError,
    ResponseShapeError,
    ServerError,
    TransportError,
    scrub,
)
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import TOKEN, Asked, Peer, answer, cut, status

QUESTION = "query Q { stores { id } }"
GOOD = answer({"stores": [{"id": 1}]})


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_pause", lambda failures: 0.0)


def in_turn(peer: Peer, *replies: Any) -> None:
    waiting = iter(replies)
    peer.reply = lambda asked: next(waiting)


PASSING = {
    "500": lambda: status(500),
    "502": lambda: status(502, b"<html>bad gateway</html>"),
    "499": lambda: status(499),
    "a cut body": lambda: cut(json.dumps(GOOD).encode()),
    "malformed JSON": lambda: b'{"data": {"stores": [',
    "a page of HTML": lambda: b"<html>maintenance</html>",
    "an internal error": lambda: {"errors": [{"message": "Internal server error"}]},
    "a category internal": lambda: {"errors": [{"message": "Oops", "extensions": {"category": "internal"}}]},
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again(peer: Peer, client: BlockingClient, fault: str) -> None:
    in_turn(peer, PASSING[fault](), PASSING[fault](), GOOD)
    assert client.execute(QUESTION).data == {"stores": [{"id": 1}]}
    assert (client.stats.retries, len(peer.asked)) == (2, 3)


@pytest.mark.parametrize("fault", PASSING)
def test_what_lasts_is_an_error_in_the_end_and_may_be_tried_later(
    peer: Peer, make_client: MakeClient, fault: str
) -> None:
    peer.reply = lambda asked: PASSING[fault]()
    with pytest.raises((ServerError, TransportError)) as raised:
        make_client(max_attempts=3).execute(QUESTION)
    assert raised.value.transient
    assert len(peer.asked) == 3


LASTING: dict[str, tuple[Any, type[CentraError]]] = {
    "403": (lambda: status(403), AuthenticationError),
    "401": (lambda: status(401), AuthenticationError),
    "400": (lambda: status(400, b'{"errors":[{"message":"Syntax Error: x"}]}'), RequestRefusedError),
    "404": (lambda: status(404, b"nothing here"), EndpointError),
    "301": (lambda: status(301, b"elsewhere"), EndpointError),
    "errors beside data": (lambda: {"data": {"stores": None}, "errors": [{"message": "no"}]}, RequestRefusedError),
}


@pytest.mark.parametrize("fault", LASTING)
def test_what_will_not_pass_is_never_tried_again(peer: Peer, client: BlockingClient, fault: str) -> None:
    reply, expected = LASTING[fault]
    peer.reply = lambda asked: reply()
    with pytest.raises(expected) as raised:
        client.execute(QUESTION)
    assert not raised.value.transient
    assert len(peer.asked) == 1


def test_a_token_that_expires_in_the_middle_ends_the_stream(peer: Peer, client: BlockingClient) -> None:
    shop = Shop([order(number) for number in range(1, 31)])
    peer.reply = lambda asked: status(403) if asked.variables["after"] == "20" else shop.reply(asked)
    found: list[str] = []
    with pytest.raises(AuthenticationError):
        for _, page in client.stream(ORDERS, [{}]):
            found += page.ids
    assert len(found) == 20


def test_a_stream_with_a_fault_on_every_second_answer_is_still_whole(peer: Peer, client: BlockingClient) -> None:
    shop = Shop([order(number) for number in range(1, 96)])
    faults: Iterator[Any] = iter(list(PASSING.values()) * 4)

    def reply(asked: Asked) -> Any:
        return next(faults)() if len(peer.asked) % 2 else shop.reply(asked)

    peer.reply = reply
    found = [record_id for _, page in client.stream(ORDERS, [{}]) for record_id in page.ids]
    assert found == [str(number) for number in range(1, 96)]


def test_data_of_another_shape_is_an_error_that_tells_no_values(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: answer({"orderConnection": {"edges": "anna@example.com", "pageInfo": {}}})
    with pytest.raises(ResponseShapeError) as raised:
        list(client.stream(ORDERS, [{}]))
    assert "anna" not in str(raised.value)


def test_nobody_at_the_other_end_is_an_error_of_transport() -> None:
    closed = connect(url="http://127.0.0.1:1/graphql", token=TOKEN, max_attempts=2)
    with closed as client, pytest.raises(TransportError, match="ConnectError"):
        client.execute(QUESTION)


def test_an_answer_that_does_not_come_is_given_up(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        raise httpx.ReadTimeout("slow")

    monkeypatch.setattr(httpx.AsyncClient, "post", never)
    with connect(url=peer.url, token=TOKEN, max_attempts=2) as client, pytest.raises(TransportError, match="Timeout"):
        client.execute(QUESTION)


def test_neither_token_nor_values_appear_in_an_error(peer: Peer, client: BlockingClient) -> None:
    message = 'Variable "$email" got invalid value "anna@example.com"; also Anna Andersson.\nsecond line'
    peer.reply = lambda asked: status(400, json.dumps({"errors": [{"message": message}]}).encode())
    with pytest.raises(RequestRefusedError) as raised:
        client.execute("query Q($name: String) { stores { id } }", {"name": "Anna Andersson"})
    text = str(raised.value)
    assert "$email" in text
    for secret in ("anna@", "Andersson", "second", TOKEN):
        assert secret not in text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Could not find customer jo@x.se.", "Could not find customer …"),
        ("", ""),
        ("x" * 500, "x" * 239 + "…"),
        ("Order 4711 is locked", "Order 4711 is locked"),
    ],
)
def test_a_servers_message_is_shortened_and_scrubbed(message: str, expected: str) -> None:
    assert scrub(message) == expected


def test_every_error_has_a_row_in_the_documentation() -> None:

    text = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    found, waiting = set(), [CentraError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if not error.__name__.startswith("_"):
            found.add(error.code)
    assert [code for code in sorted(found) if f"`{code}`" not in text] == []
