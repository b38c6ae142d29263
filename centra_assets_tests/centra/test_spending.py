"""What was asked for an entity is on record, under one id from the request to the trail; nothing depends on it."""

import logging

import psycopg
import pytest

from centra_assets.centra.errors import SharedStateUnavailableError
from centra_assets.centra.memory import LocalMemory
from centra_assets.logs import work
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.peer import Peer, answer

QUESTION = "query Q { stores { id } }"


@pytest.fixture(autouse=True)
def stores(peer: Peer) -> None:
    peer.reply = lambda asked: answer({"stores": []}, complexity=7)


def spent(url: str) -> dict[str, tuple[int, int]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT entity, requests, complexity FROM ops.api_spending").fetchall()
    return {entity: (requests, points) for entity, requests, points in rows}


def test_what_is_asked_for_an_entity_adds_up_and_what_is_nobodys_is_not_kept(
    make_client: MakeClient, database_url: str
) -> None:
    client = make_client(database_url=database_url)
    for entity in ("stores", "orders", "stores", ""):
        with client.measure(entity) as stats:
            client.execute(QUESTION)
        # The first one also asked for the rate limits.
        assert stats.requests >= 1
    kept = spent(database_url)
    assert set(kept) == {"stores", "orders"}
    assert kept["orders"] == (1, 7)
    assert kept["stores"][1] >= 14


def test_what_was_asked_until_it_failed_was_spent_too(make_client: MakeClient, database_url: str) -> None:
    client = make_client(database_url=database_url)
    with pytest.raises(ZeroDivisionError), client.measure("orders"):
        client.execute(QUESTION)
        raise ZeroDivisionError
    assert spent(database_url)["orders"][0] >= 1


def test_asking_nothing_is_no_entry(make_client: MakeClient, database_url: str) -> None:
    client = make_client(database_url=database_url)
    with client.measure("orders"):
        pass
    assert spent(database_url) == {}


def test_a_record_that_cannot_be_kept_is_told_and_harms_nothing(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object) -> None:
        raise SharedStateUnavailableError("PostgreSQL is away.")

    monkeypatch.setattr(LocalMemory, "add_spent", away)
    caplog.set_level(logging.WARNING)
    client = make_client()
    with client.measure("orders"):
        assert client.execute(QUESTION).data == {"stores": []}
    assert "What was asked for orders is not on record: CENTRA_STATE_UNAVAILABLE" in caplog.text


def test_the_requests_of_a_piece_of_work_carry_its_id_and_each_its_number(peer: Peer, make_client: MakeClient) -> None:
    client = make_client()
    with client.measure("orders"):
        first = work()
        client.execute(QUESTION)
        client.execute(QUESTION)
        with client.measure():
            assert work() == first
    with client.measure("orders"):
        second = work()["request"]
        client.execute(QUESTION)
    assert first["entity"] == "orders"
    assert work() == {}
    assert first["request"] != second
    assert len(set(peer.request_ids)) == len(peer.request_ids) >= 3
    assert [told.rsplit("-", 1)[0] for told in peer.request_ids[-3:]] == [first["request"], first["request"], second]
