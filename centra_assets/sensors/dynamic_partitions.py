"""Discovers stores, pricelists and warehouses in the reference tables and makes them partitions."""

from collections.abc import Mapping

import dagster as dg

from centra_assets.entities.model import Axis
from centra_assets.jobs import AssetJob
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.backing_off import passed_over
from centra_assets.storage.warehouse import Warehouse


def discovered_keys(store: Warehouse, axis: Axis) -> list[str]:
    """Ids in the axis's reference table, in order; empty while that table was never materialized."""
    table = DYNAMIC_AXES[axis]
    if store.query("select to_regclass(%s) is null as absent", (f"core.{table}",))["absent"][0]:
        return []
    return store.query(f"select id::text as key from core.{table} order by id")["key"].to_list()  # noqa: S608


def register(instance: dg.DagsterInstance, store: Warehouse, axis: Axis) -> list[str]:
    """Add the axis's undiscovered keys to the instance; returns those that are new."""
    known = set(instance.get_dynamic_partitions(dynamic_name(axis)))
    new = [key for key in discovered_keys(store, axis) if key not in known]
    if new:
        instance.add_dynamic_partitions(dynamic_name(axis), new)
    return new


def build_partition_sensor(jobs: Mapping[Axis, AssetJob]) -> dg.SensorDefinition:
    """A sensor that adds new keys and asks for their first run. Keys that vanish stay: their history is still there."""
    wanted = {axis: jobs[axis] for axis in DYNAMIC_AXES if axis in jobs}

    @dg.sensor(
        name="discover_partitions",
        jobs=list(wanted.values()),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes every store, pricelist and warehouse of the reference tables a partition, and fills it.",
    )
    def discover_partitions(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        store = warehouse.open()
        requests, additions = [], []
        try:
            discovered = {axis: discovered_keys(store, axis) for axis in wanted}
        except Exception as error:
            return passed_over(error)
        for axis, job in wanted.items():
            known = set(context.instance.get_dynamic_partitions(dynamic_name(axis)))
            new = [key for key in discovered[axis] if key not in known]
            if new:
                additions.append(dg.AddDynamicPartitionsRequest(dynamic_name(axis), new))
                requests += [
                    dg.RunRequest(run_key=f"{dynamic_name(axis)}-{key}", job_name=job.name, partition_key=key)
                    for key in new
                ]
        if not additions:
            return dg.SkipReason("No store, pricelist or warehouse is new.")
        return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=additions)

    return discover_partitions
