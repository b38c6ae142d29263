"""Schedules follow sync.yaml and ask for the right partitions; each job holds what is on its axis with its checks."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.jobs import JOB_NAMES, assets_of
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.schedules import LANE, spelled
from centra_assets.settings import Settings
from centra_assets.sync_config import EntitySync, RefreshSettings, SyncConfig
from centra_assets.sync_file import read_sync_config

# 02:20 on the night in which Stockholm's clocks go forward, told in UTC.
NIGHT = datetime(2027, 3, 28, 0, 20, tzinfo=UTC)
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
NIGHTLY = "20 2 * * *"

Refreshed = Callable[..., dg.Definitions]


def wired(config: SyncConfig) -> dg.Definitions:
    return build_definitions(Settings(start_date=date(2026, 1, 1), timezone="Europe/Stockholm"), sync=config)


def settings(**given: Any) -> SyncConfig:
    """A config in which nothing is scheduled but what is given, by entity."""
    every = {each.name: EntitySync() for each in ENTITIES}
    return SyncConfig(entities=every | {name: EntitySync(**said) for name, said in given.items()})


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """Every entity's partitions are read again each night."""
    refresh = RefreshSettings(cron=NIGHTLY, days=14)
    return wired(settings(**{each.name: {"full_refresh": refresh} for each in ENTITIES}))


def of_sync_yaml(definitions: dg.Definitions) -> list[Any]:
    """The schedules that sync.yaml asks for; others are there whatever it says."""
    jobs = {"sweep", "reconcile", *JOB_NAMES.values()}
    return [schedule for schedule in definitions.schedules or () if schedule.job_name in jobs]


def name_of(axis: Axis) -> str:
    return f"{JOB_NAMES[axis]}_{'14d_' if axis is Axis.DAY else ''}{spelled(NIGHTLY)}"


def tick(definitions: dg.Definitions, name: str, instance: dg.DagsterInstance, at: datetime = NIGHT) -> Any:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
    )
    return definitions.resolve_schedule_def(name).evaluate_tick(context)


def night(definitions: dg.Definitions, axis: Axis, at: datetime = NIGHT) -> dg.RunRequest:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, name_of(axis), instance, at).run_requests
    assert isinstance(request, dg.RunRequest)
    return request


def test_the_last_days_are_read_again_as_one_range_in_one_run(definitions: dg.Definitions) -> None:
    request = night(definitions, Axis.DAY)
    assert (request.tags[FIRST], request.tags[LAST]) == ("2027-03-14", "2027-03-28")


def test_no_day_before_the_first_is_asked_for(definitions: dg.Definitions) -> None:
    request = night(definitions, Axis.DAY, datetime(2026, 1, 5, 1, 20, tzinfo=UTC))
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2026-01-05")


def test_the_day_of_a_tick_is_the_merchants(definitions: dg.Definitions) -> None:
    # 23:30 in UTC is the next day in Stockholm.
    assert night(definitions, Axis.DAY, datetime(2027, 1, 10, 23, 30, tzinfo=UTC)).tags[LAST] == "2027-01-11"


def test_every_month_is_read_by_their_first_days(definitions: dg.Definitions) -> None:
    request = night(definitions, Axis.MONTH, datetime(2027, 5, 3, 1, 20, tzinfo=UTC))
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2027-05-01")


def test_the_first_night_has_one_month(definitions: dg.Definitions) -> None:
    request = night(definitions, Axis.MONTH, datetime(2026, 1, 5, 1, 20, tzinfo=UTC))
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2026-01-01")


def test_a_snapshot_is_one_run_without_a_partition(definitions: dg.Definitions) -> None:
    request = night(definitions, Axis.NONE)
    assert request.partition_key is None
    assert FIRST not in request.tags


def test_each_tick_has_a_run_key_of_its_own_also_within_a_day(definitions: dg.Definitions) -> None:
    ticks = [NIGHT.replace(day=day, hour=hour) for day in (26, 27, 28) for hour in (0, 12)]
    assert len({night(definitions, Axis.DAY, at).run_key for at in ticks}) == len(ticks)
    assert night(definitions, Axis.DAY).run_key == night(definitions, Axis.DAY).run_key


@pytest.mark.parametrize("axis", DYNAMIC_AXES)
def test_every_known_key_is_read_again(axis: Axis, definitions: dg.Definitions, tmp_path: Path) -> None:
    # The tick opens the instance a second time, which one in memory does not allow.
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        none = tick(definitions, name_of(axis), instance)
        instance.add_dynamic_partitions(dynamic_name(axis), ["1", "2"])
        some = tick(definitions, name_of(axis), instance)
    assert none.run_requests == []
    assert none.skip_message
    assert [request.partition_key for request in some.run_requests] == ["1", "2"]
    assert len({request.run_key for request in some.run_requests}) == 2


