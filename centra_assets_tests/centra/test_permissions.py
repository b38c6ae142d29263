"""A token that may not read everything, and a live schema that is not ours: null columns, and said why."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.errors import PermissionDeniedError, RequestRefusedError, SchemaMismatchError
from centra_assets.centra.schema import bundled_sdl
from centra_assets_tests.centra.conftest import MakeClient
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import TOKEN, Asked, Peer, denial, status

GUARDED = {"userIP": "Order.userIP:read", "customer": "Customer:read", "paymentHistory": "PaymentHistory:read"}


class Guarded(Shop):
    """Refuses the first guarded field that a question asks for."""

    def reply(self, asked: Asked) -> Any:
        for name, permission in GUARDED.items():
            if name in asked.query:
                return denial(permission, ["orderConnection", "edges", 0, "node", name])
        return super().reply(asked)


def guarded(count: int = 25) -> Guarded:
    return Guarded([order(number) for number in range(1, count + 1)])


def test_fields_that_the_token_may_not_read_are_left_out_and_told(peer: Peer, client: BlockingClient) -> None:
    peer.reply = guarded().reply
    prepared = client.prepare(ORDERS)
    assert prepared.pruned == ()
    found = [record_id for _, page in client.stream(prepared, [{}, {}]) for record_id in page.ids]
    assert len(found) == 50
    assert {entry.path: entry.reason for entry in prepared.pruned} == {
        name: f"the token lacks {permission}" for name, permission in GUARDED.items()
    }
    assert "customer" in prepared.dtype.to_schema()


def test_a_refusal_is_remembered_for_the_token_and_not_for_another(
    peer: Peer, make_client: MakeClient, database_url: str
) -> None:
    peer.reply = guarded().reply
    list(make_client(database_url=database_url).stream(ORDERS, [{}]))
    again = make_client(database_url=database_url)
    asked = len(peer.asked)
    assert {entry.path for entry in again.prepare(ORDERS).pruned} == set(GUARDED)
    list(again.stream(ORDERS, [{}]))
    assert len(peer.asked) == asked + 3
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT coordinate, permission, token_fingerprint FROM ops.api_denied").fetchall()
        assert {(row[0], row[1]) for row in rows} == {
            ("Order.userIP", "Order.userIP:read"),
            ("DirectToConsumerOrder.customer", "Customer:read"),
            ("Order.paymentHistory", "PaymentHistory:read"),
        }
        assert all(TOKEN not in row[2] for row in rows)
        connection.execute("UPDATE ops.api_denied SET token_fingerprint = 'another'")
    assert make_client(database_url=database_url).prepare(ORDERS).pruned == ()


def test_a_refusal_is_forgotten_after_a_day(peer: Peer, make_client: MakeClient, database_url: str) -> None:
    peer.reply = guarded().reply
    list(make_client(database_url=database_url).stream(ORDERS, [{}]))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ops.api_denied SET seen_at = seen_at - interval '25 hours'")
    assert make_client(database_url=database_url).prepare(ORDERS).pruned == ()


def test_without_the_permission_for_the_whole_nothing_can_be_read(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: denial("Order:read", ["orderConnection"])
    with pytest.raises(PermissionDeniedError, match="orderConnection needs Order:read") as raised:
        list(client.stream(ORDERS, [{}]))
    assert (raised.value.path, raised.value.permission) == ("orderConnection", "Order:read")


def test_another_operation_takes_over_when_the_first_may_not_be_asked(peer: Peer, client: BlockingClient) -> None:
    shop = Shop([order(number) for number in range(1, 26)])
    peer.reply = lambda asked: (
        denial("OrderConnection:read", ["orderConnection"]) if asked.operation == "Orders" else shop.reply(asked)
    )
    prepared = client.prepare(replace(ORDERS, operations=("Orders", "OrderList")))
    found = [record_id for _, page in client.stream(prepared, [{}]) for record_id in page.ids]
    assert (prepared.operation, len(found)) == ("OrderList", 25)


def test_the_first_operation_that_the_live_schema_has_is_chosen(peer: Peer, make_client: MakeClient) -> None:
    lines = bundled_sdl().split("\n")
    peer.sdl = "\n".join(line for line in lines if not line.startswith("  orderConnection("))
    client = make_client()
    assert client.prepare(replace(ORDERS, operations=("Orders", "OrderList"))).operation == "OrderList"
    with pytest.raises(SchemaMismatchError, match="orderConnection"):
        client.prepare(ORDERS)


def test_the_live_schema_is_asked_for_once_and_remembered(
    peer: Peer, make_client: MakeClient, database_url: str
) -> None:
    make_client(database_url=database_url).prepare(ORDERS)
    make_client(database_url=database_url).prepare(ORDERS)
    assert peer.introspections == 1


def test_a_remembered_schema_that_no_longer_holds_is_asked_for_again(
    peer: Peer, make_client: MakeClient, database_url: str
) -> None:
    make_client(database_url=database_url).prepare(ORDERS)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ops.api_schema SET fetched_at = fetched_at - interval '1 hour'")
    peer.sdl = bundled_sdl().replace("  isInternal: Boolean! # changelog\n", "")
    shop = Shop([order(1)])
    refusal = b'{"errors":[{"message":"Cannot query field \\"isInternal\\" on type \\"Order\\"."}]}'
    peer.reply = lambda asked: status(400, refusal) if "isInternal" in asked.query else shop.reply(asked)
    client = make_client(database_url=database_url)
    prepared = client.prepare(ORDERS)
    assert [page.ids for _, page in client.stream(prepared, [{}])] == [["1"]]
    assert [entry.path for entry in prepared.pruned] == ["isInternal"]


def test_a_refusal_that_no_schema_explains_is_an_error(peer: Peer, client: BlockingClient) -> None:
    peer.reply = lambda asked: status(400, b'{"errors":[{"message":"no"}]}')
    with pytest.raises(RequestRefusedError):
        list(client.stream(ORDERS, [{}]))
    assert len(peer.asked) == 1
