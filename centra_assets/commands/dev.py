"""The `dev` command: the whole platform on loopback, one Ctrl-C to stop it. Nothing of it is fit for production."""

import os
import signal
import time

from rich.console import Console

from centra_assets.commands.platform import Platform, running_platform
from centra_assets.commands.shop import SHOP_HOME, Shop
from centra_assets.commands.stack import HOME
from centra_assets.settings import Settings


def run_dev(*, port: int, receiver_port: int, scale: float, traffic: float) -> int:
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
    status = console.status("Starting PostgreSQL, Centra's stand-in, the webhook receiver and Dagster ...")
    try:
        with (
            status,
            running_platform(
                sandbox=shop.options(traffic=traffic),
                home=home,
                port=port,
                receiver_port=receiver_port,
                tell=lambda what: console.print(f"[yellow]{what}[/]"),
                defaults=shop.environment() if only_stand_ins else None,
            ) as platform,
        ):
            status.stop()
            shop.remember(home)
            _tell(console, platform)
            console.print(f"[bold]Logs[/]        {home / 'logs'}\nCtrl-C stops everything.")
            return _watch(console, platform)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 0


def _tell(console: Console, platform: Platform) -> None:
    up = platform.stack
    dagster = platform.dagster_url
    console.print(f"[bold]Dagster[/]     {dagster}  (lineage: Catalog, then View lineage)")
    console.print(f"            checks: an asset's page, tab Checks, such as {dagster}/assets/core/orders?view=checks")
    console.print(f"            how far behind everything is: {dagster}/assets/marts/sync_health")
    if up.sandbox_admin:
        console.print(f"[bold]Centra[/]      a sandbox: {up.environment['CENTRA_API_URL']}, token sandbox-token")
        console.print(f"            its own truth and faults: {up.sandbox_admin}/truth, {up.sandbox_admin}/faults")
    else:
        console.print(f"[bold]Centra[/]      {up.environment['CENTRA_API_URL']}")
    if platform.receiver_url:
        console.print(f"[bold]Webhooks[/]    {platform.receiver_url}/webhooks/<plugin>, metrics at /metrics")
    else:
        console.print("[bold]Webhooks[/]    none are received: CENTRA_WEBHOOK_SECRETS is not set")
    console.print(f"[bold]Workbooks[/]   {up.environment['CENTRA_OUT_URL']}/finance_workbook, one per month")
    if up.server:
        console.print(f"[bold]PostgreSQL[/]  {up.environment['CENTRA_DATABASE_URL']}")


def _watch(console: Console, platform: Platform) -> int:
    while True:
        broken = platform.supervisor.look()
        if broken:
            console.print(f"[red]{broken} ended and cannot be brought back; see the logs.[/]")
            return 1
        time.sleep(0.5)
