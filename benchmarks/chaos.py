"""Kills what can be killed under live traffic, while deliveries are lost; then the net sweeps, and all must be equal.

`python -m benchmarks.chaos --minutes 10 --seed 1`. No figure is promised but one: no difference, in any table.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import psycopg

from benchmarks.live import LivePlatform, live_platform
from centra_assets.commands.filling import execute, patient_instance
from centra_assets.commands.shop import DAYS
from centra_assets.commands.truth import compare, warehouse_figures
from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.marts.refresh import refresh
from centra_assets.marts.registry import MARTS
from centra_assets.partitions import partitions_definition
from centra_assets.storage.sync_state import SyncState

SCALE = 0.1
TRAFFIC_PER_MINUTE = 90
# Seconds between two kills on average.
KILL_EVERY_SECONDS = 12.0
# The net is given up when it brings nothing in for so long: a busy machine is slow, and slow is no difference.
_IDLE_SECONDS = 300.0

FAULTS: Mapping[str, Any] = {
    "deliveries": [
        {"kind": "lost", "share": 0.33},
        {"kind": "doubled", "share": 0.1},
        {"kind": "late", "share": 0.1, "seconds": 4.0},
        {"kind": "reordered", "share": 0.1},
    ],
    "requests": [
        {"kind": "status", "share": 0.02, "status": 503},
        {"kind": "cut", "share": 0.01},
        {"kind": "throttle", "share": 0.01, "seconds": 2.0},
    ],
}

_OPEN = """
SELECT 'hints of ' || entity, count(*) FROM ops.inbox WHERE state = 'waiting' GROUP BY 1
UNION ALL SELECT 'a sweep of ' || entity, count(*) FROM ops.sweep_request GROUP BY 1
UNION ALL SELECT 'days of ' || asset, count(*) FROM ops.stale_partition GROUP BY 1
"""
_HINTS = "SELECT state, count(*) FROM ops.inbox GROUP BY 1"


@dataclass
class Outcome:
    """What was done to the platform, and where it differs from the sandbox at the end: nowhere, or it failed."""

    seed: int
    minutes: float
    kills: dict[str, int] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, Any] = field(default_factory=dict)
    restarts: list[str] = field(default_factory=list)
    failed_runs: list[str] = field(default_factory=list)
    differences: dict[str, Any] = field(default_factory=dict)
    stale_marts: dict[str, int] = field(default_factory=dict)
    net_seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether the warehouse equals the sandbox's truth, and the marts the warehouse."""
        return not self.differences and not self.stale_marts and not self.failed_runs


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)


class Chaos:
    """Chooses who dies next."""

    def __init__(self, live: LivePlatform, rng: random.Random) -> None:
        self._live, self._rng = live, rng
        self.kills: Counter[str] = Counter()
        self._ways: Mapping[str, Callable[[], bool]] = {
            "receiver": lambda: self._service("receiver"),
            "web server": lambda: self._service("web server"),
            "daemon": lambda: self._service("daemon"),
            "run": self._run,
            "PostgreSQL": self._postgres,
        }

    def strike(self) -> None:
        """Kill one of them, if it is there."""
        name = self._rng.choice(list(self._ways))
        with suppress(psutil.NoSuchProcess):
            if self._ways[name]():
                self.kills[name] += 1

    def _service(self, name: str) -> bool:
        process = self._live.platform.supervisor.services[name].process
        if process is None or process.poll() is not None:
            return False
        _kill(psutil.Process(process.pid))
        return True

    def _run(self) -> bool:
        """A run's worker: a child of the code server that Python's multiprocessing started."""
        server = self._live.platform.supervisor.services["code server"].process
        if server is None:
            return False
        family = psutil.Process(server.pid).children(recursive=True)
        workers = [process for process in family if "--multiprocessing-fork" in process.cmdline()]
        if workers:
            _kill(self._rng.choice(workers))
        return bool(workers)

    def _postgres(self) -> bool:
        server = self._live.platform.stack.server
        assert server is not None
        try:
            pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            return False
        return True


