"""The receiver's log: one JSON object a line. Nothing of a delivery is in it but the plugin and what became of it."""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

_LOG = logging.getLogger(__name__)
_REFUSALS_EVERY_SECONDS = 1.0


class JsonLines(logging.Formatter):
    """A record as a line of JSON. Of an exception its class and place: its message may quote what must not be seen."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
            line |= {"exception": record.exc_info[0].__name__, "place": place}
        return msgspec.json.encode(line).decode()


def configure() -> None:
    """Everything that this process logs goes to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Its warnings carry the server's words, which may name hosts and users; what matters reaches us as errors.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    # What uvicorn warns of (no HTTP, too many connections) anybody can cause, as often as he likes.
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.levelno != logging.WARNING)


class RefusalLog:
    """Lines about refused deliveries: at most one a second per plugin and reason, so that nobody fills the disk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[tuple[str, str], float] = {}
        self._untold: dict[tuple[str, str], int] = {}

    def note(self, plugin: str, status: int, reason: str) -> None:
        """One refusal more. `times` in the line counts those since the line before."""
        key, now = (plugin, reason), self._clock()
        times = self._untold.get(key, 0) + 1
        if now - self._told_at.get(key, -_REFUSALS_EVERY_SECONDS) < _REFUSALS_EVERY_SECONDS:
            self._untold[key] = times
            return
        self._told_at[key], self._untold[key] = now, 0
        fields = {"plugin": plugin, "status": status, "reason": reason, "times": times}
        _LOG.warning("delivery refused", extra={"fields": fields})
