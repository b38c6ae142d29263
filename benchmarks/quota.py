"""How much of Centra's quota a backfill uses while it lasts, against a server that keeps real token buckets."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import database, options
from benchmarks.corpus import prepare
from benchmarks.plans import PLANS
from benchmarks.processes import ROOT, last_json
from benchmarks.replay import ReplayServer, serving
from benchmarks.report import Figure, Goal, Report, finish, publish
from benchmarks.shop import DAYS
from centra_assets.centra.buckets import Priority

ORDERS = 50_000
SECONDS = 75
_COMPLEXITY = "QUERY_COMPLEXITY"
# Until a backfill has started, read the schema and spent what lay above its reserve.
_WARM_UP_SECONDS = 12
# What a small process needs to start, on a busy machine.
_START_SECONDS = 10
# The hour's bucket holds the backfill's reserve and little more, as it does after the first minutes of a long one.
_SPENT = Priority.BACKFILL.value + 0.001


@dataclass(frozen=True)
class Window:
    """What a server saw of some backfills in steady state."""

    share: float
    pages: int
    throttled: int
    realtime: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {
            "share": round(self.share, 4),
            "pages": self.pages,
            "throttled": self.throttled,
            "realtime": dict(self.realtime),
        }


def run(orders: int = ORDERS, seconds: float = SECONDS) -> Report:
    """One backfill; two beside a real-time client; and a larger plan whose answers take 300 ms."""
    corpus = prepare(orders)
    with database.server() as databases:
        alone = _window(databases, corpus, seconds, plan="growth")
        shared = _window(databases, corpus, seconds, plan="growth", backfills=2, realtime=True)
        slow = _window(databases, corpus, seconds / 2, plan="enhanced", hour_share=1.0, latency_ms=300)
    waits = sorted(shared.realtime["took"])
    report = Report(
        benchmark="quota",
        figures=[
            *_figures("one backfill", alone, "growth plan, points per hour"),
            *_figures("two backfills and a real-time client", shared, "growth plan, points per hour"),
            Figure("slowest real-time answer meanwhile", waits[-1], "s"),
            Figure("median real-time answer meanwhile", waits[len(waits) // 2], "s"),
            *_figures("one backfill, 300 ms per answer", slow, "enhanced plan, points per ten seconds"),
        ],
        measured={"one": alone.as_json(), "two_and_realtime": shared.as_json(), "slow_answers": slow.as_json()},
    )
    publish(report)
    return report


def _figures(what: str, window: Window, peer: str) -> list[Figure]:
    return [
        Figure(f"share used, {what}", window.share, "of quota", peer, Goal.AT_LEAST, 0.95),
        Figure(f"429 answers, {what}", window.throttled, "", "", Goal.AT_MOST, 0),
    ]


def _window(
    databases: database.Databases,
    corpus: Path,
    seconds: float,
    *,
    plan: str,
    backfills: int = 1,
    realtime: bool = False,
    hour_share: float = _SPENT,
    latency_ms: int = 0,
) -> Window:
    short, hour = PLANS[plan][_COMPLEXITY]
    rate = hour / 3600 if hour_share < 1 else short / 10
    with (
        databases.fresh("quota") as url,
        serving(corpus, plan=plan, hour_share=hour_share, latency_ms=latency_ms) as server,
        _backfills(server, url, backfills),
    ):
        time.sleep(_WARM_UP_SECONDS)
        client = _realtime(server, url, seconds - _START_SECONDS) if realtime else None
        time.sleep(seconds)
        stats = server.stats()
        seen = last_json(client.communicate()[0]) if client else {}
    return Window(
        share=_share(stats["pages"], rate),
        pages=len(stats["pages"]),
        throttled=stats["throttled"],
        realtime=seen,
    )


def _share(pages: Sequence[Sequence[Any]], rate: float) -> float:
    """Points spent between the first page after the warm-up and the last, of those that were refilled meanwhile.

    From page to page, so that where the window cuts into a wait makes no difference.
    """
    first = pages[0][0] + _WARM_UP_SECONDS
    steady = [(at, points) for at, points, *_ in pages if at >= first]
    return float(sum(points for _, points in steady[1:]) / (rate * (steady[-1][0] - steady[0][0])))


@contextlib.contextmanager
def _backfills(server: ReplayServer, database_url: str, count: int) -> Iterator[None]:
    """So many processes that read parts of the year, ended with the block: none of them gets through it."""
    lake = tempfile.mkdtemp(prefix="centra-bench-lake-")
    bounds = [DAYS * part // count for part in range(count + 1)]
    processes = []
    try:
        for part in range(count):
            arguments = ["--url", server.url, "--token", f"backfill-{part}", "--database-url", database_url]
            arguments += ["--lake", lake, "--run-id", f"run-{part}", "--extract-only"]
            arguments += ["--first-day", str(bounds[part]), "--last-day", str(bounds[part + 1])]
            processes.append(subprocess.Popen([sys.executable, "-m", "benchmarks.ours", *arguments], cwd=ROOT))
        yield
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("A backfill ended within the window, so the share says nothing; use more orders.")
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(lake, ignore_errors=True)


def _realtime(server: ReplayServer, database_url: str, seconds: float) -> "subprocess.Popen[str]":
    arguments = ["--url", server.url, "--token", "realtime", "--database-url", database_url, "--seconds", str(seconds)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.realtime", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    finish(run(options.orders(ORDERS, __doc__)))
