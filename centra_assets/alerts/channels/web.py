"""Slack's incoming webhooks and any endpoint that takes JSON. How a message is worded is in wording."""

import hashlib
import hmac
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpx

from centra_assets.alerts.channels.secrets import secret, secret_url
from centra_assets.alerts.errors import AlertChannelRefusedError, AlertChannelUnavailableError
from centra_assets.alerts.model import Message
from centra_assets.alerts.settings import HttpChannel, SlackChannel
from centra_assets.alerts.wording import Wording

# Those which pass: the request came at a bad time, or the server is at fault.
_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT_SECONDS = 3600.0
# Every read may take the channel's timeout; all of them together no more than this many, which is less than the lease.
_STEPS = 2
# Slack says in a word what is wrong; anything longer may be a page that quotes the URL.
_WORD = re.compile(r"[a-z_]{1,40}")

_is_sending: ContextVar[bool] = ContextVar("centra_alert_is_sending", default=False)
# httpx logs whole URLs, and a webhook's URL is a secret.
logging.getLogger("httpx").addFilter(lambda record: not _is_sending.get())


def send_slack(channel: SlackChannel, message: Message, wording: Wording) -> str:
    """Posts to an incoming webhook. Slack recognises no repeats: what was taken but not answered may come twice."""
    return _post(secret_url(channel.url_env), wording.slack(message), {}, channel.timeout_seconds)


def send_http(channel: HttpChannel, message: Message, wording: Wording) -> str:
    """Posts JSON with an idempotency key; signed where the channel has a secret.

    The signature is `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
    """
    url = secret_url(channel.url_env) if channel.url_env else channel.url
    assert url is not None, "the settings have one of the two"
    body = json.dumps(wording.document(message), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Idempotency-Key": message.id}
    if channel.secret_env:
        moment = int(time.time())
        key = secret(channel.secret_env).encode()
        signature = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        headers["X-Centra-Assets-Signature"] = f"t={moment},v1={signature}"
    return _post(url, body, headers, channel.timeout_seconds)


@contextmanager
def _quietly() -> Iterator[None]:
    token = _is_sending.set(True)
    try:
        yield
    finally:
        _is_sending.reset(token)


class _Line:
    """The connection of one call, so that somebody else can end it: a sensor has no time for a drawn-out answer."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_over = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx calls with all that it does: of interest are sockets, the encrypted one after the plain one."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_over:
                self.cut()

    def cut(self) -> None:
        """Ends the call: whoever waits for the server reads that it hung up."""
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cuts the call when the time is over."""
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> str:
    line = _Line()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "centra_assets", **headers}
    try:
        # No redirections: whoever answers with one is not whom the message is for.
        with (
            _quietly(),
            line.within(_STEPS * timeout),
            httpx.Client(timeout=timeout) as client,
            client.stream("POST", url, content=body, headers=headers, extensions={"trace": line.trace}) as answer,
        ):
            word = next(answer.iter_bytes(64), b"") if answer.status_code != 204 else b""
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise AlertChannelRefusedError("The channel's URL cannot be used.") from None
    except httpx.HTTPError as error:
        # Its message may quote the URL.
        raise AlertChannelUnavailableError(f"{type(error).__name__} while talking to the channel's server.") from None
    return _judged(answer, word)


def _judged(answer: httpx.Response, word: bytes) -> str:
    status = answer.status_code
    if 200 <= status < 300:
        return str(status)
    text = word.decode("ascii", "ignore").strip()
    said = f" ({text})" if _WORD.fullmatch(text) else ""
    if status in _PASSING or status >= 500:
        wait = answer.headers.get("Retry-After", "")
        seconds = min(float(wait), _LONGEST_WAIT_SECONDS) if wait.isascii() and wait.isdigit() else None
        raise AlertChannelUnavailableError(f"The channel's server answered {status}{said}.", wait_seconds=seconds)
    raise AlertChannelRefusedError(f"The channel's server answered {status}{said}.")
