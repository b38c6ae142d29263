"""A client of the sandbox for its own tests: queries, admin orders, tokens. No fixtures of other packages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from centra_assets.sandbox.serve import RunningSandbox


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

    def with_token(self, **wanted: Any) -> "Caller":
        """The same sandbox through a token minted for the purpose."""
        return Caller(self.sandbox, self.http, self.admin("tokens", wanted)["token"])


@pytest.fixture
def call() -> Iterator[Callable[[RunningSandbox], Caller]]:
    """Make a caller of a sandbox."""
    with httpx.Client(timeout=30) as http:
        yield lambda running: Caller(running, http, running.token)


@pytest.fixture
def shared(call: Callable[[RunningSandbox], Caller], sandbox: RunningSandbox) -> Caller:
    """A caller of the sandbox that all tests share: it changes nothing."""
    return call(sandbox)
