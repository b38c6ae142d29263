"""A run that is killed with SIGKILL in the middle, and run again: the warehouse equals the truth."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from centra_assets.assets.tables import table_of
from centra_assets.entities.registry import entity
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.fixtures.sandbox import MakeSandbox

pytestmark = pytest.mark.slow

ORDERS = entity("orders")
# Small pages, so that the run is in the middle for a while.
PAGE_LIMIT = 1
LONGEST = 120.0


@contextmanager
def backfill(platform: Platform, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that fills the platform's days, killed at the latest when the block ends."""
    days = platform.keys(ORDERS.axis)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CENTRA_", "DAGSTER_"))},
        "CENTRA_API_URL": platform.sandbox.url,
        "CENTRA_API_TOKEN": platform.sandbox.token,
        "CENTRA_API_CONCURRENCY": "1",
        "CENTRA_DATABASE_URL": platform.database_url,
        "CENTRA_LAKE_URL": str(platform.lake_folder),
        "CENTRA_TIMEZONE": platform.zone,
        "CENTRA_START_DATE": platform.settings.start_date.isoformat(),
    }
    command = [sys.executable, "-m", "centra_assets_tests.assets.backfill"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, ORDERS.name, str(PAGE_LIMIT), days[0], days[-1]],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(happened: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for what can be seen from outside, while the process lives."""
    deadline = time.monotonic() + LONGEST
    while not happened():
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, "nothing was to be seen in time"
        time.sleep(0.01)


def test_a_run_killed_in_the_middle_of_raw_completes_when_run_again(
    make_platform: MakePlatform, make_sandbox: MakeSandbox, tmp_path: Path
) -> None:
    slow = make_sandbox(latency_ms=250)
    platform = make_platform(sandbox=slow, days=25)
    days, log = platform.keys(ORDERS.axis), tmp_path / "killed.log"
    with backfill(platform, log) as process:
        until(lambda: bool(platform.lake.partitions("orders")), process, log)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    written = set(platform.lake.partitions("orders"))
    assert set() < written < set(days)

    platform.admin("plan", latency_ms=0)
    platform.refresh()
    assert set(platform.lake.partitions("orders")) == set(days)
    assert platform.differences() == {}


def test_a_run_killed_in_the_middle_of_core_leaves_nothing_half_loaded_and_completes_when_run_again(
    make_platform: MakePlatform, tmp_path: Path
) -> None:
    platform = make_platform(days=10)
    platform.warehouse.prepare([table_of(contract) for contract in ORDERS.tables])
    log = tmp_path / "killed.log"
    with (
        psycopg.connect(platform.database_url) as blocker,
        psycopg.connect(platform.database_url, autocommit=True) as observer,
        backfill(platform, log) as process,
    ):
        # The load gets as far as this table, in the middle of its transaction, and no further.
        blocker.execute("LOCK TABLE core.order_addresses IN SHARE ROW EXCLUSIVE MODE")
        waiting = (
            "select count(*) from pg_locks where not granted and relation = 'core.order_addresses'::regclass"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        until(lambda: bool((observer.execute(waiting).fetchone() or (0,))[0]), process, log)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert {contract.table: platform.count(contract.table) for contract in ORDERS.tables} == {
        contract.table: 0 for contract in ORDERS.tables
    }

    platform.refresh()
    assert platform.count("orders") > 0
    assert platform.differences() == {}
