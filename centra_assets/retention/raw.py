"""Keeps the lake small: drops files that a snapshot has replaced for long, merges many files of changes into one.

What is true now, and what was true at any moment of the days that are kept, stays as it is. Parses no payload.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import polars as pl

from centra_assets.errors import CentraAssetsError
from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.storage.lake import Lake, LakeFile
from centra_assets.storage.lake_leftovers import LONGEST_FETCH

PART = "raw"

# A file that begins to be filled now may still appear under a name of a day ago; clocks may differ by an hour.
_QUIET = LONGEST_FETCH + timedelta(hours=1)
# So many files of changes of one partition are worth a file of their own; a reader does not feel fewer.
_MANY = 8
# Merged at once, and some fifteen times as much in memory; more of a partition is merged in several parts.
_TOGETHER_BYTES = 16 * 1024 * 1024
# Whoever lists a folder while it changes may miss both a new file and the old ones; by then his listing is over.
_GRACE_SECONDS = 60.0

_WHOLE_ROW = ["id", "updated_at", "payload", "fetched_at", "source"]


class MergedFileError(CentraAssetsError):
    """A file that was to take the place of others does not hold what they held; all of them are as they were."""

    code = "RETENTION_FILE_DIFFERS"
    remedy = "See that the disk or the object store is healthy; then run retention again."


@dataclass
class _Tally:
    """What was done, in numbers."""

    files_before: int = 0
    bytes_before: int = 0
    partitions_merged: int = 0
    files_merged: int = 0
    rows_superseded: int = 0
    files_removed: int = 0
    bytes_removed: int = 0
    files_written: int = 0
    bytes_written: int = 0
    leaving: list[LakeFile] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {
            "partitions_merged": self.partitions_merged,
            "files_merged": self.files_merged,
            "rows_superseded": self.rows_superseded,
            "files_removed": self.files_removed,
            "files_before": self.files_before,
            "files_after": self.files_before - self.files_removed + self.files_written,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_before - self.bytes_removed + self.bytes_written,
        }

    def wrote(self, file: LakeFile) -> None:
        self.files_written += 1
        self.bytes_written += file.size

    def removed(self, files: Sequence[LakeFile]) -> None:
        self.files_removed += len(files)
        self.bytes_removed += sum(file.size for file in files)


def superseded(files: Sequence[LakeFile], moment: Moment, days: int) -> list[LakeFile]:
    """Files of a partition that said nothing any more when the kept days began: a snapshot had replaced them."""
    witness = _witness(files, moment, days)
    if witness is None:
        return []
    # As the lake reads: files of changes that began a day before a snapshot hold nothing that it does not.
    return [
        file
        for file in files
        if (file < witness if file.kind == "snapshot" else file.fetched_at <= witness.fetched_at - LONGEST_FETCH)
    ]


def mergeable(files: Sequence[LakeFile], moment: Moment) -> list[list[LakeFile]]:
    """Files of changes to be made one, in their order, where they are many; none that a new file could come between."""
    old = [file for file in sorted(files) if file.kind == "changes" and file.fetched_at < moment.at - _QUIET]
    if len(old) < _MANY:
        return []
    groups: list[list[LakeFile]] = [[]]
    for file in old:
        group = groups[-1]
        # Files of one moment stay together: their order is by name, and the merged file's name is another.
        if sum(member.size for member in group) > _TOGETHER_BYTES and group[-1].fetched_at < file.fetched_at:
            groups.append(group := [])
        group.append(file)
    return [group for group in groups if len(group) > 1]


def thinned(rows: pl.DataFrame, files: Sequence[LakeFile], moment: Moment, days: int) -> pl.DataFrame:
    """The rows of files of changes without those that were replaced before the kept days began; none is lost with 0."""
    rows = rows.unique(_WHOLE_ROW, keep="last", maintain_order=True)
    if not days:
        return rows
    begin = moment.at - timedelta(days=days)
    witness = _witness(files, moment, days)
    if witness is not None:
        rows = rows.filter(pl.col("fetched_at") >= witness.fetched_at)
    # Of what was read before, each record's last reading; of two at one moment the later in the files' order.
    numbered = rows.with_row_index("_place")
    before = numbered.filter(pl.col("fetched_at") < begin).sort("fetched_at", "_place")
    last = before.unique("id", keep="last", maintain_order=True)["_place"]
    kept = (pl.col("fetched_at") >= begin) | pl.col("_place").is_in(last.implode())
    return numbered.filter(kept).drop("_place")


def _witness(files: Sequence[LakeFile], moment: Moment, days: int) -> LakeFile | None:
    """The newest snapshot that was there when the kept days began."""
    begin = moment.at - timedelta(days=days)
    known = [file for file in files if file.kind == "snapshot" and file.fetched_at < begin] if days else []
    return max(known, default=None)


def tidy(
    lake: Lake,
    entities: Sequence[str],
    *,
    days: int,
    moment: Moment,
    deadline: Deadline,
    run_id: str,
    grace_seconds: float = _GRACE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Does it for the entities' partitions. The caller holds LAKE_UPKEEP; killed anywhere, the next run goes on.

    A partition that fails holds up no other; the first failure is raised once all were tried.
    """
    tally, finished = _Tally(), True
    lake.clear_leftovers()
    failures: list[Exception] = []
    try:
        for entity in entities:
            for files in lake.all_files(entity).values():
                tally.files_before += len(files)
                tally.bytes_before += sum(file.size for file in files)
                if deadline.is_over:
                    finished = False
                    continue
                try:
                    _tidy_partition(lake, files, days, moment, run_id, tally)
                except Exception as error:  # a file that cannot be read, for one
                    failures.append(error)
    finally:
        # What stands for these files is in place, whatever became of the others.
        if tally.leaving:
            sleep(grace_seconds)
            lake.remove(tally.leaving)
            tally.removed(tally.leaving)
    if failures:
        raise failures[0]
    return Outcome(PART, tally.counts(), finished)


