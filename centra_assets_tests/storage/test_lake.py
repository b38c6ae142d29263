"""The lake: files are whole or invisible, the last fetch wins, and memory stays flat."""

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from centra_assets.storage import lake_file, lake_leftovers
from centra_assets.storage.errors import BatchShapeError, LakePathError
from centra_assets.storage.lake import SCHEMA, Kind, Lake, LakeFile

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def rows(*records: tuple[str, str | None, int]) -> pl.DataFrame:
    """(id, payload, minutes after noon when it was fetched)."""
    cells = [(record, None, payload, at(minutes), "test") for record, payload, minutes in records]
    return pl.DataFrame(cells, schema=SCHEMA, orient="row")


def write(
    lake: Lake, frames: Iterable[pl.DataFrame], *, kind: Kind = "snapshot", day: str = "2025-03-01", minutes: int = 0
) -> LakeFile | None:
    with lake.writer("orders", day, kind=kind, run_id="run-1", fetched_at=at(minutes)) as writer:
        for frame in frames:
            writer.append(frame)
    return writer.file


def payloads(lake: Lake, *days: str) -> dict[str, str]:
    found = lake.read("orders", days or ("2025-03-01",))
    return dict(zip(found["id"].to_list(), found["payload"].to_list(), strict=True))


@pytest.fixture(params=["folder", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake") if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def test_what_was_written_is_read_with_its_partition(lake: Lake) -> None:
    write(lake, [rows(("1", '{"a":1.10}', 0)), rows(("2", "{}", 1))])
    found = lake.read("orders", ["2025-03-01"])
    assert found.select("id", "payload", "fetched_at", "partition").rows() == [
        ("1", '{"a":1.10}', at(0), "2025-03-01"),
        ("2", "{}", at(1), "2025-03-01"),
    ]


def test_the_path_says_entity_partition_time_run_and_kind(lake: Lake) -> None:
    file = write(lake, [rows(("1", "{}", 0))])
    assert file is not None
    assert file.path.endswith("/raw/orders/2025-03-01/20250301T120000000000Z-run-1-snapshot.parquet")
    assert lake.files("orders", "2025-03-01") == [file]
    assert lake.partitions("orders") == ["2025-03-01"]


def test_the_newest_fetch_is_told_also_when_it_found_nothing(lake: Lake) -> None:
    write(lake, [rows(("1", "{}", 1))])
    write(lake, [], minutes=5)
    assert lake.newest_fetches("orders", ["2025-03-02", "2025-03-01"]) == {"2025-03-01": at(5)}


def test_the_newest_snapshot_replaces_what_came_before(lake: Lake) -> None:
    write(lake, [rows(("1", "old", 0), ("2", "old", 0))])
    write(lake, [rows(("1", "changed", 1))], kind="changes", minutes=1)
    write(lake, [rows(("1", "new", 5))], minutes=5)
    assert payloads(lake) == {"1": "new"}


def test_later_changes_win_and_deletions_remove(lake: Lake) -> None:
    write(lake, [rows(("1", "old", 0), ("2", "old", 0))])
    write(lake, [rows(("1", "newer", 2), ("3", "born", 2))], kind="changes", minutes=2)
    write(lake, [rows(("1", "newest", 3), ("2", None, 3))], kind="changes", minutes=3)
    assert payloads(lake) == {"3": "born", "1": "newest"}


def test_a_fetch_that_ended_late_does_not_win_over_a_newer_row(lake: Lake) -> None:
    write(lake, [rows(("1", "at five", 5))])
    write(lake, [rows(("1", "at three", 3))], kind="changes", minutes=6)
    assert payloads(lake) == {"1": "at five"}


def test_a_row_fetched_while_the_snapshot_was_read_is_not_lost(lake: Lake) -> None:
    write(lake, [rows(("1", "during", 7))], kind="changes", minutes=2)
    write(lake, [rows(("1", "page of five", 5))], minutes=4)
    assert payloads(lake) == {"1": "during"}


def test_a_record_twice_in_a_snapshot_is_one(lake: Lake) -> None:
    write(lake, [rows(("1", "first page", 0)), rows(("1", "second page", 1))])
    assert payloads(lake) == {"1": "second page"}


def test_an_empty_snapshot_is_known_and_no_changes_are_no_file(lake: Lake) -> None:
    assert write(lake, []) is not None
    assert write(lake, [], kind="changes", minutes=1) is None
    assert len(lake.files("orders", "2025-03-01")) == 1
    assert lake.read("orders", ["2025-03-01"]).is_empty()


def test_a_writer_that_fails_leaves_nothing(lake: Lake) -> None:
    with (
        pytest.raises(RuntimeError),
        lake.writer("orders", "2025-03-01", kind="snapshot", run_id="run", fetched_at=NOON) as writer,
    ):
        writer.append(rows(("1", "{}", 0)))
        raise RuntimeError
    assert lake.files("orders", "2025-03-01") == []
    assert lake.partitions("orders") == []


def test_two_fetches_of_one_moment_are_two_files(lake: Lake) -> None:
    write(lake, [rows(("1", "a", 0))], kind="changes")
    write(lake, [rows(("2", "b", 0))], kind="changes")
    assert payloads(lake) == {"1": "a", "2": "b"}


def test_batches_are_whole_partitions_in_order_and_skip_what_was_never_fetched(lake: Lake) -> None:
    days = [f"2025-03-{day:02}" for day in range(1, 13)]
    for number, day in enumerate(days):
        if number != 6:
            write(lake, [rows(*((str(i), "x" * 100, 0) for i in range(number)))], day=day)
    groups = list(lake.read_batches("orders", days, max_bytes=2500))
    assert [day for group, _ in groups for day in group] == [day for day in days if day != "2025-03-07"]
    assert len(groups) > 3
    for group, frame in groups:
        assert frame.height == sum(days.index(day) for day in group)
        assert len(group) == 1 or frame.estimated_size() <= 2500


def test_many_partitions_are_read_like_few(lake: Lake) -> None:
    days = [f"2025-03-{day:02}" for day in range(1, 29)]
    for day in days:
        write(lake, [rows((day, day, 0))], day=day)
    assert payloads(lake, *days) == {day: day for day in days}
    assert lake.read("orders", days)["partition"].to_list() == days


def test_rows_that_do_not_fit_into_memory_go_over_the_disk(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_file, "_BUFFERED_BYTES", 500)
    pages = [rows(*((f"{page}-{i}", f"payload {page} {i}", page) for i in range(5))) for page in range(20)]
    write(lake, pages)
    assert payloads(lake) == {f"{page}-{i}": f"payload {page} {i}" for page in range(20) for i in range(5)}


def test_open_writers_share_one_allowance(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_file, "_BUFFERED_BYTES", 2000)
    days = ("2025-03-01", "2025-03-02")
    writers = [lake.writer("orders", day, kind="snapshot", run_id="run", fetched_at=NOON) for day in days]
    with writers[0] as first, writers[1] as other:
        for number in range(50):
            first.append(rows((str(number), "x" * 100, 0)))
            other.append(rows((str(number), "y" * 50, 0)))
            assert sum(spill.bytes for spill in lake._spills) <= 2000
    assert [len(payloads(lake, day)) for day in days] == [50, 50]


def test_foreign_columns_are_refused(lake: Lake) -> None:
    with pytest.raises(BatchShapeError):
        write(lake, [rows().drop("source")])


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "anna@example.com"])
def test_a_name_that_is_no_plain_key_never_becomes_a_path(lake: Lake, name: str) -> None:
    with pytest.raises(LakePathError) as caught:
        lake.files("orders", name)
    assert "anna" not in str(caught.value)


