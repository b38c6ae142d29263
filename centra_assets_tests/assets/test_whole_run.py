"""Every entity through Dagster: raw, core and checks of the last days, once, again, and from the lake alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import JOB_NAMES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.assets.platform import Platform, changed_rows, keys_of, materializations

pytestmark = pytest.mark.slow

DAYS = 5


@pytest.fixture(scope="module")
def platform(
    postgres_server: EmbeddedPostgres, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE whole_run TEMPLATE migrated")
    folder: Path = tmp_path_factory.mktemp("whole_run")
    made = Platform(
        sandbox=sandbox, database_url=postgres_server.url_of("whole_run"), lake_folder=folder / "lake", days=DAYS
    )
    yield made
    made.instance.dispose()
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE whole_run WITH (FORCE)")


@pytest.fixture(scope="module")
def runs(platform: Platform) -> list[dg.ExecuteInProcessResult]:
    """The first run of every axis."""
    with platform.asked() as asked:
        results = platform.refresh_everything()
    assert asked["requests"] > 0
    assert asked["throttled"] == 0
    return results


def test_every_table_equals_the_sandboxs_truth(platform: Platform, runs: list[dg.ExecuteInProcessResult]) -> None:
    assert [run.success for run in runs] == [True] * len(JOB_NAMES)
    assert platform.differences() == {}
    tables = [contract.table for entity in ENTITIES for contract in entity.tables]
    assert sum(platform.count(table) > 0 for table in tables) >= 45


def test_every_partition_of_every_asset_is_recorded(platform: Platform, runs: list[dg.ExecuteInProcessResult]) -> None:
    for entity in ENTITIES:
        for key in keys_of(entity):
            if entity.axis is Axis.NONE:
                assert platform.instance.get_latest_materialization_event(key) is not None, key
            else:
                recorded = platform.instance.get_materialized_partitions(key)
                assert recorded == set(platform.keys(entity.axis)), key


def test_every_partition_says_how_many_rows_it_has(platform: Platform, runs: list[dg.ExecuteInProcessResult]) -> None:
    days = next(run for run in runs if run.job_def.name == JOB_NAMES[Axis.DAY])
    for entity in (entity for entity in ENTITIES if entity.axis is Axis.DAY):
        for key in keys_of(entity):
            told = materializations(days, key)
            counted = {day: metadata["dagster/partition_row_count"].value for day, metadata in told.items()}
            assert set(counted) == set(platform.keys(Axis.DAY))
            if key.path[0] == "core":
                assert sum(counted.values()) == platform.count(key.path[1])


def test_no_check_fails_on_sound_data(runs: list[dg.ExecuteInProcessResult]) -> None:
    evaluations = [evaluation for run in runs for evaluation in run.get_asset_check_evaluations()]
    assert len(evaluations) > 80
    bad = {
        f"{e.asset_key.to_user_string()}:{e.check_name}"
        for e in evaluations
        if not e.passed and e.severity is dg.AssetCheckSeverity.ERROR
    }
    assert bad == set()


def test_column_lineage_leads_from_every_core_column_to_the_raw_payload(
    runs: list[dg.ExecuteInProcessResult],
) -> None:
    days = next(run for run in runs if run.job_def.name == JOB_NAMES[Axis.DAY])
    metadata = list(materializations(days, dg.AssetKey(["core", "orders"])).values())[-1]
    lineage = metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert lineage.deps_by_column["number"] == [dg.TableColumnDep(dg.AssetKey(["raw", "orders"]), "payload.number")]
    assert [dep.column_name for dep in lineage.deps_by_column["grand_total"]] == [
        "payload.grandTotal.currency.code",
        "payload.grandTotal.value",
    ]
    metadata = list(materializations(days, dg.AssetKey(["core", "order_addresses"])).values())[-1]
    lineage = metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert [dep.column_name for dep in lineage.deps_by_column["city"]] == [
        "payload.billingAddress.city",
        "payload.shippingAddress.city",
    ]
    schema = list(materializations(days, dg.AssetKey(["raw", "orders"])).values())[-1]["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert "payload.number" in {column.name for column in schema.columns}


def test_nobody_and_no_secret_is_named_in_events_or_logs(
    platform: Platform, runs: list[dg.ExecuteInProcessResult]
) -> None:
    said = "\n".join(dg.serialize_value(entry) for run in runs for entry in platform.instance.all_logs(run.run_id))
    assert len(said) > 100_000
    assert [value for value in sorted(_personal_values(platform)) if _is_said(value, said)] == []


def _personal_values(platform: Platform) -> set[str]:
    world = platform.sandbox.world
    people = [*world.tables["Customer"], *world.tables["Buyer"], *world.tables["NewsletterSubscription"]]
    addresses = [
        address
        for order in world.tables["Order"]
        for address in (order.shippingAddress, order.billingAddress)
        if address is not None
    ]
    found = {platform.sandbox.token}
    for one in [*people, *addresses]:
        for name in ("email", "firstName", "lastName", "phoneNumber", "cellPhoneNumber", "address1", "address2"):
            value = getattr(one, name, None)
            if value:
                found.add(value)
    assert len(found) > 100
    return found


def _is_said(value: str, said: str) -> bool:
    # Short names are parts of ordinary words; as JSON, because that is how the events were written.
    text = json.dumps(value)[1:-1]
    return f'"{text}"' in said if len(text) < 8 else text in said


def test_a_second_run_with_nothing_changed_changes_no_row_and_asks_little(
    platform: Platform, runs: list[dg.ExecuteInProcessResult]
) -> None:
    with platform.asked() as first:
        again = platform.refresh_everything()
    assert {table: rows for run in again for table, rows in changed_rows(run).items()} == {}
    assert first["throttled"] == 0
    # One page or two per entity and key; never one per day.
    assert first["requests"] < 3 * len(ENTITIES) + 40
    assert platform.differences() == {}


def test_core_is_parsed_again_from_the_lake_without_asking_the_api(
    platform: Platform, runs: list[dg.ExecuteInProcessResult]
) -> None:
    cores = [key for entity in ENTITIES if entity.axis is Axis.DAY for key in keys_of(entity, raw=False)]
    with psycopg.connect(platform.database_url) as connection:
        for key in cores:
            connection.execute(f"DELETE FROM core.{key.path[1]}")
    with platform.asked() as asked:
        result = platform.refresh(Axis.DAY, only=cores)
    assert result.success
    assert asked["requests"] == 0
    assert platform.differences() == {}
