"""The lake's files become few and what was replaced goes, while others read; core does not notice."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

import polars as pl
import pytest

from centra_assets.retention import raw
from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.storage import lake_file
from centra_assets.storage.lake import SCHEMA, Kind, Lake

DAY = "2025-03-01"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
MANY = 10


def write(
    lake: Lake, payloads: dict[str, str | None], *, days_ago: float, kind: Kind = "changes", day: str = DAY
) -> None:
    at = NOW - timedelta(days=days_ago)
    cells = [(record, None, payload, at, "test") for record, payload in payloads.items()]
    with lake.writer("orders", day, kind=kind, run_id=uuid.uuid4().hex[:8], fetched_at=at) as writer:
        writer.append(pl.DataFrame(cells, schema=SCHEMA, orient="row"))


def tidy(
    lake: Lake, *, days: int = 30, seconds: float = 60, grace: Callable[[float], None] = lambda _: None
) -> Outcome:
    deadline = Deadline.within(seconds)
    return raw.tidy(lake, ["orders"], days=days, moment=Moment(NOW), deadline=deadline, run_id="tidying", sleep=grace)


def truth(lake: Lake) -> dict[str, str | None]:
    found = lake.known("orders", {DAY: [str(number) for number in range(50)]}, gone=True)
    return dict(found.select("id", "payload").sort("id").iter_rows())


def kinds(lake: Lake) -> list[str]:
    return [file.kind for file in lake.files("orders", DAY)]


@pytest.fixture(params=["folder", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake") if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def changed(lake: Lake) -> Lake:
    """A snapshot of long ago, and since then a file of changes a day, one of them a deletion."""
    write(lake, {"1": "first", "2": "first", "3": "first"}, days_ago=50, kind="snapshot")
    for number in range(MANY):
        write(lake, {"1": f"version {number}", "2": None if number == 5 else f"{number}"}, days_ago=45 - number)
    write(lake, {"2": None}, days_ago=34)
    return lake


def test_many_files_of_changes_become_one_that_holds_the_last_versions(changed: Lake) -> None:
    before = truth(changed)
    outcome = tidy(changed)
    assert truth(changed) == before == {"1": "version 9", "2": None, "3": "first"}
    assert kinds(changed) == ["snapshot", "changes"]
    assert outcome.counts["files_merged"] == outcome.counts["files_removed"] == MANY + 1
    assert outcome.counts["rows_superseded"] == 2 * MANY + 1 - 2
    assert outcome.counts["bytes_after"] < outcome.counts["bytes_before"]
    assert (outcome.counts["files_before"], outcome.counts["files_after"]) == (MANY + 2, 2)


def test_the_link_of_quarantine_to_a_reading_holds_after_files_were_merged(changed: Lake) -> None:
    (last,) = changed.known("orders", {DAY: ["1"]}).iter_rows(named=True)
    tidy(changed)
    # As ops.quarantine.raw_files has it.
    files = [file for file in changed.files("orders", DAY) if fnmatch(file.path, f"*/raw/orders/{DAY}/*.parquet")]
    found = changed.rows(files).filter(id="1", fetched_at=last["fetched_at"])
    assert found["payload"].to_list() == ["version 9"]


def test_the_numbers_after_are_those_of_the_files_that_are_there(changed: Lake) -> None:
    counts = tidy(changed).counts
    files = changed.files("orders", DAY)
    assert (counts["files_after"], counts["bytes_after"]) == (len(files), sum(file.size for file in files))


def test_versions_of_the_days_that_are_kept_stay_all(changed: Lake) -> None:
    tidy(changed, days=40)
    held = changed.rows([file for file in changed.files("orders", DAY) if file.kind == "changes"])
    # The fourth was what held when the kept days began.
    versions = held.filter(pl.col("id") == "1")["payload"].to_list()
    assert versions == [f"version {number}" for number in range(4, MANY)]


def test_with_zero_days_every_version_is_kept_for_ever(changed: Lake) -> None:
    write(changed, {"1": "newest"}, days_ago=32, kind="snapshot")
    before = changed.rows(changed.files("orders", DAY)).sort("fetched_at", "id")
    outcome = tidy(changed, days=0)
    assert outcome.counts["rows_superseded"] == 0
    assert changed.rows(changed.files("orders", DAY)).sort("fetched_at", "id").equals(before)
    assert kinds(changed).count("changes") == 1


def test_few_files_are_left_as_they_are(lake: Lake) -> None:
    write(lake, {"1": "first"}, days_ago=50, kind="snapshot")
    for number in range(3):
        write(lake, {"1": f"version {number}"}, days_ago=45 - number)
    before = lake.files("orders", DAY)
    tidy(lake)
    assert lake.files("orders", DAY) == before


def test_files_of_today_are_left_to_those_who_may_still_be_writing(lake: Lake) -> None:
    for number in range(20):
        write(lake, {"1": f"version {number}"}, days_ago=0.9 - number / 100)
    before = lake.files("orders", DAY)
    tidy(lake)
    assert lake.files("orders", DAY) == before


def test_what_a_snapshot_replaced_goes_when_the_kept_days_are_over_and_not_before(changed: Lake) -> None:
    write(changed, {"1": "newest"}, days_ago=20, kind="snapshot")
    assert tidy(changed, days=30).counts["files_removed"] == MANY + 1, "merged; the first snapshot is still needed"
    assert kinds(changed).count("snapshot") == 2
    tidy(changed, days=15)
    assert kinds(changed) == ["snapshot"]
    assert truth(changed) == {"1": "newest"}


def test_a_partition_that_was_never_read_whole_keeps_all_it_has(lake: Lake) -> None:
    for number in range(MANY):
        write(lake, {str(number): "known by a hint only"}, days_ago=80 - number)
    before = truth(lake)
    tidy(lake)
    assert truth(lake) == before
    assert lake.newest_snapshots("orders", [DAY]) == {}


def test_who_listed_the_files_before_they_went_looks_again(changed: Lake) -> None:
    listed, before = changed.files("orders", DAY), truth(changed)
    tidy(changed)
    found = changed._truth_as_listed(DAY, listed, None)
    assert dict(found.select("id", "payload").sort("id").iter_rows()) == before


def test_who_looks_through_all_files_passes_over_those_that_went(changed: Lake) -> None:
    listed = changed.files("orders", DAY)
    tidy(changed)
    assert set(changed.rows(listed)["payload"]) == {"first"}
    assert changed.rows(listed[1:]).is_empty()


def test_a_merged_file_that_is_not_what_was_written_takes_nobodys_place(
    changed: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, held = truth(changed), changed.files("orders", DAY)
    whole = lake_file.Spill.write

    def half(self: lake_file.Spill, path: Path) -> None:
        whole(self, path)
        pl.read_parquet(path).head(1).write_parquet(path)

    monkeypatch.setattr(lake_file.Spill, "write", half)
    with pytest.raises(raw.MergedFileError):
        tidy(changed)
    assert changed.files("orders", DAY) == held
    assert truth(changed) == before


def test_a_partition_that_cannot_be_merged_holds_up_no_other(tmp_path: Path) -> None:
    lake, days = Lake(str(tmp_path)), ("2025-02-01", "2025-02-02", "2025-02-03")
    for day in days:
        for number in range(MANY):
            write(lake, {"1": f"version {number}"}, days_ago=45 - number, day=day)
    broken = lake.files("orders", days[1])
    Path(broken[-1].path).write_bytes(b"no Parquet")
    with pytest.raises(pl.exceptions.ComputeError):
        tidy(lake)
    assert [len(lake.files("orders", day)) for day in days] == [1, MANY, 1]
    assert [file.path for file in lake.files("orders", days[1])] == [file.path for file in broken]


def test_without_time_nothing_is_begun_and_the_outcome_says_so(changed: Lake) -> None:
    before = changed.files("orders", DAY)
    outcome = tidy(changed, seconds=0)
    assert not outcome.finished
    assert changed.files("orders", DAY) == before


def test_a_rehearsal_names_the_files_and_touches_none(changed: Lake) -> None:
    before = changed.files("orders", DAY)
    foreseen = raw.foreseen(changed, ["orders"], days=30, moment=Moment(NOW))
    assert changed.files("orders", DAY) == before
    done = tidy(changed)
    for name in ("files_before", "files_after", "files_merged", "files_removed", "partitions_merged"):
        assert foreseen.counts[name] == done.counts[name], name


class Reader(threading.Thread):
    """Reads again and again, and notes where it saw an older version after a newer one."""

    def __init__(self, lake: Lake, stop: threading.Event) -> None:
        super().__init__()
        self._lake, self._stop_reading = lake, stop
        self.reads, self.last = 0, -1
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while not self._stop_reading.is_set():
                payload = truth(self._lake).get("1")
                seen = -1 if payload == "first" else int(payload or -2)
                if seen < self.last:
                    self.wrong.append(f"{seen} after {self.last}")
                self.last = seen
                self.reads += 1
        except Exception as error:
            self.wrong.append(repr(error))


def test_others_read_the_truth_while_files_come_and_go(tmp_path: Path) -> None:
    lake, stop = Lake(str(tmp_path)), threading.Event()
    write(lake, {"1": "first"}, days_ago=90, kind="snapshot")
    readers = [Reader(Lake(str(tmp_path)), stop) for _ in range(2)]

    def until_all_listings_are_over(_: float) -> None:
        goals = [reader.reads + 2 for reader in readers]
        deadline = time.monotonic() + 60
        while any(reader.reads < goal and reader.is_alive() for reader, goal in zip(readers, goals, strict=True)):
            assert time.monotonic() < deadline
            time.sleep(0.002)

    for reader in readers:
        reader.start()
    try:
        for number in range(72):
            write(lake, {"1": str(number)}, days_ago=60 - number / 100)
            if number % 12 == 11:
                tidy(lake, grace=until_all_listings_are_over)
    finally:
        stop.set()
        for reader in readers:
            reader.join(60)
    assert [reader.wrong for reader in readers] == [[], []]
    assert truth(lake) == {"1": "71"}
    assert len(lake.files("orders", DAY)) < 10
