"""Thousands of Dagster's runs in seconds: a few real ones, copied with other ids, partitions and ages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

PARTITIONS = [f"p{number:02}" for number in range(40)]
TEMPLATE = PARTITIONS[0]
_BROKEN = "centra_assets_tests/broken"

_COPY_RUNS = """
INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition, create_timestamp, update_timestamp,
                  start_time, end_time, backfill_id)
SELECT p.run_id, r.snapshot_id, r.pipeline_name, coalesce(p.status, r.status),
  replace(replace(r.run_body, p.template, p.run_id), '"p00"', '"' || p.partition || '"'), p.partition,
  now() AT TIME ZONE 'UTC' - p.age, now() AT TIME ZONE 'UTC' - p.age, r.start_time, r.end_time, p.backfill_id
FROM plan p JOIN runs r ON r.run_id = p.template ORDER BY p.n
"""
_COPY_TAGS = """
INSERT INTO run_tags (run_id, key, value) SELECT p.run_id, t.key, t.value
FROM plan p JOIN run_tags t ON t.run_id = p.template
"""
_COPY_EVENTS = """
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
SELECT p.run_id, replace(replace(e.event, p.template, p.run_id), '"p00"', '"' || p.partition || '"'),
  e.dagster_event_type, now() AT TIME ZONE 'UTC' - p.age, e.step_key, e.asset_key,
  CASE WHEN e.partition IS NOT NULL THEN p.partition END
FROM plan p JOIN event_logs e ON e.run_id = p.template
WHERE p.status IS NULL OR e.dagster_event_type NOT LIKE 'PIPELINE_SUC%'
ORDER BY p.n, e.id
"""
_COPY_EVENT_TAGS = """
INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
SELECT n.id, t.asset_key, t.key, replace(t.value, p.template, p.run_id), n.timestamp
FROM plan p JOIN event_logs e ON e.run_id = p.template JOIN asset_event_tags t ON t.event_id = e.id
JOIN event_logs n ON n.run_id = p.run_id AND n.asset_key = e.asset_key
  AND n.dagster_event_type = e.dagster_event_type
"""
_COPY_CHECKS = """
INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status, evaluation_event,
  evaluation_event_timestamp, evaluation_event_storage_id, materialization_event_storage_id)
SELECT c.asset_key, c.check_name, c.partition, p.run_id,
  CASE WHEN p.n % 3 = 0 AND c.execution_status = 'SUCCEEDED' THEN 'FAILED' ELSE c.execution_status END,
  replace(c.evaluation_event, p.template, p.run_id), now() AT TIME ZONE 'UTC' - p.age, n.id, m.id
FROM plan p JOIN asset_check_executions c ON c.run_id = p.template
LEFT JOIN event_logs n ON n.run_id = p.run_id AND n.dagster_event_type = 'ASSET_CHECK_EVALUATION'
LEFT JOIN event_logs m ON m.run_id = p.run_id AND m.dagster_event_type = 'ASSET_MATERIALIZATION'
ORDER BY p.n
"""


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(PARTITIONS))
def parts(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Fails where the run's tags say so."""
    if _BROKEN in context.run.tags:
        raise RuntimeError
    context.log_event(dg.AssetObservation("parts", partition=context.partition_key, metadata={"rows": 1}))
    return dg.MaterializeResult(metadata={"rows": 1}, data_version=dg.DataVersion("1"))


@dg.asset
def whole() -> dg.MaterializeResult[Any]:
    """Without partitions, and with a check."""
    return dg.MaterializeResult(metadata={"rows": 1})


@dg.asset_check(asset=whole)
def is_whole() -> dg.AssetCheckResult:
    """Passes."""
    return dg.AssetCheckResult(passed=True)


@dg.op
def nothing() -> None:
    """Leaves no event of an asset."""


@dg.job
def idle() -> None:
    """As a sweep that found nothing."""
    nothing()


@dataclass(frozen=True)
class Copy:
    """One run to be: a copy of `template`, so many days old."""

    template: str
    days: float
    partition: str = TEMPLATE
    status: str | None = None
    backfill_id: str | None = None


@dataclass(frozen=True)
class Templates:
    """Ids of the real runs."""

    part: str
    broken: str
    whole: str
    idle: str


@contextmanager
def instance_on(database_url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster with its storage in PostgreSQL, as it is installed."""
    home.mkdir(exist_ok=True)
    storage = f"storage:\n  postgres:\n    postgres_url: {database_url!r}\ntelemetry:\n  enabled: false\n"
    (home / "dagster.yaml").write_text(storage, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def run_templates(instance: dg.DagsterInstance) -> Templates:
    """One real run of each kind."""
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    def made(**given: Any) -> str:
        return dg.materialize(instance=instance, run_config=quiet, raise_on_error=False, **given).run_id

    return Templates(
        part=made(assets=[parts], partition_key=TEMPLATE),
        broken=made(assets=[parts], partition_key=TEMPLATE, tags={_BROKEN: "yes"}),
        whole=made(assets=[whole, is_whole]),
        idle=idle.execute_in_process(instance=instance, run_config=quiet).run_id,
    )


def copy_runs(connection: psycopg.Connection[Any], copies: Sequence[Copy]) -> list[str]:
    """Makes the runs, in this order; returns their ids."""
    connection.execute(
        "CREATE TEMPORARY TABLE plan (n int, template text, run_id text DEFAULT gen_random_uuid()::text, age interval,"
        " partition text, status text, backfill_id text)"
    )
    rows = [
        (n, copy.template, copy.days, copy.partition, copy.status, copy.backfill_id) for n, copy in enumerate(copies)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO plan (n, template, age, partition, status, backfill_id)"
            " VALUES (%s, %s, make_interval(secs => %s * 86400), %s, %s, %s)",
            rows,
        )
    for statement in (_COPY_RUNS, _COPY_TAGS, _COPY_EVENTS, _COPY_EVENT_TAGS, _COPY_CHECKS):
        connection.execute(statement)
    ids = [run_id for (run_id,) in connection.execute("SELECT run_id FROM plan ORDER BY n")]
    connection.execute("DROP TABLE plan")
    return ids


def forget_templates(instance: dg.DagsterInstance, connection: psycopg.Connection[Any], templates: Templates) -> None:
    """Takes the real runs away, so that the newest of everything is a copy, and says so where Dagster notes it."""
    for run_id in (templates.part, templates.broken, templates.whole, templates.idle):
        instance.delete_run(run_id)
        connection.execute("DELETE FROM asset_check_executions WHERE run_id = %s", [run_id])
    for key in ("parts", "whole"):
        for kind in (dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION):
            wanted = dg.EventRecordsFilter(kind, asset_key=dg.AssetKey(key))
            (newest,) = instance.event_log_storage.get_event_records(wanted, limit=1)
            instance.event_log_storage.store_asset_event(newest.event_log_entry, newest.storage_id)
