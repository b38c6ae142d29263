"""The platform on loopback, as `dev` runs it: stack, receiver and Dagster under one supervisor. Prints nothing."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from centra_assets.commands.stack import Stack, free_port, running_stack, wait_for, wait_for_port
from centra_assets.commands.supervisor import Service, Supervisor, supervising

# The sandbox's plugin, and the name in the path that it delivers to.
PLUGIN = "sandbox"
CODE_LOCATION = "centra_assets.definitions"


@dataclass(frozen=True)
class Platform:
    """What is running, and where it answers. `receiver_url` is None when no webhook is expected."""

    stack: Stack
    supervisor: Supervisor
    dagster_url: str
    receiver_url: str | None


@contextmanager
def running_platform(
    *,
    sandbox: Mapping[str, str],
    home: Path,
    port: int,
    receiver_port: int,
    tell: Callable[[str], None],
    defaults: Mapping[str, str] | None = None,
    first: Callable[[Stack], None] = lambda _: None,
) -> Iterator[Platform]:
    """Start everything that the environment does not name, and stop it again when the block ends.

    `first` is done with the stack before Dagster runs.
    """
    with ExitStack() as stack:
        up = stack.enter_context(running_stack(sandbox=sandbox, home=home, defaults=defaults))
        first(up)
        supervisor = stack.enter_context(supervising(up, up.server, tell))
        receiver_url = _receive(supervisor, up, home, receiver_port)
        dagster_url = _start_dagster(supervisor, up, home, port)
        yield Platform(up, supervisor, dagster_url, receiver_url)


def _receive(supervisor: Supervisor, up: Stack, home: Path, port: int) -> str | None:
    """The receiver; with a sandbox, a plugin of the sandbox that delivers to it, under a secret made up just now."""
    if up.sandbox_admin is None and "CENTRA_WEBHOOK_SECRETS" not in os.environ:
        return None
    environment = {}
    secret = secrets.token_hex(32)
    if up.sandbox_admin is not None:
        environment["CENTRA_WEBHOOK_SECRETS"] = json.dumps({PLUGIN: {"kind": "integration_api", "secrets": [secret]}})
    command = [sys.executable, "-m", "centra_assets.cli", "receiver", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "logs" / "receiver.log"
    process = supervisor.start(Service("receiver", command, log, environment))
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/healthz", process, "the webhook receiver", log)
    if up.sandbox_admin is not None:
        plugin = {"name": PLUGIN, "kind": "integration_api", "url": f"{url}/webhooks/{PLUGIN}", "secret": secret}
        answer = httpx.put(f"{up.sandbox_admin}/webhooks", json={"plugins": [{**plugin, "retries": 3}]}, timeout=30)
        answer.raise_for_status()
    return url


def _start_dagster(supervisor: Supervisor, up: Stack, home: Path, port: int) -> str:
    """One code server for all, the web server and the daemon: each can die and come back by itself."""
    code_port, logs = free_port(), home / "logs"
    # Links in alerts.
    up.environment.setdefault("CENTRA_DAGSTER_URL", f"http://127.0.0.1:{port}")
    workspace = home / "dagster" / "workspace.yaml"
    location = {"host": "127.0.0.1", "port": code_port, "location_name": CODE_LOCATION}
    # YAML takes JSON as it is.
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": location}]}), encoding="utf-8")
    server = ["-m", "dagster", "code-server", "start", "-h", "127.0.0.1", "-p", str(code_port), "-m", CODE_LOCATION]
    web = ["-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    daemon = ["-m", "dagster._daemon", "run", "-w", str(workspace)]
    code = supervisor.start(Service("code server", [sys.executable, *server], logs / "code-server.log"))
    # The others would say at length that they cannot reach it.
    wait_for_port(code_port, code, "the code server", logs / "code-server.log")
    process = supervisor.start(Service("web server", [sys.executable, *web], logs / "web-server.log"))
    supervisor.start(Service("daemon", [sys.executable, *daemon], logs / "daemon.log"))
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/server_info", process, "Dagster", logs / "web-server.log")
    return url
