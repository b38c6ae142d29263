"""A whole snapshot that comes back empty is refused, however small; a run with the operator's tag lets it through."""

import re
from pathlib import Path

import pytest

from centra_assets.assets.core import ALLOW_COLLAPSE_TAG
from centra_assets.assets.load import guard_of
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.storage.errors import CollapseError
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import keys_of

DOCS = Path(__file__).parents[2] / "docs"


def test_markets_that_are_all_gone_stay_until_the_tag_says_so(own_platform: MakePlatform) -> None:
    platform = own_platform(("markets",))
    platform.refresh(Axis.NONE)
    full = platform.count("markets")
    assert 0 < full < 100
    markets = platform.sandbox.world.tables["Market"]
    with platform.sandbox.world.lock:
        for market in markets.rows():
            markets.remove(market.id)
        platform.sandbox.instance.indexes.forget()

    refused = platform.refresh(Axis.NONE, raise_on_error=False)
    failures = [event for event in refused.all_events if event.is_step_failure]
    assert [event.step_key for event in failures] == ["core_markets"]
    assert "STORAGE_COLLAPSE" in str(failures[0].event_specific_data)
    assert (platform.count("markets"), platform.count("markets", "history")) == (full, 0)

    core = keys_of(platform.entities[0], raw=False)
    for value in ("false", ""):
        assert not platform.refresh(
            Axis.NONE, only=core, raise_on_error=False, tags={ALLOW_COLLAPSE_TAG: value}
        ).success
    platform.refresh(Axis.NONE, only=core, tags={ALLOW_COLLAPSE_TAG: "true"})
    assert (platform.count("markets"), platform.count("markets", "history")) == (0, full)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_only_days_and_months_may_become_empty(entity: Entity) -> None:
    assert guard_of(entity).may_empty is (entity.axis in {Axis.DAY, Axis.MONTH})


def test_the_remedy_names_the_tag_and_the_documentation_agrees() -> None:
    assert f'{ALLOW_COLLAPSE_TAG}: "true"' in CollapseError.remedy
    row = re.search(r"\| `STORAGE_COLLAPSE` \| .+ \| (.+) \| no \|", (DOCS / "errors.md").read_text(encoding="utf-8"))
    assert row is not None
    assert row.group(1).replace("`", "") == CollapseError.remedy
    assert f"`{ALLOW_COLLAPSE_TAG}`" in (DOCS / "operation.md").read_text(encoding="utf-8")
