"""What the receiver counts, for Prometheus. It decides nothing."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from centra_assets.storage.inbox import Hint, Stored

CONTENT_TYPE = CONTENT_TYPE_LATEST
# A name that no plugin can have.
UNKNOWN_PLUGIN = "(unknown)"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters of one receiver, in a registry of its own. Labels hold words of ours and configured names only."""

    def __init__(self) -> None:
        # A second series beside every counter, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._deliveries = Counter(
            "centra_receiver_deliveries", "Deliveries answered.", ["plugin", "status", "reason"], registry=registry
        )
        self._hints = Counter(
            "centra_receiver_hints",
            "Hints of stored deliveries by the entity they speak of; unknown where there is none.",
            ["plugin", "entity"],
            registry=registry,
        )
        self._repeats = Counter(
            "centra_receiver_repeated_hints", "Hints that were in the inbox already.", registry=registry
        )
        self._seconds = Histogram(
            "centra_receiver_seconds",
            "Time from the request's headers to its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._last_stored = Gauge(
            "centra_receiver_last_stored_timestamp_seconds", "When a delivery was stored last.", registry=registry
        )
        self._queue = Gauge("centra_receiver_queue_depth", "Deliveries that wait to be written.", registry=registry)

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Asks `depth` whenever the metrics are read."""
        self._queue.set_function(depth)

    def note_answer(self, plugin: str, status: int, reason: str, seconds: float) -> None:
        """One delivery was answered."""
        self._deliveries.labels(plugin, str(status), reason).inc()
        self._seconds.observe(seconds)

    def note_hints(self, plugin: str, hints: Iterable[Hint]) -> None:
        """Hints of a delivery that is stored."""
        for hint in hints:
            self._hints.labels(plugin, hint.entity or "unknown").inc()

    def note_stored(self, stored: Stored) -> None:
        """A transaction was committed."""
        self._repeats.inc(stored.repeated)
        self._last_stored.set_to_current_time()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
