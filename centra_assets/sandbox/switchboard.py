"""An instance's webhook plugins: who is told of which change. What they say is in webhooks, sending in deliveries."""

import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from centra_assets.sandbox.clock import Clock
from centra_assets.sandbox.data.world import Change, World
from centra_assets.sandbox.deliveries import Counts, Courier, Strike
from centra_assets.sandbox.faults import DeliveryFault
from centra_assets.sandbox.webhooks import WebhookPlugin, notices

# No two changes are closer, as Centra's dates are unique; one change may be told as several events in between.
_APART = timedelta(microseconds=10)


class Switchboard:
    """Hands every change to the plugins that have a word for it."""

    def __init__(self, world: World, clock: Clock, zone: ZoneInfo, strike: Strike) -> None:
        self._world = world
        self._clock = clock
        self._zone = zone
        self._strike = strike
        self._striking = threading.Lock()
        self._couriers: dict[str, Courier] = {}
        self._last: datetime | None = None

    @property
    def plugins(self) -> Sequence[WebhookPlugin]:
        return [courier.plugin for courier in self._couriers.values()]

    def install(self, plugins: Iterable[WebhookPlugin]) -> None:
        """These plugins and no others from now on; one that stays as it was keeps its queue and its counts.

        Raises ValueError when two have one name.
        """
        wanted = list(plugins)
        if len({plugin.name for plugin in wanted}) < len(wanted):
            raise ValueError("two webhook plugins have the same name")
        before, after = self._couriers, {}
        for plugin in wanted:
            kept = before.get(plugin.name)
            if kept is None or kept.plugin != plugin:
                kept = Courier(plugin, random.Random(f"{self._world.seed}/webhooks/{plugin.name}"), self._struck)
            after[plugin.name] = kept
        self._couriers = after
        for courier in before.values():
            if after.get(courier.plugin.name) is not courier:
                courier.close()

    def hear(self, change: Change) -> None:
        """Queue what is to be said of a change. Whoever calls holds the world's lock."""
        if not self._couriers:
            return
        moment = self._moment()
        for courier in self._couriers.values():
            courier.tell(notices(self._world, courier.plugin, change, moment))

    def counts(self) -> Mapping[str, Counts]:
        """What became of each plugin's calls."""
        return {name: courier.counts() for name, courier in self._couriers.items()}

    def close(self) -> None:
        """Stop sending."""
        self.install(())

    def _moment(self) -> datetime:
        """Now, in the instance's zone, and later than any change before."""
        now = self._clock.now()
        if self._last is not None:
            now = max(now, self._last + _APART)
        self._last = now
        return now.astimezone(self._zone)

    def _struck(self, rng: random.Random, plugin: str) -> DeliveryFault | None:
        # Counted faults are used up, and every plugin has a thread of its own.
        with self._striking:
            return self._strike(rng, plugin)