def test_a_run_reads_only_what_its_cron_names_with_its_core_tables() -> None:
    refresh = RefreshSettings(cron=NIGHTLY, days=14)
    definitions = wired(settings(orders={"full_refresh": refresh}, returns={"full_refresh": refresh}))
    (only,) = of_sync_yaml(definitions)
    assert only.name == name_of(Axis.DAY)
    wanted = set(assets_of([entity("orders"), entity("returns")], Axis.DAY))
    request = night(definitions, Axis.DAY)
    assert set(request.asset_selection or ()) == wanted
    assert LANE.items() <= request.tags.items()


def test_entities_of_one_cron_share_a_run_and_others_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = "0 1 * * *", "0 5 * * *"
    config = settings(
        orders={"reconcile": {"cron": early, "days": 3}},
        returns={"reconcile": {"cron": early, "days": 3}},
        customers={"reconcile": {"cron": early, "days": 9}},
        brands={"reconcile": {"cron": late, "days": 3}, "sweep": {"strategy": "snapshot", "cron": late}},
        markets={"sweep": {"strategy": "snapshot", "cron": late}},
        stores={"sweep": {"strategy": "snapshot", "every": "1h"}},
    )
    definitions = wired(config)
    for name in ("API_URL", "API_TOKEN", "DATABASE_URL"):
        # Checking a run's config reads them; nothing is opened.
        monkeypatch.setenv(f"CENTRA_{name}", "unused")
    asked: dict[tuple[str, str, str], Any] = {}
    names = []
    with dg.DagsterInstance.ephemeral() as instance:
        for schedule in of_sync_yaml(definitions):
            (request,) = tick(definitions, schedule.name, instance).run_requests
            job = definitions.resolve_job_def(schedule.job_name)
            # The job takes what the schedule gives it.
            assert dg.validate_run_config(job, request.run_config)
            ((op, config_of_op),) = request.run_config["ops"].items()
            key = (schedule.job_name, str(schedule.cron_schedule), op)
            asked.setdefault(key, []).append(config_of_op["config"])
            names.append(schedule.name)
    assert len(names) == len(set(names)) == 4
    assert asked["sweep", late, "sweep_entities"] == [{"entities": ["markets", "brands"]}]
    assert asked["reconcile", late, "reconcile_entities"] == [{"entities": ["brands"], "days": 3}]
    assert asked["reconcile", early, "reconcile_entities"] == [
        {"entities": ["orders", "returns"], "days": 3},
        {"entities": ["customers"], "days": 9},
    ]


def test_all_of_them_are_on_from_the_start_in_the_merchants_zone() -> None:
    schedules = wired(read_sync_config()).schedules or ()
    assert {schedule.job_name for schedule in schedules} >= {"sweep", "reconcile", "refresh_days", "refresh_warehouses"}
    for schedule in schedules:
        assert schedule.execution_timezone == "Europe/Stockholm"
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_null_in_the_settings_leaves_nothing_scheduled() -> None:
    assert of_sync_yaml(wired(settings())) == []


@pytest.mark.parametrize("axis", JOB_NAMES)
def test_a_job_holds_what_is_on_its_axis_with_all_its_checks(axis: Axis, definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(JOB_NAMES[axis])
    selected = job.asset_layer.executable_asset_keys
    assert selected == set(assets_of(ENTITIES, axis))
    checked = {key.asset_key for key in job.asset_layer.asset_graph.asset_check_keys}
    assert {key for key in selected if key.path[0] == "core"} <= checked
    assert (job.partitions_def is None) == (axis is Axis.NONE)


def test_every_entity_is_in_exactly_one_job() -> None:
    jobs = [key for axis in JOB_NAMES for key in assets_of(ENTITIES, axis)]
    assert len(jobs) == len(set(jobs)) == len(ENTITIES) + sum(len(entity.tables) for entity in ENTITIES)


class TestInstance:
    """dagster.yaml: what keeps a run from hanging for ever, and a permanent failure from being tried again."""

    @pytest.fixture
    def configuration(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "dagster.yaml").read_text("utf-8"))
        return loaded

    def test_a_failed_step_is_not_started_again_by_the_run_retries(self, configuration: dict[str, Any]) -> None:
        assert configuration["run_retries"]["retry_on_asset_or_op_failure"] is False

    def test_a_run_that_does_not_end_is_ended(self, configuration: dict[str, Any]) -> None:
        assert 0 < configuration["run_monitoring"]["max_runtime_seconds"] <= 24 * 3600
        assert configuration["run_monitoring"]["enabled"] is True

    def test_scheduled_work_and_backfills_leave_real_time_a_slot(self, configuration: dict[str, Any]) -> None:
        runs = configuration["concurrency"]["runs"]
        limits = {entry.get("value", entry["key"]): entry["limit"] for entry in runs["tag_concurrency_limits"]}
        assert LANE["centra_assets/lane"] in limits
        others = sum(limit for lane, limit in limits.items() if lane != "real_time")
        assert others < runs["max_concurrent_runs"]

    def test_a_pool_does_not_stay_blocked_after_a_killed_run(self, configuration: dict[str, Any]) -> None:
        assert configuration["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
