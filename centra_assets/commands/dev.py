"""The `dev` command: the whole platform on loopback, one Ctrl-C to stop it. Nothing of it is fit for production."""

import sys
import time
from contextlib import ExitStack

from rich.console import Console

from centra_assets.commands.stack import HOME, Stack, child, running_stack, wait_for

DAGSTER_LOG = HOME / "logs" / "dagster.log"


def run_dev(*, port: int, scale: float, traffic: float) -> int:
    """Start what the environment does not name, then wait. Returns the exit code."""
    console = Console()
    sandbox = {"plan": "growth", "scale": str(scale), "traffic": str(traffic)}
    with ExitStack() as stack:
        with console.status("Starting PostgreSQL and the sandbox ..."):
            up = stack.enter_context(running_stack(sandbox=sandbox))
        with console.status("Starting Dagster ..."):
            command = [
                sys.executable, "-m", "dagster", "dev", "-m", "centra_assets.definitions",
                "-h", "127.0.0.1", "-p", str(port),
            ]  # fmt: skip
            dagster = stack.enter_context(child(up, "dagster", command, DAGSTER_LOG))
            wait_for(f"http://127.0.0.1:{port}/server_info", dagster, "Dagster", DAGSTER_LOG)
        _tell(console, up, port)
        try:
            return _watch(console, up)
        except KeyboardInterrupt:
            console.print("\nStopping ...")
            return 0


def _tell(console: Console, up: Stack, port: int) -> None:
    console.print(f"[bold]Dagster[/]     http://127.0.0.1:{port}  (lineage: Catalog, then View lineage)")
    if up.sandbox_admin:
        console.print(f"[bold]Centra[/]      a sandbox: {up.environment['CENTRA_API_URL']}, token sandbox-token")
        console.print(f"            its own truth and faults: {up.sandbox_admin}/truth, {up.sandbox_admin}/faults")
    else:
        console.print(f"[bold]Centra[/]      {up.environment['CENTRA_API_URL']}")
    if up.embedded:
        console.print(f"[bold]PostgreSQL[/]  {up.environment['CENTRA_DATABASE_URL']}")
    console.print(f"[bold]Logs[/]        {HOME / 'logs'}")
    console.print("Ctrl-C stops everything.")


def _watch(console: Console, up: Stack) -> int:
    while True:
        for name, process in list(up.processes.items()):
            if process.poll() is not None:
                console.print(f"[red]{name} ended with exit code {process.returncode}; see {HOME / 'logs'}.[/]")
                return 1
        time.sleep(0.5)
