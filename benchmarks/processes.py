"""Runs a contender as a process of its own and measures its process tree. What it does there is not known here."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Usage:
    """What a process and all its children took. `postgres_cpu_seconds` is the database server's part, for context."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mib: float
    postgres_cpu_seconds: float
    said: Any

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


class ContenderFailedError(RuntimeError):
    """A contender did not end well; what it said is on stderr."""


def measure(module: str, arguments: Sequence[str], *, postgres_pid: int | None = None) -> Usage:
    """Run `python -m module` to its end. Its last line on stdout is JSON and becomes `said`.

    From start to exit: imports count. CPU is the kernel's account of the process and the children it waited for.
    """
    before = _server_cpu(postgres_pid)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    watcher = _MemoryWatcher(process.pid)
    watcher.start()
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, resources = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    peak = watcher.stop()
    if process.returncode != 0:
        raise ContenderFailedError(f"{module} ended with {process.returncode}.")
    # The kernel's own high-water mark of the largest process catches what falls between two samples.
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(
        wall_seconds=wall,
        cpu_seconds=resources.ru_utime + resources.ru_stime,
        peak_memory_mib=max(peak, resources.ru_maxrss * unit) / 2**20,
        postgres_cpu_seconds=_server_cpu(postgres_pid) - before,
        said=last_json(said),
    )


def last_json(output: str) -> Any:
    """What a process said: the last line of its output, after whatever libraries print."""
    return json.loads(output.strip().splitlines()[-1])


class _MemoryWatcher(threading.Thread):
    """Samples the memory of a process tree; pages that processes share are counted once where the kernel says so."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self._process_id, self._peak, self._done = process_id, 0, threading.Event()

    def run(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, _tree_memory(self._process_id))

    def stop(self) -> int:
        """The highest sum seen, in bytes."""
        self._done.set()
        self.join()
        return self._peak


def _tree_memory(process_id: int) -> int:
    total = 0
    try:
        parent = psutil.Process(process_id)
        for process in (parent, *parent.children(recursive=True)):
            info = process.memory_full_info()
            total += getattr(info, "pss", 0) or info.rss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        # It is ending; what was summed so far is a lower bound and does no harm to a maximum.
        return total
    return total


def _server_cpu(process_id: int | None) -> float:
    """CPU seconds of a PostgreSQL server: its main process, the backends that ended, and those that live."""
    if process_id is None:
        return 0.0
    server = psutil.Process(process_id)
    times = server.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for backend in server.children():
        try:
            own = backend.cpu_times()
            total += own.user + own.system
        except psutil.NoSuchProcess:
            continue
    return float(total)
