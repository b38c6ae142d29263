"""Our own contender: the pipeline that an asset runs, extract into the lake and load into core, without Dagster."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.shop import DAYS, FIRST_DAY, ZONE
from centra_assets.assets.extract import extract
from centra_assets.assets.load import load
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Priority
from centra_assets.entities.model import TransformContext
from centra_assets.entities.orders import ORDERS
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse


def days(first: int = 0, last: int = DAYS) -> list[str]:
    """Partition keys of the corpus's year, from day `first` up to and without day `last`."""
    return [(FIRST_DAY + timedelta(days=offset)).isoformat() for offset in range(first, last)]


def fetch(keys: Sequence[str], *, url: str, token: str, database_url: str, lake: Lake, run_id: str) -> dict[str, Any]:
    """Extract the partitions into the lake."""
    started, cpu = time.perf_counter(), time.process_time()
    with connect(url=url, token=token, database_url=database_url, priority=Priority.BACKFILL, concurrency=4) as client:
        report = extract(
            ORDERS,
            keys,
            client=client,
            lake=lake,
            calendar=Calendar(FIRST_DAY, ZONE),
            run_id=run_id,
        )
    return {
        **_spent(started, cpu),
        "rows": report.rows,
        "requests": report.requests,
        "throttled": report.throttled,
    }


def store(keys: Sequence[str], *, database_url: str, lake: Lake, run_id: str) -> dict[str, Any]:
    """Load the partitions from the lake into core."""
    started, cpu = time.perf_counter(), time.process_time()
    warehouse = Warehouse(database_url)
    warehouse.prepare([table_of(contract) for contract in ORDERS.tables])
    report = load(
        ORDERS,
        keys,
        lake=lake,
        warehouse=warehouse,
        context=TransformContext(time_zone=ZONE),
        run_id=run_id,
    )
    return {
        **_spent(started, cpu),
        "quarantined": sum(report.quarantined.values()),
        "tables": {table: asdict(counts) for table, counts in report.tables.items()},
    }


def _spent(started: float, cpu: float) -> dict[str, float]:
    """Of one step: seconds, CPU seconds, and the highest memory of the process until its end."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_memory_mib": round(peak / 2**20, 1),
    }


def main() -> None:
    """Extract and load a range of days, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--url", "--token", "--database-url", "--run-id"):
        parser.add_argument(name, required=True)
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--first-day", type=int, default=0)
    parser.add_argument("--last-day", type=int, default=DAYS)
    parser.add_argument("--extract-only", action="store_true")
    options = parser.parse_args()
    keys, lake = days(options.first_day, options.last_day), Lake(str(options.lake))
    said = {
        "extract": fetch(
            keys,
            url=options.url,
            token=options.token,
            database_url=options.database_url,
            lake=lake,
            run_id=options.run_id,
        )
    }
    if not options.extract_only:
        said["load"] = store(keys, database_url=options.database_url, lake=lake, run_id=options.run_id)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
