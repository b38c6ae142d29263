"""What killed processes leave of the lake: half-written files, rows that were moved to disk. Reads none of it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

# No file is being filled for longer; what is older and still unfinished is nobody's any more.
LONGEST_FETCH = timedelta(days=1)
ASIDE = ".aside"


def spill_folder() -> "tempfile.TemporaryDirectory[str]":
    """A new folder for rows on their way, among ours on this machine; what died there before goes."""
    clear_spills()
    return tempfile.TemporaryDirectory(prefix="spill-", dir=_ours())


def clear_spills() -> int:
    """Removes the folders of processes that were killed on this machine; returns how many."""
    abandoned = list(_abandoned(_ours().glob("spill-*")))
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned)


def clear_asides(root: Path) -> int:
    """Removes files below `root` that were written aside and never took their place; returns how many."""
    abandoned = list(_abandoned(root.rglob(f".*{ASIDE}")))
    for file in abandoned:
        file.unlink(missing_ok=True)
    return len(abandoned)


def _abandoned(paths: Iterable[Path]) -> Iterable[Path]:
    before = time.time() - LONGEST_FETCH.total_seconds()
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat(follow_symlinks=False).st_mtime < before:
                yield path


def _ours() -> Path:
    """This user's folder; it holds personal data, so nobody else may look into it."""
    folder = Path(tempfile.gettempdir()) / f"centra-lake-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
