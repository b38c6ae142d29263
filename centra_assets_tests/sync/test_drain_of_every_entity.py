"""Every kind of hint for every entity, and a stretch of the shop's life followed by nothing but its hints."""

import pytest

from centra_assets.assets.queries import census_query
from centra_assets.entities.hints import DIRECT, EVENTS, INTEGRATION_API
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.storage.sync_state import SyncState
from centra_assets.sync.partitioning import keys_of
from centra_assets_tests.assets import platform as platforms
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.sync.hinting import follow, follow_again, hasty_around, hint, states, told_of
from centra_assets_tests.sync.sweeping import swept
from centra_assets_tests.sync.test_drain import ALL_DAYS

pytestmark = pytest.mark.slow

EVERY_NAME = tuple(entity.name for entity in ENTITIES)
# What their movements tell of is left to the ledger, and to comparison.
_SWEPT = ("stock", "lowest_prices", "products", "product_variant_details")


def direct_types(kind: str) -> dict[str, str]:
    """The object types whose reference is the id of a record, by entity."""
    known = EVENTS if kind == "event" else INTEGRATION_API
    return {
        target.entity: object_type
        for object_type, targets in known.items()
        for target in targets
        if target.via == DIRECT and object_type != "Bundle"
    }


def some_record(platform: Platform, entity: Entity) -> tuple[str, str]:
    """The id of a record that Centra has, and the key that it was found under."""
    with hasty_around(platform) as around:
        query = around.client.prepare(census_query(entity))
        dated = {"from": "1990-01-01T00:00:00+00:00", "to": "2190-01-01T00:00:00+00:00"}
        for key in keys_of(entity, platform.warehouse):
            asked = {"key": int(key)} if entity.axis in DYNAMIC_AXES else dated
            for _, page in around.client.stream(query, [asked if entity.axis is not Axis.NONE else {}]):
                if page.ids:
                    return page.ids[0], key
    raise AssertionError(f"the sandbox has no {entity.name}")


def test_a_record_never_seen_before_arrives_by_its_hint_whatever_it_is(own_platform: MakePlatform) -> None:
    platform = own_platform(EVERY_NAME, days=ALL_DAYS)
    of_axes = [entity for entity in ENTITIES if entity.name in DYNAMIC_AXES.values()]
    platform.refresh(Axis.NONE, only=[key for entity in of_axes for key in platforms.keys_of(entity)])
    expected = {}
    for kind in ("event", "integration_api"):
        for name, object_type in direct_types(kind).items():
            entity = next(entity for entity in platform.entities if entity.name == name)
            assert entity.id_filter is not None
            record_id, _ = some_record(platform, entity)
            expected[name] = record_id
            hint(platform, object_type, record_id, kind=kind)
    drained = follow(platform)
    assert {followed.entity.name: followed.code for followed in drained.followed if followed.error} == {}
    for followed in drained.followed:
        if followed.entity.name not in expected:
            continue
        entity, record_id = followed.entity, expected[followed.entity.name]
        tables = [contract.table for contract in entity.tables]
        rows = sum(
            platform.warehouse.query(f"SELECT count(*) AS n FROM core.{table} WHERE _record_id = %s", [record_id])["n"][
                0
            ]
            for table in tables
        )
        raw = platform.lake.known(entity.name, {key: [record_id] for key in platform.lake.partitions(entity.name)})
        assert (entity.name, rows > 0, raw.height) == (entity.name, True, 1)
    assert set(expected) == {entity.name for entity in ENTITIES if entity.id_filter} - {"stock"}


def test_after_a_stretch_of_life_the_warehouse_is_the_shop_s_truth(own_platform: MakePlatform) -> None:
    platform = own_platform(EVERY_NAME, days=60)
    platform.refresh_everything()
    assert platform.differences() == {}
    told = platform.admin("traffic", steps=80)["steps"]
    changes = [change for step in told for change in step["changes"]]
    # Late, twice and in the wrong order, as deliveries are.
    told_of(platform, changes[::-1])
    told_of(platform, changes[:40])
    for _ in range(3):
        drained = follow_again(platform)
        assert [(followed.entity.name, followed.code) for followed in drained.followed if followed.error] == []
    assert "waiting" not in states(platform)
    wanted = {request.entity for request in SyncState(platform.database_url).requests()}
    swept(platform, *sorted(wanted | set(_SWEPT)))
    assert platform.differences() == {}
