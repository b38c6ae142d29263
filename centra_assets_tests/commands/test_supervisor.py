"""Services of the laptop's stack: what dies is started again, what keeps dying is told, nothing outlives its stop."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from centra_assets.commands.stack import Stack
from centra_assets.commands.supervisor import Service, Supervisor, supervising
from centra_assets.storage.embedded import EmbeddedPostgres

SLEEPER = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); time.sleep(600)"


@pytest.fixture
def stack() -> Stack:
    return Stack(environment={"PATH": os.environ["PATH"]}, sandbox_admin=None)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(stack: Stack, told: list[str]) -> Iterator[Supervisor]:
    with supervising(stack, None, told.append) as found:
        yield found


def until(happened: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def service(name: str, code: str, folder: Path) -> Service:
    return Service(name, [sys.executable, "-c", code], folder / f"{name}.log")


def test_a_service_that_is_killed_is_started_again(supervisor: Supervisor, told: list[str], tmp_path: Path) -> None:
    first = supervisor.start(service("sleeper", SLEEPER, tmp_path))
    assert supervisor.look() is None
    assert told == []
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert supervisor.look() is None
    second = supervisor.services["sleeper"].process
    assert second is not None
    assert second.pid != first.pid
    assert second.poll() is None
    assert len(told) == 1
    assert "sleeper ended with exit code -9" in told[0]


def test_a_service_that_keeps_dying_is_given_up(supervisor: Supervisor, told: list[str], tmp_path: Path) -> None:
    supervisor.start(service("broken", "raise SystemExit(3)", tmp_path))
    verdicts: list[str | None] = []

    def given_up() -> bool:
        verdicts.append(supervisor.look())
        return verdicts[-1] is not None

    until(given_up)
    assert verdicts[-1] == "broken"
    assert len(told) == 7


def test_what_cannot_be_started_again_ends_the_watch(supervisor: Supervisor, stack: Stack, tmp_path: Path) -> None:
    process = supervisor.start(service("sandbox", SLEEPER, tmp_path))
    del supervisor.services["sandbox"]
    assert supervisor.look() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert supervisor.look() == "sandbox"


def test_stopping_ends_what_a_service_started(stack: Stack, told: list[str], tmp_path: Path) -> None:
    with supervising(stack, None, told.append) as supervisor:
        parent = psutil.Process(supervisor.start(service("parent", PARENT, tmp_path)).pid)
        until(lambda: bool(parent.children()))
        child = parent.children()[0]
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert stack.processes == {}


def test_a_killed_postgresql_comes_back_under_the_same_url(stack: Stack, told: list[str], tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server, supervising(stack, server, told.append) as up:
        url = server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("checkpoint")
        assert up.look() is None
        assert told == []
        os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        until(lambda: (up.look(), bool(told))[1])
        assert server.url == url
        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_a_postgresql_that_cannot_start_is_tried_again_and_then_given_up(
    stack: Stack, told: list[str], tmp_path: Path
) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server, supervising(stack, server, told.append) as up:
        control = server.data / "global" / "pg_control"
        whole = control.read_bytes()
        os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        control.write_bytes(b"")
        until(lambda: (up.look(), bool(told))[1], 60)
        assert "STORAGE_EMBEDDED_SERVER" in told[0]
        assert up.look() is None
        control.write_bytes(whole)
        until(lambda: (up.look(), "started again" in told[-1])[1], 60)
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
