"""A token that may not read everything, a schema that lacks something, a token that is dead: what a run makes of it."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from centra_assets.assets.failures import failures_told_apart
from centra_assets.centra.errors import ServerError
from centra_assets.commands.doctor import run_doctor
from centra_assets.entities.registry import entity
from centra_assets.sandbox.schema import live_schema
from centra_assets.storage.errors import CollapseError
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform, materializations
from centra_assets_tests.fixtures.sandbox import MakeSandbox

ORDERS = entity("orders")
RAW = dg.AssetKey(["raw", "orders"])


def pointing_at(platform: Platform, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """The environment of an installation on this platform."""
    environment = {
        "CENTRA_API_URL": platform.sandbox.url,
        "CENTRA_API_TOKEN": platform.token or platform.sandbox.token,
        "CENTRA_DATABASE_URL": platform.database_url,
        "CENTRA_LAKE_URL": str(platform.lake_folder),
        **more,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def diagnosis(capsys: pytest.CaptureFixture[str]) -> tuple[int, Mapping[str, Any], str]:
    """The doctor's exit code, and what it says, as JSON and as text."""
    capsys.readouterr()
    code = run_doctor(as_json=True)
    text = capsys.readouterr().out
    return code, json.loads(text), text


def test_missing_permissions_and_fields_make_null_columns_and_everybody_says_why(
    make_platform: MakePlatform,
    make_sandbox: MakeSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = make_sandbox()
    platform = make_platform(sandbox=sandbox, days=12)
    platform.admin("faults", denied_permissions=["Customer:read", "Order.shippingAddress:read"])
    platform.admin("schema", removed=["Order.isInternal"])
    result = platform.refresh()
    assert result.success

    held = platform.warehouse.query(
        "select count(*) as n, count(is_internal) as internal, count(customer_id) as customers, "
        "count(currency) as currencies from core.orders"
    ).row(0, named=True)
    assert held["n"] == platform.truth()["orders"]["count"] > 0
    assert (held["internal"], held["customers"]) == (0, 0)
    assert held["currencies"] == held["n"]
    kinds = platform.warehouse.query("select distinct kind from core.order_addresses")["kind"].to_list()
    assert [kind.lower() for kind in kinds] == ["billing"]

    reasons = ("Customer:read", "Order.shippingAddress:read", "isInternal")
    warned = "\n".join(entry.user_message for entry in platform.instance.all_logs(result.run_id) if entry.level == 30)
    metadata = list(materializations(result, RAW).values())[-1]
    shown = str(metadata["pruned"].value)
    for reason in reasons:
        assert reason in warned
        assert reason in shown
    assert metadata["columns_pruned"].value == 3

    pointing_at(platform, monkeypatch)
    code, told, text = diagnosis(capsys)
    # Customers themselves cannot be read without their own permission and are skipped; orders only lose columns.
    assert code == 0
    warnings = [finding for finding in told["findings"] if finding["outcome"] == "warning"]
    about_customers = [f["what"] for f in warnings if f["area"] == "raw/customers"]
    assert any("Customer:read" in what and "customer_addresses" in what for what in about_customers)
    about_orders = {f["what"] for f in warnings if f["area"] == "raw/orders"}
    assert any("Customer:read" in what and "orders.customer_id" in what for what in about_orders)
    assert any("isInternal" in what and "orders.is_internal" in what for what in about_orders)
    assert any("Order.shippingAddress:read" in what and "order_addresses." in what for what in about_orders)
    assert sandbox.token not in text


def test_a_dead_token_fails_at_once_with_its_remedy_and_is_never_tried_again(
    make_platform: MakePlatform,
    make_sandbox: MakeSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = make_sandbox()
    token = sandbox.instance.tokens.mint(expires_at=sandbox.clock.now())
    platform = make_platform(sandbox=sandbox, token=token.value, days=10)
    with platform.asked() as asked:
        result = platform.refresh(raise_on_error=False)
    assert not result.success
    assert asked["requests"] == 1
    starts = [event.step_key for event in result.all_events if event.is_step_start]
    assert [step for step in starts if step.startswith("raw")] == [next(s for s in starts if s.startswith("raw"))]
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    failure = next(event for event in result.all_events if event.is_step_failure)
    said = dg.serialize_value(failure)
    assert "CENTRA_AUTHENTICATION" in said
    assert "CENTRA_API_TOKEN" in said
    everything = "\n".join(dg.serialize_value(entry) for entry in platform.instance.all_logs(result.run_id))
    assert token.value not in everything

    pointing_at(platform, monkeypatch)
    code, told, text = diagnosis(capsys)
    assert code == 1
    assert [f["area"] for f in told["findings"] if f["outcome"] == "broken"] == ["token"]
    assert token.value not in text


def test_every_field_that_a_permission_guards_is_in_the_schema_that_the_tests_take_away_from() -> None:
    # The tests above would pass on nothing if the schema lost what they deny.
    schema = live_schema()
    assert schema.permission("Order", "shippingAddress") == "Order.shippingAddress:read"
    assert "isInternal" in schema.graphql.type_map["Order"].fields


def test_a_transient_error_is_left_to_dagsters_retries_and_a_permanent_one_is_not() -> None:
    with pytest.raises(ServerError), failures_told_apart():
        raise ServerError("The instance is out of order.")
    with pytest.raises(dg.Failure) as caught, failures_told_apart():
        raise CollapseError("Too much would go.")
    assert caught.value.allow_retries is False
    assert caught.value.metadata["code"].value == "STORAGE_COLLAPSE"
    assert "Too much would go." in (caught.value.description or "")
