"""Mutations fail with their user errors, and are never sent twice when once may have been enough."""

from typing import Any

import pytest

from centra_assets.centra import transport
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import DocumentError
from centra_assets.centra.errors import MutationFailedError, ServerError
from centra_assets_tests.centra.peer import Peer, answer, status

CONFIRM = """mutation Confirm($input: EventsConfirmInput!) {
    confirmEvents(input: $input) { userErrors { message path } userWarnings { message } }
}"""
LISTEN = "mutation($input: [EventListenerSetInput!]!) { setEventListeners(input: $input) { userErrors { message } } }"


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_pause", lambda failures: 0.0)


def payload(errors: list[str], warnings: list[str]) -> dict[str, Any]:
    return answer(
        {
            "confirmEvents": {
                "userErrors": [{"message": text, "path": ["input"]} for text in errors],
                "userWarnings": [{"message": text} for text in warnings],
            }
        }
    )


def test_user_errors_fail_a_mutation_although_http_says_200(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: payload(["Could not find Event with ID 4711"], [])
    with pytest.raises(MutationFailedError, match="confirmEvents: Could not find Event with ID 4711"):
        client.execute(CONFIRM, {"input": {"eventsIds": [4711]}})


def test_user_warnings_are_handed_on(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: payload([], ["Weight was rounded"])
    assert client.execute(CONFIRM, {"input": {"eventsIds": [1]}}).warnings == ("Weight was rounded",)


def test_a_mutation_whose_answer_was_lost_is_not_sent_again(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: status(502)
    with pytest.raises(ServerError):
        client.execute(CONFIRM, {"input": {"eventsIds": [1]}})
    assert len(peer.asked) == 1


def test_a_mutation_that_is_idempotent_by_documentation_is_sent_again(peer: Peer, client: BlockingClient) -> None:
    good = answer({"setEventListeners": {"userErrors": []}})
    peer.reply = lambda asked: status(502) if len(peer.asked) == 1 else good
    client.execute(LISTEN, {"input": []})
    assert len(peer.asked) == 2


def test_a_mutation_that_was_throttled_is_sent_again(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: status(429, retry_after="0.1") if len(peer.asked) == 1 else payload([], [])
    client.execute(CONFIRM, {"input": {"eventsIds": [1]}})
    assert len(peer.asked) == 2


def test_a_mutation_that_does_not_ask_for_its_errors_is_refused_by_us(peer: Peer, client: BlockingClient) -> None:
    with pytest.raises(DocumentError, match="userErrors"):
        client.execute("mutation($i: EventsConfirmInput!) { confirmEvents(input: $i) { __typename } }", {"i": {}})
    assert peer.asked == []
