"""Marts that follow hints leave out what too much quarantine makes doubtful, and catch up when it is empty."""

import dagster as dg

from centra_assets.assets.quarantine import ALLOW_QUARANTINED_TAG
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import stale
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import QUIET, Platform
from centra_assets_tests.sync.hinting import edited_order, hint, live_a_little
from centra_assets_tests.sync.test_incremental_sync import run, touched

MART = DAILY_SALES.asset

_ASIDE = """
INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, run_id)
SELECT 'orders', 'broken ' || n, %s, '[]', now(), now(), now(), 'test' FROM generate_series(1, 50) AS n
"""


def job(platform: Platform, name: str, **tags: str) -> dg.ExecuteInProcessResult:
    return platform.definitions.resolve_job_def(name).execute_in_process(
        instance=platform.instance, run_config=QUIET, tags=tags, raise_on_error=False
    )


def gross(platform: Platform, day: str) -> list[object]:
    found = platform.warehouse.query("select gross from marts.daily_sales where business_date = %s order by 1", [day])
    return found["gross"].to_list()


def test_a_change_of_money_waits_while_too_much_is_set_aside(own_platform: MakePlatform) -> None:
    platform = own_platform(("orders", "returns"))
    live_a_little(platform)
    platform.refresh()
    assert job(platform, "refresh_stale_days").success
    edited = edited_order(platform, money=True)
    day, before = edited["day"], gross(platform, edited["day"])
    platform.warehouse.transact(lambda cursor: cursor.execute(_ASIDE, [day]))

    hint(platform, "order", edited["number"], kind="integration_api")
    result = run(platform)
    assert result.success
    assert ("core/orders", day) in touched(platform, result)
    assert (MART, day) not in touched(platform, result)
    assert any(f"{MART}: 1 days wait. {day}: 50 of " in message for message in platform.messages(result.run_id))
    assert day in stale(platform.warehouse, DAILY_SALES, 1000)
    assert gross(platform, day) == before

    # Whoever knows what is missing may have it computed all the same.
    assert not job(platform, "refresh_marts", **{"dagster/partition": day}).success
    assert gross(platform, day) == before
    knowing = {"dagster/partition": day, ALLOW_QUARANTINED_TAG: "true"}
    assert job(platform, "refresh_marts", **knowing).success
    changed = gross(platform, day)
    assert changed != before

    # Once it is empty, the next change follows at once.
    platform.warehouse.transact(lambda cursor: cursor.execute("DELETE FROM ops.quarantine"))
    again = edited_order(platform, money=True)
    hint(platform, "order", again["number"], kind="integration_api")
    assert (MART, again["day"]) in touched(platform, run(platform))
