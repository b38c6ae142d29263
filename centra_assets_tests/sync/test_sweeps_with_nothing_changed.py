"""A sweep with nothing changed asks a handful of requests, changes no row, and writes no file: for every entity."""

from collections.abc import Iterator

import pytest

from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.sync.sweeping import Setting
from centra_assets.sync.sweeps import default_setting
from centra_assets.sync_config import Strategy, strategies_of
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.sweeping import lake_files, lasting_platform, reconciled, swept_once

# A sweep asks whether attributes are defined, and then as many pages as there are keys and records.
_HANDFUL = 6
_NAMES = [entity.name for entity in ENTITIES]


@pytest.fixture(scope="module")
def loaded(
    postgres_server: EmbeddedPostgres, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """A platform with all there is, loaded once and changed by nobody."""
    with lasting_platform(postgres_server, sandbox, tmp_path_factory.mktemp("unchanged"), days=10) as platform:
        yield platform


def allowed(platform: Platform, name: str, records: int) -> int:
    """A request for every key and for every hundred records, and a handful besides."""
    axis = next(entity.axis for entity in ENTITIES if entity.name == name)
    keys = len(platform.keys(axis)) if axis in (Axis.STORE, Axis.PRICELIST, Axis.WAREHOUSE) else 1
    return _HANDFUL + 2 * keys + records // 50


@pytest.mark.parametrize("name", _NAMES)
def test_a_sweep_with_nothing_changed_changes_nothing(loaded: Platform, name: str) -> None:
    entity = next(entity for entity in ENTITIES if entity.name == name)
    swept_once(loaded, name)
    files = lake_files(loaded, name)
    outcome = swept_once(loaded, name)
    assert (outcome.changed, dict(outcome.applied.raw), outcome.applied.tables) == (0, {}, {})
    assert lake_files(loaded, name) == files
    assert 0 < outcome.requests <= allowed(loaded, name, outcome.read)
    if default_setting(entity).strategy is Strategy.UPDATED:
        assert outcome.requests <= allowed(loaded, name, 0)


@pytest.mark.parametrize("name", _NAMES)
def test_a_comparison_of_the_whole_with_nothing_changed_changes_nothing(loaded: Platform, name: str) -> None:
    files = lake_files(loaded, name)
    outcome = swept_once(loaded, name, setting=Setting(Strategy.SNAPSHOT))
    assert (outcome.changed, dict(outcome.applied.raw), lake_files(loaded, name)) == (0, {}, files)
    assert outcome.read >= loaded.lake.read(name, loaded.lake.partitions(name)).height


@pytest.mark.parametrize("name", _NAMES)
def test_a_reconciliation_with_nothing_changed_changes_nothing(loaded: Platform, name: str) -> None:
    files = lake_files(loaded, name)
    (outcome,) = reconciled(loaded, name, days=5)
    assert outcome.error is None, outcome.error
    assert (outcome.changed, dict(outcome.applied.raw), dict(outcome.found), outcome.notes) == (0, {}, {}, [])
    assert lake_files(loaded, name) == files


@pytest.mark.parametrize("name", _NAMES)
def test_every_entity_has_a_strategy_that_it_can_have(name: str) -> None:
    entity = next(entity for entity in ENTITIES if entity.name == name)
    assert default_setting(entity).strategy in set(strategies_of(entity)) - {Strategy.NONE}
