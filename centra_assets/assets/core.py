"""Builds `core/<table>` assets: what is true now, parsed from the lake. Nothing here speaks to the API."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import group_of, owner_of
from centra_assets.assets.load import load
from centra_assets.assets.metadata import (
    column_lineage,
    core_column_schema,
    core_key,
    describe_core,
    holds_personal_data,
    partition_load_metadata,
    raw_key,
    tell_partitions,
)
from centra_assets.assets.plan import partition_keys, spelled
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar
from centra_assets.entities.contract import Contract
from centra_assets.entities.model import WHOLE, Entity, TransformContext
from centra_assets.logs import working_on
from centra_assets.partitions import partitions_definition
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.warehouse import OPEN_GUARD

# With the value "true" it tells a run that the rows which the collapse guard held back are really gone.
ALLOW_COLLAPSE_TAG = "centra_assets/allow_collapse"


def _spec(
    entity: Entity, contract: type[Contract], partitions: dg.PartitionsDefinition | None, owner: str | None
) -> dg.AssetSpec:
    return dg.AssetSpec(
        core_key(contract.table),
        deps=[raw_key(entity)],
        partitions_def=partitions,
        group_name=group_of(entity),
        kinds={"polars", "postgres"},
        owners=[owner or owner_of(entity)],
        description=describe_core(entity, contract),
        metadata={
            "dagster/column_schema": core_column_schema(contract),
            "dagster/table_name": f"core.{contract.table}",
        },
        tags={"stage": "core", **({"pii": ""} if holds_personal_data([contract]) else {})},
    )


def build_core_assets(
    entity: Entity, calendar: Calendar, *, partitions_per_run: int, owner: str | None = None
) -> dg.AssetsDefinition:
    """The core tables of one entity, any subset of which can be materialized, each partition in one transaction."""
    partitions = partitions_definition(entity.axis, calendar)
    transform_context = TransformContext(time_zone=calendar.zone)
    contracts = {core_key(contract.table): contract for contract in entity.tables}

    @dg.multi_asset(
        name=f"core_{entity.name}",
        specs=[_spec(entity, contract, partitions, owner) for contract in entity.tables],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(partitions_per_run) if partitions else None,
        retry_policy=TRANSIENT_RETRIES,
    )
    def core(
        context: dg.AssetExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult]:
        keys = partition_keys(context)
        selected = [contracts[key] for key in context.selected_asset_keys]
        allowed = context.run.tags.get(ALLOW_COLLAPSE_TAG) == "true"
        if allowed:
            context.log.warning(f"core: {ALLOW_COLLAPSE_TAG} is set; no deletion of {entity.name} is held back.")
        with failures_told_apart(), working_on(entity=entity.name, partition=spelled(keys)):
            store = warehouse.open(context.run)
            for change in store.prepare([table_of(contract) for contract in selected]):
                context.log.info(f"core: {change}")
            report = load(
                entity,
                keys,
                lake=lake.open(),
                warehouse=store,
                context=transform_context,
                run_id=context.run.run_id,
                tables=[contract.table for contract in selected],
                guard=OPEN_GUARD if allowed else None,
            )
        aside = sum(report.quarantined.values())
        if aside:
            context.log.warning(f"core: {aside} records of {entity.name} are in ops.quarantine with their reasons.")
        for asset_key in sorted(context.selected_asset_keys):
            table = contracts[asset_key].table
            counts = report.tables[table]
            once: dict[str, Any] = {"dagster/column_lineage": column_lineage(entity, contracts[asset_key])}
            if partitions is None:
                told = partition_load_metadata(report, table, WHOLE)
                rows = {"dagster/row_count": told["dagster/partition_row_count"]}
                yield dg.MaterializeResult(asset_key=asset_key, metadata={**once, **told, **rows})
                continue
            once |= {
                "rows_inserted_run": counts.inserted,
                "rows_updated_run": counts.updated,
                "rows_unchanged_run": counts.unchanged,
                "rows_deleted_run": counts.deleted,
                "records_quarantined_run": aside,
            }
            tell_partitions(
                context, asset_key, {key: partition_load_metadata(report, table, key) for key in keys}, once
            )
            yield dg.MaterializeResult(asset_key=asset_key)

    return core
