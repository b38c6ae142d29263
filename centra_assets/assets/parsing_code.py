"""Says which code makes rows of raw records, so that a load can tell what an earlier one made. Runs none of it."""

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import centra_assets
from centra_assets.entities.model import Entity, TransformContext
from centra_assets.entities.registry import ENTITIES

# Decoding and its schema; documents, contracts and transforms; and what brings them together.
_PACKAGES = ("centra", "entities", "assets")
_LIBRARIES = ("polars", "dataframely", "msgspec", "graphql-core")
# File systems keep times a little less exactly than the clock.
_GRANULARITY_SECONDS = 1.0


def parsing_code(
    entity: Entity, context: TransformContext, *, imported_at: float = centra_assets.IMPORTED_AT
) -> str | None:
    """A fingerprint of everything besides the raw records that an entity's rows depend on; None where it is not known.

    Any change to the packages counts, whichever entity it concerns: one parse too many is cheap. It is not known of
    an entity that the registry does not have, nor after a file has changed that may have been imported before.
    """
    if not any(entity is known for known in ENTITIES):
        return None
    root = Path(centra_assets.__file__).parent
    files = sorted(
        path for package in _PACKAGES for kind in ("*.py", "*.graphql") for path in (root / package).rglob(kind)
    )
    if not files or any(_changed_at(path) > imported_at - _GRANULARITY_SECONDS for path in files):
        return None
    digest = sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    libraries = " ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"{entity.name} {context.time_zone.key} {libraries} {digest.hexdigest()}"


def _changed_at(path: Path) -> float:
    # The change of the inode counts as well: an installer may give a new file an old date.
    status = path.stat()
    return max(status.st_mtime, status.st_ctime)
