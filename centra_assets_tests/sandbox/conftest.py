"""A client of the sandbox for its own tests: queries, admin orders, tokens. No fixtures of other packages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.sandbox.webhooks import WebhookKind, WebhookPlugin
from centra_assets_tests.sandbox.receiver import Receiver

SECRET = "a secret of the tests"
MakeReceiver = Callable[..., Receiver]


@dataclass
class Caller:
    """Speaks to one sandbox over HTTP."""

    sandbox: RunningSandbox
    http: httpx.Client
    token: str

    def post(self, query: str, **variables: Any) -> httpx.Response:
        """The raw answer to a query."""
        return self.http.post(
            self.sandbox.url,
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def data(self, query: str, **variables: Any) -> Any:
        """The data of a query that must succeed."""
        body = self.post(query, **variables).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The first error of a query that must fail without data."""
        body = self.post(query, **variables).json()
        assert "data" not in body
        return body["errors"][0]

    def admin(self, path: str, order: Any = None) -> Any:
        """An order to the admin side, or a question when there is nothing to order."""
        url = f"{self.sandbox.admin_url}/{path}"
        answer = self.http.get(url) if order is None else self.http.post(url, json=order)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, order: Any) -> httpx.Response:
        """The raw answer to an order that replaces something of the admin side."""
        return self.http.put(f"{self.sandbox.admin_url}/{path}", json=order)

    def with_token(self, **wanted: Any) -> "Caller":
        """The same sandbox through a token minted for the purpose."""
        return Caller(self.sandbox, self.http, self.admin("tokens", wanted)["token"])

    def touch(self, type_name: str, key: int) -> None:
        """Change one object, and nothing about it but its time."""
        self.admin("records", {"type": type_name, "key": key})

    def first(self, type_name: str) -> Any:
        """The first object of a kind."""
        return self.sandbox.world.tables[type_name].rows()[0]

    def install(self, *receivers: Receiver, **given: Any) -> None:
        """A webhook plugin for each receiver, named plugin0 and so on; without a gathering window unless told."""
        fields = {"kind": WebhookKind.INTEGRATION, "secret": SECRET, "gather_seconds": 0.0} | given
        self.sandbox.instance.webhooks.install(
            [WebhookPlugin(name=f"plugin{n}", url=receiver.url, **fields) for n, receiver in enumerate(receivers)]
        )

    def counts(self, plugin: str = "plugin0") -> dict[str, int]:
        """What became of a plugin's calls."""
        return self.admin("webhooks/deliveries")[plugin]


@pytest.fixture
def make_receiver() -> Iterator[MakeReceiver]:
    """Start receivers of webhook calls."""
    made: list[Receiver] = []

    def make(**given: Any) -> Receiver:
        made.append(Receiver(**given))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def call() -> Iterator[Callable[[RunningSandbox], Caller]]:
    """Make a caller of a sandbox."""
    with httpx.Client(timeout=30) as http:
        yield lambda running: Caller(running, http, running.token)


@pytest.fixture
def shared(call: Callable[[RunningSandbox], Caller], sandbox: RunningSandbox) -> Caller:
    """A caller of the sandbox that all tests share: it changes nothing."""
    return call(sandbox)
