"""Broken records through a whole run: set aside with reasons, told by the check, back when they are mended."""

import json

import dagster as dg
import pytest

from centra_assets.entities.registry import entity
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import day_of, materializations

ORDERS = entity("orders")
CORE = dg.AssetKey(["core", "orders"])


def quarantine_check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    return next(
        evaluation
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == "no_records_quarantined"
    )


@pytest.mark.slow
def test_broken_records_are_set_aside_with_reasons_and_return_when_mended(own_platform: MakePlatform) -> None:
    platform = own_platform(days=20, scale=0.1)
    world, zone = platform.sandbox.world, platform.calendar.zone
    days = set(platform.keys(ORDERS.axis))
    numbers = platform.admin("corrupt", orders_share=0.4)["orders"]
    broken = {n for n in numbers if day_of(world.tables["Order"].one(n).createdAt, zone) in days}
    assert len(broken) > 3

    result = platform.refresh(raise_on_error=False)
    # Core is loaded without them; what failed is the check, which keeps everything downstream waiting.
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["quarantine_orders"]
    aside = platform.warehouse.query("select record_id, reasons::text as reasons from ops.quarantine")
    assert {int(record) for record in aside["record_id"]} == broken
    for reasons in aside["reasons"]:
        told = json.loads(reasons)
        assert told
        assert all(set(reason) == {"table", "rule", "rows"} for reason in told)
    sound = platform.truth()["orders"]["count"] - len(broken)
    assert platform.count("orders") == sound > 0
    in_lines = platform.warehouse.query("select distinct order_number as number from core.order_lines")
    assert broken.isdisjoint(in_lines["number"].to_list())

    check = quarantine_check(result)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    keys = check.metadata["failing_keys"].value
    assert {int(key) for key in keys} <= broken
    assert len(keys) == min(20, len(broken))
    assert check.metadata["records_quarantined"].value == len(broken)
    summary = list(materializations(result, CORE).values())[-1]
    assert summary["records_quarantined_run"].value == len(broken)
    assert any("ops.quarantine" in message for message in platform.messages(result.run_id))

    platform.admin("corrupt", heal=True)
    healed = platform.refresh()
    assert quarantine_check(healed).passed
    assert platform.count("quarantine", "ops") == 0
    assert platform.differences() == {}
