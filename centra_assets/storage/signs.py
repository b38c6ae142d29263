"""Signs of life in `ops.run_sign`: how a run's process gives them, and how they are read. Judges nobody."""

import threading
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Self

import psycopg

from centra_assets.storage.failures import translated

_EVERY_SECONDS = 20.0
# A sign that is stuck on its way must not keep the next one back.
_CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "tcp_user_timeout": 10_000,
}
_LAST_SIGN_SECONDS = 10.0

_GIVE = """
INSERT INTO ops.run_sign AS held (run_id) VALUES (%s)
ON CONFLICT (run_id) DO UPDATE SET signs = held.signs + 1, seen_at = clock_timestamp()
"""


class SignsOfLife:
    """While the block lasts, a thread says at once and then every 20 seconds that this process lives.

    Each sign is one row, over a connection that lasts no longer: what PostgreSQL can have at once is for the work. A
    database that is away is tried again the next time: a sign that cannot be given harms nothing but trust.
    """

    def __init__(self, url: str, run_id: str, *, every: float = _EVERY_SECONDS) -> None:
        self._url, self._run_id, self._every = url, run_id, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._give, name="signs-of-life", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_LAST_SIGN_SECONDS)

    def _give(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = self._every
            with suppress(psycopg.Error), psycopg.connect(self._url, autocommit=True, **_CONNECTION) as connection:
                connection.execute(_GIVE, [self._run_id])


def signs_of(url: str, run_ids: Collection[str]) -> dict[str, int]:
    """How many signs each of these runs has given; those that never gave one are left out.

    Signs of more than a week ago are forgotten: those runs are over. Raises storage's errors.
    """
    with translated(), psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("DELETE FROM ops.run_sign WHERE seen_at < clock_timestamp() - interval '7 days'")
        found = connection.execute("SELECT run_id, signs FROM ops.run_sign WHERE run_id = ANY(%s)", [list(run_ids)])
        return dict(found.fetchall())
