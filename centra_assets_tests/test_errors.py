"""Errors are part of the interface: each has a code of its own, a remedy, and a row in docs/errors.md that agrees."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import centra_assets
from centra_assets.errors import CentraAssetsError
from centra_assets.settings import SettingsError

ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \| (yes|no) \|$", re.MULTILINE)


def every_error() -> list[type[CentraAssetsError]]:
    for module in pkgutil.walk_packages(centra_assets.__path__, "centra_assets."):
        # Alembic runs these; they cannot be imported.
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    found, waiting = [], [CentraAssetsError]
    while waiting:
        children = [child for child in waiting.pop().__subclasses__() if child.__module__.startswith("centra_assets.")]
        found += children
        waiting += children
    return found


def documented() -> dict[str, bool]:
    page = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    return {code: transient == "yes" for code, _, _, transient in ROW.findall(page)}


def test_errors_of_one_code_are_of_one_family_and_tell_a_remedy_of_their_own() -> None:
    families: dict[str, type[CentraAssetsError]] = {}
    for error in every_error():
        assert issubclass(error, families.setdefault(error.code, error))
        # Only the roots of families, which are never raised, have nothing better to say.
        assert error.remedy != CentraAssetsError.remedy or error.__subclasses__()
    assert len(families) > 20


def test_every_error_is_documented_as_it_behaves() -> None:
    assert {error.code: error.transient for error in every_error()} == documented()


def test_an_error_says_code_cause_and_remedy() -> None:
    assert str(SettingsError("CENTRA_TIMEZONE: unknown.")) == (
        f"SETTINGS_INVALID: CENTRA_TIMEZONE: unknown. Remedy: {SettingsError.remedy}"
    )
