"""Files appear whole or not at all, on a disk and in an object store alike."""

import os
import uuid
from pathlib import Path

import pytest

from centra_assets.finance.outbox import Outbox


def test_a_file_is_published_replaced_and_read(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path / "out"))
    assert outbox.names("books", ".xlsx") == []
    for content in (b"first", b"second"):
        assert outbox.publish("books/2026-10.xlsx", content) == str(tmp_path / "out/books/2026-10.xlsx")
        assert outbox.read("books/2026-10.xlsx") == content
    outbox.publish("books/2026-09.xlsx", b"")
    outbox.publish("books/notes.txt", b"")
    assert outbox.names("books", ".xlsx") == ["books/2026-09.xlsx", "books/2026-10.xlsx"]


def test_what_breaks_while_it_is_written_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(str(tmp_path))
    outbox.publish("books/2026-10.xlsx", b"whole")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        outbox.publish("books/2026-10.xlsx", b"half")
    assert outbox.read("books/2026-10.xlsx") == b"whole"
    assert [path.name for path in (tmp_path / "books").iterdir()] == ["2026-10.xlsx"]


def test_an_object_store_is_as_good_as_a_folder() -> None:
    bucket = f"memory://{uuid.uuid4().hex}"
    outbox = Outbox(bucket)
    assert outbox.publish("books/2026-10.xlsx", b"whole").endswith(f"{bucket[9:]}/books/2026-10.xlsx")
    assert outbox.read("books/2026-10.xlsx") == b"whole"
    assert outbox.names("books", ".xlsx") == ["books/2026-10.xlsx"]


def test_a_file_that_is_not_there_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Outbox(str(tmp_path)).read("books/2026-10.xlsx")
