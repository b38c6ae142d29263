"""What is printed fits a terminal, and reaches a pipe with every row whole."""

from io import StringIO

import pytest
from rich.table import Table

from centra_assets.commands.tables import open_console

RULE = "the_net_value_lies_between_zero_and_the_gross_value"
REASONS = "; ".join(f"order_lines: {RULE} ({rows} rows)" for rows in range(2, 9))


def table() -> Table:
    made = Table(show_edge=False, title="In quarantine")
    for heading in ("entity", "id", "reasons"):
        made.add_column(heading, overflow="fold")
    made.add_row("orders", "1017", REASONS)
    made.add_row("orders", "1018", "orders: unreadable")
    return made


class Terminal(StringIO):
    """Says that somebody watches."""

    def isatty(self) -> bool:
        return True


def told(what: Table | str, out: StringIO, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    open_console(out).print(what)
    return out.getvalue().splitlines()


def test_a_pipe_gets_every_row_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(table(), StringIO(), monkeypatch)
    (row,) = [line for line in lines if "1017" in line]
    assert REASONS in row
    assert len([line for line in lines if "orders" in line]) == 2
    # No wider than its widest row.
    assert max(map(len, lines)) < len(REASONS) + 40


def test_a_terminal_gets_what_fits_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(table(), Terminal(), monkeypatch)
    assert len(lines) > 10
    assert not any(REASONS in line for line in lines)


def test_a_line_is_whole_in_a_pipe_and_folded_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(REASONS, StringIO(), monkeypatch) == [REASONS]
    assert len(told(REASONS, Terminal(), monkeypatch)) > 1
