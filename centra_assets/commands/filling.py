"""Fills a warehouse from nothing: every job over every partition, in this process. Whoever asks says what he sees."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import dagster as dg

from centra_assets.assets.executor import signs_of_life
from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis
from centra_assets.jobs import JOB_NAMES, REFRESH_MARTS
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name, partitions_definition
from centra_assets.sensors.dynamic_partitions import register
from centra_assets.storage.warehouse import Warehouse

# The runs' own logs are in the instance; on the console they would bury what is told there.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for the length of the block, for what reads the process's environment."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def patient_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, which keeps its connections: by default each partition event opens two."""
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(statement_timeout=600_000, pool_recycle=3600, max_overflow=4)
        yield instance


def whole_runs(
    instance: dg.DagsterInstance, warehouse: Warehouse, calendar: Calendar
) -> Iterator[tuple[str, dict[str, str] | None]]:
    """The jobs in their order, with the tags of a run over all partitions; None where no partition is known.

    The next one is to be asked for when the one before is done: stores are discovered in what the first run loaded.
    """
    for axis, name in JOB_NAMES.items():
        if axis in DYNAMIC_AXES:
            register(instance, warehouse, axis)
        yield name, _range_tags(axis, calendar, instance)
    yield REFRESH_MARTS, _range_tags(Axis.DAY, calendar, instance)


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    name: str,
    tags: Mapping[str, str] | None = None,
    ops: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run in this process, its events in the instance; `ops` is the run's config. A failure is in the result.

    Raises KeyboardInterrupt when somebody stopped it.
    """
    job = definitions.resolve_job_def(name)
    config = {**QUIET, **({"ops": dict(ops)} if ops else {})}
    run_id = str(uuid4())
    # The job's own executor is not asked here, and a run that gives no signs counts as dead.
    with signs_of_life(run_id):
        result = job.execute_in_process(
            instance=instance, tags=dict(tags or {}), run_config=config, raise_on_error=False, run_id=run_id
        )
    # Dagster takes it for a failure of the step; whoever pressed Ctrl-C does not want the next job.
    for event in result.all_events:
        source = event.step_failure_data.error_source if event.is_step_failure else None
        if source is not None and source.name == "INTERRUPT":
            raise KeyboardInterrupt
    return result


def _range_tags(axis: Axis, calendar: Calendar, instance: dg.DagsterInstance) -> dict[str, str] | None:
    partitions: Any = partitions_definition(axis, calendar)
    if partitions is None:
        return {}
    keys = (
        instance.get_dynamic_partitions(dynamic_name(axis)) if axis in DYNAMIC_AXES else partitions.get_partition_keys()
    )
    if not keys:
        return None
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
