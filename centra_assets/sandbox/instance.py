"""One stand-in Centra: a world with its schema, tokens, quota, events, faults and clock. It speaks no HTTP."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from centra_assets.sandbox.clock import Clock
from centra_assets.sandbox.data.timeline import INSTANCE_ZONE
from centra_assets.sandbox.data.world import Change, World
from centra_assets.sandbox.events import EventQueues
from centra_assets.sandbox.faults import Faults
from centra_assets.sandbox.filters import Moment
from centra_assets.sandbox.indexes import Indexes
from centra_assets.sandbox.listing import Lister
from centra_assets.sandbox.quota import Plan, Quota
from centra_assets.sandbox.records import RateLimit
from centra_assets.sandbox.schema import LiveSchema, live_schema
from centra_assets.sandbox.selection import Run
from centra_assets.sandbox.statistics import Statistics
from centra_assets.sandbox.switchboard import Switchboard
from centra_assets.sandbox.tokens import Token, TokenBook
from centra_assets.sandbox.visibility import sees_only


@dataclass(frozen=True)
class Step:
    """One thing that happened in the shop, and every change that it was heard as."""

    what: str
    changes: Sequence[Change]


@dataclass(frozen=True)
class Edit:
    """An order that was changed on demand: columns of core.orders with their values before and after."""

    number: int
    day: date
    status: str
    changed: Mapping[str, tuple[str, str]]
    at: datetime


@dataclass
class Instance:
    """Everything that a request or an admin may touch. One thread at a time: whoever holds the world's lock."""

    world: World
    clock: Clock
    quota: Quota
    schema: LiveSchema = field(default_factory=live_schema)
    zone: ZoneInfo = INSTANCE_ZONE
    latency_ms: float = 0.0
    traffic_per_minute: float = 0.0
    faults: Faults = field(default_factory=Faults)
    tokens: TokenBook = field(default_factory=TokenBook)
    statistics: Statistics = field(default_factory=Statistics)
    indexes: Indexes = field(default_factory=Indexes)
    # Parsed, validated and compiled documents.
    prepared: dict[object, Any] = field(default_factory=dict)
    events: EventQueues = field(init=False)
    webhooks: Switchboard = field(init=False)
    # Draws for faults and traffic, apart from the world's own.
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.events = EventQueues(self.world)
        self.webhooks = Switchboard(self.world, self.clock, self.zone, lambda *call: self.faults.strike_delivery(*call))
        self.rng = random.Random(f"{self.world.seed}/instance")
        self.world.on_change.append(self._hear)

    @classmethod
    def of(cls, world: World, *, clock: Clock | None = None, plan: Plan = Plan.OFF) -> "Instance":
        """A healthy instance over a world, with full buckets."""
        clock = clock or Clock()
        return cls(world, clock, Quota.of(plan, clock.timestamp()))

    def integration(self, token: Token) -> str:
        """The queue that a token speaks for. Raises GraphQLError for a token without an integration name."""
        if token.integration is None:
            raise GraphQLError(
                "The access token has no integration name, so it has no events.", extensions={"category": "request"}
            )
        return token.integration

    def run(self, token: Token, variables: Mapping[str, Any]) -> Run:
        """What an execution needs, as things stand now."""
        visible = None if token.store_ids is None else sees_only(token.store_ids)
        return Run(
            lister=Lister(Moment(self.clock.now(), self.zone), self.indexes, visible, self.faults.page_drift),
            zone=self.zone,
            variables=variables,
            token=token,
            base_currency=next((c for c in self.world.tables["Currency"] if c.isBase), None),
            int64_as_text=self.faults.int64_as_text,
        )

    def set_faults(self, faults: Faults) -> None:
        """What goes wrong from now on, and nothing else."""
        faults.begin(self.clock.timestamp())
        self.faults = faults

    def step(self, only: Sequence[str] = ()) -> Step:
        """One unit of live traffic, of one of these kinds if any are named; returns what happened."""
        unknown = set(only) - {kind for kind, _, _ in self.world.traffic.kinds}
        if unknown:
            raise LookupError(f"traffic knows nothing of {', '.join(sorted(unknown))}")
        with self.world.lock, self._listening() as changes:
            label: str = self.world.step(self.rng, self.clock.now(), only)
        return Step(label, changes)

    def edit_order(self, number: int | None, age_days: float | None, *, money: bool) -> Edit:
        """Change one order, as told or as drawn; the change is visible and queued before this returns.

        Raises LookupError when there is no such order.
        """
        with self.world.lock:
            edits, now = self.world.traffic.edits, self.clock.now()
            order = edits.choose(self.rng, now, number=number, age_days=age_days, money=money)
            changed = edits.edit(order, now)
            day = order.createdAt.astimezone(self.zone).date()
            return Edit(order.number, day, order.status, changed, self.clock.now())

    def touch(self, type_name: str, key: int | str, values: Mapping[str, Any]) -> int:
        """Set plain attributes of one object, move its updatedAt, tell the listeners. Returns its event reference.

        Raises LookupError when there is no such object or attribute.
        """
        with self.world.lock:
            table = self.world.tables.get(type_name)
            node = table.get(key) if table is not None else None
            if node is None:
                raise LookupError(f"there is no {type_name} {key}")
            for name in values:
                if not hasattr(node, name):
                    raise LookupError(f"{type_name} has no {name}")
            now = self.clock.now().replace(microsecond=0)
            for name, value in values.items():
                setattr(node, name, value)
            if hasattr(node, "updatedAt") and "updatedAt" not in values:
                node.updatedAt = now
            reference = int(node.number) if type_name == "Order" else int(node.id)
            store, market = getattr(node, "store", None), getattr(node, "market", None)
            change = Change(
                type_name, "UPDATED", reference, getattr(store, "id", None), getattr(market, "id", None), now
            )
            for listener in self.world.on_change:
                listener(change)
        return reference

    def rate_limits(self) -> list[RateLimit]:
        """The buckets as they are now."""
        now = self.clock.timestamp()
        limits = []
        for bucket in self.quota.buckets:
            bucket.refill(now)
            left = int(bucket.tokens)
            limits.append(RateLimit(bucket.counter, bucket.interval, bucket.quota, bucket.quota - left, left))
        return limits

    def set_plan(self, plan: Plan) -> None:
        """Another plan, with full buckets."""
        self.quota = Quota.of(plan, self.clock.timestamp())

    def set_traffic(self, per_minute: float) -> None:
        """How many steps of live traffic a minute from now on; 0 is none."""
        if per_minute < 0:
            raise ValueError("traffic cannot be below 0")
        self.traffic_per_minute = per_minute

    def set_removed(self, removed: list[str]) -> None:
        """Serve the schema without these fields. Raises KeyError for what it never had."""
        self.schema = live_schema(removed)

    def close(self) -> None:
        """Stop listening to the world, which another instance may serve next."""
        self.world.on_change.remove(self._hear)
        self.webhooks.close()

    def _hear(self, change: Change) -> None:
        self.indexes.changed(change.object_type, change.reference)
        self.events.hear(change)
        self.webhooks.hear(change)

    @contextmanager
    def _listening(self) -> Iterator[list[Change]]:
        heard: list[Change] = []
        hear = heard.append
        self.world.on_change.append(hear)
        try:
            yield heard
        finally:
            self.world.on_change.remove(hear)


def as_moment(text: str) -> datetime:
    """An ISO instant with an offset, for the admin side. Raises ValueError without one."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return moment
