"""The PostgreSQL that contenders load into, and what it holds afterwards. Its server is the project's embedded one."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.shop import Truth
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.migrate import upgrade

OURS = """
    SELECT (SELECT count(*) FROM core.orders), (SELECT count(*) FROM core.order_lines),
           (SELECT count(*) FROM core.order_discounts), (SELECT count(*) FROM core.payments),
           (SELECT sum(grand_total) FROM core.orders), (SELECT sum(line_value) FROM core.order_lines)
"""
# dlt's amounts are double precision, as it makes them of JSON numbers; they are rounded before they are summed.
PEER = """
    SELECT (SELECT count(*) FROM peer.orders), (SELECT count(*) FROM peer.orders__lines),
           (SELECT count(*) FROM peer.orders__discounts_applied), (SELECT count(*) FROM peer.orders__payment_history),
           (SELECT sum(round(grand_total__value::numeric, 2)) FROM peer.orders),
           (SELECT sum(round(line_value__value::numeric, 2)) FROM peer.orders__lines)
"""


class Databases:
    """Fresh databases on one running server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    @property
    def process_id(self) -> int:
        """The server's main process."""
        return int((self._server.data / "postmaster.pid").read_text().splitlines()[0])

    @contextlib.contextmanager
    def fresh(self, name: str) -> Iterator[str]:
        """URL of a new, migrated database; dropped afterwards."""
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            upgrade(self._server.url_of(name))
            # The next contender starts with nothing of ours left to write.
            connection.execute("CHECKPOINT")
        try:
            yield self._server.url_of(name)
        finally:
            with psycopg.connect(self._server.url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def server() -> Iterator[Databases]:
    """A durable embedded server in a folder of its own, as an installation runs it."""
    folder = Path(tempfile.mkdtemp(prefix="centra-bench-"))
    try:
        with EmbeddedPostgres(folder) as running:
            yield Databases(running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def held(url: str, query: str) -> Truth:
    """What a contender's tables hold, in the terms of the corpus."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    orders, lines, discounts, payments, grand_total, line_value = row
    return Truth(orders, lines, discounts, payments, int(grand_total * 100), int(line_value * 100))
