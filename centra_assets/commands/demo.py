"""The `demo` command: a year of a sandbox shop through Dagster, checked and compared with the shop's own truth."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import httpx
from rich.console import Console
from rich.table import Table

from centra_assets.calendar import Calendar
from centra_assets.commands.shop import SHOP_HOME, Shop
from centra_assets.commands.stack import HOME, Stack, running_stack
from centra_assets.commands.truth import compare, row_counts, warehouse_figures
from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.jobs import JOB_NAMES
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name, partitions_definition
from centra_assets.sensors.dynamic_partitions import register
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse

REPORT = HOME / "demo.json"
# The runs' own logs are in the instance; on the console they would bury the summary.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class _Progress:
    console: Console
    admin: str
    checks: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0, "warned": 0})
    failed_runs: list[str] = field(default_factory=list)

    def could_not_run(self, job: str, reason: str) -> None:
        """Count a run as failed that could not even be started."""
        self.failed_runs.append(f"{job}: {reason}")
        self.console.print(f"[red]failed[/]  {job:<20} {reason}")


def run_demo(*, scale: float, seed: int) -> int:
    """Run the demonstration; returns 0 only when nothing differs, no run failed and no check reports an error."""
    console, started = Console(), time.monotonic()
    shop = Shop.opened_now(seed=seed, scale=scale)
    with ExitStack() as stack:
        stack.enter_context(_only_stand_ins())
        console.print("Starting PostgreSQL and the sandbox, a Centra to run on a laptop ...")
        up = stack.enter_context(
            running_stack(sandbox=shop.options(), home=SHOP_HOME, afresh=True, extra_environment=shop.environment())
        )
        shop.remember()
        stack.enter_context(_environment(up.environment))
        report = _materialize_and_compare(up, console)
    report["seconds"] = round(time.monotonic() - started, 1)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    _summarize(console, report)
    return 0 if report["ok"] else 1


@contextmanager
def _only_stand_ins() -> Any:
    # A demonstration must not touch a real shop or a real warehouse, whatever the environment names.
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CENTRA_")}
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def _environment(environment: Mapping[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _materialize_and_compare(up: Stack, console: Console) -> dict[str, Any]:
    settings = Settings.load()
    calendar = Calendar(settings.start_date, settings.timezone)
    definitions = build_definitions(settings)
    warehouse = Warehouse(up.environment["CENTRA_DATABASE_URL"])
    progress = _Progress(console, str(up.sandbox_admin))
    with dg.DagsterInstance.get() as instance:
        # Keep connections open: Dagster otherwise opens two for each of the thousands of partition events.
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=3600, max_overflow=4)
        for axis, name in JOB_NAMES.items():
            job = definitions.resolve_job_def(name)
            if axis in DYNAMIC_AXES:
                register(instance, warehouse, axis)
            tags = _range_tags(axis, calendar, instance)
            if tags is None:
                progress.could_not_run(name, "no partitions were discovered")
            else:
                _run(job, instance, tags, progress)
    truth = _truth(progress.admin, settings.start_date, calendar)
    figures = warehouse_figures(warehouse, truth)
    differences = compare(truth, figures)
    stats = httpx.get(f"{progress.admin}/stats", timeout=30).json()
    tables = {f"core.{table}": count for table, count in row_counts(warehouse).items()}
    return {
        "ok": not differences and not progress.failed_runs and not progress.checks["failed"],
        "tables": tables,
        "truth": truth,
        "differences": differences,
        "api": {
            "requests": stats["requests"],
            "complexity": stats["complexity"],
            "throttled": stats["throttled"],
        },
        "checks": progress.checks,
        "failed_runs": progress.failed_runs,
    }


def _range_tags(axis: Axis, calendar: Calendar, instance: dg.DagsterInstance) -> dict[str, str] | None:
    """All partitions of an axis as the tags of one run; None where there are none, as after a failed discovery."""
    partitions = partitions_definition(axis, calendar)
    if partitions is None:
        return {}
    keys = (
        instance.get_dynamic_partitions(dynamic_name(axis)) if axis in DYNAMIC_AXES else partitions.get_partition_keys()
    )
    if not keys:
        return None
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance, tags: Mapping[str, str], progress: _Progress) -> None:
    started = time.monotonic()
    with progress.console.status(f"{job.name} ..."):
        result = job.execute_in_process(instance=instance, tags=dict(tags), run_config=_QUIET, raise_on_error=False)
    evaluations = result.get_asset_check_evaluations()
    for evaluation in evaluations:
        outcome = "passed" if evaluation.passed else "warned"
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR:
            outcome = "failed"
        progress.checks[outcome] += 1
        if outcome != "passed":
            progress.console.print(
                f"  [yellow]{outcome}[/] {evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
            )
    if not result.success:
        progress.failed_runs.append(result.run_id)
        for event in result.all_events:
            if event.is_failure and event.step_key:
                progress.console.print(f"  [red]{event.step_key}[/]: {event.message}")
    materialized = sum(1 for event in result.all_events if event.is_step_materialization)
    stats = httpx.get(f"{progress.admin}/stats", timeout=30).json()
    progress.console.print(
        f"{'[green]ok[/]' if result.success else '[red]failed[/]'}  {job.name:<20} "
        f"{time.monotonic() - started:6.1f} s  {materialized:>6} materializations  {len(evaluations):>3} checks  "
        f"{stats['requests']:>5} requests so far"
    )


def _truth(admin: str, start: date, calendar: Calendar) -> dict[str, Any]:
    window, _ = calendar.window(Axis.DAY, start.isoformat())
    answer = httpx.get(f"{admin}/truth", params={"from": window.isoformat()}, timeout=120)
    answer.raise_for_status()
    truth: dict[str, Any] = answer.json()
    return truth


def _summarize(console: Console, report: Mapping[str, Any]) -> None:
    table = Table(title="What is in the warehouse now", show_edge=False)
    for heading in ("table", "rows", "truth"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for name, rows in sorted(report["tables"].items()):
        known = report["truth"].get(name.removeprefix("core."))
        table.add_row(name, "-" if rows is None else f"{rows:,}", f"{known['count']:,}" if known else "")
    console.print(table)
    checks, api = report["checks"], report["api"]
    console.print(
        f"API: {api['requests']:,} requests, {api['complexity']:,} complexity points, {api['throttled']} throttled. "
        f"Checks: {checks['passed']} passed, {checks['failed']} failed, {checks['warned']} warned."
    )
    for name, difference in sorted(report["differences"].items()):
        console.print(f"[red]differs[/] {name}: {difference}")
    verdict = "[green]The warehouse equals the shop's own truth.[/]" if report["ok"] else "[red]Not equal.[/]"
    console.print(f"{verdict} {report['seconds']} s; details in {REPORT}; `make dev` shows it all in a browser.")
