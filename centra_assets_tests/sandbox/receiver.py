"""A small recording receiver of webhook calls, over real HTTP. It judges nothing: the tests do."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Call:
    """One call as it came in."""

    body: bytes
    signature: str | None
    content_type: str | None
    at: float

    @property
    def payload(self) -> Any:
        """The JSON inside the form field."""
        (text,) = parse_qs(self.body.decode(), strict_parsing=True)["payload"]
        return json.loads(text)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a call of the Integration API."""
        return self.payload["events"]


@dataclass
class Receiver:
    """Records every call and answers with `statuses` one after the other, then with 200; each after `pause` seconds."""

    statuses: list[int] = field(default_factory=list)
    pause: float = 0.0
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = self.headers
                call = Call(body, headers["X-Centra-Signature"], headers["Content-Type"], time.monotonic())
                receiver.calls.append(call)
                time.sleep(receiver.pause)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hooks"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of every call so far."""
        return [event for call in list(self.calls) for event in call.events]

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()


def until(true: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait until something is so; fail when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
