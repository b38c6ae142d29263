"""Records by id: exactly those that were named, never all, and no more paid for than they cost."""

from dataclasses import replace
from typing import Any

import pytest

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import DocumentError
from centra_assets.centra.errors import ResponseShapeError
from centra_assets.centra.rewriting import by_ids
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import Asked, Peer, answer

_LOOKUP = by_ids(ORDERS, "number")
_LOOKUP_LIST = by_ids(replace(ORDERS, operations=("OrderList",)), "number")
assert _LOOKUP is not None
assert _LOOKUP_LIST is not None
LOOKUP, LOOKUP_LIST = _LOOKUP, _LOOKUP_LIST


class Known(Shop):
    """Orders by number; none is given that was not asked for."""

    def reply(self, asked: Asked) -> Any:
        wanted = asked.variables["ids"]
        assert wanted
        found = Shop([node for node in self.orders if node["number"] in wanted])
        return answer({"orderConnection": found.connection(0, asked.variables["first"])})


def looked_up(client: BlockingClient, ids: object) -> list[str]:
    return [record_id for _, page in client.stream(LOOKUP, [{"ids": ids}]) for record_id in page.ids]


def test_exactly_the_named_records_come(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Known([order(number) for number in range(1, 50)]).reply
    assert looked_up(client, ["7", "3", "7", "999"]) == ["3", "7"]
    assert looked_up(client, [8]) == ["8"]


def test_what_is_paid_for_is_as_many_records_as_were_named(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Known([order(number) for number in range(1, 50)]).reply
    assert looked_up(client, [str(number) for number in range(1, 26)]) == [str(number) for number in range(1, 26)]
    assert [asked.variables["first"] for asked in peer.asked] == [10, 10, 5]


def test_the_window_of_the_base_question_is_gone(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Known([order(1)]).reply
    looked_up(client, ["1"])
    [asked] = peer.asked
    assert asked.variables == {"first": 1, "after": None, "ids": [1]}
    assert "where:{number:$ids}" in asked.query


def test_without_ids_nothing_is_asked(peer: Peer, client: BlockingClient) -> None:
    assert looked_up(client, []) == []
    with pytest.raises(DocumentError):
        looked_up(client, None)
    assert peer.asked == []


@pytest.mark.parametrize("garbage", ["abc", "", "-1", "1.5", "²", "99999999999999999999"])
def test_what_cannot_be_an_id_is_not_asked_for_and_spoils_nothing(
    peer: Peer, client: BlockingClient, garbage: str
) -> None:
    peer.reply = Known([order(1)]).reply
    assert looked_up(client, [garbage, "1"]) == ["1"]
    assert peer.asked[0].variables["ids"] == [1]
    assert looked_up(client, [garbage]) == []


def test_a_filter_that_is_not_heeded_is_an_error(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([order(number) for number in range(1, 50)]).reply
    with pytest.raises(ResponseShapeError, match="not asked for"):
        looked_up(client, ["5"])


def test_a_list_of_one_page_is_read_once(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: answer({"orders": [order(number) for number in asked.variables["ids"]]})
    found = [i for _, page in client.stream(LOOKUP_LIST, [{"ids": range(1, 21)}]) for i in page.ids]
    assert found == [str(number) for number in range(1, 21)]
    assert [(asked.variables["limit"], asked.variables["page"]) for asked in peer.asked] == [(10, 1), (10, 1)]
