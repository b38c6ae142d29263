"""Runs whose process died unnoticed are ended; those that live, however slow, are not."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import msgspec
import psycopg
import pytest
import yaml

from centra_assets.commands.filling import execute
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors import silent_runs
from centra_assets.sensors.silent_runs import LONGEST_PAUSE_SECONDS, LOOKS, Watch, build_silent_runs_sensor, look
from centra_assets.storage.signs import SignsOfLife, signs_of
from centra_assets.sync.alive import SIGNS_TAG


def job_of(name: str) -> dg.JobDefinition:
    """A job by that name, which does nothing."""

    @dg.op(name=f"work_of_{name}")
    def work() -> None:
        """Nothing."""

    @dg.job(name=name)
    def job() -> None:
        work()

    return job


def looks(*counts: int, every: float = 20.0) -> list[list[str]]:
    """What each look at one run finds, at which it had given so many signs."""
    found, watch = [], Watch()
    for number, count in enumerate(counts):
        watch, silent = look(watch, {"run": count}, number * every)
        found.append(silent)
    return found


def test_a_run_that_was_silent_at_every_look_is_named() -> None:
    assert looks(*[5] * LOOKS) == [[]] * (LOOKS - 1) + [["run"]]


def test_one_sign_in_between_begins_the_count_anew() -> None:
    assert looks(*[5] * (LOOKS - 1), *[6] * (LOOKS - 1)) == [[]] * (2 * LOOKS - 2)


def test_looks_do_not_count_across_a_pause_of_our_own() -> None:
    assert looks(*[5] * 3 * LOOKS, every=LONGEST_PAUSE_SECONDS + 1) == [[]] * 3 * LOOKS


def test_a_run_that_is_over_is_forgotten() -> None:
    watch, _ = look(Watch(), {"run": 1}, 0.0)
    watch, _ = look(watch, {}, 20.0)
    assert watch.runs == {}


def test_a_process_gives_signs_until_it_ends_and_an_outage_does_not_stop_it(database_url: str) -> None:
    signs = SignsOfLife(database_url, "alive", every=0.01)
    away = SignsOfLife("postgresql://nobody@127.0.0.1:9/none", "away", every=0.01)
    with signs, away:
        deadline = time.monotonic() + 30
        while signs_of(database_url, ["alive"]).get("alive", 0) < 3:
            assert time.monotonic() < deadline, "no third sign"
    before = signs_of(database_url, ["alive", "away"])
    assert before.keys() == {"alive"}
    assert signs_of(database_url, ["alive"]) == before


def test_the_sensor_ends_the_silent_run_and_leaves_the_living_and_the_unknown(database_url: str) -> None:
    sensor = build_silent_runs_sensor()
    warehouse = WarehouseResource(database_url=database_url)
    with dg.DagsterInstance.ephemeral() as instance:
        _, living, dying, _ = (
            instance.create_run_for_job(job_of(name), status=dg.DagsterRunStatus.STARTED, tags=tags)
            for name, tags in (
                ("sweep", {SIGNS_TAG: "true"}),
                ("reconcile", {SIGNS_TAG: "true"}),
                ("backfill", {}),
                ("somebody_s", {}),
            )
        )
        cursor, signs = None, itertools.count()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("INSERT INTO ops.run_sign (run_id) VALUES (%s)", [dying.run_id])
        for _ in range(LOOKS):
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "INSERT INTO ops.run_sign (run_id, signs) VALUES (%s, %s) "
                    "ON CONFLICT (run_id) DO UPDATE SET signs = excluded.signs",
                    [living.run_id, next(signs)],
                )
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"warehouse": warehouse})
            sensor(context)
            cursor = context.cursor
            assert cursor is not None
            assert msgspec.json.decode(cursor, type=Watch).runs.keys() >= {living.run_id}
        statuses = {run.job_name: run.status for run in instance.get_runs()}
    assert statuses == {
        "sweep": dg.DagsterRunStatus.FAILURE,
        "reconcile": dg.DagsterRunStatus.STARTED,
        "backfill": dg.DagsterRunStatus.FAILURE,
        "somebody_s": dg.DagsterRunStatus.STARTED,
    }


def test_a_run_that_ends_while_the_sensor_looks_stays_as_it_ended(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job_of("sweep"), status=dg.DagsterRunStatus.STARTED, tags={SIGNS_TAG: "true"})
        looking = itertools.count(1)

        def ends_at_the_last_look(*_: object) -> dict[str, int]:
            if next(looking) == LOOKS:
                instance.report_run_canceled(run)
            return {}

        monkeypatch.setattr(silent_runs, "signs_of", ends_at_the_last_look)
        _look(instance, database_url, LOOKS)
        assert next(looking) == LOOKS + 1
        ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.CANCELED


def _look(instance: dg.DagsterInstance, database_url: str, times: int) -> None:
    """So many ticks of the sensor."""
    sensor, cursor = build_silent_runs_sensor(), None
    for _ in range(times):
        resources = {"warehouse": WarehouseResource(database_url=database_url)}
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
        sensor(context)
        cursor = context.cursor


def _until_there_is_a_sign(database_url: str, run_id: str) -> None:
    deadline = time.monotonic() + 60
    while not signs_of(database_url, [run_id]):
        assert time.monotonic() < deadline, "no sign"


def test_a_run_whose_process_is_killed_is_ended_and_will_be_started_again(database_url: str, tmp_path: Path) -> None:
    project = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8"))
    home = tmp_path / "home"
    home.mkdir()
    # The step's standard output is ours.
    quiet = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    configuration = {"run_retries": project["run_retries"], "compute_logs": quiet, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "CENTRA_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "centra_assets_tests.sensors.long_run"]
    with (
        (tmp_path / "errors").open("w+") as errors,
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            run_id = process.stdout.readline().strip()
            assert run_id, (tmp_path / "errors").read_text()[-2000:]
            _until_there_is_a_sign(database_url, run_id)
        finally:
            process.kill()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        before = instance.get_run_by_id(run_id)
        assert before is not None
        assert before.status is dg.DagsterRunStatus.STARTED
        _look(instance, database_url, LOOKS)
        after = instance.get_run_by_id(run_id)
        assert after is not None
        assert after.status is dg.DagsterRunStatus.FAILURE
        # Dagster's daemon starts what has this tag, as it does for runs that it found dead by itself.
        assert after.tags["dagster/will_retry"] == "true"


def test_a_run_that_a_command_carries_out_in_its_own_process_gives_signs(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CENTRA_DATABASE_URL", database_url)

    @dg.op
    def seen(context: dg.OpExecutionContext) -> None:
        _until_there_is_a_sign(database_url, context.run_id)

    @dg.job
    def by_hand() -> None:
        seen()

    with dg.DagsterInstance.ephemeral() as instance:
        assert execute(dg.Definitions(jobs=[by_hand]), instance, "by_hand").success
