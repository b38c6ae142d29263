"""From an order's change in the sandbox to its row in core, through the whole stack; alone and beside a backfill."""

import argparse
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.live import LivePlatform, live_platform
from benchmarks.plans import PLANS
from benchmarks.report import Figure, Goal, Report, finish, publish
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.centra.buckets import Priority
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.partitions import partitions_definition

CHANGES = 200
SCALE = 1.0
# Seconds between two changes on average; the gaps are those of a Poisson process.
GAP_SECONDS = 1.5
# Further apart than a drainer lingers, so that each one has to start a run.
COLD_CHANGES = 5
COLD_GAP_SECONDS = 45.0
_PATIENCE_SECONDS = 120.0
# The hour's buckets hold the backfill's reserve and little more, as after the first minutes of a long backfill.
_HOUR_LEFT = Priority.BACKFILL.value + 0.001
_POLL_SECONDS = 0.02

_SEEN = "SELECT number, _loaded_at FROM core.orders WHERE number = ANY(%s) AND internal_comment = ANY(%s)"
_ACCEPTED = (
    "SELECT min(received_at) FROM ops.inbox WHERE reference = %s AND object_type = 'order' AND received_at >= %s"
)


@dataclass
class Change:
    """One edit: told at `told`, accepted by the receiver at `accepted`, seen in core by a reader at `seen`."""

    number: int
    comment: str
    told: datetime
    accepted: datetime | None = None
    seen: datetime | None = None


