"""How many signed deliveries a second the receiver stores durably, and how long each waits for its answer."""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from urllib.error import URLError
from urllib.parse import quote_plus
from urllib.request import urlopen

import psycopg

from benchmarks import database
from benchmarks.processes import ROOT
from benchmarks.report import Figure, Goal, Report, finish, publish
from benchmarks.webhook_load import Load, paced, steady

DELIVERIES = 20_000
_CONNECTIONS = 64
_PER_SECOND = 1_000
_PACED_CONNECTIONS = 256
_WARM_UP = 500
_SECRET = "receiver-benchmark"
_STARTING_SECONDS = 60


def run(deliveries: int = DELIVERIES) -> Report:
    """Fixed concurrency against the bare endpoint and the receiver, then the receiver at a fixed rate."""
    with _serving([sys.executable, "-m", "benchmarks.peers.bare_endpoint"]) as port:
        steady(port, _deliveries(0, _WARM_UP), _CONNECTIONS)
        bare = steady(port, _deliveries(0, deliveries), _CONNECTIONS)
    with database.server() as databases, databases.fresh("receiver") as url, _receiver(url) as port:
        steady(port, _deliveries(0, _WARM_UP), _CONNECTIONS)
        ours = steady(port, _deliveries(_WARM_UP, deliveries), _CONNECTIONS)
        even = paced(port, _deliveries(_WARM_UP + deliveries, deliveries // 2), _PER_SECOND, _PACED_CONNECTIONS)
        stored = _stored(url)
    sent = _WARM_UP + deliveries + deliveries // 2
    if stored != sent:
        raise RuntimeError(f"{sent} deliveries were sent and {stored} are in ops.inbox.")
    report = Report(
        benchmark="receiver",
        figures=[
            Figure(f"stored, {_CONNECTIONS} connections", ours.rate, "per second", "", Goal.AT_LEAST, 1_000),
            Figure("the same, as a share", ours.rate / bare.rate, "x", "bare Starlette endpoint, same client"),
            *_waits(f"{_CONNECTIONS} connections", ours),
            *_waits(f"{_PER_SECOND:,} a second", even),
        ],
        measured={"bare": bare.as_json(), "receiver": ours.as_json(), "receiver_paced": even.as_json()},
        verified={"sent": sent, "in_inbox": stored},
    )
    publish(report)
    return report


def _waits(what: str, load: Load) -> list[Figure]:
    stored = load.statuses.get("200", 0)
    return [
        Figure(f"median answer, {what}", load.percentile(0.5), "ms"),
        Figure(f"p99 of answers, {what}", load.percentile(0.99), "ms", "", Goal.AT_MOST, 100),
        Figure(f"answers other than 200, {what}", len(load.latencies) - stored, "", "", Goal.AT_MOST, 0),
    ]


def _deliveries(first: int, count: int) -> list[bytes]:
    """Whole requests, each of one event of its own, signed in advance."""
    moment = int(time.time())
    return [_request(number, moment) for number in range(first, first + count)]


def _request(number: int, moment: int) -> bytes:
    event = {"type": "order", "action": "update", "date": "2021-01-29 14:40:58.628033", "id": number}
    body = b"payload=" + quote_plus(json.dumps({"events": [event]})).encode()
    signature = hmac.new(_SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/shop HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Centra\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-Centra-Signature: t={moment},v1={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _receiver(database_url: str) -> "contextlib.AbstractContextManager[int]":
    settings = {"CENTRA_DATABASE_URL": database_url, "CENTRA_WEBHOOK_SECRETS": json.dumps({"shop": _SECRET})}
    return _serving([sys.executable, "-m", "centra_assets.cli", "receiver"], settings)


@contextlib.contextmanager
def _serving(command: Sequence[str], settings: dict[str, str] | None = None) -> Iterator[int]:
    """A server as a process of its own; the port on which it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, env={**os.environ, **(settings or {})})
    try:
        _await_answer(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _await_answer(port: int) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM ops.inbox").fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=DELIVERIES, help=f"default {DELIVERIES:,}")
    finish(run(parser.parse_args().deliveries))
