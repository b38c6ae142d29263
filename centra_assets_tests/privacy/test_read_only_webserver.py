"""The webserver for analysts: with --read-only Dagster shows everything and starts, wipes and switches nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

MUTATIONS = {
    "launchRun": """mutation { launchRun(executionParams: {selector: {repositoryName: "__repository__",
        repositoryLocationName: "centra_assets.definitions", jobName: "forget_customer"}}) { __typename } }""",
    "wipeAssets": """mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["core", "orders"]}}])
        { __typename } }""",
    "reportRunlessAssetEvents": """mutation { reportRunlessAssetEvents(eventParams: {
        eventType: ASSET_MATERIALIZATION, assetKey: {path: ["core", "orders"]}}) { __typename } }""",
}


@pytest.fixture
def analyst(tmp_path: Path) -> Iterator[TestClient]:
    """A browser at a webserver that was started with --read-only."""
    with (
        dg.instance_for_test(temp_dir=str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), version="", read_only=True) as context,
    ):
        yield TestClient(create_app_from_workspace_process_context(context))


def asked(client: TestClient, query: str) -> Any:
    answer = client.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_would_change_something_is_refused(analyst: TestClient, name: str) -> None:
    assert asked(analyst, MUTATIONS[name])[name]["__typename"] == "UnauthorizedError"


def test_no_permission_to_change_anything_is_given(analyst: TestClient) -> None:
    told = asked(analyst, "{ permissions { permission value } }")["permissions"]
    held = {found["permission"]: found["value"] for found in told}
    assert held["launch_pipeline_execution"] is False
    assert not [name for name, value in held.items() if value]


def test_reading_goes_on(analyst: TestClient) -> None:
    assert asked(analyst, "{ runsOrError { __typename } }")["runsOrError"]["__typename"] == "Runs"


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_same_is_not_refused_as_unauthorised_elsewhere(tmp_path: Path, name: str) -> None:
    """So that the claims above do not hold for want of a code location."""
    with (
        dg.instance_for_test(temp_dir=str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), version="", read_only=False) as context,
    ):
        told = asked(TestClient(create_app_from_workspace_process_context(context)), MUTATIONS[name])
    assert told[name]["__typename"] != "UnauthorizedError"
