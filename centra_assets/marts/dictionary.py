"""Writes docs/data-dictionary-marts.md from the contracts of the marts. The tables of core have a page of their own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from centra_assets.entities.contract import one_line
from centra_assets.entities.dictionary import columns_of
from centra_assets.marts.registry import MARTS
from centra_assets.marts.sync_health import KEPT, SOURCES, SyncHealth

PATH = Path(__file__).parents[2] / "docs" / "data-dictionary-marts.md"
COMMAND = "python -m centra_assets.marts.dictionary"

_OPENING = f"""\
# Data dictionary: marts

Every table of the schema `marts`, what one row of it is and what its columns mean. Written from the contracts in
`centra_assets/marts` by `{COMMAND}`; change those, not this page. How figures are computed
and kept fresh is in [marts.md](marts.md).
"""


def dictionary() -> str:
    """The whole page, as Markdown."""
    lines = [_OPENING]
    for mart in MARTS:
        key = ", ".join(f"`{name}`" for name in mart.contract.primary_key())
        sources = ", ".join(f"`core.{reads.table}`" for reads in mart.reads)
        lines += [f"## {mart.name}", "", one_line(mart.contract.__doc__), ""]
        lines += [f"Computed from {sources}; one partition per business day. Key: {key}.", ""]
        lines += columns_of(mart.contract)
    lines += _sync_health()
    return "\n".join(lines).rstrip() + "\n"


def _sync_health() -> list[str]:
    """The one mart that is not computed from core, and has no days."""
    key = ", ".join(f"`{name}`" for name in SyncHealth.primary_key())
    sources = ", ".join(f"`ops.{name}`" for name in SOURCES)
    return [
        f"## {SyncHealth.table}",
        "",
        one_line(SyncHealth.__doc__),
        "",
        f"Computed from {sources}; no partitions, rows are kept for {KEPT.days} days. Key: {key}.",
        "",
        *columns_of(SyncHealth),
    ]


def main(arguments: Sequence[str]) -> int:
    """Writes the page to the path given, or to its place in the repository."""
    path = Path(arguments[0]) if arguments else PATH
    path.write_text(dictionary(), encoding="utf-8")
    print(f"{path}: {len(MARTS) + 1} tables")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
