"""The `dev` command: the whole platform on loopback, one Ctrl-C to stop it. Nothing of it is fit for production."""

import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from centra_assets.commands.shop import SHOP_HOME, Shop
from centra_assets.commands.stack import HOME, Stack, child, running_stack, wait_for
from centra_assets.settings import Settings


def run_dev(*, port: int, scale: float, traffic: float) -> int:
    """Start what the environment does not name, then wait. Returns the exit code."""
    console = Console()
    # What is wrong with a setting is said here, and not by a code location that does not load.
    Settings.load()
    # Also as a service or in the background, where a shell has SIGINT ignored: stopping must stop everything.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.default_int_handler)
    # Real data and a sandbox's never share a folder: the demonstration empties its own.
    only_stand_ins = not {"CENTRA_API_URL", "CENTRA_DATABASE_URL"} & os.environ.keys()
    home = SHOP_HOME if only_stand_ins else HOME
    shop = Shop.remembered(home) or Shop.opened_now(seed=7, scale=scale)
    log = home / "logs" / "dagster.log"
    with ExitStack() as stack:
        with console.status("Starting PostgreSQL and the sandbox ..."):
            up = stack.enter_context(
                running_stack(
                    sandbox=shop.options(traffic=traffic),
                    home=home,
                    extra_environment=shop.environment() if only_stand_ins else None,
                )
            )
            shop.remember(home)
        with console.status("Starting Dagster ..."):
            command = [
                sys.executable, "-m", "dagster", "dev", "-m", "centra_assets.definitions",
                "-h", "127.0.0.1", "-p", str(port),
            ]  # fmt: skip
            dagster = stack.enter_context(child(up, "dagster", command, log))
            wait_for(f"http://127.0.0.1:{port}/server_info", dagster, "Dagster", log)
        _tell(console, up, port, home)
        try:
            return _watch(console, up, home)
        except KeyboardInterrupt:
            console.print("\nStopping ...")
            return 0


def _tell(console: Console, up: Stack, port: int, home: Path) -> None:
    console.print(f"[bold]Dagster[/]     http://127.0.0.1:{port}  (lineage: Catalog, then View lineage)")
    if up.sandbox_admin:
        console.print(f"[bold]Centra[/]      a sandbox: {up.environment['CENTRA_API_URL']}, token sandbox-token")
        console.print(f"            its own truth and faults: {up.sandbox_admin}/truth, {up.sandbox_admin}/faults")
    else:
        console.print(f"[bold]Centra[/]      {up.environment['CENTRA_API_URL']}")
    if up.embedded:
        console.print(f"[bold]PostgreSQL[/]  {up.environment['CENTRA_DATABASE_URL']}")
    console.print(f"[bold]Logs[/]        {home / 'logs'}")
    console.print("Ctrl-C stops everything.")


def _watch(console: Console, up: Stack, home: Path) -> int:
    while True:
        for name, process in list(up.processes.items()):
            if process.poll() is not None:
                console.print(f"[red]{name} ended with exit code {process.returncode}; see {home / 'logs'}.[/]")
                return 1
        time.sleep(0.5)
