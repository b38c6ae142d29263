"""Keeps services running: one that dies is started again, one that keeps dying ends it all. Knows no service itself."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from centra_assets.commands.stack import Stack, launched, stopped
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.errors import EmbeddedServerError

# A service may die this often within the window before it counts as broken.
_MOST_DEATHS = 8
_WINDOW_SECONDS = 60.0


@dataclass
class Deaths:
    """When something died lately."""

    moments: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_DEATHS))

    def count(self) -> bool:
        """One more, just now; says whether it dies faster than starting it again could help."""
        self.moments.append(time.monotonic())
        return len(self.moments) == _MOST_DEATHS and self.moments[-1] - self.moments[0] < _WINDOW_SECONDS


@dataclass
class Service:
    """One child process and how often it had to be started again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: Popen[bytes] | None = None
    deaths: Deaths = field(default_factory=Deaths)


class Supervisor:
    """Services of a stack. `tell` is called with what happened, in words."""

    def __init__(self, up: Stack, server: EmbeddedPostgres | None, tell: Callable[[str], None]) -> None:
        self._up, self._server, self._tell = up, server, tell
        self.services: dict[str, Service] = {}
        self._server_deaths = Deaths()

    def start(self, service: Service) -> Popen[bytes]:
        """Start a service and look after it from now on."""
        self.services[service.name] = service
        service.process = launched(self._up, service.name, service.command, service.log, service.environment)
        return service.process

    def look(self) -> str | None:
        """Start again what died since the last look; returns the name of what is broken for good, or None."""
        if self._database_is_broken():
            return "PostgreSQL"
        for service in self.services.values():
            code = service.process.poll() if service.process else None
            if code is None:
                continue
            if service.deaths.count():
                return service.name
            self._tell(f"{service.name} ended with exit code {code}; it was started again. See {service.log}.")
            self.start(service)
        # What cannot be brought back, such as a sandbox with its data in memory.
        for name, process in self._up.processes.items():
            if name not in self.services and process.poll() is not None:
                return name
        return None

    def _database_is_broken(self) -> bool:
        """Start PostgreSQL again if it ended. It may be killed while it starts: the next look tries again."""
        if self._server is None:
            return False
        try:
            if not self._server.revive():
                return False
            self._tell("PostgreSQL had ended; it was started again.")
        except EmbeddedServerError as error:
            self._tell(f"PostgreSQL had ended. {error}")
        return self._server_deaths.count()

    def stop(self) -> None:
        """Stop the services, the last one started first."""
        for service in reversed(self.services.values()):
            if service.process is not None:
                stopped(self._up, service.name, service.process)
        self.services.clear()


@contextmanager
def supervising(up: Stack, server: EmbeddedPostgres | None, tell: Callable[[str], None]) -> Iterator[Supervisor]:
    """A supervisor whose services are stopped when the block ends."""
    supervisor = Supervisor(up, server, tell)
    try:
        yield supervisor
    finally:
        supervisor.stop()
