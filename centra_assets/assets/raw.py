"""Builds `raw/<entity>` assets: what Centra said, appended to the lake. Parsing belongs to the core assets."""

from collections.abc import Iterator

import dagster as dg

from centra_assets.assets.extract import extract
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import group_of, owner_of
from centra_assets.assets.metadata import (
    LAKE_COLUMNS,
    describe_raw,
    extract_metadata,
    holds_personal_data,
    partition_extract_metadata,
    raw_key,
    raw_payload_schema,
    tell_partitions,
)
from centra_assets.assets.plan import partition_keys, slices_for, spelled
from centra_assets.calendar import Calendar
from centra_assets.centra.errors import PermissionDeniedError
from centra_assets.entities.model import Axis, Entity
from centra_assets.logs import working_on
from centra_assets.partitions import partitions_definition
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource

# All raw steps share this pool, so that a backfill cannot open more clients than the machine and the API can take.
API_POOL = "centra_api"


def source_key(group: str) -> dg.AssetKey:
    """The external asset at Centra's end that a group's raw assets read from."""
    return dg.AssetKey(["centra", group])


def build_raw_asset(
    entity: Entity, calendar: Calendar, *, partitions_per_run: int, owner: str | None = None
) -> dg.AssetsDefinition:
    """`raw/<entity>`: one snapshot per partition, asked for over whole ranges, with its API price as metadata."""
    dated = entity.axis in (Axis.DAY, Axis.MONTH)
    partitions = partitions_definition(entity.axis, calendar)

    @dg.asset(
        key=raw_key(entity),
        name=None,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(partitions_per_run) if partitions else None,
        group_name=group_of(entity),
        kinds={"graphql", "parquet"},
        owners=[owner or owner_of(entity)],
        description=describe_raw(entity),
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=list(LAKE_COLUMNS)),
            "partition_axis": str(entity.axis),
        },
        tags={"stage": "raw", **({"pii": ""} if holds_personal_data(entity.tables) else {})},
        deps=[source_key(group_of(entity))],
        pool=API_POOL,
        retry_policy=TRANSIENT_RETRIES,
        output_required=False,
    )
    def raw(
        context: dg.AssetExecutionContext, centra: CentraResource, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult]:
        keys = partition_keys(context)
        store = lake.open()
        ids = {"entity": entity.name, "partition": spelled(keys)}
        with failures_told_apart(), working_on(**ids), centra.client() as client:
            try:
                report = extract(
                    entity,
                    keys,
                    client=client,
                    lake=store,
                    calendar=calendar,
                    run_id=context.run.run_id,
                    slices=slices_for(len(keys), centra.concurrency) if dated else len(keys),
                )
            except PermissionDeniedError as error:
                if any(True for _ in store.partitions(entity.name)):
                    # It could be read before: that it no longer can is a failure, and not how the token was meant.
                    raise
                _skip(context, entity, error)
                return
        for item in report.pruned:
            context.log.warning(f"raw/{entity.name}: {item.path} was not asked for: {item.reason}")
        context.log.info(
            f"raw/{entity.name}: {report.rows} records in {len(keys)} partitions for {report.requests} requests and "
            f"{report.complexity} complexity points."
        )
        told = {**extract_metadata(report), "dagster/column_schema": raw_payload_schema(entity)}
        if partitions is None:
            only = partition_extract_metadata(next(iter(report.partitions.values())))
            yield dg.MaterializeResult(metadata={**told, **only, "dagster/row_count": report.rows})
            return
        each = {key: partition_extract_metadata(extracted) for key, extracted in report.partitions.items()}
        tell_partitions(context, raw_key(entity), each, told)
        yield dg.MaterializeResult()

    return raw


def _skip(context: dg.AssetExecutionContext, entity: Entity, error: PermissionDeniedError) -> None:
    """Leave out an entity that the token was never allowed to read, and say so where people look."""
    tables = ", ".join(f"core.{contract.table}" for contract in entity.tables)
    context.log.warning(f"raw/{entity.name} was skipped, and {tables} with it: {error}")
    context.log_event(
        dg.AssetObservation(
            raw_key(entity),
            metadata={"skipped": error.cause, "remedy": error.remedy, "tables_without_rows": tables},
        )
    )
