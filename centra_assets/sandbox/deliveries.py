"""Sends webhook calls: gathered, signed, retried, dropped, spoiled on purpose. What they say is in webhooks."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
import msgspec

from centra_assets.sandbox.faults import DeliveryFault, DeliveryFaultKind
from centra_assets.sandbox.webhooks import Notice, WebhookPlugin, body_of, signature

_LOG = logging.getLogger(__name__)
Strike = Callable[[random.Random, str], DeliveryFault | None]


class Counts(msgspec.Struct):
    """What became of one plugin's calls. A call is `made` once; each try to send it is an attempt."""

    notices: int = 0
    made: int = 0
    attempts: int = 0
    delivered: int = 0
    # Tries that were answered with anything but 2xx, and tries without an answer.
    refused: int = 0
    unanswered: int = 0
    retries: int = 0
    dropped: int = 0
    lost: int = 0
    doubled: int = 0
    late: int = 0
    reordered: int = 0
    # Not sent yet: notices still gathering, calls held back or on their way.
    gathering: int = 0
    underway: int = 0


@dataclass
class _Held:
    """A call that waits for its moment, or for another to overtake it."""

    body: bytes
    due: float
    is_overtaken: bool


class Courier:
    """One plugin's queue and the thread that empties it, call after call. Nobody who tells it something waits."""

    def __init__(self, plugin: WebhookPlugin, rng: random.Random, strike: Strike) -> None:
        self.plugin = plugin
        self._rng = rng
        self._strike = strike
        self._counts = Counts()
        self._news = threading.Condition()
        self._gathering: list[Notice] = []
        self._gathered_at = 0.0
        self._held: list[_Held] = []
        self._stopped = threading.Event()
        # A connection of its own for each call: a receiver that was restarted must not meet an old one.
        self._client = httpx.Client(
            timeout=plugin.timeout_seconds, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False
        )
        self._thread = threading.Thread(target=self._run, name=f"webhooks {plugin.name}", daemon=True)
        self._thread.start()

    def tell(self, notices: Sequence[Notice]) -> None:
        """Put notices on the queue; returns at once."""
        if not notices:
            return
        with self._news:
            if not self._gathering:
                self._gathered_at = time.monotonic() + self.plugin.gather_seconds
            self._gathering.extend(notices)
            self._counts.notices += len(notices)
            self._news.notify()

    def counts(self) -> Counts:
        """What became of everything so far."""
        with self._news:
            return msgspec.structs.replace(self._counts, gathering=len(self._gathering))

    def close(self) -> None:
        """Send nothing more; a call that is on its way is not waited for."""
        self._stopped.set()
        with self._news:
            self._news.notify()

    def _run(self) -> None:
        with self._client:
            while not self._stopped.is_set():
                fresh, due = self._next()
                for body in due:
                    self._deliver(body)
                    self._count(underway=-1)
                for body in fresh:
                    self._send(body)

    def _next(self) -> tuple[list[bytes], list[bytes]]:
        """Wait until there is something to send: fresh calls, and held ones that are due."""
        with self._news:
            while not self._stopped.is_set():
                now = time.monotonic()
                due = [held for held in self._held if held.due <= now]
                ripe = bool(self._gathering) and self._gathered_at <= now
                if due or ripe:
                    self._held = [held for held in self._held if held.due > now]
                    return self._calls() if ripe else [], [held.body for held in due]
                moments = [held.due for held in self._held]
                if self._gathering:
                    moments.append(self._gathered_at)
                self._news.wait(min(moments) - now if moments else None)
        return [], []

    def _calls(self) -> list[bytes]:
        """Everything gathered, as calls of at most so many events; nothing is said twice in one."""
        told, self._gathering = list(dict.fromkeys(self._gathering)), []
        most = self.plugin.max_events
        bodies = [body_of(self.plugin.kind, told[at : at + most]) for at in range(0, len(told), most)]
        self._counts.made += len(bodies)
        self._counts.underway += len(bodies)
        return bodies

    def _send(self, body: bytes) -> None:
        """Meet the fault that this call is due, or deliver it; whoever was to be overtaken follows it."""
        fault = self._strike(self._rng, self.plugin.name)
        kind = fault.kind if fault else None
        if fault is not None and kind in (DeliveryFaultKind.LATE, DeliveryFaultKind.REORDERED):
            overtaken = kind is DeliveryFaultKind.REORDERED
            with self._news:
                self._held.append(_Held(body, time.monotonic() + fault.seconds, overtaken))
            self._count(reordered=1) if overtaken else self._count(late=1)
            return
        if kind is DeliveryFaultKind.LOST:
            self._count(lost=1, underway=-1)
            return
        self._deliver(body)
        if kind is DeliveryFaultKind.DOUBLED:
            self._count(doubled=1)
            self._deliver(body)
        self._count(underway=-1)
        with self._news:
            for held in self._held:
                if held.is_overtaken:
                    held.due = 0.0

    def _deliver(self, body: bytes) -> None:
        """Try until it is taken or the retries are used up; then it is dropped, and the next one's turn comes."""
        for attempt in range(self.plugin.retries + 1):
            if attempt:
                self._count(retries=1)
                if self._stopped.wait(self.plugin.retry_delay_seconds * 2 ** (attempt - 1)):
                    return
            if self._post(body):
                self._count(delivered=1)
                return
        self._count(dropped=1)

    def _post(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Centra-Webhook"}
        if self.plugin.secret:
            # Signed anew for each try, by real time: a receiver judges the call's age, not the shop's clock.
            headers["X-Centra-Signature"] = signature(self.plugin.secret, int(time.time()), body)
        try:
            answer = self._client.post(self.plugin.url, content=body, headers=headers)
        except httpx.HTTPError as problem:
            _LOG.debug("webhook %s: %s", self.plugin.name, type(problem).__name__)
            self._count(attempts=1, unanswered=1)
            return False
        self._count(attempts=1, refused=0 if answer.is_success else 1)
        return answer.is_success

    def _count(self, **more: int) -> None:
        with self._news:
            for name, number in more.items():
                setattr(self._counts, name, getattr(self._counts, name) + number)
