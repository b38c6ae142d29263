"""Children of the laptop's stack: one that dies is told with its log, one that does not answer is given up."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from centra_assets.commands.shop import Shop
from centra_assets.commands.stack import (
    ProjectFolderError,
    Stack,
    StackError,
    child,
    dagster_environment,
    free_port,
    running_stack,
    wait_for,
)

SLEEPER = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); time.sleep(600)"


@pytest.fixture
def stack() -> Stack:
    return Stack(environment={"PATH": ""}, sandbox_admin=None)


@pytest.fixture
def answering() -> Iterator[str]:
    class Fine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None:
            """Keep the tests' output quiet."""

    server = HTTPServer(("127.0.0.1", 0), Fine)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_child_that_dies_is_an_error_that_names_its_log(stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "broken.log"
    command = [sys.executable, "-c", "import sys; print('no such port'); sys.exit(3)"]
    with (
        child(stack, "broken", command, log) as process,
        pytest.raises(StackError, match="exit code 3") as caught,
    ):
        wait_for(f"http://127.0.0.1:{free_port()}/", process, "the thing", log)
    assert caught.value.code == "STACK_NOT_UP"
    assert str(log) in caught.value.cause
    assert "no such port" in log.read_text()


def test_a_child_that_never_answers_is_given_up(stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "silent.log"
    with (
        child(stack, "silent", [sys.executable, "-c", SLEEPER], log) as process,
        pytest.raises(StackError, match="did not answer within 0 s"),
    ):
        wait_for(f"http://127.0.0.1:{free_port()}/", process, "the thing", log, seconds=0.3)


def test_a_child_is_known_while_it_runs_and_stopped_afterwards(stack: Stack, tmp_path: Path, answering: str) -> None:
    with child(stack, "sleeper", [sys.executable, "-c", SLEEPER], tmp_path / "sleeper.log") as process:
        assert stack.processes == {"sleeper": process}
        wait_for(answering, process, "the thing", tmp_path / "sleeper.log")
        assert process.poll() is None
    assert stack.processes == {}
    assert process.poll() is not None


def test_only_dagster_commits_asynchronously(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parent.parent.parent)
        plain = dagster_environment("postgresql://me@/centra", tmp_path)
        with_host = dagster_environment("postgresql://me@/centra?host=/run/x", tmp_path)
    assert plain["CENTRA_DAGSTER_DATABASE_URL"] == ("postgresql://me@/centra?options=-c%20synchronous_commit%3Doff")
    assert with_host["CENTRA_DAGSTER_DATABASE_URL"].startswith("postgresql://me@/centra?host=/run/x&options=")
    assert "CENTRA_DATABASE_URL" not in plain
    written = (tmp_path / "dagster" / "dagster.yaml").read_text()
    assert "env: CENTRA_DAGSTER_DATABASE_URL" in written
    assert "env: CENTRA_DATABASE_URL" not in written


def test_outside_of_the_project_nothing_is_started_and_the_remedy_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectFolderError, match=r"dagster\.yaml") as caught, running_stack(sandbox={}, afresh=True):
        pass
    assert "project's root" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_what_is_set_stays_as_it_is_and_only_the_rest_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent.parent)
    for name, value in {"DATABASE_URL": database_url, "API_URL": "http://127.0.0.1:1/graphql"}.items():
        monkeypatch.setenv(f"CENTRA_{name}", value)
    monkeypatch.delenv("CENTRA_START_DATE", raising=False)
    shop = Shop(seed=7, scale=0.1, built_at="2026-05-01T12:00:00+0000").environment()

    def start_date() -> str:
        with running_stack(sandbox={}, home=tmp_path / "home", defaults=shop) as up:
            return up.environment["CENTRA_START_DATE"]

    assert start_date() == "2025-05-01"
    monkeypatch.setenv("CENTRA_START_DATE", "2026-04-01")
    assert start_date() == "2026-04-01"
