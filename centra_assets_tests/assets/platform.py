"""A whole platform for tests: sandbox, database, lake and an instance of Dagster, and runs through all of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.calendar import Calendar
from centra_assets.commands.truth import compare, warehouse_figures
from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import JOB_NAMES
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name, partitions_definition
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.sensors.dynamic_partitions import register
from centra_assets.settings import Settings
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse

# The events are what tests read; on the console they would bury a failure.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Platform:
    """Everything that one installation has. Its days are the last `days`, the running one included."""

    sandbox: RunningSandbox
    database_url: str
    lake_folder: Path
    days: int
    entities: Sequence[Entity] = ENTITIES
    token: str = ""
    zone: str = "Europe/Stockholm"
    partitions_per_run: int = 31
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def __post_init__(self) -> None:
        start = datetime.now(UTC).date() - timedelta(days=self.days - 1)
        self.settings = Settings(start_date=start, timezone=self.zone, partitions_per_run=self.partitions_per_run)
        self.calendar = Calendar(self.settings.start_date, self.settings.timezone)
        self.warehouse = Warehouse(self.database_url)
        self.lake = Lake(str(self.lake_folder))

    @property
    def definitions(self) -> dg.Definitions:
        """The project as it is installed, except for where its resources point."""
        return build_definitions(self.settings, resources=self.resources, entities=self.entities)

    @property
    def resources(self) -> Mapping[str, Any]:
        """Resources that point at this platform's sandbox, lake and database."""
        return {
            "centra": CentraResource(
                api_url=self.sandbox.url, api_token=self.token or self.sandbox.token, database_url=self.database_url
            ),
            "lake": LakeResource(url=str(self.lake_folder), database_url=self.database_url),
            "warehouse": WarehouseResource(database_url=self.database_url),
        }

    def keys(self, axis: Axis) -> list[str]:
        """Every partition key of the axis, in order; none without partitions."""
        if axis in DYNAMIC_AXES:
            return list(self.instance.get_dynamic_partitions(dynamic_name(axis)))
        partitions = partitions_definition(axis, self.calendar)
        return list(partitions.get_partition_keys()) if partitions else []

    def refresh(
        self,
        axis: Axis = Axis.DAY,
        keys: Sequence[str] | None = None,
        only: Sequence[dg.AssetKey] | None = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run the axis's job over `keys`, a range in order, or over all; `only` some of its assets."""
        chosen = self.keys(axis) if keys is None else list(keys)
        partition_range = (
            {"dagster/asset_partition_range_start": chosen[0], "dagster/asset_partition_range_end": chosen[-1]}
            if chosen
            else {}
        )
        job = self.definitions.resolve_job_def(JOB_NAMES[axis])
        return job.execute_in_process(
            instance=self.instance,
            tags={**partition_range, **(tags or {})},
            run_config=QUIET,
            asset_selection=list(only) if only is not None else None,
            raise_on_error=raise_on_error,
        )

    def refresh_everything(self) -> list[dg.ExecuteInProcessResult]:
        """One run per axis over all there is, discovering stores, pricelists and warehouses on the way."""
        results = []
        for axis in [axis for axis in JOB_NAMES if any(entity.axis is axis for entity in self.entities)]:
            if axis in DYNAMIC_AXES:
                register(self.instance, self.warehouse, axis)
            results.append(self.refresh(axis))
        return results

    def truth(self, first: str | None = None) -> Mapping[str, Any]:
        """What the sandbox says must be in the warehouse, of everything created from the day `first` on."""
        begin, _ = self.calendar.window(Axis.DAY, first or self.settings.start_date.isoformat())
        answer = httpx.get(f"{self.sandbox.admin_url}/truth", params={"from": begin.isoformat()}, timeout=60)
        answer.raise_for_status()
        ours = {contract.table for entity in self.entities for contract in entity.tables}
        return {table: told for table, told in answer.json().items() if table in ours}

    def differences(self) -> Mapping[str, Any]:
        """Where warehouse and sandbox disagree; empty when all is well."""
        truth = self.truth()
        assert truth
        return compare(truth, warehouse_figures(self.warehouse, truth))

    def stats(self) -> Mapping[str, Any]:
        """What the sandbox was asked so far."""
        told: Mapping[str, Any] = httpx.get(f"{self.sandbox.admin_url}/stats", timeout=30).json()
        return told

    @contextmanager
    def asked(self) -> Iterator[dict[str, int]]:
        """Requests, complexity and 429s between the beginning and the end of the block."""
        before, between = self.stats(), dict[str, int]()
        yield between
        after = self.stats()
        between.update({name: after[name] - before[name] for name in ("requests", "complexity", "throttled")})

    def admin(self, path: str, **body: Any) -> Any:
        """Tell the sandbox's admin side something."""
        answer = httpx.post(f"{self.sandbox.admin_url}/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def count(self, table: str, schema: str = "core") -> int:
        """Rows of a table."""
        counted: int = self.warehouse.query(f"select count(*) as n from {schema}.{table}")["n"][0]
        return counted

    def messages(self, run_id: str) -> list[str]:
        """The text of everything that a run logged."""
        return [entry.message for entry in self.instance.all_logs(run_id)]


def keys_of(entity: Entity, *, raw: bool = True, core: bool = True) -> list[dg.AssetKey]:
    """The asset keys of an entity."""
    return [*([raw_key(entity)] if raw else []), *[core_key(c.table) for c in entity.tables if core]]


def materializations(
    result: dg.ExecuteInProcessResult, key: dg.AssetKey
) -> dict[str | None, Mapping[str, dg.MetadataValue]]:
    """The metadata of an asset's materializations in a run, by partition key."""
    found = [event.materialization for event in result.all_events if event.is_step_materialization]
    return {item.partition: item.metadata for item in found if item.asset_key == key}


def changed_rows(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """Per core table: rows that a run inserted, updated or deleted, where there were any."""
    changed: dict[str, int] = {}
    for event in result.all_events:
        if event.is_step_materialization and event.materialization.asset_key.path[0] == "core":
            item = event.materialization
            # Assets without partitions have one count each, the others also the run's.
            suffix = "_run" if "rows_inserted_run" in item.metadata else ""
            numbers = [item.metadata[f"rows_{what}{suffix}"].value for what in ("inserted", "updated", "deleted")]
            changed[item.asset_key.path[1]] = sum(int(str(number)) for number in numbers)
    return {table: rows for table, rows in changed.items() if rows}


def day_of(moment: datetime, zone: Any) -> str:
    """The partition key of the day that a moment falls on."""
    day: date = moment.astimezone(zone).date()
    return day.isoformat()
