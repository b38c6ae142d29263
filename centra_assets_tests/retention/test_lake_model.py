"""Random fetches and tidyings, some of them interrupted: a tidied lake answers as one that nobody ever tidied."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from centra_assets.retention import raw
from centra_assets.retention.model import Deadline, Moment
from centra_assets.storage.lake import SCHEMA, Kind, Lake, LakeFile

ENTITY, PARTITION = "orders", "2025-03-01"
IDS = ["1", "2", "3"]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Fetch:
    """A file that appears `after` hours after the step before, of a fetch that began `lasted` hours earlier; its rows
    are (id, whether it is gone, how many of these hours before the file appeared it was read)."""

    after: int
    kind: Kind
    lasted: int
    run: str
    rows: list[tuple[str, bool, int]]


@dataclass(frozen=True)
class Tidying:
    """Retention `after` hours after the step before; killed before it takes away the file number `killed`."""

    after: int
    days: int
    killed: int | None


class Killed(Exception):
    pass


class MortalLake(Lake):
    """A lake whose upkeep dies at a certain removal, with all others done in whatever order it has."""

    left: int | None = None

    def remove(self, files: Iterable[LakeFile]) -> None:
        for file in sorted(files):
            if self.left == 0:
                raise Killed
            if self.left is not None:
                self.left -= 1
            super().remove([file])


_hours = st.integers(0, 23)
_rows = st.lists(st.tuples(st.sampled_from(IDS), st.booleans(), _hours), max_size=4)
_runs = st.sampled_from("abcd")
_fetches = st.builds(
    Fetch, st.integers(0, 60), st.sampled_from(["changes", "changes", "snapshot"]), _hours, _runs, _rows
)
_tidyings = st.builds(Tidying, st.integers(0, 200), st.sampled_from([0, 3, 9]), st.none() | st.integers(0, 4))
# Many files before anything is tidied, or nothing would be merged.
_steps = st.lists(_fetches, min_size=3, max_size=9).flatmap(
    lambda first: st.lists(_fetches | _tidyings, min_size=1, max_size=9).map(lambda rest: [*first, *rest])
)


class Twins:
    """The same fetches into two lakes, of which one is tidied."""

    def __init__(self) -> None:
        self.untouched, self.tidied = (self._new(Lake), self._new(MortalLake))
        self.now = NOON
        # From when on every version must still be there.
        self.kept_since = NOON - timedelta(days=1000)
        self.written = 0

    def _new(self, kind: type[Any]) -> Any:
        return kind(f"memory://{uuid.uuid4().hex}")

    def take(self, step: Fetch | Tidying) -> None:
        self.now += timedelta(hours=step.after)
        if isinstance(step, Fetch):
            self._fetch(step)
        else:
            self._tidy(step)

    def _fetch(self, step: Fetch) -> None:
        self.written += 1
        cells = []
        for place, (record, gone, ago) in enumerate(step.rows):
            said = None if gone and step.kind == "changes" else f"{self.written}.{place}"
            cells.append((record, None, said, self.now - timedelta(hours=min(ago, step.lasted)), "test"))
        rows = pl.DataFrame(cells, schema=SCHEMA, orient="row")
        began, run_id = self.now - timedelta(hours=step.lasted), f"{step.run}{self.written}"
        for lake in (self.untouched, self.tidied):
            with lake.writer(ENTITY, PARTITION, kind=step.kind, run_id=run_id, fetched_at=began) as writer:
                writer.append(rows)

    def _tidy(self, step: Tidying) -> None:
        self.tidied.left = step.killed
        self.written += 1
        # Its name must not matter for the order of what it merged.
        run_id = f"{'az'[self.written % 2]}{self.written}"
        with suppress(Killed):
            raw.tidy(
                self.tidied,
                [ENTITY],
                days=step.days,
                moment=Moment(self.now),
                deadline=Deadline.within(60),
                run_id=run_id,
                grace_seconds=0,
            )
        if step.days:
            self.kept_since = max(self.kept_since, self.now - timedelta(days=step.days))

    def assert_alike(self) -> None:
        assert answers(self.tidied) == answers(self.untouched)
        moments = {self.now, self.kept_since, *(self.kept_since + timedelta(hours=h) for h in range(0, 300, 23))}
        for moment in sorted(moment for moment in moments if self.kept_since <= moment <= self.now):
            assert as_of(self.tidied, moment) == as_of(self.untouched, moment), moment


def answers(lake: Lake) -> dict[str, Any]:
    """All that a lake is asked by others."""
    batches = [batch for _, batch in lake.read_batches(ENTITY, [PARTITION], gone=True)]
    return {
        "read": sorted(lake.read(ENTITY, [PARTITION]).rows()),
        "known": _rows_of(lake.known(ENTITY, {PARTITION: IDS}, gone=True)),
        "one": _rows_of(lake.known(ENTITY, {PARTITION: IDS[:1]}, gone=True)),
        "batches": [_rows_of(batch) for batch in batches],
        "fetches": lake.newest_fetches(ENTITY, [PARTITION]),
        "snapshots": lake.newest_snapshots(ENTITY, [PARTITION]),
        "partitions": lake.partitions(ENTITY),
    }


def _rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame.rows(), key=str)


def as_of(lake: Lake, moment: datetime) -> dict[str, tuple[Any, ...]]:
    """What was known at a moment, by the rules of docs/storage.md, row by row; of what is gone nothing."""
    files = lake.files(ENTITY, PARTITION)
    snapshots = [file for file in files if file.kind == "snapshot" and file.fetched_at <= moment]
    snapshot = max(snapshots, default=None)
    readings = list(lake.rows([snapshot]).rows()) if snapshot else []
    for row in lake.rows([file for file in files if file.kind == "changes"]).rows():
        if row[3] <= moment and (snapshot is None or row[3] >= snapshot.fetched_at):
            readings.append(row)
    last: dict[str, tuple[Any, ...]] = {}
    for row in sorted(readings, key=lambda reading: reading[3]):
        last[row[0]] = row
    return {record: row for record, row in last.items() if row[2] is not None}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_MANY", 2)
    monkeypatch.setattr(raw, "_TOGETHER_BYTES", 4_000)


# Shrinking would take minutes, and a step says enough.
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(_steps)
def test_a_tidied_lake_answers_as_one_that_nobody_tidied(steps: list[Fetch | Tidying]) -> None:
    twins = Twins()
    for step in steps:
        twins.take(step)
        if isinstance(step, Tidying):
            twins.assert_alike()
    twins.assert_alike()