def _tidy_partition(
    lake: Lake, files: Sequence[LakeFile], days: int, moment: Moment, run_id: str, tally: _Tally
) -> None:
    gone = superseded(files, moment, days)
    lake.remove(gone)
    tally.removed(gone)
    _merge(lake, [file for file in files if file not in gone], days, moment, run_id, tally)


def foreseen(lake: Lake, entities: Sequence[str], *, days: int, moment: Moment) -> Outcome:
    """What `tidy` would do, as far as names tell: no file is read."""
    tally = _Tally()
    for entity in entities:
        for files in lake.all_files(entity).values():
            gone = superseded(files, moment, days)
            groups = mergeable([file for file in files if file not in gone], moment)
            tally.files_before += len(files)
            tally.bytes_before += sum(file.size for file in files)
            tally.removed(gone)
            tally.partitions_merged += bool(groups)
            for group in groups:
                tally.files_merged += len(group)
                # The merged file weighs about what its parts did.
                tally.removed(group)
                tally.wrote(group[0])
                tally.bytes_written += sum(file.size for file in group[1:])
    return Outcome(PART, tally.counts())


def _merge(lake: Lake, files: Sequence[LakeFile], days: int, moment: Moment, run_id: str, tally: _Tally) -> None:
    groups = mergeable(files, moment)
    tally.partitions_merged += bool(groups)
    for group in groups:
        rows = lake.rows(group)
        kept = thinned(rows, files, moment, days)
        newest = max(group)
        # As old as its newest part: what was fetched last, and what a snapshot makes history, stays the same.
        merged = lake.named("changes", run_id=run_id, like=newest)
        if kept.height:
            # Before the files that it stands for go, it is seen that they are in it.
            tally.wrote(lake.put(merged, kept, _verify))
        tally.files_merged += len(group)
        tally.rows_superseded += rows.height - kept.height
        tally.leaving += [file for file in group if file.path != merged.path]


def _verify(path: Path, rows: pl.DataFrame) -> None:
    if not pl.read_parquet(path).equals(rows):
        raise MergedFileError(f"{path.name} does not hold the {rows.height} rows that were written to it.")
