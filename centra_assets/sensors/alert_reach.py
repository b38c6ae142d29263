"""What a run was to do and what of it is left: partitions, assets, checks, as `alerts.parts` compares them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

_PARTITION, _FIRST, _LAST = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
_BY_CLOCK = ("dagster/schedule_name", "dagster/sensor_name")


def is_by_clock(run: dg.DagsterRun) -> bool:
    """Whether a schedule or a sensor asked for it, and will ask again."""
    return any(tag in run.tags for tag in _BY_CLOCK)


def succeeded_reach(repository: dg.RepositoryDefinition, run: dg.DagsterRun) -> dict[str, Any]:
    """All that the run has done."""
    assets, checks = _targets(repository, run)
    return _reach(run, [*assets, *checks])


def failed_reach(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, run: dg.DagsterRun
) -> dict[str, Any]:
    """What the run has left undone: the assets whose steps did not succeed, or the checks where there are no others."""
    assets, checks = _targets(repository, run)
    if not assets and not checks:
        return _reach(run, [])
    succeeded = {event.step_key for event in _events(instance, run, dg.DagsterEventType.STEP_SUCCESS)}
    done = {name for step, names in _by_step(repository, run) if step in succeeded for name in names}
    left = [name for name in assets if name not in done] or [name for name in checks if name not in done]
    return _reach(run, left or assets or checks)


def is_held_back(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether nothing failed in the run but blocking checks."""
    errors = [event.step_failure_data.error for event in _events(instance, run, dg.DagsterEventType.STEP_FAILURE)]
    return bool(errors) and all(error and error.cls_name == DagsterAssetCheckFailedError.__name__ for error in errors)


def _reach(run: dg.DagsterRun, names: list[str]) -> dict[str, Any]:
    reach: dict[str, Any] = {}
    if _PARTITION in run.tags:
        reach = {"first": run.tags[_PARTITION], "last": run.tags[_PARTITION]}
    elif _FIRST in run.tags:
        reach = {"first": run.tags[_FIRST], "last": run.tags[_LAST]}
        if is_by_clock(run):
            reach["clock"] = True
    if names:
        reach["assets"] = sorted(names)
    return reach


def _targets(repository: dg.RepositoryDefinition, run: dg.DagsterRun) -> tuple[list[str], list[str]]:
    """The names of the assets and of the checks that the run is about; of a job of ops there are none."""
    if not repository.has_job(run.job_name):
        return [], []
    layer = repository.get_job(run.job_name).asset_layer
    every = layer.asset_graph.asset_check_keys
    if run.asset_selection or run.asset_check_selection:
        assets = set(run.asset_selection or ())
        checks = run.asset_check_selection
        checks = {key for key in every if key.asset_key in assets} if checks is None else checks
    else:
        assets, checks = set(layer.selected_asset_keys), set(every)
    named = [key.to_user_string() for key in assets], [_name(key) for key in checks]
    if run.step_keys_to_execute is None:
        return named
    # Begun again in the middle: what was done before is not done by this one.
    steps = {step.partition(".")[0] for step in run.step_keys_to_execute}
    ours = {name for step, names in _by_step(repository, run) if step in steps for name in names}
    return [name for name in named[0] if name in ours], [name for name in named[1] if name in ours]


def _by_step(repository: dg.RepositoryDefinition, run: dg.DagsterRun) -> Iterator[tuple[str, list[str]]]:
    if not repository.has_job(run.job_name):
        return
    for data in repository.get_job(run.job_name).asset_layer.data:
        keys = [key.to_user_string() for key in data.assets_def.keys]
        yield str(data.node_handle), [*keys, *(_name(key) for key in data.assets_def.check_keys)]


def _name(key: dg.AssetCheckKey) -> str:
    return f"{key.asset_key.to_user_string()}:{key.name}"


def _events(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    return [event for found in records if (event := found.event_log_entry.dagster_event) is not None]
