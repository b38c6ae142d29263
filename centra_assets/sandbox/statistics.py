"""What the instance has been asked: counted for tests, benchmarks and people. It decides nothing."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class OperationCount:
    """One operation's share of the work."""

    requests: int = 0
    complexity: int = 0
    seconds: float = 0.0


@dataclass
class Statistics:
    """Counts since the start or the last reset."""

    requests: int = 0
    complexity: int = 0
    mutations: int = 0
    throttled: int = 0
    # By cause: a bucket ("QUERY_COMPLEXITY/TEN_SECONDS") or "fault".
    throttled_by: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    operations: dict[str, OperationCount] = field(default_factory=dict)

    def begin(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self, status: int) -> None:
        self.in_flight -= 1
        self.statuses[status] += 1

    def executed(self, operation: str, complexity: int, mutations: int, seconds: float) -> None:
        """An operation that ran, and what it cost."""
        count = self.operations.setdefault(operation, OperationCount())
        count.requests += 1
        count.complexity += complexity
        count.seconds += seconds
        self.complexity += complexity
        self.mutations += mutations

    def reset(self) -> None:
        """Begin again; requests in flight stay in flight."""
        in_flight = self.in_flight
        self.__init__()  # type: ignore[misc]
        self.in_flight = self.most_in_flight = in_flight

    def as_dict(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "complexity": self.complexity,
            "mutations": self.mutations,
            "throttled": self.throttled,
            "throttled_by": dict(self.throttled_by),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "operations": {
                name: {"requests": c.requests, "complexity": c.complexity, "seconds": round(c.seconds, 4)}
                for name, c in sorted(self.operations.items())
            },
        }
