"""Orders from a replay server into PostgreSQL: our pipeline against dlt on the same pages and the same server."""

from dataclasses import asdict
from statistics import median

from benchmarks import database, options
from benchmarks.contenders import run_dlt, run_ours
from benchmarks.corpus import Corpus, prepare
from benchmarks.processes import Usage
from benchmarks.replay import serving
from benchmarks.report import Figure, Goal, Report, finish, publish

ORDERS = 50_000
_REPETITIONS = 3
_EXACT = "dlt, amounts as decimals like ours"
_FLOATS = "dlt, amounts as floats"


def run(orders: int = ORDERS) -> Report:
    """Ours three times, dlt once each way, every one in a process and a database of its own."""
    folder = prepare(orders)
    truth = Corpus(folder).truth
    with database.server() as databases, serving(folder) as server:
        ours = [run_ours(server, databases, truth)[0] for _ in range(_REPETITIONS)]
        exact = run_dlt(server, databases, truth, exact=True)
        floats = run_dlt(server, databases, truth, exact=False)
    report = Report(
        benchmark="extract",
        figures=[
            Figure("wall time", _ratio(exact, ours, "wall_seconds"), "x", _EXACT, Goal.AT_LEAST, 15),
            Figure("CPU time", _ratio(exact, ours, "cpu_seconds"), "x", _EXACT, Goal.AT_LEAST, 15),
            Figure("peak memory", 1 / _ratio(exact, ours, "peak_memory_mib"), "x", _EXACT, Goal.AT_MOST, 0.5),
            Figure("wall time", _ratio(floats, ours, "wall_seconds"), "x", _FLOATS),
            Figure("CPU time", _ratio(floats, ours, "cpu_seconds"), "x", _FLOATS),
            Figure("peak memory", 1 / _ratio(floats, ours, "peak_memory_mib"), "x", _FLOATS),
        ],
        measured={
            "orders": orders,
            "ours": [usage.as_json() for usage in ours],
            "dlt_exact": exact.as_json(),
            "dlt_floats": floats.as_json(),
        },
        verified={"both hold": asdict(truth)},
    )
    publish(report)
    return report


def _ratio(peer: Usage, ours: list[Usage], what: str) -> float:
    return float(getattr(peer, what) / median(getattr(usage, what) for usage in ours))


if __name__ == "__main__":
    finish(run(options.orders(ORDERS, __doc__)))
