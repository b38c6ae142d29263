"""The receiver's log: what is left out of it. How its lines look is said in centra_assets/logs.py.

Nothing of a delivery is in a line but the plugin and what became of it.
"""

import logging
import time
from collections.abc import Callable, Iterable

from centra_assets import logs

_LOG = logging.getLogger(__name__)
_REFUSALS_EVERY_SECONDS = 1.0


def configure(secrets: Iterable[str] = ()) -> None:
    """Everything that this process logs goes to stderr, and never one of the secrets."""
    logs.mark(*secrets)
    logs.configure()
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
