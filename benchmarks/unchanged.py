"""The same load again when nothing changed: no row may change, and most of the work must be saved."""

from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks import database, options
from benchmarks.contenders import run_ours
from benchmarks.corpus import Corpus, prepare
from benchmarks.processes import Usage
from benchmarks.replay import serving
from benchmarks.report import Figure, Goal, Report, finish, publish

ORDERS = 50_000
_AGAIN = 3
_FIRST = "our own first load"


def run(orders: int = ORDERS) -> Report:
    """Extract and load everything, then three times over again into the same lake and tables."""
    folder = prepare(orders)
    truth = Corpus(folder).truth
    with database.server() as databases, serving(folder) as server:
        first, *again = run_ours(server, databases, truth, times=1 + _AGAIN)
    changed = max(_changed(usage) for usage in again)
    report = Report(
        benchmark="unchanged",
        figures=[
            Figure("rows changed", changed, "rows", "", Goal.AT_MOST, 0),
            Figure("time of the load", _share(first, again, "load"), "x", _FIRST, Goal.AT_MOST, 0.5),
            Figure("time with reading everything from the API again", _share(first, again), "x", _FIRST),
        ],
        measured={"orders": orders, "first": first.as_json(), "again": [usage.as_json() for usage in again]},
        verified={"held after each": asdict(truth)},
    )
    publish(report)
    return report


def _changed(usage: Usage) -> int:
    tables: dict[str, dict[str, Any]] = usage.said["load"]["tables"]
    return sum(counts[what] for counts in tables.values() for what in ("inserted", "updated", "deleted"))


def _share(first: Usage, again: list[Usage], step: str | None = None) -> float:
    def seconds(usage: Usage) -> float:
        return float(usage.said[step]["seconds"] if step else usage.wall_seconds)

    return median(seconds(usage) for usage in again) / seconds(first)


if __name__ == "__main__":
    finish(run(options.orders(ORDERS, __doc__)))
