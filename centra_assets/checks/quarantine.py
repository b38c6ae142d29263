"""The check that speaks of quarantine: a warning for what is set aside, a wall in front of what is downstream above
the contract's share. A step of its own, so that marts wait for it and for no other check.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart, tag_run
from centra_assets.assets.metadata import core_key
from centra_assets.assets.quarantine import (
    FEWEST_THAT_BLOCK,
    SourceBlockedError,
    is_over,
    limit_of,
    partitions_over,
    told,
)
from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Entity
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.quarantined import SetAside, set_aside, standing
from centra_assets.storage.warehouse import Warehouse

CHECK = "no_records_quarantined"
SHOWN_KEYS = 20

_PARTITION, _FIRST, _LAST = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)


def build_quarantine_check(entity: Entity) -> dg.AssetChecksDefinition:
    """The check of an entity's main table; in one run, nothing downstream of that table begins before it passed."""
    key, limit = _key(entity), limit_of(entity)
    spec = dg.AssetCheckSpec(
        CHECK,
        asset=key,
        blocking=True,
        description=described(
            f"No record of {entity.name} is set aside. Failing records are in ops.quarantine with their reasons; their "
            f"last good version stays in core. It warns; with {FEWEST_THAT_BLOCK} or more that are over {limit:.1%} of "
            "all records, or of one of the run's partitions, it is an error and marts wait.",
            "`centra-assets quarantine list` names them; mend them in Centra, then `centra-assets quarantine retry`, "
            "or wait until they are read again.",
        ),
    )

    # One that can be left out need not be yielded; see below.
    @dg.multi_asset_check(
        name=f"quarantine_{entity.name}", specs=[spec], can_subset=True, retry_policy=TRANSIENT_RETRIES
    )
    def quarantine(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        with failures_told_apart():
            result = _judged(warehouse.open(), entity, partitions_of(context.run.tags))
        blocks = not result.passed and result.severity is dg.AssetCheckSeverity.ERROR
        if context.job_def.asset_layer.selected_asset_keys or not blocks:
            if blocks:
                # Dagster fails the run for it, in words of its own that say nothing of quarantine.
                tag_run(SourceBlockedError.code, transient=False)
            yield result
        else:
            # Nothing is computed, so nothing is held back: yielded, an error of a blocking check fails the run.
            step = context.op_execution_context
            evaluation = result.to_asset_check_evaluation(step.get_step_execution_context())
            step.log_event(evaluation)  # type: ignore[arg-type]  # taken, but not promised

    return quarantine


def verdict(store: Warehouse, entity: Entity) -> dg.AssetCheckEvaluation:
    """What the check says now, over all partitions, for an op to log that has just emptied some of the quarantine."""
    result = _judged(store, entity, partitions_of({}))
    return dg.AssetCheckEvaluation(
        asset_key=_key(entity),
        check_name=CHECK,
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata,
        blocking=True,
    )


def partitions_of(tags: Mapping[str, str]) -> Callable[[str], bool]:
    """Whether a partition is one that a run with these tags is about; without any, all are.

    Ranges are of days and months, whose keys are in order as texts.
    """
    if _PARTITION in tags:
        return lambda partition: partition == tags[_PARTITION]
    if _FIRST in tags and _LAST in tags:
        return lambda partition: tags[_FIRST] <= partition <= tags[_LAST]
    return lambda partition: True


def _key(entity: Entity) -> dg.AssetKey:
    return core_key(entity.tables[0].table)


def _judged(store: Warehouse, entity: Entity, concerns: Callable[[str], bool]) -> dg.AssetCheckResult:
    limit = limit_of(entity)
    found = standing(store, entity.name, table_of(entity.tables[0]))
    over = partitions_over(found, limit)
    blocks = is_over(found.whole, limit) or any(concerns(partition) for partition in over)
    aside = set_aside(store, entity=entity.name)
    return dg.AssetCheckResult(
        asset_key=_key(entity),
        check_name=CHECK,
        passed=not aside,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={
            "records_quarantined": len(aside),
            "share_quarantined": round(found.whole.share, 6),
            "share_allowed": limit,
            "partitions_blocked": [f"{key}: {told(part)}" for key, part in list(over.items())[:SHOWN_KEYS]],
            "failing_keys": [record.record_id for record in aside[:SHOWN_KEYS]],
            "reasons": dict(_reasons(aside).most_common(SHOWN_KEYS)),
        },
    )


def _reasons(aside: list[SetAside]) -> Counter[str]:
    """How many records broke each rule."""
    return Counter(f"{reason.table}: {reason.rule}" for record in aside for reason in record.reasons)
