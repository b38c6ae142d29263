"""Stores, pricelists and warehouses become partitions by themselves, once each."""

from collections.abc import Iterator

import dagster as dg
import pytest

from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.jobs import JOB_NAMES
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.dynamic_partitions import register
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.checks.evaluating import fill, prepare


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(instance: dg.DagsterInstance, database_url: str) -> dg.SensorResult | dg.SkipReason:
    """One evaluation of the sensor; what it adds is added, as the daemon does."""
    sensor = build_definitions(Settings()).resolve_sensor_def("discover_partitions")
    context = dg.build_sensor_context(
        instance=instance, resources={"warehouse": WarehouseResource(database_url=database_url)}
    )
    result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    if isinstance(result, dg.SensorResult):
        for request in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def test_before_anything_was_loaded_nothing_is_new(instance: dg.DagsterInstance, database_url: str) -> None:
    assert isinstance(tick(instance, database_url), dg.SkipReason)


def test_every_new_key_becomes_a_partition_and_is_filled_once(instance: dg.DagsterInstance, database_url: str) -> None:
    prepare(database_url, DYNAMIC_AXES.values())
    fill(database_url, {"stores": [{"id": 1}, {"id": 10}, {"id": 2}], "warehouses": [{"id": 7}]})
    result = tick(instance, database_url)
    assert isinstance(result, dg.SensorResult)
    asked = [(request.job_name, request.partition_key) for request in result.run_requests or ()]
    assert asked == [(JOB_NAMES[Axis.STORE], key) for key in ("1", "2", "10")] + [(JOB_NAMES[Axis.WAREHOUSE], "7")]
    assert instance.get_dynamic_partitions(dynamic_name(Axis.STORE)) == ["1", "2", "10"]
    assert isinstance(tick(instance, database_url), dg.SkipReason)

    fill(database_url, {"stores": [{"id": 3}]})
    later = tick(instance, database_url)
    assert isinstance(later, dg.SensorResult)
    assert [request.partition_key for request in later.run_requests or ()] == ["3"]


def test_a_store_that_vanished_keeps_its_partition(instance: dg.DagsterInstance, database_url: str) -> None:
    prepare(database_url, ["stores"])
    instance.add_dynamic_partitions(dynamic_name(Axis.STORE), ["9"])
    fill(database_url, {"stores": [{"id": 1}]})
    assert isinstance(tick(instance, database_url), dg.SensorResult)
    assert set(instance.get_dynamic_partitions(dynamic_name(Axis.STORE))) == {"1", "9"}


def test_registering_says_what_is_new(instance: dg.DagsterInstance, database_url: str) -> None:
    prepare(database_url, ["pricelists"])
    fill(database_url, {"pricelists": [{"id": 4}, {"id": 5}]})
    warehouse = Warehouse(database_url)
    assert register(instance, warehouse, Axis.PRICELIST) == ["4", "5"]
    assert register(instance, warehouse, Axis.PRICELIST) == []


def test_run_keys_are_made_of_the_partition_so_that_a_restarted_daemon_asks_once(
    instance: dg.DagsterInstance, database_url: str
) -> None:
    prepare(database_url, ["stores"])
    fill(database_url, {"stores": [{"id": 1}, {"id": 2}]})
    result = tick(instance, database_url)
    assert isinstance(result, dg.SensorResult)
    keys = [request.run_key for request in result.run_requests or ()]
    assert len(set(keys)) == len(keys) == 2
