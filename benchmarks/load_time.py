"""How long Dagster waits for the code location: a fresh interpreter imports and builds the definitions."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import Figure, Goal, Report, finish, publish

_ROOT = Path(__file__).parent.parent
_REPETITIONS = 5
_BUILD = "from centra_assets.definitions import build_definitions; build_definitions()"
_LOAD = "import centra_assets.definitions"
_DAGSTER = "import dagster"


def run() -> Report:
    """Median of five, from the start of the process to its end; Dagster's own import as the floor."""
    with tempfile.TemporaryDirectory() as home:
        # Settings come from defaults, whoever runs this.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CENTRA_")}
        environment["DAGSTER_HOME"] = home
        floor, imported, built = ([_seconds(["-c", code], environment) for _ in range(_REPETITIONS)] for code in _CODES)
        validated = _seconds(
            ["-m", "dagster", "definitions", "validate", "--module-name", "centra_assets.definitions"], environment
        )
    report = Report(
        benchmark="load_time",
        figures=[
            Figure("import and build, median", median(built), "s", "", Goal.AT_MOST, 3.0),
            Figure("import and build", median(built) / median(floor), "x", "import dagster alone"),
            Figure("dagster definitions validate", validated, "s"),
        ],
        measured={"import_dagster": floor, "import_definitions": imported, "build_definitions": built},
    )
    publish(report)
    return report


_CODES = (_DAGSTER, _LOAD, _BUILD)


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=_ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - started, 3)


if __name__ == "__main__":
    finish(run())
