"""Builds `marts/<mart>` assets and their checks, on top of core. Which figures and how is in `centra_assets.marts`."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from centra_assets.assets.check_words import described_by_failure
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import Owner
from centra_assets.assets.metadata import core_key, table_schema, tell_partitions
from centra_assets.assets.plan import partition_keys
from centra_assets.assets.quarantine import ALLOW_QUARANTINED_TAG, blocked_days, refuse, sources_of
from centra_assets.calendar import Calendar
from centra_assets.entities.contract import one_line
from centra_assets.entities.model import Axis
from centra_assets.marts.model import Mart, MartRule
from centra_assets.marts.refresh import refresh
from centra_assets.partitions import partitions_definition
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.warehouse import LoadReport, Warehouse

GROUP = "marts"
SHOWN_KEYS = 20


def mart_key(mart: Mart) -> dg.AssetKey:
    """`marts/<mart>`."""
    return dg.AssetKey(mart.asset.split("/"))


def partition_metadata(report: LoadReport, mart: Mart, day: str) -> dict[str, Any]:
    """A day of a mart: rows held, and what the refresh did to them."""
    counts = report.by_partition[mart.name][day]
    return {
        "dagster/partition_row_count": counts.inserted + counts.updated + counts.unchanged,
        "rows_inserted": counts.inserted,
        "rows_updated": counts.updated,
        "rows_unchanged": counts.unchanged,
        "rows_deleted": counts.deleted,
    }


def build_mart_asset(mart: Mart, calendar: Calendar, *, partitions_per_run: int) -> dg.AssetsDefinition:
    """`marts/<mart>`, a partition per business day; a run computes its whole range with one statement."""

    @dg.asset(
        key=mart_key(mart),
        name=None,
        deps=_deps(mart),
        partitions_def=partitions_definition(Axis.DAY, calendar),
        backfill_policy=dg.BackfillPolicy.multi_run(partitions_per_run),
        group_name=GROUP,
        kinds={"sql", "postgres"},
        owners=[Owner.FINANCE.value],
        description=(
            f"{one_line(mart.contract.__doc__)} {mart.description} As fresh as core: a change of any age is noted in "
            "the transaction that loads it, and that day is computed again within a minute."
        ),
        metadata={
            "dagster/column_schema": table_schema(mart.table),
            "dagster/table_name": f"{mart.table.schema}.{mart.name}",
        },
        tags={"stage": "mart"},
        retry_policy=TRANSIENT_RETRIES,
    )
    def computed(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        keys = partition_keys(context)
        allowed = context.run.tags.get(ALLOW_QUARANTINED_TAG) == "true"
        with failures_told_apart():
            store = warehouse.open(context.run)
            blocked = {} if allowed else blocked_days(sources_of(mart), keys, store)
            days = [key for key in keys if key not in blocked]
            if not days:
                raise refuse(mart.asset, blocked)
            report = refresh(store, mart, days, run_id=context.run.run_id)
            counts = report.tables[mart.name]
            context.log.info(f"{mart.asset}: {len(days)} days, {counts} in {report.seconds:.2f} s.")
            each = {key: partition_metadata(report, mart, key) for key in days}
            if blocked:
                # The run fails; what it could compute is told all the same.
                for key, metadata in each.items():
                    context.log_event(dg.AssetMaterialization(mart_key(mart), partition=key, metadata=metadata))
                raise refuse(mart.asset, blocked)
        tell_partitions(context, mart_key(mart), each, {"seconds": round(report.seconds, 3)})
        return dg.MaterializeResult()

    return computed


def _deps(mart: Mart) -> Sequence[dg.AssetDep]:
    """The core tables; what crosses days depends on all of them.

    A refund is paid weeks after its order, whose day its row is kept under, so any earlier partition may matter. Days
    that are really touched are told by the notes, not by this mapping: nothing is started by it.
    """
    deps = []
    for table in dict.fromkeys(reads.table for reads in mart.reads):
        crosses = any(reads.crosses_days for reads in mart.reads if reads.table == table)
        mapping = dg.AllPartitionMapping() if crosses else dg.TimeWindowPartitionMapping()
        deps.append(dg.AssetDep(core_key(table), partition_mapping=mapping))
    return deps


def build_mart_checks(mart: Mart) -> dg.AssetChecksDefinition:
    """The promises of a mart, each a query over all its days."""
    specs = [
        dg.AssetCheckSpec(
            rule.name,
            asset=mart_key(mart),
            additional_deps=[core_key(table) for table in dict.fromkeys(reads.table for reads in mart.reads)],
            description=described_by_failure(rule.meaning, rule.remedy),
        )
        for rule in mart.rules
    ]

    @dg.multi_asset_check(name=f"checks_{mart.name}", specs=specs, can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def checks(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        store = warehouse.open()
        with failures_told_apart():
            # All or nothing: a step that is tried again evaluates no check twice.
            results = [
                _judged(store, mart, rule)
                for rule in mart.rules
                if dg.AssetCheckKey(mart_key(mart), rule.name) in context.selected_asset_check_keys
            ]
        yield from results

    return checks


def _judged(store: Warehouse, mart: Mart, rule: MartRule) -> dg.AssetCheckResult:
    failing = store.query(rule.failures)
    return dg.AssetCheckResult(
        asset_key=mart_key(mart),
        check_name=rule.name,
        passed=failing.height == 0,
        metadata={
            "failures": failing.height,
            "failing_keys": failing["key"].head(SHOWN_KEYS).to_list(),
            "meaning": rule.meaning,
            "remedy": rule.remedy,
        },
    )
