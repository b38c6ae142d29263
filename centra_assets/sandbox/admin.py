"""The admin side, /admin: truth, statistics, faults, clock, traffic, tokens, schema, records. No GraphQL."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from centra_assets.sandbox.data.faults import NAMED_FAULTS
from centra_assets.sandbox.faults import Faults
from centra_assets.sandbox.instance import Instance, as_moment
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.webhooks import WebhookPlugin

Handler = Callable[[Instance, Request], Awaitable[Any]]


class ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What to do to the clock; several things in this order."""

    freeze: bool | None = None
    now: str | None = None
    advance_seconds: float = 0.0


class TrafficOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Live traffic: how much of it from now on, and how many steps at once, of `only` these kinds if any."""

    per_minute: float | None = None
    steps: int = 0
    only: list[str] = []


class TokenOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A token to mint. Without `permissions` it may do everything."""

    permissions: list[str] | None = None
    store_ids: list[int] | None = None
    integration: str | None = None
    expires_in_seconds: float | None = None


class SchemaOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that the live schema shall lack, as `Type.field`; an empty list restores it."""

    removed: list[str]


class RecordOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Plain attributes to set on one object. For orders the key is the number or the hash."""

    type: str
    key: int | str
    set: dict[str, str | int | bool | None] = {}


class CorruptOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Records of the world to break, as a share of the orders or by a named fault; `heal` mends all first."""

    orders_share: float = 0.0
    fault: str | None = None
    heal: bool = False


class PlanOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The plan whose buckets apply, how much of its hour others have left us, and the latency of every answer."""

    plan: Plan | None = None
    latency_ms: float | None = None
    hour_left: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class EditOrder(msgspec.Struct, forbid_unknown_fields=True):
    """An order to change: this one, or one of about that age, or any; with `money`, one whose amounts can change."""

    number: int | None = None
    age_days: float | None = None
    money: bool = False


class PluginOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The webhook plugins from now on, as fields of WebhookPlugin. Without a secret one keeps that of its name."""

    plugins: list[dict[str, Any]]


async def _truth(instance: Instance, request: Request) -> Any:
    given = request.query_params
    begin, end = (as_moment(given[name]) if given.get(name) else None for name in ("from", "to"))
    with instance.world.lock:
        return instance.world.truth(begin, end)


async def _health(instance: Instance, request: Request) -> Any:
    return {"ok": True, "now": instance.clock.now().isoformat(), "orders": len(instance.world.tables["Order"])}


async def _stats(instance: Instance, request: Request) -> Any:
    buckets = [
        {"type": limit.type, "interval": limit.intervalSeconds, "quota": limit.quota, "used": limit.usedQuota}
        for limit in instance.rate_limits()
    ]
    return instance.statistics.as_dict() | {"plan": instance.quota.plan, "buckets": buckets}


async def _reset_stats(instance: Instance, request: Request) -> Any:
    instance.statistics.reset()
    return {"ok": True}


async def _get_faults(instance: Instance, request: Request) -> Any:
    return instance.faults


async def _set_faults(instance: Instance, request: Request) -> Any:
    instance.set_faults(msgspec.json.decode(await request.body(), type=Faults))
    return instance.faults


async def _get_clock(instance: Instance, request: Request) -> Any:
    return {"now": instance.clock.now().isoformat(), "frozen": instance.clock.is_frozen}


async def _set_clock(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=ClockOrder)
    if order.freeze is not None:
        instance.clock.freeze() if order.freeze else instance.clock.resume()
    if order.now is not None:
        instance.clock.set(as_moment(order.now))
    instance.clock.advance(order.advance_seconds)
    return await _get_clock(instance, request)


async def _traffic(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=TrafficOrder)
    if order.per_minute is not None:
        instance.set_traffic(order.per_minute)
    return {"per_minute": instance.traffic_per_minute, "steps": [instance.step(order.only) for _ in range(order.steps)]}


async def _edit_order(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=EditOrder)
    return instance.edit_order(order.number, order.age_days, money=order.money)


async def _get_webhooks(instance: Instance, request: Request) -> Any:
    shown = (msgspec.to_builtins(plugin) for plugin in instance.webhooks.plugins)
    return {"plugins": [plugin | {"secret": "***" if plugin["secret"] else ""} for plugin in shown]}


async def _set_webhooks(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=PluginOrder)
    secrets = {plugin.name: plugin.secret for plugin in instance.webhooks.plugins}
    given = [{"secret": secrets.get(str(plugin.get("name")), "")} | plugin for plugin in order.plugins]
    instance.webhooks.install(msgspec.convert(given, list[WebhookPlugin]))
    return await _get_webhooks(instance, request)


async def _deliveries(instance: Instance, request: Request) -> Any:
    return instance.webhooks.counts()


async def _token(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=TokenOrder)
    lasting = order.expires_in_seconds
    token = instance.tokens.mint(
        permissions=None if order.permissions is None else frozenset(order.permissions),
        store_ids=None if order.store_ids is None else frozenset(order.store_ids),
        integration=order.integration,
        expires_at=None if lasting is None else instance.clock.now() + timedelta(seconds=lasting),
    )
    return {"token": token.value}


async def _schema(instance: Instance, request: Request) -> Any:
    instance.set_removed(msgspec.json.decode(await request.body(), type=SchemaOrder).removed)
    return {"removed": instance.schema.removed}


async def _record(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=RecordOrder)
    return {"reference": instance.touch(order.type, order.key, order.set)}


async def _corrupt(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=CorruptOrder)
    with instance.world.lock:
        if order.heal:
            instance.world.faults.heal()
        numbers = instance.world.faults.corrupt_orders(order.orders_share, instance.rng) if order.orders_share else []
        touched = instance.world.faults.break_promise(order.fault) if order.fault is not None else []
        instance.indexes.forget()
    return {"orders": numbers, "touched": touched}


async def _get_corrupt(instance: Instance, request: Request) -> Any:
    return {"faults": sorted(NAMED_FAULTS), "at_work": instance.world.faults.at_work}


async def _plan(instance: Instance, request: Request) -> Any:
    order = msgspec.json.decode(await request.body(), type=PlanOrder)
    if order.plan is not None:
        instance.set_plan(order.plan)
    if order.latency_ms is not None:
        instance.latency_ms = order.latency_ms
    if order.hour_left is not None:
        instance.quota.spend_hours(instance.clock.timestamp(), order.hour_left)
    return {"plan": instance.quota.plan, "latency_ms": instance.latency_ms}


_HANDLERS: list[tuple[str, str, Handler]] = [
    ("GET", "/health", _health),
    ("GET", "/truth", _truth),
    ("GET", "/stats", _stats),
    ("POST", "/reset-stats", _reset_stats),
    ("GET", "/faults", _get_faults),
    ("POST", "/faults", _set_faults),
    ("GET", "/clock", _get_clock),
    ("POST", "/clock", _set_clock),
    ("POST", "/traffic", _traffic),
    ("POST", "/orders/edit", _edit_order),
    ("GET", "/webhooks", _get_webhooks),
    ("PUT", "/webhooks", _set_webhooks),
    ("GET", "/webhooks/deliveries", _deliveries),
    ("POST", "/tokens", _token),
    ("POST", "/schema", _schema),
    ("POST", "/records", _record),
    ("GET", "/corrupt", _get_corrupt),
    ("POST", "/corrupt", _corrupt),
    ("POST", "/plan", _plan),
]


def admin_routes(instance: Instance) -> list[Route]:
    """The routes below /admin."""
    return [Route(path, _answering(instance, handler), methods=[method]) for method, path, handler in _HANDLERS]


def _answering(instance: Instance, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            answered = await handler(instance, request)
        except (msgspec.DecodeError, LookupError, ValueError) as problem:
            return JSONResponse({"message": str(problem)}, 400)
        return Response(msgspec.json.encode(answered), media_type="application/json")

    return answer