CRASH = """
import os, signal, sys
from centra_assets.storage import lake_file, lake_leftovers
from centra_assets_tests.storage.test_lake import rows, write
from centra_assets.storage.lake import Lake

whole = lake_file.Spill.write

def half(self, path):
    whole(self, path)
    path.write_bytes(path.read_bytes()[:50])
    os.kill(os.getpid(), signal.SIGKILL)

lake_file.Spill.write = half
write(Lake(sys.argv[1]), [rows(("1", "half", 9))], minutes=9)
"""


def test_what_a_killed_process_left_behind_is_invisible(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    write(lake, [rows(("1", "whole", 0))])
    killed = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "raw/orders/2025-03-01").iterdir())) == 2
    assert payloads(lake) == {"1": "whole"}
    assert len(lake.files("orders", "2025-03-01")) == 1


class TestTruth:
    """A snapshot begins at minute 10 and reads its record at minute 15; a change of single records lies beside it."""

    @pytest.mark.parametrize(("minutes", "winner"), [(13, "snapshot"), (15, "change"), (17, "change")])
    def test_of_two_readings_the_later_wins(self, lake: Lake, minutes: int, winner: str) -> None:
        write(lake, [rows(("1", "snapshot", 15))], minutes=10)
        write(lake, [rows(("1", "change", minutes))], kind="changes", minutes=minutes)
        assert payloads(lake) == {"1": winner}

    @pytest.mark.parametrize(("minutes", "left"), [(13, {"1": "snapshot"}), (17, {})])
    def test_a_deletion_counts_when_it_was_seen_after_the_record(
        self, lake: Lake, minutes: int, left: dict[str, str]
    ) -> None:
        write(lake, [rows(("1", "snapshot", 15))], minutes=10)
        write(lake, [rows(("1", None, minutes))], kind="changes", minutes=minutes)
        assert payloads(lake) == left

    @pytest.mark.parametrize(("minutes", "left"), [(9, {}), (11, {"1": "change"})])
    def test_what_the_snapshot_lacks_was_gone_unless_it_was_read_since_that_began(
        self, lake: Lake, minutes: int, left: dict[str, str]
    ) -> None:
        write(lake, [rows(("1", "change", minutes))], kind="changes", minutes=minutes)
        write(lake, [], minutes=10)
        assert payloads(lake) == left

    @pytest.mark.parametrize("last", ["first", "second"])
    def test_of_two_snapshots_at_once_the_one_that_began_later_counts(self, lake: Lake, last: str) -> None:
        snapshots = {"first": (10, 28), "second": (20, 22)}
        for name in sorted(snapshots, key=lambda name: name == last):
            begun, read = snapshots[name]
            write(lake, [rows(("1", name, read), (f"only {name}", name, read))], minutes=begun)
        assert payloads(lake) == {"1": "second", "only second": "second"}

    def test_a_change_that_an_older_snapshot_saw_is_judged_by_the_newer_one(self, lake: Lake) -> None:
        write(lake, [rows(("1", "change", 12))], kind="changes", minutes=12)
        write(lake, [rows(("1", "second", 22))], minutes=20)
        write(lake, [rows(("1", "first", 28))], minutes=10)
        assert payloads(lake) == {"1": "second"}


