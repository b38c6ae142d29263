"""How a benchmark says what it found: figures with their targets, as JSON and as a table. It measures nothing."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


class Goal(StrEnum):
    """Which side of the target is the good one."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Figure:
    """One promise: a ratio against a named peer, a share of a quota, or a bound. Without a goal it is context."""

    name: str
    value: float
    unit: str
    peer: str = ""
    goal: Goal | None = None
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.goal is None or self.target is None:
            return None
        return self.value >= self.target if self.goal is Goal.AT_LEAST else self.value <= self.target


@dataclass(frozen=True)
class Report:
    """What one benchmark found. `measured` holds the figures' raw numbers, `verified` what was checked to be equal."""

    benchmark: str
    figures: Sequence[Figure]
    measured: Mapping[str, Any]
    verified: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether every target is met."""
        return all(figure.met is not False for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        """The report as it is written to disk."""
        figures = [{**asdict(figure), "value": round(figure.value, 4), "met": figure.met} for figure in self.figures]
        return {**asdict(self), "figures": figures, "met": self.met}


def publish(report: Report) -> None:
    """Write benchmarks/results/<name>.json and show the table on stderr."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{report.benchmark}.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    table = Table(title=report.benchmark, title_justify="left")
    for column in ("figure", "value", "target", "met", "against"):
        table.add_column(column)
    for figure in report.figures:
        target = f"{figure.goal} {figure.target:g}" if figure.goal else ""
        met = {True: "yes", False: "NO", None: ""}[figure.met]
        table.add_row(figure.name, f"{figure.value:.4g} {figure.unit}", target, met, figure.peer)
    Console(file=sys.stderr, width=120).print(table)


def finish(*reports: Report) -> None:
    """End a command: the reports as JSON on stdout, and exit code 1 where a target was missed."""
    print(json.dumps([report.as_json() for report in reports], indent=2))
    sys.exit(0 if all(report.met for report in reports) else 1)
