"""The nightly ticks ask for the right partitions, and each job holds what is on its axis with its checks."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import JOB_NAMES, assets_of
from centra_assets.partitions import DYNAMIC_AXES, dynamic_name
from centra_assets.schedules import DAYS_REVISITED
from centra_assets.settings import Settings

# 02:20 on the night in which Stockholm's clocks go forward, told in UTC.
NIGHT = datetime(2027, 3, 28, 0, 20, tzinfo=UTC)
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(start_date=date(2026, 1, 1), timezone="Europe/Stockholm"))


def tick(definitions: dg.Definitions, name: str, instance: dg.DagsterInstance, at: datetime = NIGHT) -> Any:
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
    )
    return definitions.resolve_schedule_def(name).evaluate_tick(context)


def test_the_night_revisits_the_last_days_as_one_range_in_one_run(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, "nightly_days", instance).run_requests
    assert (request.tags[FIRST], request.tags[LAST]) == ("2027-03-14", "2027-03-28")
    assert DAYS_REVISITED == 14


def test_the_night_asks_for_no_day_before_the_first(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, "nightly_days", instance, datetime(2026, 1, 5, 1, 20, tzinfo=UTC)).run_requests
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2026-01-05")


def test_the_day_of_a_tick_is_the_merchants(definitions: dg.Definitions) -> None:
    # 23:30 in UTC is the next day in Stockholm.
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, "nightly_days", instance, datetime(2027, 1, 10, 23, 30, tzinfo=UTC)).run_requests
    assert request.tags[LAST] == "2027-01-11"


def test_the_night_reads_every_month_by_their_first_days(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, "nightly_months", instance, datetime(2027, 5, 3, 1, 20, tzinfo=UTC)).run_requests
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2027-05-01")


def test_the_first_night_has_one_month(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = tick(definitions, "nightly_months", instance, datetime(2026, 1, 5, 1, 20, tzinfo=UTC)).run_requests
    assert (request.tags[FIRST], request.tags[LAST]) == ("2026-01-01", "2026-01-01")


def test_two_nights_have_two_run_keys(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        keys = {
            tick(definitions, "nightly_days", instance, NIGHT.replace(day=day)).run_requests[0].run_key
            for day in (26, 27, 28)
        }
    assert len(keys) == 3


@pytest.mark.parametrize("axis", DYNAMIC_AXES)
def test_every_known_key_is_read_again_at_night(axis: Axis, definitions: dg.Definitions, tmp_path: Path) -> None:
    # The tick opens the instance a second time, which one in memory does not allow.
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        none = tick(definitions, f"nightly_{axis}s", instance)
        instance.add_dynamic_partitions(dynamic_name(axis), ["1", "2"])
        some = tick(definitions, f"nightly_{axis}s", instance)
    assert none.run_requests == []
    assert none.skip_message
    assert [request.partition_key for request in some.run_requests] == ["1", "2"]
    assert len({request.run_key for request in some.run_requests}) == 2


def test_schedules_wait_to_be_switched_on_and_keep_the_merchants_time(definitions: dg.Definitions) -> None:
    schedules = [definitions.resolve_schedule_def(name) for name in ("nightly_reference", "nightly_days")]
    for schedule in schedules:
        assert schedule.execution_timezone == "Europe/Stockholm"
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


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

    def test_a_pool_does_not_stay_blocked_after_a_killed_run(self, configuration: dict[str, Any]) -> None:
        assert configuration["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
