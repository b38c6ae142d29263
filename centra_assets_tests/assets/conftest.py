"""Platforms for the tests of this folder. What a platform is lives in platform.py."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from centra_assets.entities.registry import entity
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.fixtures.sandbox import MakeSandbox

MakePlatform = Callable[..., Platform]


@pytest.fixture
def make_platform(database_url: str, tmp_path: Path, sandbox: RunningSandbox) -> Iterator[MakePlatform]:
    """A platform of its own over the shared sandbox, or over the one given; orders only where nothing else is said."""
    made: list[Platform] = []

    def make(names: tuple[str, ...] = ("orders",), **given: Any) -> Platform:
        options = {"sandbox": sandbox, "days": 30, "entities": [entity(name) for name in names]} | given
        made.append(Platform(database_url=database_url, lake_folder=tmp_path / "lake", **options))
        return made[-1]

    yield make
    for platform in made:
        platform.instance.dispose()


@pytest.fixture
def own_platform(make_platform: MakePlatform, make_sandbox: MakeSandbox) -> MakePlatform:
    """A platform whose sandbox has a world that the test may change."""

    def make(names: tuple[str, ...] = ("orders",), scale: float = 0.02, **given: Any) -> Platform:
        return make_platform(names, sandbox=make_sandbox(own_world=True, scale=scale), **given)

    return make
