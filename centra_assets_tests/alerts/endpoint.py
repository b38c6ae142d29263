"""A real HTTP endpoint on loopback that records what it is sent. It judges nothing: the tests do."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Call:
    """One call as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Endpoint:
    """Records every call; answers with `answers` (status, headers, body) one after the other, then with 200."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Self:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.calls.append(Call(self.path, dict(self.headers.items()), body))
                status, headers, text = endpoint.answers.pop(0) if endpoint.answers else (200, {}, b"ok")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/alerts/secret-path"

    @property
    def subjects(self) -> list[str]:
        """What each call was about."""
        return [call.document["subject"] for call in self.calls]
