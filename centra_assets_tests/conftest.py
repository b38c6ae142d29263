"""Fixtures that every test may ask for, and the options of the suite."""

import signal

import pytest

from centra_assets import logs

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background work ignores it. Dagster does with SIGTERM what is done with SIGINT, and whoever is started
    # by a process that ignores a signal ignores it as well: nobody could be ended.
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["centra_assets_tests.fixtures.postgres", "centra_assets_tests.fixtures.sandbox"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's own options."""
    parser.addoption(
        "--shops-built-hours-ago",
        type=float,
        default=0.0,
        help="how long ago the tests' shops stopped living; every moment makes another shop",
    )


@pytest.fixture(autouse=True)
def secrets_are_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads settings marks their secrets for the whole process, and all tests are one process."""
    monkeypatch.setattr(logs, "_marked", frozenset())
