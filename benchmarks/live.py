"""The whole platform as `make dev` runs it, with a filled warehouse, in a folder of its own. It measures nothing."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import ROOT
from centra_assets.calendar import Calendar
from centra_assets.commands.filling import environment, execute, patient_instance, whole_runs
from centra_assets.commands.platform import Platform, running_platform
from centra_assets.commands.shop import DAYS, Shop
from centra_assets.commands.stack import Stack, free_port
from centra_assets.definitions import build_definitions
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse

_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { __typename ... on PartitionBackfill { status } }
}
"""


@dataclass(frozen=True)
class LivePlatform:
    """A running platform whose warehouse holds what its sandbox held when it was filled."""

    platform: Platform
    settings: Settings
    warehouse: Warehouse
    failed_runs: tuple[str, ...]

    @property
    def database_url(self) -> str:
        """Where Dagster and core live."""
        return self.platform.stack.environment["CENTRA_DATABASE_URL"]

    @property
    def calendar(self) -> Calendar:
        """The merchant's days."""
        return Calendar(self.settings.start_date, self.settings.timezone)

    def admin(self, path: str, **body: Any) -> Any:
        """Tell the sandbox's admin side something; without a body, ask it."""
        url = f"{self.platform.stack.sandbox_admin}/{path}"
        answer = httpx.post(url, json=body, timeout=60) if body else httpx.get(url, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """Ask Dagster's web server, as its pages do."""
        body = {"query": query, "variables": dict(variables)}
        answer = httpx.post(f"{self.platform.dagster_url}/graphql", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"]

    def launch_backfill(self, assets: list[list[str]], partitions: list[str]) -> str:
        """Launch a backfill with the mutation that the UI's dialog sends; its id."""
        params = {"assetSelection": [{"path": path} for path in assets], "partitionNames": partitions, "tags": []}
        outcome = self.graphql(_LAUNCH, {"params": params})["launchPartitionBackfill"]
        return str(outcome["backfillId"])

    def backfill_status(self, backfill: str) -> str:
        """REQUESTED, COMPLETED_SUCCESS and so on."""
        return str(self.graphql(_STATUS, {"id": backfill})["partitionBackfillOrError"]["status"])


@contextmanager
def live_platform(
    *, scale: float, seed: int = 7, days: int = DAYS, tell: Callable[[str], None] = lambda _: None
) -> Iterator[LivePlatform]:
    """Start it, fill it with the last `days`, watch over it, stop it, and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="centra-live-"))
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CENTRA_")}
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        shop, failed = Shop.opened_now(seed=seed, scale=scale), list[str]()
        with ExitStack() as stack:
            platform = stack.enter_context(
                running_platform(
                    sandbox=shop.options(),
                    home=folder,
                    port=free_port(),
                    receiver_port=free_port(),
                    tell=tell,
                    defaults=shop.environment(days),
                    first=lambda up: failed.extend(_fill(up)),
                )
            )
            stack.enter_context(environment(platform.stack.environment))
            stack.enter_context(_watched(platform))
            warehouse = Warehouse(platform.stack.environment["CENTRA_DATABASE_URL"])
            yield LivePlatform(platform, Settings.load(), warehouse, tuple(failed))
    finally:
        os.chdir(before)
        os.environ.update(hidden)
        shutil.rmtree(folder, ignore_errors=True)


def _fill(up: Stack) -> list[str]:
    """Load everything, before a daemon would begin to; returns the jobs that failed."""
    failed = []
    with environment(up.environment), patient_instance() as instance:
        settings = Settings.load()
        definitions, calendar = build_definitions(settings), Calendar(settings.start_date, settings.timezone)
        for name, tags in whole_runs(instance, Warehouse(up.environment["CENTRA_DATABASE_URL"]), calendar):
            if tags is None or not execute(definitions, instance, name, tags).success:
                failed.append(name)
    return failed


@contextmanager
def _watched(platform: Platform) -> Iterator[None]:
    """Start again what dies, as `dev` does."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            platform.supervisor.look()

    watcher = threading.Thread(target=watch, name="watcher")
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
