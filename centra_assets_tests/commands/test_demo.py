"""What the demonstration does when its shop cannot be read: it goes on, reports, and is not ok."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from centra_assets.checks.standing import ROWS, STANDING
from centra_assets.commands import demo
from centra_assets.commands.shop import Shop
from centra_assets.commands.stack import Stack
from centra_assets.jobs import FINANCE_WORKBOOK, JOB_NAMES, REFRESH_MARTS, SYNC_HEALTH
from centra_assets.partitions import DYNAMIC_AXES

STATS = {"requests": 0, "complexity": 0, "throttled": 0}
TRUTH = {"orders": {"count": 3, "sums": {"grand_total": {"SEK": "1"}}}}


@pytest.fixture
def unread(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stack whose runs load nothing, as when the first one failed; the names of the jobs that were run."""
    ran: list[str] = []

    @contextmanager
    def stack(**_: Any) -> Iterator[Stack]:
        environment = {"CENTRA_DATABASE_URL": database_url, "DAGSTER_HOME": str(tmp_path)}
        yield Stack(environment=environment | SETTINGS, sandbox_admin="http://127.0.0.1")

    def answer(url: str, **_: Any) -> httpx.Response:
        told: Mapping[str, Any] = STATS if url.endswith("/stats") else TRUTH
        return httpx.Response(200, json=told, request=httpx.Request("GET", url))

    monkeypatch.setattr(demo, "running_stack", stack)
    monkeypatch.setattr(demo, "_run", lambda definitions, instance, name, *_: ran.append(name))
    monkeypatch.setattr(demo.httpx, "get", answer)
    monkeypatch.setattr(demo, "REPORT", tmp_path / "demo.json")
    monkeypatch.setattr(Shop, "remember", lambda _: None)
    return ran


SETTINGS = {
    "CENTRA_API_URL": "http://127.0.0.1/graphql",
    "CENTRA_API_TOKEN": "sandbox-token",
    "CENTRA_START_DATE": "2026-01-01",
}


def test_axes_without_partitions_are_failed_runs_and_the_report_is_written(unread: list[str], tmp_path: Path) -> None:
    assert demo.run_demo(scale=0.01, seed=1) == 1
    report = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert report["ok"] is False
    assert report["failed_runs"] == [
        f"{name}: no partitions were discovered" for axis, name in JOB_NAMES.items() if axis in DYNAMIC_AXES
    ]
    whole = [name for axis, name in JOB_NAMES.items() if axis not in DYNAMIC_AXES]
    assert unread == [*whole, REFRESH_MARTS, FINANCE_WORKBOOK, ROWS, STANDING, SYNC_HEALTH]
    assert report["tables"]["core.orders"] is None
    assert report["differences"]["orders"] == {"truth": 3, "warehouse": None}
