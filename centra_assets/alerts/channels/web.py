"""Slack's incoming webhooks and any endpoint that takes JSON. How a message is worded is in wording."""

import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

from centra_assets.alerts.channels.secrets import secret, secret_url
from centra_assets.alerts.errors import AlertChannelRefusedError, AlertChannelUnavailableError
from centra_assets.alerts.model import Message
from centra_assets.alerts.settings import HttpChannel, SlackChannel
from centra_assets.alerts.wording import Wording

# Those which pass: the request came at a bad time, or the server is at fault.
_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT_SECONDS = 3600.0
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


def _post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> str:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "centra_assets", **headers}
    try:
        # No redirections: whoever answers with one is not whom the message is for.
        with (
            _quietly(),
            httpx.Client(timeout=timeout) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
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
