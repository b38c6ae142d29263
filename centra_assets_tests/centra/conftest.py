"""What the client's tests share: a scripted peer and clients that talk to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets_tests.centra.peer import TOKEN, Peer, serving


@pytest.fixture
def peer() -> Iterator[Peer]:
    with serving() as running:
        yield running


MakeClient = Callable[..., BlockingClient]


@pytest.fixture
def make_client(peer: Peer) -> Iterator[MakeClient]:
    """Clients of the peer; closed at the end."""
    with ExitStack() as open_clients:

        def make(**options: Any) -> BlockingClient:
            return open_clients.enter_context(connect(**{"url": peer.url, "token": TOKEN, **options}))

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> BlockingClient:
    return make_client()
