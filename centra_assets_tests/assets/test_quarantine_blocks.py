"""Line 3 of the proof of trust: a little broken data warns, much of it stops what is downstream, a retry ends it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from centra_assets.alerts.parts import Succeeded
from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.entities.model import Axis
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import stale
from centra_assets.sensors.alert_events import Known, newest, read_events
from centra_assets.sensors.alert_reach import is_held_back
from centra_assets.sensors.stale_marts import build_stale_marts_sensor
from centra_assets.sync.quarantine_ops import RETRY_QUARANTINED
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import QUIET, Platform, materializations
from centra_assets_tests.sync.sweeping import told_by_tags

MART = mart_key(DAILY_SALES)
CHECK = "core/orders:no_records_quarantined"
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def on_one_day(platform: Platform) -> str:
    """Moves every order of the shop to the platform's first day, so that all that is corrupted lies there."""
    day = platform.keys(Axis.DAY)[0]
    begin, _ = platform.calendar.window(Axis.DAY, day)
    with platform.sandbox.world.lock:
        for order in platform.sandbox.world.tables["Order"]:
            order.createdAt = begin
        platform.sandbox.instance.indexes.forget()
    return day


def run(platform: Platform, name: str, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
    """A run of one of the platform's jobs."""
    job = platform.definitions.resolve_job_def(name)
    return job.execute_in_process(
        instance=platform.instance, run_config=QUIET, tags=dict(tags or {}), raise_on_error=False
    )


def over_all_days(platform: Platform) -> dict[str, str]:
    """The tags of a run over every day."""
    keys = platform.keys(Axis.DAY)
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}


def orders_and_mart_at_once(platform: Platform) -> dg.ExecuteInProcessResult:
    """One run from Centra to the mart, with all checks."""
    tables = [core_key(c.table) for entity in platform.entities for c in entity.tables]
    assets = [*[raw_key(entity) for entity in platform.entities], *tables, MART]
    whole = dg.Definitions.merge(
        platform.definitions,
        dg.Definitions(jobs=[dg.define_asset_job("whole", selection=dg.AssetSelection.assets(*assets))]),
    )
    return whole.resolve_job_def("whole").execute_in_process(
        instance=platform.instance, run_config=QUIET, tags=over_all_days(platform), raise_on_error=False
    )


def judged(result: dg.ExecuteInProcessResult) -> tuple[bool, dg.AssetCheckSeverity]:
    """What the check of quarantine said of orders."""
    (found,) = [
        item
        for item in result.get_asset_check_evaluations()
        if item.check_name == "no_records_quarantined" and item.asset_key == core_key("orders")
    ]
    return found.passed, found.severity


def standing(platform: Platform) -> tuple[bool, dg.AssetCheckSeverity]:
    """What the UI shows of that check: its newest evaluation."""
    key = dg.AssetCheckKey(core_key("orders"), "no_records_quarantined")
    record = platform.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.evaluation is not None
    return record.evaluation.passed, record.evaluation.severity


def recovered(platform: Platform, after: int) -> set[str]:
    """The scopes that have recovered since that event, as the alerts' sensor reads them."""
    known = Known.of(platform.definitions.get_repository_def())
    told = read_events(platform.instance, known, after, seconds=60).events
    return {each.scope for each in told if isinstance(each, Succeeded)}


def tick(platform: Platform) -> Any:
    """What the sensor of stale days says, once their notes have settled."""
    platform.warehouse.transact(lambda cursor: cursor.execute("UPDATE ops.stale_partition SET at = at - interval '1h'"))
    job = platform.definitions.resolve_job_def("refresh_stale_days")
    sensor = build_stale_marts_sensor(job, [DAILY_SALES], platform.calendar)
    resources = {"warehouse": platform.resources["warehouse"]}
    with dg.build_sensor_context(instance=platform.instance, resources=resources) as context:
        return sensor(context)


def waiting(platform: Platform) -> list[str]:
    """The mart's stale days; money may have moved before its first one."""
    return [found for found in stale(platform.warehouse, DAILY_SALES, 1000) if platform.calendar.has_day(found)]


def sold(platform: Platform) -> int:
    """Orders in the mart, whether they count or not."""
    counts = "sum(orders) + sum(cancelled_orders) + sum(waiting_orders)"
    found = platform.warehouse.query(f"select coalesce({counts}, 0)::bigint as n from marts.daily_sales")
    return int(found["n"][0])


