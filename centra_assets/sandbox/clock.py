"""The sandbox's clock: real time by default, frozen or moved on demand. Nothing here formats a date."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time plus an offset, or a moment that stands still. Every instant it gives is in UTC."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = 0.0
        self._frozen_at: float | None = None
        if start is not None:
            self.set(start)

    @property
    def is_frozen(self) -> bool:
        return self._frozen_at is not None

    def timestamp(self) -> float:
        """Seconds since the epoch, by this clock."""
        return self._frozen_at if self._frozen_at is not None else time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def set(self, moment: datetime) -> None:
        """Make it `moment` now; a frozen clock stays frozen."""
        if moment.tzinfo is None:
            raise ValueError("a moment needs an offset")
        if self._frozen_at is not None:
            self._frozen_at = moment.timestamp()
        else:
            self._offset = moment.timestamp() - time.time()

    def advance(self, seconds: float) -> None:
        """Let time pass at once; a frozen clock stays frozen."""
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._offset += seconds

    def freeze(self) -> None:
        """Stop at the present moment."""
        self._frozen_at = self.timestamp()

    def resume(self) -> None:
        """Go on from the moment at which it stands."""
        if self._frozen_at is not None:
            self._offset, self._frozen_at = self._frozen_at - time.time(), None
