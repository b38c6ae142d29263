"""The `demo` command: a year of a sandbox shop through Dagster, checked and compared with the shop's own truth."""

import json
import os
import time
import warnings
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import dagster as dg
import httpx
from rich.console import Console
from rich.table import Table

from centra_assets.assets.workbook import file_name
from centra_assets.calendar import Calendar
from centra_assets.checks.standing import ROWS, STANDING
from centra_assets.commands.filling import environment, execute, patient_instance, whole_runs
from centra_assets.commands.shop import SHOP_HOME, Shop
from centra_assets.commands.stack import HOME, Stack, running_stack
from centra_assets.commands.truth import compare, mart_counts, row_counts, warehouse_figures
from centra_assets.commands.verdicts import Verdicts, meanings_of
from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.finance.month import Month
from centra_assets.finance.outbox import Outbox
from centra_assets.jobs import FINANCE_WORKBOOK, SYNC_HEALTH
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse

REPORT = HOME / "demo.json"


@dataclass
class _Progress:
    console: Console
    admin: str
    checks: Verdicts = field(default_factory=Verdicts)
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
        # What of Dagster is beta is no news to whoever looks at this for the first time.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", dg.BetaWarning)
        console.print("Starting PostgreSQL and the sandbox, a Centra to run on a laptop ...")
        up = stack.enter_context(
            running_stack(sandbox=shop.options(), home=SHOP_HOME, afresh=True, defaults=shop.environment())
        )
        shop.remember()
        stack.enter_context(environment(up.environment))
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


def _materialize_and_compare(up: Stack, console: Console) -> dict[str, Any]:
    settings = Settings.load()
    calendar = Calendar(settings.start_date, settings.timezone)
    definitions = build_definitions(settings)
    warehouse = Warehouse(up.environment["CENTRA_DATABASE_URL"])
    progress = _Progress(console, str(up.sandbox_admin))
    with patient_instance() as instance:
        for name, tags in whole_runs(instance, warehouse, calendar):
            if tags is None:
                progress.could_not_run(name, "no partitions were discovered")
            else:
                _run(definitions, instance, name, tags, progress)
        month = Month.holding(datetime.now(calendar.zone).date()).before()
        _run(definitions, instance, FINANCE_WORKBOOK, {"dagster/partition": month.first.isoformat()}, progress)
        # What was loaded first was judged before its parents were there; now everything is. And how it all stands is
        # what `make dev` shows first.
        for job in (ROWS, STANDING, SYNC_HEALTH):
            _run(definitions, instance, job, {}, progress)
    truth = _truth(progress.admin, settings.start_date, calendar)
    figures = warehouse_figures(warehouse, truth)
    differences = compare(truth, figures)
    stats = httpx.get(f"{progress.admin}/stats", timeout=30).json()
    tables = {f"core.{table}": count for table, count in row_counts(warehouse).items()}
    tables |= {f"marts.{table}": count for table, count in mart_counts(warehouse).items()}
    meanings = meanings_of(definitions)
    progress.checks.print(console, meanings)
    checks = progress.checks.counts()
    return {
        "ok": not differences and not progress.failed_runs and not checks["failed"],
        "tables": tables,
        "workbook": Outbox(settings.out_url).path(file_name(month)),
        "truth": truth,
        "differences": differences,
        "api": {
            "requests": stats["requests"],
            "complexity": stats["complexity"],
            "throttled": stats["throttled"],
        },
        "checks": checks,
        "checks_not_passed": [asdict(verdict) for verdict in progress.checks.not_passed(meanings)],
        "failed_runs": progress.failed_runs,
    }


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    name: str,
    tags: Mapping[str, str],
    progress: _Progress,
) -> None:
    started = time.monotonic()
    with progress.console.status(f"{name} ..."):
        result = execute(definitions, instance, name, tags)
    evaluations = result.get_asset_check_evaluations()
    progress.checks.add(evaluations)
    if not result.success:
        progress.failed_runs.append(result.run_id)
        for event in result.all_events:
            if event.is_failure and event.step_key:
                progress.console.print(f"  [red]{event.step_key}[/]: {event.message}")
    materialized = sum(1 for event in result.all_events if event.is_step_materialization)
    stats = httpx.get(f"{progress.admin}/stats", timeout=30).json()
    progress.console.print(
        f"{'[green]ok[/]' if result.success else '[red]failed[/]'}  {name:<20} "
        f"{time.monotonic() - started:6.1f} s  {materialized:>6} materializations  {len(evaluations):>3} checks  "
        f"{stats['requests']:>5} requests so far",
        soft_wrap=True,
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
    api = report["api"]
    console.print(
        f"API: {api['requests']:,} requests, {api['complexity']:,} complexity points, {api['throttled']} throttled."
    )
    for name, difference in sorted(report["differences"].items()):
        console.print(f"[red]differs[/] {name}: {difference}")
    console.print(_verdict(report))
    console.print(f"The month-end workbook for accountants: {report['workbook']}", soft_wrap=True)
    console.print(
        f"{report['seconds']} s; details in {REPORT}. `make dev` shows it all in a browser: every check is on its "
        f"asset's page, tab Checks, and runs again in the jobs {ROWS} and {STANDING}.",
        soft_wrap=True,
    )


def _verdict(report: Mapping[str, Any]) -> str:
    """The outcome in a line: what is equal, and what else went wrong."""
    checks, runs = report["checks"]["failed"], len(report["failed_runs"])
    wrong = [f"{runs} runs failed"] * bool(runs) + [f"{checks} checks failed"] * bool(checks)
    if report["differences"]:
        return "[red]The warehouse differs from the shop's own truth.[/]" + "".join(f" {each}." for each in wrong)
    if wrong:
        return f"The warehouse equals the shop's own truth, but [red]{' and '.join(wrong)}.[/]"
    return "[green]The warehouse equals the shop's own truth.[/]"
