"""The folder that finished files are handed over in. What is in them it does not know."""

import os
import uuid
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Outbox:
    """Files below `url`: a folder, or anything that fsspec knows, such as `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        self._files, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")

    def path(self, name: str) -> str:
        """Where a file is or will be."""
        return f"{self._root}/{name}"

    def publish(self, name: str, content: bytes) -> str:
        """Makes the file appear, or replaces it, in one step; returns its path."""
        path = self.path(name)
        if not isinstance(self._files, LocalFileSystem):
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(path, content)
            return str(self._files.unstrip_protocol(path))
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.parent / f".{uuid.uuid4().hex}.aside"
        try:
            with aside.open("wb") as written:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return path

    def read(self, name: str) -> bytes:
        """The file's bytes; FileNotFoundError without it."""
        content: bytes = self._files.cat_file(self.path(name))
        return content

    def names(self, folder: str, suffix: str) -> list[str]:
        """Names of the files directly in a folder, sorted; none when it does not exist."""
        place = self.path(folder)
        if not self._files.exists(place):
            return []
        found = [str(path).rsplit("/", 1)[-1] for path in self._files.ls(place, detail=False)]
        return sorted(f"{folder}/{name}" for name in found if name.endswith(suffix) and not name.startswith("."))