def run(
    *, minutes: float, seed: int, scale: float = SCALE, traffic: float = TRAFFIC_PER_MINUTE, days: int = DAYS
) -> Outcome:
    """One whole trial."""
    rng, outcome = random.Random(seed), Outcome(seed, minutes)
    with live_platform(scale=scale, seed=seed, days=days, tell=outcome.restarts.append) as live:
        outcome.failed_runs += live.failed_runs
        live.admin("faults", **FAULTS)
        live.admin("traffic", per_minute=traffic)
        chaos, end = Chaos(live, rng), time.monotonic() + minutes * 60
        while time.monotonic() < end:
            time.sleep(min(rng.expovariate(1 / KILL_EVERY_SECONDS), max(0.0, end - time.monotonic())))
            chaos.strike()
        live.admin("traffic", per_minute=0, steps=0)
        live.admin("faults", requests=[], deliveries=[])
        outcome.kills = dict(chaos.kills)
        outcome.deliveries = live.admin("webhooks/deliveries")
        began = time.monotonic()
        outcome.failed_runs += _cast_the_net(live)
        outcome.net_seconds = round(time.monotonic() - began, 1)
        _compare(live, outcome)
    return outcome


def _cast_the_net(live: LivePlatform) -> list[str]:
    """What the schedules do within a day: every sweep, which the daemon carries out, and the reconciliation."""
    _patiently(lambda: SyncState(live.database_url).ask_for([e.name for e in ENTITIES], reason="chaos"))
    _await_rest(live)
    failed = []
    everything = {"reconcile_entities": {"config": {"entities": [entity.name for entity in ENTITIES], "days": DAYS}}}
    with patient_instance() as instance:
        if not execute(build_definitions(live.settings), instance, "reconcile", ops=everything).success:
            failed.append("reconcile")
    _await_rest(live)
    return failed


def _await_rest(live: LivePlatform) -> None:
    """Until no hint, no asked-for sweep and no stale partition waits any more."""
    least, since = None, time.monotonic()
    while waiting := _patiently(lambda: _open(live)):
        total = sum(waiting.values())
        if least is None or total < least:
            least, since = total, time.monotonic()
        elif time.monotonic() - since > _IDLE_SECONDS:
            raise TimeoutError(f"Nothing came in for {_IDLE_SECONDS:.0f} seconds; there wait {waiting}.")
        time.sleep(1)


def _open(live: LivePlatform) -> dict[str, int]:
    """What waits, by what it is; nothing when all is done."""
    with psycopg.connect(live.database_url) as connection:
        return dict(connection.execute(_OPEN).fetchall())


def _patiently(ask: Callable[[], Any]) -> Any:
    """The last kill may have been PostgreSQL's."""
    for _ in range(60):
        try:
            return ask()
        except (psycopg.OperationalError, CentraAssetsError):
            time.sleep(0.5)
    return ask()


def _compare(live: LivePlatform, outcome: Outcome) -> None:
    begin, _ = live.calendar.window(Axis.DAY, live.settings.start_date.isoformat())
    truth = live.admin(f"truth?from={begin.isoformat().replace('+', '%2B')}")
    outcome.differences = dict(compare(truth, warehouse_figures(live.warehouse, truth)))
    with psycopg.connect(live.database_url) as connection:
        outcome.hints = dict(connection.execute(_HINTS).fetchall())
    days = partitions_definition(Axis.DAY, live.calendar)
    assert days is not None
    for mart in MARTS:
        report = refresh(live.warehouse, mart, list(days.get_partition_keys()), run_id="chaos")
        for counts in report.tables.values():
            changed = counts.inserted + counts.updated + counts.deleted
            if changed:
                outcome.stale_marts[mart.name] = changed


def main() -> None:
    """Run one trial; exit code 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--traffic", type=float, default=TRAFFIC_PER_MINUTE)
    given = parser.parse_args()
    outcome = run(minutes=given.minutes, seed=given.seed, scale=given.scale, traffic=given.traffic)
    print(json.dumps({**asdict(outcome), "whole": outcome.is_whole}, indent=2))
    sys.exit(0 if outcome.is_whole else 1)


if __name__ == "__main__":
    main()
