"""The blocking face: from several threads, out of a closed client, and with the pages' own errors."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.memory import fingerprint
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import TOKEN, Peer, answer

QUESTION = "query Q { stores { id } }"


def test_several_threads_share_a_client_and_each_measures_its_own_requests(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([order(number) for number in range(1, 36)]).reply
    prepared = client.prepare(ORDERS)

    def read(slices: int) -> tuple[int, int]:
        with client.measure() as stats:
            rows = sum(len(page.ids) for _, page in client.stream(prepared, [{}] * slices))
        return rows, stats.requests

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(read, [1, 2, 3])) == [(35, 4), (70, 8), (105, 12)]


def test_a_client_is_used_inside_its_block_only(peer: Peer) -> None:
    with pytest.raises(RuntimeError):
        connect(url=peer.url, token=TOKEN).execute(QUESTION)


def test_a_token_may_come_wrapped_and_is_never_shown(peer: Peer, make_client: MakeClient) -> None:
    peer.reply = lambda asked: answer({"stores": []})
    client = make_client(token=SecretStr(TOKEN))
    assert client.execute(QUESTION).data == {"stores": []}
    assert TOKEN not in repr(vars(client))
    assert fingerprint(TOKEN) != fingerprint(TOKEN + "x")


def test_an_error_of_the_readers_own_leaves_the_client_usable(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([order(number) for number in range(1, 500)]).reply
    with pytest.raises(ZeroDivisionError):
        for _ in client.stream(ORDERS, [{}, {}]):
            raise ZeroDivisionError
    peer.reply = lambda asked: answer({"stores": [{"id": 1}]})
    assert client.execute(QUESTION).data == {"stores": [{"id": 1}]}


def test_a_stream_of_nothing_asks_for_nothing(peer: Peer, client: BlockingClient) -> None:
    assert list(client.stream(ORDERS, [])) == []
    assert peer.asked == []
