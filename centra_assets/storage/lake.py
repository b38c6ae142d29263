"""The append-only log of what Centra said, as Parquet files on any fsspec file system. Parses no payload.

`raw/<entity>/<partition>/<fetched_at>-<run>-<snapshot|changes>.parquet`; a file is complete or invisible. The truth of
a partition is its newest snapshot and what was fetched since that one began. Fetches only add files; upkeep (see
locks.LAKE_UPKEEP) puts others in their place, and readers look again when a file has gone meanwhile.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, cast

import fsspec
import polars as pl
from fsspec.implementations.local import LocalFileSystem

from centra_assets.storage.errors import BatchShapeError, LakePathError
from centra_assets.storage.lake_file import FilePublisher, Spill
from centra_assets.storage.lake_leftovers import LONGEST_FETCH, clear_asides, clear_spills

Kind = Literal["snapshot", "changes"]

SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "updated_at": pl.Datetime("us", "UTC"),
        "payload": pl.String(),  # the record's JSON as it came; null: the record was deleted
        "fetched_at": pl.Datetime("us", "UTC"),
        "source": pl.String(),
    }
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_FILE = re.compile(r"(\d{8}T\d{12}Z)-(.+)-(snapshot|changes)\.parquet")
_STAMP = "%Y%m%dT%H%M%S%fZ"
# How often a partition is listed anew because upkeep took a file away between listing and reading it.
_LOOKS = 5
# How many remote partitions are fetched at the same time, and how much compressed data that may be.
_TRIPS = 16
_TOGETHER_BYTES = 32 * 1024 * 1024
# A batch becomes some fifteen times its size while it is decoded, checked and written out.
_BATCH_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, order=True)
class LakeFile:
    """One file of a partition. `fetched_at` is when the fetch that filled it began."""

    fetched_at: datetime
    run_id: str
    kind: Kind
    entity: str
    partition: str
    path: str
    size: int = 0


class LakeWriter:
    """Fills one file; made by `Lake.writer`. Memory stays flat however much is appended."""

    def __init__(self, spill: Spill, admitted: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._spill = spill
        self._admitted = admitted
        self.rows = 0
        self.file: LakeFile | None = None

    def append(self, frame: pl.DataFrame) -> None:
        """Adds rows with the columns of SCHEMA, in any order. Raises BatchShapeError for others."""
        if set(frame.columns) != set(SCHEMA):
            raise BatchShapeError(f"the lake's columns are {', '.join(SCHEMA)}, not {', '.join(frame.columns)}.")
        if frame.schema != SCHEMA:
            frame = frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
        self._spill.add(self._admitted(frame))
        self.rows += frame.height


# What records must pass before they are written: entity and rows in, the same rows out, with other payloads perhaps.
Admission = Callable[[str, pl.DataFrame], pl.DataFrame]
# Compares a file with the rows that were written to it, and raises where it holds others.
Verification = Callable[[Path, pl.DataFrame], None]


class Lake:
    """A lake below `url`: a folder, or anything that fsspec knows, such as `s3://bucket/prefix`.

    With an `admission` nothing is written that did not pass it.
    """

    def __init__(self, url: str, admission: Admission | None = None) -> None:
        self._admission = admission
        self._files, root = fsspec.core.url_to_fs(url)
        self._local = isinstance(self._files, LocalFileSystem)
        self._root = f"{root.rstrip('/')}/raw"
        self._publisher = FilePublisher(self._files)
        self._spills: list[Spill] = []

    @contextmanager
    def writer(
        self, entity: str, partition: str, *, kind: Kind, run_id: str, fetched_at: datetime
    ) -> Iterator[LakeWriter]:
        """A writer whose file appears when the block ends, and never when the block fails.

        `fetched_at` is when the fetch began. A snapshot without rows is a file too: it says that there is nothing.
        """
        folder = self._folder(entity, partition)
        _checked(run_id)
        spill = Spill(SCHEMA, self._spills)
        try:
            writer = LakeWriter(spill, partial(self.admitted, entity))
            yield writer
            if writer.rows or kind == "snapshot":
                writer.file = self._publish(spill, folder, LakeFile(fetched_at, run_id, kind, entity, partition, ""))
        finally:
            spill.discard()

    def admitted(self, entity: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows as they may be written, and as whoever loads them beside the lake must take them."""
        return rows if self._admission is None else self._admission(entity, rows)

    def append_changes(
        self, entity: str, rows: pl.DataFrame, *, run_id: str, fetched_at: datetime
    ) -> Mapping[str, int]:
        """Writes one file of changes for each partition of `rows` (SCHEMA and `partition`); returns its rows.

        `fetched_at` is when the fetch began. A null payload says that the record is gone.
        """
        written = {}
        for (key,), part in rows.group_by("partition", maintain_order=True):
            partition = str(key)
            with self.writer(entity, partition, kind="changes", run_id=run_id, fetched_at=fetched_at) as writer:
                writer.append(part.drop("partition"))
            written[partition] = writer.rows
        return written

    def files(self, entity: str, partition: str) -> list[LakeFile]:
        """The partition's files, oldest fetch first; none when it was never fetched."""
        return self._listed(entity, [partition])[partition]

    def all_files(self, entity: str) -> dict[str, list[LakeFile]]:
        """The files of every partition, oldest fetch first."""
        found: dict[str, list[LakeFile]] = {}
        for file in sorted(self._found(f"{self._root}/{_checked(entity)}", entity)):
            found.setdefault(file.partition, []).append(file)
        return found

    def rows(self, files: Sequence[LakeFile], ids: Collection[str] | None = None) -> pl.DataFrame:
        """The rows (SCHEMA) as they lie in the files, in their order, whatever is true now; with `ids` those records'.

        Files that upkeep took away since they were listed are left out: what they said is elsewhere, or long replaced.
        """
        for _ in range(_LOOKS):
            try:
                return self._read(files, ids)
            except FileNotFoundError:
                files = [file for file in files if self._files.exists(file.path)]
        return self._read(files, ids)

    def put(self, file: LakeFile, rows: pl.DataFrame, verify: Verification = lambda _, __: None) -> LakeFile:
        """Makes `rows` (SCHEMA) the whole content of a file, which is there already or not, in one step. For upkeep.

        They are admitted first. `verify` compares what was written with them, and raises to keep it from its place.
        """
        # Once: the list behind the gate may grow meanwhile, and file and verifier must mean the same rows.
        rows = self.admitted(file.entity, rows)
        spill = Spill(SCHEMA, self._spills)
        try:
            LakeWriter(spill, lambda admitted: admitted).append(rows)
            self._publisher.publish(spill, file.path, lambda path: verify(path, rows))
        finally:
            spill.discard()
        return replace(file, size=self._files.size(file.path))

    def named(self, kind: Kind, *, run_id: str, like: LakeFile) -> LakeFile:
        """A file that another one's place could be taken by: of its partition and age. For upkeep; writes nothing."""
        name = f"{like.fetched_at.astimezone(UTC):{_STAMP}}-{_checked(run_id)}-{kind}.parquet"
        folder = self._folder(like.entity, like.partition)
        return replace(like, run_id=run_id, kind=kind, path=f"{folder}/{name}", size=0)

    def remove(self, files: Iterable[LakeFile]) -> None:
        """Takes files away, the oldest first; those that are gone already are no trouble. For upkeep."""
        for file in sorted(files):
            with suppress(FileNotFoundError):
                self._files.rm_file(file.path)

    def clear_leftovers(self) -> int:
        """Removes what killed processes left half-written here; returns how many pieces. For upkeep."""
        return clear_spills() + (clear_asides(Path(self._root)) if self._local else 0)

    def newest_fetches(self, entity: str, partitions: Sequence[str]) -> dict[str, datetime]:
        """When the newest fetch of each of the partitions began; those that were never fetched are left out."""
        listed = self._listed(entity, partitions)
        return {partition: max(file.fetched_at for file in files) for partition, files in listed.items() if files}

    def newest_snapshots(self, entity: str, partitions: Sequence[str]) -> dict[str, datetime]:
        """When the newest snapshot of each of the partitions began; those that were never read whole are left out."""
        listed = self._listed(entity, partitions)
        begun = {key: [file.fetched_at for file in files if file.kind == "snapshot"] for key, files in listed.items()}
        return {partition: max(moments) for partition, moments in begun.items() if moments}

    def partitions(self, entity: str) -> list[str]:
        """Partitions that have at least one file, in order."""
        return sorted({file.partition for file in self._found(f"{self._root}/{_checked(entity)}", entity)})

    def read(self, entity: str, partitions: Sequence[str]) -> pl.DataFrame:
        """What is true now in these partitions: SCHEMA and `partition`, one row per record that exists."""
        listed = self._listed(entity, partitions)
        return pl.concat([_EMPTY, *(_living(frame) for _, frame in self._truths(listed))])

    def known(
        self, entity: str, ids_by_partition: Mapping[str, Collection[str]], *, gone: bool = False
    ) -> pl.DataFrame:
        """The truth of just these records, as `read` has it.

        With `gone` also that of records known to be gone: their payload is null.
        """
        listed = self._listed(entity, list(ids_by_partition))
        truth = pl.concat([_EMPTY, *(frame for _, frame in self._truths(listed, ids_by_partition))])
        return truth if gone else _living(truth)

    def read_batches(
        self, entity: str, partitions: Sequence[str], *, gone: bool = False, max_bytes: int = _BATCH_BYTES
    ) -> Iterator[tuple[list[str], pl.DataFrame]]:
        """Like `read`, in groups of whole partitions of about `max_bytes`; a larger partition is a group of its own.

        A partition that was never fetched is in no group: nothing is known of it. With `gone` as in `known`.
        """
        group: list[str] = []
        frames: list[pl.DataFrame] = []
        size = 0
        listed = self._listed(entity, partitions)
        for partition, truth in self._truths({partition: files for partition, files in listed.items() if files}):
            frame = truth if gone else _living(truth)
            more = int(frame.estimated_size())
            if group and size + more > max_bytes:
                yield group, pl.concat(frames)
                group, frames, size = [], [], 0
            group.append(partition)
            frames.append(frame)
            size += more
        if group:
            yield group, pl.concat(frames)

    def _publish(self, spill: Spill, folder: str, file: LakeFile) -> LakeFile:
        """Writes the file under the first free name: two fetches never share one."""
        moment = file.fetched_at.astimezone(UTC)
        while self._files.exists(path := f"{folder}/{moment:{_STAMP}}-{file.run_id}-{file.kind}.parquet"):
            moment += timedelta(microseconds=1)
        self._publisher.publish(spill, path)
        return replace(file, fetched_at=moment, path=path, size=self._files.size(path))

    def _folder(self, entity: str, partition: str) -> str:
        return f"{self._root}/{_checked(entity)}/{_checked(partition)}"

    def _listed(self, entity: str, partitions: Sequence[str]) -> dict[str, list[LakeFile]]:
        """The files of each partition. Many partitions are listed at once: object stores answer in hundreds."""
        listed: dict[str, list[LakeFile]] = {partition: [] for partition in partitions}
        folders = [self._folder(entity, partition) for partition in partitions]
        if len(folders) > 10:
            folders = [f"{self._root}/{entity}"]
        for file in sorted(file for folder in folders for file in self._found(folder, entity)):
            if file.partition in listed:
                listed[file.partition].append(file)
        return listed

    def _found(self, folder: str, entity: str) -> Iterable[LakeFile]:
        self._files.invalidate_cache()
        for path, info in self._files.find(folder, detail=True).items():
            *_, partition, name = path.rsplit("/", 2)
            match = _FILE.fullmatch(name)
            if match:
                stamp, run_id, kind = match.groups()
                fetched_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
                yield LakeFile(fetched_at, run_id, cast(Kind, kind), entity, partition, path, info["size"])

    def _truths(
        self, listed: Mapping[str, Sequence[LakeFile]], ids: Mapping[str, Collection[str]] | None = None
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """The truth of one partition after the other; small remote ones are fetched together, for each costs a trip.

        With `ids` that of these records only.
        """

        def truth(partition: str) -> pl.DataFrame:
            return self._truth_as_listed(partition, listed[partition], None if ids is None else ids[partition])

        with ThreadPoolExecutor(_TRIPS) as pool:
            for together in self._together(listed):
                frames: Iterator[pl.DataFrame] = pool.map(truth, together)
                yield from zip(together, frames, strict=True)

    def _together(self, listed: Mapping[str, Sequence[LakeFile]]) -> Iterator[list[str]]:
        together: list[str] = []
        size = 0
        for partition, files in listed.items():
            more = sum(file.size for file in files)
            if together and (self._local or len(together) == _TRIPS or size + more > _TOGETHER_BYTES):
                yield together
                together, size = [], 0
            together.append(partition)
            size += more
        if together:
            yield together

    def _truth_as_listed(self, partition: str, files: Sequence[LakeFile], ids: Collection[str] | None) -> pl.DataFrame:
        """The truth by these files, or by those that took their place since they were listed."""
        for _ in range(_LOOKS):
            try:
                return self._truth(partition, files, ids)
            except FileNotFoundError:
                # Only files that were listed vanish, so there is one.
                files = self.files(files[0].entity, partition)
        return self._truth(partition, files, ids)

    def _truth(self, partition: str, files: Sequence[LakeFile], ids: Collection[str] | None) -> pl.DataFrame:
        """Each record as it was read last, by the newest snapshot or since that one began.

        Of two readings at one moment that of the changes counts.
        """
        snapshot = max((file for file in files if file.kind == "snapshot"), default=None)
        frames = [pl.DataFrame(schema=SCHEMA)]
        if snapshot:
            since = snapshot.fetched_at
            # Older ones hold nothing newer than the snapshot.
            changes = [f for f in files if f.kind == "changes" and f.fetched_at > since - LONGEST_FETCH]
            frames += [self._read([snapshot], ids), self._read(changes, ids).filter(pl.col("fetched_at") >= since)]
        else:
            frames.append(self._read(files, ids))
        rows = pl.concat(frames)
        if rows["id"].n_unique() < rows.height:
            rows = rows.sort("fetched_at", maintain_order=True).unique("id", keep="last", maintain_order=True)
        return rows.with_columns(pl.lit(partition).alias("partition"))

    def _read(self, files: Sequence[LakeFile], ids: Collection[str] | None) -> pl.DataFrame:
        """The rows of the files in their order. All at once: a day of changes may lie in a thousand files."""
        if not files:
            return pl.DataFrame(schema=SCHEMA)
        paths = [file.path for file in files]
        if self._local:
            rows = pl.scan_parquet(paths, schema=SCHEMA)
        else:
            rows = pl.scan_parquet([self._files.cat_file(path) for path in paths], schema=SCHEMA)
        if ids is not None:
            rows = rows.filter(pl.col("id").is_in(pl.Series(list(ids), dtype=pl.String).implode()))
        return rows.collect()


_EMPTY = pl.DataFrame(schema={**SCHEMA, "partition": pl.String()})


def _living(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("payload").is_not_null())


def _checked(name: str) -> str:
    """Raises LakePathError for what is no plain name; the name itself is not repeated, it may be anything."""
    if not _NAME.fullmatch(name):
        raise LakePathError(f"a name of {len(name)} characters is no plain id, day or month.")
    return name
