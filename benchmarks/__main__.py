"""`python -m benchmarks`: every benchmark, one after the other; the report of all as JSON on stdout."""

import argparse

from benchmarks import complexity, extract, latency, load_time, memory, quota, receiver, unchanged
from benchmarks.report import finish

# Windows of the quota benchmark in a smoke test.
_SMOKE_SECONDS = 20.0
# Changes and shop of the latency benchmark in a smoke test.
_SMOKE_CHANGES, _SMOKE_SCALE = 10, 0.05


def main() -> None:
    """Run all. `--orders N` shrinks the loads for a smoke test; the figures then mean little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, help="orders in the largest load, instead of each benchmark's own size")
    orders = parser.parse_args().orders
    finish(
        complexity.run(),
        load_time.run(),
        extract.run(orders or extract.ORDERS),
        unchanged.run(orders or unchanged.ORDERS),
        memory.run(orders or memory.ORDERS),
        quota.run(seconds=_SMOKE_SECONDS) if orders else quota.run(),
        receiver.run(orders or receiver.DELIVERIES),
        latency.run(_SMOKE_CHANGES, _SMOKE_SCALE) if orders else latency.run(),
    )


if __name__ == "__main__":
    main()
