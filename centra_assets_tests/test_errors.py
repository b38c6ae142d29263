"""Errors are part of the interface: each has a code of its own, a remedy, and a row in docs/errors.md that agrees."""

import ast
import builtins
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

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


def sources() -> Iterator[tuple[ModuleType, ast.Module]]:
    """Every module of the platform with its syntax. The sandbox stands for Centra and fails as Centra does."""
    for module in pkgutil.walk_packages(centra_assets.__path__, "centra_assets."):
        if not module.name.startswith(("centra_assets.sandbox", "centra_assets.storage.migrations")):
            imported = import_module(module.name)
            yield imported, ast.parse(Path(str(imported.__file__)).read_text(encoding="utf-8"))


def raised(module: ModuleType, syntax: ast.Module) -> Iterator[type[BaseException]]:
    """The classes of errors that the module raises by name; errors in variables were made, and so seen, elsewhere."""
    for node in ast.walk(syntax):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = called.id if isinstance(called, ast.Name) else ""
            found = getattr(module, name, None) or getattr(builtins, name, None)
            if isinstance(found, type) and issubclass(found, BaseException):
                yield found


def test_every_error_that_is_raised_has_a_code_with_a_row() -> None:
    known, codes = set[type[BaseException]](), documented()
    for module, syntax in sources():
        for error in raised(module, syntax):
            known.add(error)
            # What stands for no cause at all tells nobody what to do.
            assert error not in (Exception, BaseException, NotImplementedError, OSError), module.__name__
            if error.__module__.startswith("centra_assets.") and not error.__name__.startswith("_"):
                assert issubclass(error, CentraAssetsError), f"{module.__name__} raises {error.__name__}"
                assert error.code in codes
    assert len([error for error in known if issubclass(error, CentraAssetsError)]) > 30


def test_every_error_that_is_documented_can_happen() -> None:
    made = set[str]()
    for _, syntax in sources():
        for node in ast.walk(syntax):
            # Made here, or handed over to be made there.
            if isinstance(node, ast.Call):
                made.update(each.id for each in (node.func, *node.args) if isinstance(each, ast.Name))
                made.update(each.value.id for each in node.keywords if isinstance(each.value, ast.Name))
    for error in every_error():
        if not error.__subclasses__() and not error.__module__.startswith("centra_assets.sandbox"):
            assert error.__name__ in made, f"nobody makes a {error.__name__}"


def test_an_error_says_code_cause_and_remedy() -> None:
    assert str(SettingsError("CENTRA_TIMEZONE: unknown.")) == (
        f"SETTINGS_INVALID: CENTRA_TIMEZONE: unknown. Remedy: {SettingsError.remedy}"
    )
