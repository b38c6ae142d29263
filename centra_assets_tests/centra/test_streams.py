"""Streams over connections and lists: whole, in order, each record once."""

from centra_assets.centra.blocking import BlockingClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import Peer


def test_a_connection_is_read_to_its_end_in_order(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Shop([order(number) for number in range(1, 36)]).reply
    pages = list(client.stream(ORDERS, [{}]))
    assert [record_id for _, page in pages for record_id in page.ids] == [str(number) for number in range(1, 36)]
    assert [asked.variables["first"] for asked in peer.asked] == [10] * 4
