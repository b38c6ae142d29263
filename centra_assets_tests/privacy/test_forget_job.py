"""The job that forgets and the sensor that asks for it, over tables as small as they can be."""

from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from centra_assets.assets.executor import living_process
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.sensors.forgetting import build_forgetting_sensor
from centra_assets.sync.alive import SIGNS_TAG
from centra_assets.sync.privacy_ops import build_forget_job

LOADED = """
INSERT INTO ops.load_log
  (at, entity, table_name, run_id, partitions, inserted, updated, unchanged, deleted, quarantined, seconds)
VALUES (clock_timestamp(), %s, 'customers', 'a-run', 1, 0, %s, 1, 0, 0, 0.1)
"""


@pytest.fixture
def resources(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "lake": LakeResource(url=str(tmp_path / "lake"), database_url=database_url),
        "warehouse": WarehouseResource(database_url=database_url),
    }


def test_a_run_says_that_it_lives_and_forgets_whom_its_config_names(
    resources: dict[str, Any], database_url: str
) -> None:
    job = build_forget_job()
    # Whoever rewrites the lake's files and is dead must not hold its lock for long; the executor gives the signs.
    assert job.executor_def is living_process
    assert job.tags[SIGNS_TAG] == "true"
    assert int(job.tags["dagster/max_runtime"]) > 0
    asked_for = {"customers": [7], "buyers": [17], "requested_by": "user: the test", "unknown": True}
    config = {"ops": {"forget": {"config": asked_for}}}
    assert job.execute_in_process(run_config=config, resources=resources).success
    with psycopg.connect(database_url) as connection:
        asked = connection.execute("SELECT customer_ids, buyer_ids, state FROM ops.forget_request").fetchall()
        listed = connection.execute("SELECT kind, reference FROM ops.forgotten ORDER BY 1").fetchall()
    assert asked == [([7], [17], "done")]
    assert listed == [("buyer", "17"), ("customer", "7")]


def test_customers_are_looked_through_when_a_load_has_changed_one_and_not_at_every_tick(
    resources: dict[str, Any], database_url: str
) -> None:
    sensor = build_forgetting_sensor(build_forget_job())
    with dg.DagsterInstance.ephemeral() as instance, psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE core.customers (id bigint PRIMARY KEY, is_anonymized boolean)")
        cursor: str | None = None

        def asks() -> bool:
            nonlocal cursor
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
                found = sensor(context)
                cursor = context.cursor
            return isinstance(found, dg.RunRequest)

        assert not asks()
        connection.execute("INSERT INTO core.customers VALUES (7, true)")
        assert not asks(), "nobody has loaded anything since"
        connection.execute(LOADED, ["customers", 0])
        connection.execute(LOADED, ["orders", 1])
        assert not asks(), "what was loaded changed no customer"
        connection.execute(LOADED, ["customers", 1])
        assert asks()
        assert asks(), "until the customer is on the list"
        connection.execute("INSERT INTO ops.forgotten (kind, reference, request_id) VALUES ('customer', '7', 1)")
        assert not asks()
