"""Faults on demand: what goes wrong on purpose, how often, and whose turn it is. Others carry them out."""

import random
from enum import StrEnum
from typing import TypeVar

import msgspec


class FaultKind(StrEnum):
    """One way for a request to go wrong."""

    THROTTLE = "throttle"  # 429 with Retry-After, without asking the buckets
    STATUS = "status"  # any HTTP status with a plain body: 500, 502, 503, 499
    CUT = "cut"  # the connection closes in the middle of the body
    MALFORMED = "malformed"  # 200 with a body that is no JSON
    SLOW = "slow"  # the answer takes `seconds` longer


class RetryAfterForm(StrEnum):
    """How Retry-After is written; Centra's docs say a timestamp and show none."""

    EPOCH = "epoch"
    MILLISECONDS = "milliseconds"
    HTTP_DATE = "http-date"
    ISO = "iso"
    SECONDS = "seconds"


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that strikes a `share` of requests, or the next `times` requests whatever the share."""

    kind: FaultKind
    share: float = 0.0
    times: int = 0
    status: int = 503
    seconds: float = 5.0
    # Only requests whose operation name or root fields contain this text.
    only: str = ""
    # Above 0: it strikes for so long from when it was set, every request where neither `share` nor `times` is told.
    for_seconds: float = 0.0
    # Set by `begun`: the moment at which it is over, in seconds since 1970 by the instance's clock.
    ends_at: float = 0.0

    def begun(self, now: float) -> "Fault":
        """The same fault with its end, when it is one that ends."""
        if not self.for_seconds:
            return self
        share = self.share if self.share or self.times else 1.0
        return msgspec.structs.replace(self, share=share, ends_at=now + self.for_seconds)


class DeliveryFaultKind(StrEnum):
    """One way for a webhook call to go wrong between Centra and its receiver."""

    LOST = "lost"
    DOUBLED = "doubled"  # sent twice, one straight after the other
    LATE = "late"  # sent `seconds` later; others pass it
    REORDERED = "reordered"  # sent after the next one, or after `seconds` when none comes


class DeliveryFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that strikes a `share` of webhook calls, or the next `times` calls whatever the share."""

    kind: DeliveryFaultKind
    share: float = 0.0
    times: int = 0
    seconds: float = 5.0
    # Only calls of the plugin of this name.
    only: str = ""


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """Everything that is set to go wrong. The default is a healthy instance."""

    requests: list[Fault] = []
    deliveries: list[DeliveryFault] = []
    # Rows that slip between two pages of a `limit`/`page` list: below 0 they come twice, above 0 they are lost.
    page_drift: int = 0
    denied_permissions: set[str] = set()
    int64_as_text: bool = False
    retry_after: RetryAfterForm = RetryAfterForm.EPOCH

    def strike(self, rng: random.Random, operation: str, now: float) -> Fault | None:
        """The fault that this request meets, if any; counted ones go first and are used up."""
        running = (fault for fault in self.requests if not fault.ends_at or now < fault.ends_at)
        return _drawn(self.requests, [fault for fault in running if fault.only in operation], rng)

    def strike_delivery(self, rng: random.Random, plugin: str) -> DeliveryFault | None:
        """The fault that this webhook call meets, if any."""
        return _drawn(self.deliveries, [fault for fault in self.deliveries if fault.only in ("", plugin)], rng)

    def begin(self, now: float) -> None:
        """From this moment on, faults that last for some time are counted down."""
        self.requests = [fault.begun(now) for fault in self.requests]


AnyFault = TypeVar("AnyFault", Fault, DeliveryFault)


def _drawn(faults: list[AnyFault], candidates: list[AnyFault], rng: random.Random) -> AnyFault | None:
    for fault in candidates:
        if fault.times > 0:
            index = next(place for place, other in enumerate(faults) if other is fault)
            left = msgspec.structs.replace(fault, times=fault.times - 1)
            faults[index : index + 1] = [left] if left.times or left.share else []
            return fault
        if fault.share and rng.random() < fault.share:
            return fault
    return None
