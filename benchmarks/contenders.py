"""How each contender is started, measured and checked. Which are compared is the benchmarks' choice."""

import shutil
import tempfile
from pathlib import Path

from benchmarks.database import OURS, PEER, Databases, held
from benchmarks.processes import Usage, measure
from benchmarks.replay import TOKEN, ReplayServer
from benchmarks.shop import DAYS, FIRST_DAY, ZONE, Truth
from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis
from centra_assets.entities.orders import ORDERS


class RowsDifferError(AssertionError):
    """A contender did not land what the corpus holds, so its time means nothing."""


def run_ours(server: ReplayServer, databases: Databases, truth: Truth, *, times: int = 1) -> list[Usage]:
    """Our pipeline into one fresh database and lake, `times` times over; checked after each."""
    lake, usages = Path(tempfile.mkdtemp(prefix="centra-bench-lake-")), []
    try:
        with databases.fresh("ours") as url:
            for number in range(times):
                arguments = ["--url", server.url, "--token", TOKEN, "--database-url", url]
                arguments += ["--lake", str(lake), "--run-id", f"run-{number}"]
                usages.append(measure("benchmarks.ours", arguments, postgres_pid=databases.process_id))
                _check("ours", held(url, OURS), truth)
    finally:
        shutil.rmtree(lake)
    return usages


def run_dlt(server: ReplayServer, databases: Databases, truth: Truth, *, exact: bool) -> Usage:
    """dlt into a fresh database; checked."""
    calendar = Calendar(FIRST_DAY, ZONE)
    start, _ = calendar.window(Axis.DAY, FIRST_DAY.isoformat())
    end, _ = calendar.window(Axis.DAY, FIRST_DAY.replace(year=FIRST_DAY.year + DAYS // 365).isoformat())
    with databases.fresh("dlt") as url:
        arguments = ["--url", server.url, "--token", TOKEN, "--database-url", url]
        arguments += ["--start", start.isoformat(), "--end", end.isoformat(), "--page-size", str(ORDERS.page_limit)]
        arguments += ["--exact"] if exact else []
        usage = measure("benchmarks.peers.dlt_orders", arguments, postgres_pid=databases.process_id)
        _check("dlt", held(url, PEER), truth)
    return usage


def _check(contender: str, found: Truth, truth: Truth) -> None:
    if found != truth:
        raise RowsDifferError(f"{contender} landed {found}, the corpus holds {truth}.")
