"""The project as a wheel, installed where its sources are not: documents, schema and migrations are inside."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from centra_assets_tests.test_definitions import all_keys

PROJECT = Path(__file__).parent.parent

LOADING = """
import centra_assets, pathlib, sys
from importlib.resources import files
from centra_assets.definitions import definitions
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.registry import ENTITIES
import centra_assets.storage.migrate as migrate
assert pathlib.Path(centra_assets.__file__).is_relative_to(sys.prefix), centra_assets.__file__
assert all(entity.document_text() for entity in ENTITIES)
assert "Order" in bundled_schema().type_map
versions = pathlib.Path(migrate.__file__).parent / "migrations" / "versions"
assert sorted(path.name for path in versions.glob("0*.py"))[0] == "0001_ops.py"
print(len(list(definitions().resolve_all_asset_specs())))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "README.md"):
        (source / name).write_bytes((PROJECT / name).read_bytes())
    copytree(PROJECT / "centra_assets", source / "centra_assets", ignore=ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_everything_that_is_read_at_run_time_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "centra_assets").rglob("*")
        if path.suffix in (".py", ".graphql", ".sql") or path.name == "py.typed"
    }
    assert len([name for name in needed if name.endswith(".graphql")]) > 20
    assert needed - inside == set()
    assert not any(name.startswith("centra_assets_tests") for name in inside)


@pytest.mark.slow
def test_the_installed_wheel_loads_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    home, empty = tmp_path / "venv", tmp_path / "empty"
    venv.create(home, with_pip=False)
    empty.mkdir()
    installed = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # Dependencies come from here; the project itself only from the wheel, whose folder is searched first.
    (installed / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert int(run(home / "bin" / "python", "-c", LOADING, cwd=empty).split()[-1]) == len(all_keys())
