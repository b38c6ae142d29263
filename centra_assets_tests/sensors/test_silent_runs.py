"""Runs whose process died unnoticed are ended; those that live, however slow, are not."""

import itertools
import time

import dagster as dg
import msgspec
import psycopg

from centra_assets.resources.storage import WarehouseResource
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
    signs = SignsOfLife(database_url, "alive", first=0.01, every=0.01)
    away = SignsOfLife("postgresql://nobody@127.0.0.1:9/none", "away", first=0.01, every=0.01)
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
        _, living, _ = (
            instance.create_run_for_job(job_of(name), status=dg.DagsterRunStatus.STARTED, tags=tags)
            for name, tags in (("sweep", {SIGNS_TAG: "true"}), ("reconcile", {SIGNS_TAG: "true"}), ("somebody_s", {}))
        )
        cursor, signs = None, itertools.count()
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
        "somebody_s": dg.DagsterRunStatus.STARTED,
    }
