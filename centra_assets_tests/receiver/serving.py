"""A receiver for tests: in a thread or as a process, and deliveries signed as by Centra. It tests nothing."""

import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

import httpx
import psycopg
import uvicorn
from pydantic import SecretStr

from centra_assets.receiver.app import ReceiverOptions
from centra_assets.receiver.plugins import webhook_plugins
from centra_assets.receiver.serve import bound_socket, server

SECRET = "hush-new-secret"
OLD_SECRET = "hush-old-secret"
SECRETS = json.dumps(
    {
        "shop": {"kind": "integration_api", "secrets": [SECRET, OLD_SECRET]},
        "checkout": {"kind": "checkout_api", "secrets": [SECRET]},
        "storefront": {"kind": "storefront_api", "secrets": [SECRET]},
    }
)
FORM = "application/x-www-form-urlencoded"


def body_of(payload: Any) -> bytes:
    """The form that carries a payload."""
    return b"payload=" + quote_plus(json.dumps(payload)).encode()


def order_event(number: int, **more: Any) -> bytes:
    """A delivery with one event of the Integration API."""
    event = {"type": "order", "action": "update", "date": "2021-01-29 14:40:58.628033", "id": number, **more}
    return body_of({"events": [event]})


def signed(body: bytes, secret: str = SECRET, *, age: float = 0) -> dict[str, str]:
    """The headers of a delivery that was signed `age` seconds ago."""
    moment = int(time.time() - age)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"content-type": FORM, "x-centra-signature": f"t={moment},v1={digest}"}


def options(database_url: str, **changes: Any) -> ReceiverOptions:
    """Options with the plugins `shop`, `checkout` and `storefront`."""
    return ReceiverOptions(plugins=webhook_plugins(SecretStr(SECRETS)), database_url=database_url, **changes)


@contextlib.contextmanager
def serving(database_url: str, **changes: Any) -> Iterator[httpx.Client]:
    """A client of a receiver that runs in a thread of this process."""
    with stoppable(database_url, **changes) as (_, client):
        yield client


@contextlib.contextmanager
def stoppable(database_url: str, **changes: Any) -> Iterator[tuple[uvicorn.Server, httpx.Client]]:
    """The same, with the server, whose `should_exit` is what signals set."""
    bound = bound_socket("127.0.0.1", 0)
    running = server(options(database_url, **changes))
    thread = threading.Thread(target=running.run, args=([bound],), daemon=True)
    thread.start()
    await_that(lambda: running.started)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", timeout=30) as client:
            yield running, client
    finally:
        running.should_exit = True
        thread.join(30)
        bound.close()


@contextlib.contextmanager
def process(database_url: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """The command `centra-assets receiver` on a free port, and its URL."""
    settings = {"CENTRA_DATABASE_URL": database_url, "CENTRA_WEBHOOK_SECRETS": SECRETS, "CENTRA_LOG_FORMAT": "json"}
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "centra_assets.cli", "receiver", "--port", "0"]
    started = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert started.stderr is not None
        url = next(found for line in started.stderr if (found := json.loads(line).get("url")))
        threading.Thread(target=started.stderr.read, daemon=True).start()
        await_that(lambda: _alive(url))
        yield started, url
    finally:
        started.kill()
        started.wait()


def post(client: httpx.Client, body: bytes, *, plugin: str = "shop", headers: Mapping[str, str] | None = None) -> int:
    """Deliver; the status of the answer."""
    answer = client.post(f"/webhooks/{plugin}", content=body, headers=signed(body) if headers is None else headers)
    return answer.status_code


def inbox(database_url: str, columns: str = "reference") -> list[Any]:
    """The inbox in the order of its rows; single columns as values."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(f"SELECT {columns} FROM ops.inbox ORDER BY id").fetchall()  # type: ignore[arg-type]
    return [row[0] if len(row) == 1 else row for row in rows]


@contextlib.contextmanager
def inbox_locked(database_url: str) -> Iterator[None]:
    """Nobody writes to the inbox during the block."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE ops.inbox IN ACCESS EXCLUSIVE MODE")
        yield


def metric(client: httpx.Client, name: str) -> float:
    """The value of a series, 0 when there is none yet."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


def await_that(condition: Callable[[], object], seconds: float = 30) -> None:
    """Returns when the condition holds; AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def _alive(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    return False
