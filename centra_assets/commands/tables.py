"""The console that tables are printed on: as wide as a terminal, and without an edge elsewhere. Prints nothing."""

from typing import IO

from rich.console import Console

# Wider than any row; a table takes only what it needs.
_ENDLESS = 100_000


def open_console(file: IO[str] | None = None) -> Console:
    """A console for plain text, stdout unless told otherwise.

    A terminal folds what is wider than it. In a pipe or a file each row is one line and no word is cut apart, so that
    `grep` finds it, whatever width the shell is said to have.
    """
    console = Console(file=file, markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _ENDLESS
    return console
