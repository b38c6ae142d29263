"""Gathers the rows of one file in bounded memory and publishes the file whole or not at all. Names are lake.py's."""

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from fsspec.implementations.local import LocalFileSystem

from centra_assets.storage.lake_leftovers import ASIDE, spill_folder

# What all writers of a lake may hold in memory together before the largest one moves its rows to disk.
_BUFFERED_BYTES = 64 * 1024 * 1024


class Spill:
    """Rows on their way into one file: in memory while few, on disk when many."""

    def __init__(self, schema: pl.Schema, siblings: "list[Spill]") -> None:
        self._schema = schema
        self._frames: list[pl.DataFrame] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._parts: list[Path] = []
        self._siblings = siblings
        self.bytes = 0
        siblings.append(self)

    def add(self, frame: pl.DataFrame) -> None:
        """Takes the rows, and sees to it that all siblings together stay small."""
        self._frames.append(frame)
        self.bytes += int(frame.estimated_size())
        if sum(spill.bytes for spill in self._siblings) > _BUFFERED_BYTES:
            max(self._siblings, key=lambda spill: spill.bytes)._move_to_disk()

    def write(self, path: Path) -> None:
        """Writes everything as one Parquet file."""
        if self._parts:
            self._move_to_disk()
            pl.scan_parquet(self._parts, schema=self._schema).sink_parquet(path, compression="zstd", statistics=False)
            return
        rows = pl.concat(self._frames) if self._frames else pl.DataFrame(schema=self._schema)
        rows.write_parquet(path, compression="zstd", statistics=False)

    def discard(self) -> None:
        """Forgets the rows."""
        self._frames, self._parts, self.bytes = [], [], 0
        if self in self._siblings:
            self._siblings.remove(self)
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _move_to_disk(self) -> None:
        if not self._frames:
            return
        if self._folder is None:
            self._folder = spill_folder()
        part = Path(self._folder.name) / f"{len(self._parts):06}.parquet"
        pl.concat(self._frames).write_parquet(part, compression="lz4", statistics=False)
        self._parts.append(part)
        self._frames, self.bytes = [], 0


class FilePublisher:
    """Makes a file appear under its name in one step."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def publish(self, spill: Spill, path: str, verify: Callable[[Path], None] = lambda _: None) -> None:
        """On a local disk: write aside, flush, move. Elsewhere: write locally and upload, which is one step there.

        A file of that name is replaced in that step. `verify` reads what was written and raises to keep it away.
        """
        if not isinstance(self._files, LocalFileSystem):
            with spill_folder() as folder:
                whole = Path(folder) / "whole.parquet"
                spill.write(whole)
                verify(whole)
                self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                self._files.put_file(str(whole), path)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.parent / f".{uuid.uuid4().hex}{ASIDE}"
        try:
            spill.write(aside)
            with aside.open("rb+") as written:
                os.fsync(written.fileno())
            verify(aside)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
