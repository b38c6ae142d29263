"""Brings up what a laptop lacks: PostgreSQL, a sandbox, a Dagster home. Real ones named in the environment win."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from centra_assets.errors import CentraAssetsError
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.migrate import upgrade

HOME = Path(".centra")
DAGSTER_DATABASE_URL = "CENTRA_DAGSTER_DATABASE_URL"


class StackError(CentraAssetsError):
    """Something that the stack needs did not come up."""

    code = "STACK_NOT_UP"
    remedy = "Read the log file that the cause names, or end the other command; then start again."


class ProjectFolderError(CentraAssetsError):
    """The command was not started where the project is."""

    code = "PROJECT_FOLDER"
    remedy = "Change to the project's root, the folder that holds dagster.yaml, and start the command there."


@dataclass
class Stack:
    """What is running, and the environment that points Dagster at it. `sandbox_admin` is None with a real Centra."""

    environment: dict[str, str]
    sandbox_admin: str | None
    server: EmbeddedPostgres | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def dagster_home(home: Path = HOME) -> Path:
    """A Dagster home inside `home` with the project's instance configuration."""
    configuration = _instance_configuration()
    folder = (home / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    text = configuration.read_text(encoding="utf-8").replace("env: CENTRA_DATABASE_URL", f"env: {DAGSTER_DATABASE_URL}")
    (folder / "dagster.yaml").write_text(text, encoding="utf-8")
    return folder


def _instance_configuration() -> Path:
    configuration = Path("dagster.yaml")
    if not configuration.exists():
        raise ProjectFolderError("dagster.yaml, the configuration of the Dagster instance, is not in this folder.")
    return configuration


def dagster_environment(database_url: str, home: Path) -> dict[str, str]:
    """What Dagster's processes need besides our settings.

    Its events may be lost when the machine loses power, the inbox may not: only Dagster commits asynchronously.
    Events of a range run are written in batches, which makes them several times cheaper.
    """
    separator = "&" if "?" in database_url else "?"
    return {
        "DAGSTER_HOME": str(dagster_home(home)),
        DAGSTER_DATABASE_URL: f"{database_url}{separator}options=-c%20synchronous_commit%3Doff",
        "DAGSTER_EVENT_BATCH_SIZE": "500",
    }


@contextmanager
def occupied(home: Path, *, afresh: bool = False) -> Iterator[None]:
    """Keep other commands of ours out of the folder; `afresh` empties it first."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"Another `centra-assets dev` or `demo` is running in {home}.") from None
        if afresh:
            for child_folder in home.iterdir():
                if child_folder.is_dir():
                    shutil.rmtree(child_folder)
        yield


@contextmanager
def running_stack(
    *,
    sandbox: Mapping[str, str],
    home: Path = HOME,
    afresh: bool = False,
    defaults: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Start what the environment does not name, and stop it again. `sandbox` are options of the sandbox command.

    `defaults` are settings for those that the environment does not have.
    `afresh` empties `home` first, so only a home that holds nothing but a sandbox's data may be given with it.
    """
    # Before anything is emptied or started.
    _instance_configuration()
    with ExitStack() as stack:
        stack.enter_context(occupied(home, afresh=afresh))
        environment = {**(defaults or {}), **os.environ}
        server = None
        if "CENTRA_DATABASE_URL" not in os.environ:
            server = stack.enter_context(EmbeddedPostgres((home / "postgres").resolve()))
            environment["CENTRA_DATABASE_URL"] = server.url
        upgrade(environment["CENTRA_DATABASE_URL"])
        up = Stack(environment=environment, sandbox_admin=None, server=server)
        if "CENTRA_API_URL" not in os.environ:
            url = stack.enter_context(_sandbox(up, sandbox, home))
            environment["CENTRA_API_URL"] = f"{url}/graphql"
            environment["CENTRA_API_TOKEN"] = "sandbox-token"  # noqa: S105 - the sandbox's own, open to anyone
            up.sandbox_admin = f"{url}/admin"
        environment.setdefault("CENTRA_LAKE_URL", str((home / "lake").resolve()))
        environment.setdefault("CENTRA_OUT_URL", str((home / "out").resolve()))
        environment |= dagster_environment(environment["CENTRA_DATABASE_URL"], home)
        yield up


def launched(
    up: Stack, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A child process in a group of its own, its output in `log`, known to the stack until `stopped`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            list(command),
            env={**up.environment, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    up.processes[name] = process
    return process


def stopped(up: Stack, name: str, process: subprocess.Popen[bytes]) -> None:
    """End a child and its group: politely, then firmly."""
    up.processes.pop(name, None)
    _stop(process)


@contextmanager
def child(up: Stack, name: str, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process for the length of the block."""
    process = launched(up, name, command, log)
    try:
        yield process
    finally:
        stopped(up, name, process)


def _stop(process: subprocess.Popen[bytes], patience: float = 20) -> None:
    if process.poll() is None:
        # SIGINT is what Dagster and uvicorn take for a wish to end tidily.
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    # Also when the first of the group is gone: what it started, such as runs, may live on.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _sandbox(up: Stack, options: Mapping[str, str], home: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "centra_assets.cli", "sandbox", "--port", str(port)]
    for name, value in options.items():
        command += [f"--{name}", value]
    log = home / "logs" / "sandbox.log"
    with child(up, "sandbox", command, log) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/admin/health", process, "the sandbox", log)
        yield url


def wait_for(url: str, process: subprocess.Popen[bytes], what: str, log: Path, seconds: float = 120) -> None:
    """Return when `url` answers; StackError when the process ends or the time is over."""

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=2).status_code < 500
        except httpx.HTTPError:
            return False

    _wait_until(answers, process, what, log, seconds)


def wait_for_port(port: int, process: subprocess.Popen[bytes], what: str, log: Path, seconds: float = 120) -> None:
    """Return when somebody listens on the loopback port; StackError as in `wait_for`."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _wait_until(listens, process, what, log, seconds)


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, log: Path, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StackError(f"{what} ended with exit code {process.returncode}; see {log}.")
        if ready():
            return
        time.sleep(0.1)
    raise StackError(f"{what} did not answer within {seconds:.0f} s; see {log}.")
