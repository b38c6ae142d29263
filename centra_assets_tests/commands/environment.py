"""The environment of an installation, for commands under test. What it points at is the test's business."""

import os

import pytest


def installed_at(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Only these settings, as `CENTRA_<NAME>`; whatever the machine has set is hidden."""
    for name in [name for name in os.environ if name.startswith("CENTRA_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(f"CENTRA_{name.upper()}", value)
