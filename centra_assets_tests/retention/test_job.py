"""The job and the command carry out what sync.yaml says; the night's schedule is on unless the file says otherwise."""

from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import yaml

from centra_assets.commands.retention import run_retention
from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import ENTITIES
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.settings import Settings
from centra_assets.sync.retention_ops import OP, RETENTION, build_retention_job
from centra_assets.sync_file import SyncConfigError, read_sync_config
from centra_assets_tests.assets.platform import QUIET
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.retention.runs import Copy, copy_runs, instance_on, run_templates


@pytest.fixture
def resources(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "lake": LakeResource(url=str(tmp_path / "lake"), database_url=database_url),
        "warehouse": WarehouseResource(database_url=database_url),
    }


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_OUTPUT]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_the_job_prunes_the_log_that_it_writes_to_and_its_numbers_have_the_same_names_every_night(
    resources: dict[str, Any], database_url: str, tmp_path: Path
) -> None:
    job = build_retention_job(ENTITIES, read_sync_config())
    with instance_on(database_url, tmp_path / "dagster") as instance:
        templates = run_templates(instance)
        written = tmp_path / "dagster" / "storage"
        with psycopg.connect(database_url, autocommit=True) as connection:
            old, young = copy_runs(connection, [Copy(templates.idle, 50), Copy(templates.idle, 5)])
        for run in (old, young):
            (written / run / "compute_logs").mkdir(parents=True)
            (written / run / "compute_logs" / "step.out").write_text("printed", encoding="utf-8")
        nights = [job.execute_in_process(instance=instance, resources=resources, run_config=QUIET) for _ in range(2)]
        first, second = [metadata_of(night) for night in nights]
        assert first.keys() == second.keys()
        assert all(isinstance(value, int | float | bool) for value in first.values())
        assert (first["dagster_run_logs_pruned"], second["dagster_run_logs_pruned"]) == (1, 0)
        assert first["dagster_runs_deleted"] == 1
        assert first["dagster_bytes_before"] > 0 < first["dagster_bytes_after"]
        assert not instance.get_run_by_id(old)
        assert instance.get_run_by_id(young)
        assert not (written / old).exists()
        assert (written / young / "compute_logs" / "step.out").exists()
        assert instance.all_logs(nights[0].run_id)


def test_a_rehearsed_run_removes_nothing(resources: dict[str, Any], database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ops.load_log (at, entity, table_name, run_id, partitions, inserted, updated, unchanged,"
            " deleted, quarantined, seconds) VALUES (now() - interval '9 years', '', '', '', 1, 0, 0, 0, 0, 0, 0)"
        )
        job = build_retention_job(ENTITIES, read_sync_config())
        config = {**QUIET, "ops": {OP: {"config": {"rehearse": True}}}}
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance, resources=resources, run_config=config)
        assert metadata_of(result)["ops_load_log_deleted"] == 1
        assert connection.execute("SELECT count(*) FROM ops.load_log").fetchone() == (1,)


def test_the_nights_schedule_is_on_and_its_runs_let_everybody_else_go_first() -> None:
    definitions = build_definitions(Settings(), sync=read_sync_config())
    schedule = definitions.resolve_schedule_def(RETENTION)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    job = definitions.resolve_job_def(RETENTION)
    assert int(job.tags["dagster/priority"]) < 0
    file = Path(__file__).parents[2] / "dagster.yaml"
    limits = yaml.safe_load(file.read_text(encoding="utf-8"))["concurrency"]["runs"]
    assert {"key": "centra_assets/lane", "value": job.tags["centra_assets/lane"], "limit": 1} in limits[
        "tag_concurrency_limits"
    ]


def test_null_in_the_file_switches_the_night_off(tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text("retention: {cron: null, raw_days: 90, history_tables: {orders: 24}}", encoding="utf-8")
    config = read_sync_config(ours)
    names = [schedule.name for schedule in build_definitions(Settings(), sync=config).schedules or ()]
    assert RETENTION not in names
    assert config.retention.raw_days == 90
    assert config.retention.inbox_days == read_sync_config().retention.inbox_days
    assert (config.retention.months_of("orders"), config.retention.months_of("payments")) == (24, 0)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("retention: {inbox_days: 2}", "3 days at least"),
        ("retention: {raw_days: -1}", "greater than or equal to 0"),
        ("retention: {history_tables: {odres: 1}}", "odres: is no table of core"),
        ("retention: {run_log_days: 1}", "is not known"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: str, told: str, tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text(written, encoding="utf-8")
    with pytest.raises(SyncConfigError) as caught:
        read_sync_config(ours)
    assert told in caught.value.cause


def test_the_command_does_the_same_and_says_what_it_did(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with instance_on(database_url, tmp_path / "dagster") as instance:
        templates = run_templates(instance)
        with psycopg.connect(database_url, autocommit=True) as connection:
            (old,) = copy_runs(connection, [Copy(templates.idle, 50)])
            installed_at(monkeypatch, database_url=database_url, lake_url=str(tmp_path / "lake"))
            monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
            assert run_retention(rehearse=True) == 0
            assert "run logs pruned" in capsys.readouterr().out
            assert instance.get_run_by_id(old)
            assert run_retention(rehearse=False) == 0
            assert not instance.get_run_by_id(old)
            (actor,) = (
                connection.execute("SELECT DISTINCT actor FROM ops.audit WHERE kind = 'retention'").fetchone() or ()
            )
            assert actor.startswith("command:retention")
