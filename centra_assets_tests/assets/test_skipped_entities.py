"""An entity that the token was never allowed to read is skipped and said so; one that it no longer may read fails."""

import dagster as dg

from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.entities.registry import entity
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.fixtures.sandbox import MakeSandbox


def test_the_whole_days_run_succeeds_with_a_token_that_never_could_read_customers(
    make_platform: MakePlatform, make_sandbox: MakeSandbox
) -> None:
    platform = make_platform(("orders", "customers"), sandbox=make_sandbox(), days=20)
    platform.admin("faults", denied_permissions=["Customer:read"])
    result = platform.refresh()
    assert result.success
    assert platform.instance.get_latest_materialization_event(core_key("orders")) is not None
    assert platform.instance.get_latest_materialization_event(raw_key(entity("customers"))) is None
    assert platform.instance.get_latest_materialization_event(core_key("customers")) is None
    observed = platform.instance.fetch_observations(raw_key(entity("customers")), limit=1).records
    assert "Customer:read" in str(observed[0].asset_observation.metadata["skipped"].value)


def test_a_permission_that_was_lost_fails_the_run_and_keeps_the_rows(
    make_platform: MakePlatform, make_sandbox: MakeSandbox
) -> None:
    platform = make_platform(("customers",), sandbox=make_sandbox(), days=200)
    platform.refresh()
    rows = platform.warehouse.query("select count(*) as n from core.customers")["n"][0]
    assert rows > 0
    platform.admin("faults", denied_permissions=["Customer:read"])
    result = platform.refresh(raise_on_error=False)
    assert not result.success
    failure = next(event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE)
    assert "CENTRA_PERMISSION" in str(failure.event_specific_data)
    assert platform.warehouse.query("select count(*) as n from core.customers")["n"][0] == rows
