"""Faults on demand: what goes wrong on purpose, how often, and whose turn it is. The endpoint carries them out."""

import random
from enum import StrEnum

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


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """Everything that is set to go wrong. The default is a healthy instance."""

    requests: list[Fault] = []
    # Rows that slip between two pages of a `limit`/`page` list: below 0 they come twice, above 0 they are lost.
    page_drift: int = 0
    denied_permissions: set[str] = set()
    int64_as_text: bool = False
    retry_after: RetryAfterForm = RetryAfterForm.EPOCH

    def strike(self, rng: random.Random, operation: str) -> Fault | None:
        """The fault that this request meets, if any; counted ones go first and are used up."""
        for index, fault in enumerate(self.requests):
            if fault.only not in operation:
                continue
            if fault.times > 0:
                left = msgspec.structs.replace(fault, times=fault.times - 1)
                self.requests[index : index + 1] = [left] if left.times or left.share else []
                return fault
            if fault.share and rng.random() < fault.share:
                return fault
        return None
