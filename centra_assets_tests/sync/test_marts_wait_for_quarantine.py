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


def followed(platform: Platform) -> tuple[str, dg.ExecuteInProcessResult]:
    """An order's money changes, a hint tells of it, and a run follows the hint: the order's day, and the run."""
    edited = edited_order(platform, money=True)
    hint(platform, "order", edited["number"], kind="integration_api")
    return edited["day"], run(platform)


def test_a_change_of_money_waits_while_too_much_is_set_aside(own_platform: MakePlatform) -> None:
    # Every order's day is one of the platform's, and only those that are told of are read.
    platform = own_platform(("orders", "returns"), days=500)
    live_a_little(platform)
    day, result = followed(platform)
    assert (MART, day) in touched(platform, result)

    platform.warehouse.transact(lambda cursor: cursor.execute(_ASIDE, [day]))
    day, result = followed(platform)
    before = gross(platform, day)
    assert result.success
    assert ("core/orders", day) in touched(platform, result)
    assert (MART, day) not in touched(platform, result)
    assert any(f"{MART}: " in message and "days wait. " in message for message in platform.messages(result.run_id))
    assert day in stale(platform.warehouse, DAILY_SALES, 1000)

    # Whoever knows what is missing may have it computed all the same.
    assert not job(platform, "refresh_marts", **{"dagster/partition": day}).success
    assert gross(platform, day) == before
    knowing = {"dagster/partition": day, ALLOW_QUARANTINED_TAG: "true"}
    assert job(platform, "refresh_marts", **knowing).success
    assert gross(platform, day) != before

    # Once it is empty, the next change follows at once.
    platform.warehouse.transact(lambda cursor: cursor.execute("DELETE FROM ops.quarantine"))
    day, result = followed(platform)
    assert (MART, day) in touched(platform, result)
