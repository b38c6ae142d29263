"""Peak memory of a backfill at growing numbers of orders: it must not grow with them."""

from benchmarks import database, options
from benchmarks.contenders import run_ours
from benchmarks.corpus import Corpus, prepare
from benchmarks.processes import Usage
from benchmarks.replay import serving
from benchmarks.report import Figure, Goal, Report, finish, publish

ORDERS = 150_000


def run(orders: int = ORDERS) -> Report:
    """A fifteenth, a third and the whole of so many orders, each in a process and a database of its own."""
    sizes = (orders // 15, orders // 3, orders)
    with database.server() as databases:
        usages = [_backfill(databases, size) for size in sizes]
    peaks = [usage.peak_memory_mib for usage in usages]
    report = Report(
        benchmark="memory",
        figures=[
            Figure(f"peak at {sizes[2]:,} orders", peaks[2] / peaks[1], "x", f"at {sizes[1]:,}", Goal.AT_MOST, 1.15),
            Figure(f"peak at {sizes[1]:,} orders", peaks[1] / peaks[0], "x", f"at {sizes[0]:,}"),
            *[Figure(f"peak at {size:,} orders", peak, "MiB") for size, peak in zip(sizes, peaks, strict=True)],
        ],
        measured={str(size): usage.as_json() for size, usage in zip(sizes, usages, strict=True)},
    )
    publish(report)
    return report


def _backfill(databases: database.Databases, orders: int) -> Usage:
    folder = prepare(orders)
    with serving(folder) as server:
        return run_ours(server, databases, Corpus(folder).truth)[0]


if __name__ == "__main__":
    finish(run(options.orders(ORDERS, __doc__)))