def in_mart(platform: Platform, numbers: list[int]) -> int:
    """How many of these orders the mart ought to count once they are sound."""
    found = platform.warehouse.query(
        "select count(*) as n from core.orders where number = any(%s) and is_internal is not true", [numbers]
    )
    return int(found["n"][0])


@pytest.mark.slow
def test_one_percent_warns_twenty_stop_what_is_downstream_and_a_retry_ends_it(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "returns"), days=3, scale=0.02)
    day = on_one_day(platform)

    # 1 %: the run goes on to the mart, and the check warns.
    first = platform.admin("corrupt", orders_share=0.01)["orders"]
    assert len(first) >= 1
    few = orders_and_mart_at_once(platform)
    assert few.success
    assert judged(few) == (False, WARN)
    aside = platform.warehouse.query("select record_id, reasons::text as reasons from ops.quarantine")
    assert aside["record_id"].to_list() == [str(number) for number in first]
    assert all('"rule"' in reasons for reasons in aside["reasons"])
    assert day in materializations(few, MART)
    before = sold(platform)
    assert before > 0

    # 20 %: core is loaded, and nothing is computed from it, whoever asks.
    platform.admin("corrupt", heal=True)
    broken = platform.admin("corrupt", orders_share=0.2)["orders"]
    many = orders_and_mart_at_once(platform)
    assert judged(many) == (False, ERROR)
    assert [event.step_key for event in many.all_events if event.is_step_failure] == ["quarantine_orders"]
    assert told_by_tags(platform, many) == ("SOURCE_BLOCKED", "permanent")
    assert set(platform.warehouse.query("select record_id from ops.quarantine")["record_id"]) == set(map(str, broken))
    assert materializations(many, MART) == {}
    # It is the check that is told, and not the run: what it loaded is loaded.
    assert is_held_back(platform.instance, many.dagster_run)
    # The order that was healed is in core, and its day waits.
    days = waiting(platform)
    assert day in days
    alone = run(platform, "refresh_marts", over_all_days(platform))
    assert not alone.success
    assert not is_held_back(platform.instance, alone.dagster_run)
    assert day not in materializations(alone, MART)
    assert "SOURCE_BLOCKED" in str(alone.failure_data_for_node("marts__daily_sales").user_failure_data.description)
    followed = run(platform, "refresh_stale_days")
    assert followed.success
    assert materializations(followed, MART) == {}
    (held_back,) = [
        event.asset_observation_data.asset_observation for event in followed.all_events if event.is_asset_observation
    ]
    assert held_back.asset_key == MART
    assert held_back.metadata["days_held_back"].value == len(days)
    waits = tick(platform)
    assert isinstance(waits, dg.SkipReason)
    assert day in str(waits.skip_message) and "orders are in quarantine" in str(waits.skip_message)
    assert (sold(platform), waiting(platform)) == (before, days)

    # What is not mended stays, however often it is tried.
    stubborn = run(platform, RETRY_QUARANTINED)
    assert stubborn.success
    assert judged(stubborn) == standing(platform) == (False, ERROR)
    assert platform.count("quarantine", "ops") == len(broken)

    # Healed: a retry empties the quarantine, and the day is computed.
    platform.admin("corrupt", heal=True)
    seen = newest(platform.instance)
    healed = run(platform, RETRY_QUARANTINED)
    assert healed.success
    assert platform.count("quarantine", "ops") == 0
    # Whoever has healed sees green at once, and so do the alerts.
    assert judged(healed)[0] and standing(platform)[0]
    assert CHECK in recovered(platform, seen)
    assert platform.differences() == {}
    assert isinstance(tick(platform), dg.RunRequest)
    computed = run(platform, "refresh_stale_days")
    assert computed.success
    assert day in materializations(computed, MART)
    assert waiting(platform) == []
    wrong = [key for rule in DAILY_SALES.rules for key in platform.warehouse.query(rule.failures)["key"]]
    # Refunds from before the platform's first day are in no day of the mart.
    assert [key for key in wrong if platform.calendar.has_day(key[:10])] == []
    assert sold(platform) == before + in_mart(platform, first)
    (tried, *_) = platform.warehouse.query(
        "select counts::text as counts, actor from ops.audit where kind = 'quarantine_retry' order by id desc"
    ).to_dicts()
    assert f'"left": {len(broken)}' in tried["counts"]
    assert tried["actor"] == "user"
