"""Sends what is in the outbox, one message after the other, within a time. What is in there was written by desk."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.alerts import outbox
from centra_assets.alerts.channels import send
from centra_assets.alerts.errors import AlertChannelUnavailableError, AlertError
from centra_assets.alerts.model import Message
from centra_assets.alerts.outbox import Claimed
from centra_assets.alerts.settings import AlertSettings, Channel
from centra_assets.alerts.wording import Wording
from centra_assets.storage.failures import translated

T = TypeVar("T")
Send = Callable[[Channel, Message, Wording], str]

_FIRST_PAUSE_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 600.0
# Somebody must mend the settings first; trying now and then finds out that he did.
_REFUSED_PAUSE = timedelta(minutes=15)


@dataclass
class Delivered:
    """What became of the messages that were due. `refused` are codes by channel."""

    sent: int = 0
    given_up: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [f"{self.sent} messages sent"]
        told += [f"{channel}: {code}" for channel, code in sorted(self.refused.items())]
        return "; ".join([*told, f"{self.given_up} given up"] if self.given_up else told)


def deliver(
    url: str,
    settings: AlertSettings,
    wording: Wording,
    *,
    seconds: float,
    sending: Send = send,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.monotonic,
) -> Delivered:
    """Sends what is due until nothing is, or the time is over; no message is begun after that.

    A message that was taken but whose sender died before he could note it is sent again when its lease is over: at
    least once, and twice in that case only. A channel that failed is left alone for the rest of the call.
    """
    deadline, done = clock() + seconds, Delivered()
    while clock() < deadline:
        claimed = _transact(url, lambda cursor: outbox.claim(cursor, now(), _open(settings, done)))
        if claimed is None:
            break
        _send_one(url, settings, wording, claimed, done, sending, now)
    return done


def _open(settings: AlertSettings, done: Delivered) -> list[str]:
    # Another process may have other settings, and messages for channels that are not known here.
    return [channel for channel in settings.channels if channel not in done.refused]


def _send_one(
    url: str,
    settings: AlertSettings,
    wording: Wording,
    claimed: Claimed,
    done: Delivered,
    sending: Send,
    now: Callable[[], datetime],
) -> None:
    try:
        sending(settings.channels[claimed.channel], claimed.message, wording)
    except AlertError as error:
        done.refused[claimed.channel] = code = error.code
        pause, give_up = pause_after(error, claimed.attempts), settings.delivery.give_up
        done.given_up += _transact(
            url, lambda cursor: outbox.put_back(cursor, claimed, code, now(), pause=pause, give_up=give_up)
        )
    else:
        _transact(url, lambda cursor: outbox.sent(cursor, claimed, now()))
        done.sent += 1


def pause_after(error: AlertError, attempts: int) -> timedelta:
    """How long a channel is left alone: longer each time, as it asks for, or until somebody may have mended it."""
    if not isinstance(error, AlertChannelUnavailableError):
        return _REFUSED_PAUSE
    if error.wait_seconds is not None:
        return timedelta(seconds=error.wait_seconds)
    seconds = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 10))
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))


def _transact(url: str, work: Callable[[Cursor[TupleRow]], T]) -> T:
    with (
        translated(),
        psycopg.connect(url, application_name="centra_alerts", connect_timeout=10) as connection,
        connection.cursor() as cursor,
    ):
        return work(cursor)
