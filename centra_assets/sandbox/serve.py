"""Starting a sandbox: as a command that runs until stopped, or beside a test in a thread. The routes are elsewhere."""

import asyncio
import contextlib
import gc
import logging
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from centra_assets.errors import CentraAssetsError
from centra_assets.sandbox.admin import admin_routes
from centra_assets.sandbox.clock import Clock
from centra_assets.sandbox.data.world import World, build_world
from centra_assets.sandbox.endpoint import GraphQLEndpoint
from centra_assets.sandbox.instance import Instance
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.tokens import DEFAULT_TOKEN
from centra_assets.sandbox.webhooks import WebhookPlugin

_LOG = logging.getLogger(__name__)
_STARTING_SECONDS = 30.0


class SandboxNotStartedError(CentraAssetsError):
    """The server ended, or hung, before it could answer."""

    code = "SANDBOX_NOT_STARTED"
    remedy = "Choose another port, or 0 for a free one, and look at the server's own log."


@dataclass(frozen=True)
class SandboxOptions:
    """How a sandbox starts. Port 0 takes a free one; `now` None is the real time.

    `built_at` is the moment up to which its shop has lived already, now unless told: the same seed and moment make the
    same shop again.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 7
    scale: float = 1.0
    months: int = 15
    plan: Plan = Plan.GROWTH
    latency_ms: float = 0.0
    traffic_per_minute: float = 0.0
    webhooks: Sequence[WebhookPlugin] = ()
    now: datetime | None = None
    built_at: datetime | None = None


def build_instance(options: SandboxOptions, world: World | None = None) -> Instance:
    """An instance over a world of its own, or over the one given."""
    clock = Clock(options.now)
    if world is None:
        world = build_world(
            seed=options.seed, scale=options.scale, now=options.built_at or clock.now(), months=options.months
        )
    instance = Instance.of(world, clock=clock, plan=options.plan)
    instance.latency_ms = options.latency_ms
    instance.set_traffic(options.traffic_per_minute)
    instance.webhooks.install(options.webhooks)
    return instance


def build_app(instance: Instance) -> Starlette:
    """The ASGI application: /graphql and, apart from it, /admin."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        traffic = asyncio.create_task(_live_traffic(instance))
        yield
        traffic.cancel()

    endpoint = GraphQLEndpoint(instance)
    return Starlette(
        routes=[Route("/graphql", endpoint.__call__, methods=["POST"]), Mount("/admin", routes=admin_routes(instance))],
        lifespan=lifespan,
    )


async def _live_traffic(instance: Instance) -> None:
    while True:
        rate = instance.traffic_per_minute
        # Without traffic, look again soon: the admin side may turn it on.
        await asyncio.sleep(60 / rate if rate > 0 else 0.5)
        if instance.traffic_per_minute > 0:
            _LOG.debug("traffic: %s", instance.step().what)


class RunningSandbox:
    """A sandbox served from a thread of this process, for tests and benchmarks. Use it as a context manager."""

    def __init__(self, options: SandboxOptions | None = None, *, world: World | None = None) -> None:
        self.options = options or SandboxOptions(plan=Plan.OFF)
        self._socket = _bound(self.options)
        self.instance = build_instance(self.options, world)
        self.token = DEFAULT_TOKEN
        self._server = _server(self.instance, "critical")
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def world(self) -> World:
        """What it serves. Hold `world.lock` while changing it."""
        return self.instance.world

    @property
    def clock(self) -> Clock:
        return self.instance.clock

    @property
    def url(self) -> str:
        return f"{self._base}/graphql"

    @property
    def admin_url(self) -> str:
        return f"{self._base}/admin"

    def start(self) -> Self:
        """Serve; returns when requests are answered."""
        self._thread.start()
        started = threading.Event()
        waited = 0.0
        while not self._server.started:
            if not self._thread.is_alive() or waited > _STARTING_SECONDS:
                raise SandboxNotStartedError(f"Nothing answered within {_STARTING_SECONDS:.0f} seconds.")
            started.wait(0.01)
            waited += 0.01
        return self

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self._server.should_exit = True
        self._thread.join(_STARTING_SECONDS)
        self.instance.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _base(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"


def run(options: SandboxOptions) -> None:
    """Serve until stopped, having said where."""
    # First the port: a world takes seconds to build, and a taken port should be known before.
    bound = _bound(options)
    base = f"http://{options.host}:{bound.getsockname()[1]}"
    instance = build_instance(options)
    # Hundreds of thousands of objects that live as long as the process: the collector need not walk them.
    gc.collect()
    gc.freeze()
    print(f"Centra sandbox: {base}/graphql")
    print(f"  token   {DEFAULT_TOKEN} (all permissions, integration name: sandbox)")
    print(f"  admin   {base}/admin/health")
    print(
        f"  world   {len(instance.world.tables['Order']):,} orders, seed {options.seed}, plan {options.plan}",
        flush=True,
    )
    _server(instance, "warning").run(sockets=[bound])


def _bound(options: SandboxOptions) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((options.host, options.port))
        # Listening at once, not when the world is ready: nobody else can take the port in between.
        bound.listen()
    except OSError as problem:
        bound.close()
        raise SandboxNotStartedError(f"Port {options.port} of {options.host}: {problem.strerror}.") from problem
    return bound


def _server(instance: Instance, log_level: str) -> uvicorn.Server:
    config = uvicorn.Config(
        build_app(instance),
        log_level=log_level,
        access_log=False,
        # Longer than clients keep their connections, so that it is never the server that hangs up between requests.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)