@dataclass
class Follower:
    """Looks for changes in core until each was seen."""

    url: str
    changes: list[Change] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Poll core for what was told and not seen."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.over.is_set():
                open_ones = [change for change in self.changes if change.seen is None]
                if open_ones:
                    wanted = [[change.number for change in open_ones], [change.comment for change in open_ones]]
                    there = {number for number, _ in connection.execute(_SEEN, wanted)}
                    now = datetime.now(UTC)
                    for change in open_ones:
                        if change.number in there:
                            change.seen = now
                self.over.wait(_POLL_SECONDS)

    def settle(self) -> None:
        """Wait until every change was seen or patience is over, then ask when the receiver had accepted each."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(change.seen is None for change in self.changes) and time.monotonic() < deadline:
            time.sleep(0.1)
        with psycopg.connect(self.url) as connection:
            for change in self.changes:
                row = connection.execute(_ACCEPTED, [str(change.number), change.told]).fetchone()
                change.accepted = row[0] if row else None


@contextmanager
def _following(url: str) -> Iterator[Follower]:
    follower = Follower(url)
    thread = threading.Thread(target=follower.follow, name="follower")
    thread.start()
    try:
        yield follower
        follower.settle()
    finally:
        follower.over.set()
        thread.join()


def _measure(live: LivePlatform, count: int, gap: float, rng: random.Random, *, fixed: bool = False) -> list[Change]:
    with _following(live.database_url) as follower:
        edited: set[int] = set()
        while len(follower.changes) < count:
            time.sleep(gap if fixed else rng.expovariate(1 / gap))
            told = datetime.now(UTC)
            edit = live.admin("orders/edit", age_days=rng.uniform(0, 360))
            if edit["number"] in edited:
                # A second edit of an order hides the first one's comment.
                continue
            edited.add(edit["number"])
            follower.changes.append(Change(edit["number"], edit["changed"]["internal_comment"][1], told))
        return follower.changes


def _seconds(changes: Sequence[Change]) -> list[float]:
    """From accepted to seen; what was never seen counts as patience lost."""
    return sorted(
        (change.seen - change.accepted).total_seconds() if change.seen and change.accepted else _PATIENCE_SECONDS
        for change in changes
    )


def _quantile(sorted_values: Sequence[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


@contextmanager
def _backfilling(live: LivePlatform) -> Iterator[list[str]]:
    """A backfill of every day and its core tables, launched anew as soon as it is done, until the block ends."""
    dated = [entity for entity in ENTITIES if entity.axis is Axis.DAY]
    keys = [raw_key(entity) for entity in dated] + [core_key(c.table) for entity in dated for c in entity.tables]
    definition = partitions_definition(Axis.DAY, live.calendar)
    assert definition is not None
    partitions, over, statuses = list(definition.get_partition_keys()), threading.Event(), list[str]()

    def keep_going() -> None:
        while not over.is_set():
            backfill = live.launch_backfill([list(key.path) for key in keys], partitions)
            status = "REQUESTED"
            while not over.wait(1) and status in ("REQUESTED", "CANCELING"):
                status = live.backfill_status(backfill)
            statuses.append(status)

    thread = threading.Thread(target=keep_going, name="backfill")
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join()


def run(changes: int = CHANGES, scale: float = SCALE) -> Report:
    """Alone, after a pause that ends every run, and beside backfills at full quota."""
    rng = random.Random(11)
    with live_platform(scale=scale, tell=lambda what: print(what, file=sys.stderr)) as live:
        assert not live.failed_runs, live.failed_runs
        alone = _seconds(_measure(live, changes, GAP_SECONDS, rng))
        cold = _seconds(_measure(live, COLD_CHANGES, COLD_GAP_SECONDS, rng, fixed=True))
        before = live.admin("stats")
        live.admin("plan", hour_left=_HOUR_LEFT)
        with _backfilling(live) as backfills:
            _await_load(live, before["complexity"])
            began, spent_before = time.monotonic(), live.admin("stats")
            beside = _seconds(_measure(live, changes // 2, GAP_SECONDS, rng))
            share = _share_of_hour(spent_before, live.admin("stats"), time.monotonic() - began)
        after = live.admin("stats")
    report = Report(
        benchmark="latency",
        figures=[
            Figure("median, webhook accepted to row in core", _quantile(alone, 0.5), "s", "", Goal.AT_MOST, 8),
            Figure("p95, webhook accepted to row in core", _quantile(alone, 0.95), "s", "", Goal.AT_MOST, 12),
            Figure("median when every run has to be started", _quantile(cold, 0.5), "s"),
            Figure("p95 beside a backfill at full quota", _quantile(beside, 0.95), "s", "", Goal.AT_MOST, 24),
            Figure(
                "p95 beside a backfill, as a ratio",
                _quantile(beside, 0.95) / _quantile(alone, 0.95),
                "x",
                "p95 without one",
            ),
            Figure("share of the hourly quota used meanwhile", share, "of quota", "growth plan, the bucket that binds"),
            Figure("429 answers", after["throttled"], "", "", Goal.AT_MOST, 0),
        ],
        measured={"alone": alone, "cold": cold, "beside": beside, "backfills": list(backfills)},
    )
    publish(report)
    return report


def _share_of_hour(before: Mapping[str, Any], after: Mapping[str, Any], seconds: float) -> float:
    """What was spent of what the hourly buckets took in meanwhile, in the bucket that had the least to spare."""
    requests, points = PLANS["growth"]["REQUEST_COUNT"][1], PLANS["growth"]["QUERY_COMPLEXITY"][1]
    return max(
        (after["requests"] - before["requests"]) / (requests / 3600 * seconds),
        (after["complexity"] - before["complexity"]) / (points / 3600 * seconds),
    )


def _await_load(live: LivePlatform, points: int) -> None:
    """Until the backfill has begun to ask."""
    deadline = time.monotonic() + 120
    while live.admin("stats")["complexity"] < points + 250_000 and time.monotonic() < deadline:
        time.sleep(0.5)


def main() -> None:
    """`--changes N` and `--scale S` shrink it for a smoke test; the figures then mean less."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--scale", type=float, default=SCALE)
    given: Any = parser.parse_args()
    finish(run(given.changes, given.scale))


if __name__ == "__main__":
    main()
