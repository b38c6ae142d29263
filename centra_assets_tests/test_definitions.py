"""The code location as a whole: it loads without an environment and without I/O, and everything in it is described."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES
from centra_assets.assets.groups import GROUPS, OWNERS, Owner
from centra_assets.assets.health import HEALTH_KEY
from centra_assets.assets.marts import GROUP, mart_key
from centra_assets.assets.metadata import core_key, holds_personal_data, raw_key
from centra_assets.assets.workbook import GROUP as WORKBOOK_GROUP
from centra_assets.assets.workbook import KEY as WORKBOOK_KEY
from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import ENTITIES
from centra_assets.marts.registry import MARTS
from centra_assets.settings import Settings

# Rewritten by: python -m centra_assets_tests.test_definitions
SNAPSHOT = Path(__file__).parent / "asset_keys.txt"
# The target is 3 s on an idle machine; this one may be busy with other tests.
LOADS_WITHIN = 60.0

# Who loads the code location waits for every import: these are for those who send, serve, migrate or write files.
DEAR = ("httpx", "starlette", "uvicorn", "alembic", "pandas", "xlsxwriter", "centra_assets.sandbox")

# What loading may not do, told by Python's own audit events. Reading code and package data is no I/O in this sense.
WATCHED = """
import json, sys
forbidden = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.rename", "os.remove"):
        forbidden.append([event, str(arguments[-1])])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if "__pycache__" not in str(arguments[0]):
            forbidden.append([event, str(arguments[0])])