class TestChanges:
    def appended(self, lake: Lake, *changes: tuple[str, str | None, int, str]) -> dict[str, int]:
        frame = rows(*((record, payload, minutes) for record, payload, minutes, _ in changes))
        placed = frame.with_columns(partition=pl.Series([day for *_, day in changes], dtype=pl.String))
        return dict(lake.append_changes("orders", placed, run_id="run", fetched_at=at(5)))

    def test_each_partition_gets_a_file_of_its_own(self, lake: Lake) -> None:
        written = self.appended(lake, ("1", "a", 5, "d1"), ("2", "b", 5, "d2"), ("3", "c", 6, "d1"))
        assert written == {"d1": 2, "d2": 1}
        assert {day: [file.kind for file in lake.files("orders", day)] for day in ("d1", "d2")} == {
            "d1": ["changes"],
            "d2": ["changes"],
        }
        assert (payloads(lake, "d1"), payloads(lake, "d2")) == ({"1": "a", "3": "c"}, {"2": "b"})

    def test_no_changes_are_no_file(self, lake: Lake) -> None:
        assert self.appended(lake) == {}
        assert lake.partitions("orders") == []

    def test_of_records_asked_for_just_these_are_known_as_they_are_true(self, lake: Lake) -> None:
        for day in ("d1", "d2"):
            write(lake, [rows(("1", f"old of {day}", 0), ("2", "old", 0), ("3", "old", 0))], day=day)
        self.appended(lake, ("1", "new", 5, "d1"), ("2", None, 5, "d1"), ("3", "new", 5, "d1"))
        found = lake.known("orders", {"d1": ["1", "2", "404"], "d2": ["1"], "d3": ["1"]})
        assert found.schema == {**SCHEMA, "partition": pl.String()}
        assert found.select("id", "payload", "partition").rows() == [("1", "new", "d1"), ("1", "old of d2", "d2")]

    def test_who_asks_is_told_what_is_gone_and_since_when(self, lake: Lake) -> None:
        write(lake, [rows(("1", "old", 0), ("2", "old", 0))], day="d1")
        self.appended(lake, ("2", None, 5, "d1"))
        found = lake.known("orders", {"d1": ["2", "404"]}, gone=True)
        assert found.select("id", "payload", "fetched_at").rows() == [("2", None, at(5))]
        batches = list(lake.read_batches("orders", ["d1"], gone=True))
        assert [frame["id"].to_list() for _, frame in batches] == [["1", "2"]]
        assert [frame["id"].to_list() for _, frame in lake.read_batches("orders", ["d1"])] == [["1"]]

    def test_many_files_of_changes_are_one_truth(self, lake: Lake) -> None:
        write(lake, [rows(("1", "old", 0))], day="d1")
        for number in range(50):
            self.appended(lake, (str(number % 10), f"payload {number}", number, "d1"))
        assert payloads(lake, "d1") == {str(number % 10): f"payload {number}" for number in range(40, 50)}


def test_rows_that_a_killed_process_left_on_disk_go_a_day_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders = [lake_leftovers.spill_folder() for _ in range(2)]
    (Path(folders[0].name) / "000000.parquet").write_bytes(b"somebody")
    long_ago = (datetime.now(UTC) - lake_leftovers.LONGEST_FETCH).timestamp() - 1
    os.utime(folders[0].name, (long_ago, long_ago))
    monkeypatch.setattr(lake_file, "_BUFFERED_BYTES", 0)
    lake = Lake(str(tmp_path / "lake"))
    write(lake, [rows(("1", "{}", 0))])
    assert payloads(lake) == {"1": "{}"}
    assert not Path(folders[0].name).exists()
    assert Path(folders[1].name).exists()
    assert Path(folders[1].name).parent.stat().st_mode & 0o077 == 0
    assert len(list(Path(folders[1].name).parent.iterdir())) == 1, "a fetch that ended leaves nothing"
    folders[1].cleanup()