import dagster
sys.addaudithook(hear)
from centra_assets.definitions import definitions
loaded = definitions()
loaded.resolve_asset_graph()
dear = [name for name in sys.argv[1:] if name in sys.modules]
print(json.dumps({"assets": len(list(loaded.resolve_all_asset_specs())), "forbidden": forbidden, "dear": dear}))
"""


def all_keys() -> list[str]:
    """Every asset key, in order."""
    definitions = build_definitions(Settings())
    return sorted(spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs())


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings())


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return list(definitions.resolve_all_asset_specs())


def test_it_loads_without_an_environment_and_without_touching_anything(tmp_path: Path) -> None:
    project = Path(__file__).parent.parent
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    started = time.monotonic()
    loaded = subprocess.run(
        [sys.executable, "-c", WATCHED, *DEAR],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    told = json.loads(loaded.stdout.splitlines()[-1])
    assert told["forbidden"] == []
    assert told["dear"] == []
    assert told["assets"] == len(all_keys())
    assert list(tmp_path.iterdir()) == []
    assert seconds < LOADS_WITHIN


def test_the_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_asset_keys_are_those_of_the_snapshot() -> None:
    assert all_keys() == SNAPSHOT.read_text(encoding="utf-8").split()


def test_every_entity_has_its_raw_asset_and_every_table_its_core_asset(specs: list[dg.AssetSpec]) -> None:
    keys = {spec.key for spec in specs}
    expected = {raw_key(entity) for entity in ENTITIES}
    expected |= {core_key(contract.table) for entity in ENTITIES for contract in entity.tables}
    assert expected <= keys
    expected |= {HEALTH_KEY, WORKBOOK_KEY, *[mart_key(mart) for mart in MARTS]}
    assert all(key.path[0] == "centra" for key in keys - expected)


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_belongs(specs: list[dg.AssetSpec]) -> None:
    owners = {owner.value for owner in Owner}
    for spec in specs:
        name = spec.key.to_user_string()
        assert len(spec.description or "") > 60, name
        assert len(spec.owners) == 1, name
        assert set(spec.owners) <= owners, name
        assert spec.group_name not in (None, "default"), name
        assert 1 <= len(spec.kinds) <= 2, name
        assert spec.tags["stage"] in ("source", "raw", "core", "mart", "out"), name


def test_descriptions_say_where_rows_come_from_and_how_fresh_they_are(specs: list[dg.AssetSpec]) -> None:
    for spec in (spec for spec in specs if spec.key.path[0] != "centra"):
        assert "As fresh as" in str(spec.description)
        assert ("Parsed from raw/" in str(spec.description)) == (spec.key.path[0] == "core")


def test_groups_fit_on_a_screen(specs: list[dg.AssetSpec]) -> None:
    sizes = Counter(spec.group_name for spec in specs)
    # The marts have only begun.
    assert {group: size for group, size in sizes.items() if not 5 <= size <= 15} == {
        GROUP: len(MARTS) + 1,
        WORKBOOK_GROUP: 1,
    }
    assert set(GROUPS.values()) == set(OWNERS)


def test_tables_show_their_columns_with_descriptions(specs: list[dg.AssetSpec]) -> None:
    for spec in (spec for spec in specs if spec.key.path[0] in ("core", "marts")):
        schema = spec.metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert all(column.description for column in schema.columns)
        assert spec.metadata["dagster/table_name"] == ".".join(spec.key.path)


def test_personal_data_is_tagged_on_tables_columns_and_raw_assets(specs: list[dg.AssetSpec]) -> None:
    by_key = {spec.key: spec for spec in specs}
    tagged = {spec.key for spec in specs if "pii" in spec.tags}
    expected = set()
    for entity in ENTITIES:
        for contract in entity.tables:
            columns = by_key[core_key(contract.table)].metadata["dagster/column_schema"].columns
            marked = any("pii" in column.tags for column in columns)
            assert marked == holds_personal_data([contract])
            if marked:
                expected |= {core_key(contract.table), raw_key(entity)}
    assert tagged == expected
    assert {core_key(table) for table in ("customers", "order_addresses", "orders")} <= tagged
    assert not {core_key(table) for table in ("currencies", "stock_levels")} & tagged


def test_lineage_runs_from_centra_over_raw_and_core_to_the_marts(specs: list[dg.AssetSpec]) -> None:
    stages = {"raw": {"centra"}, "core": {"raw"}, "marts": {"core"}, "out": {"core", "marts"}}
    # What is computed from the platform's own records comes from no asset.
    for spec in (spec for spec in specs if spec.key != HEALTH_KEY):
        sources = {dep.asset_key.path[0] for dep in spec.deps}
        assert sources == stages.get(spec.key.path[0], set())


def test_every_step_is_tried_again_when_something_is_away_for_a_moment(definitions: dg.Definitions) -> None:
    jobs = definitions.get_repository_def().get_all_jobs()
    ops = {op.name: op for job in jobs for op in job.graph.iterate_op_defs()}
    assert {"raw__orders", "core_orders", "checks_orders", "token"} <= set(ops)
    # Its sensor asks for the next run at once, and tells one that failed as it began from one that followed hints.
    assert {name for name, op in ops.items() if op.retry_policy is not TRANSIENT_RETRIES} == {"follow_hints"}


def test_every_run_gives_signs_of_life(definitions: dg.Definitions) -> None:
    jobs = definitions.get_repository_def().get_all_jobs()
    assert len(jobs) > 10
    assert [job.name for job in jobs if job.executor_def is not living_process] == []


def test_one_resource_can_be_swapped() -> None:
    swapped = build_definitions(Settings(), resources={"lake": dg.ResourceDefinition.hardcoded_resource("elsewhere")})
    assert set(swapped.resources or {}) == {"centra", "lake", "outbox", "warehouse"}
    assert isinstance((swapped.resources or {})["lake"], dg.ResourceDefinition)


def test_secrets_are_named_and_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRA_API_TOKEN", "a-very-secret-token")
    monkeypatch.setenv("CENTRA_DATABASE_URL", "postgresql://someone:hidden@nowhere/db")
    resources = build_definitions(Settings.load()).resources or {}
    assert resources["centra"].api_token == dg.EnvVar("CENTRA_API_TOKEN")
    assert "a-very-secret-token" not in repr(resources)
    assert "hidden" not in repr(resources)


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(all_keys()) + "\n", encoding="utf-8")
