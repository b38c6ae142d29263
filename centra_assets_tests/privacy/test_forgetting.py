"""A forgotten customer is nowhere: in no table, no file, no event, after no interruption and no refetch."""

import httpx
import polars as pl
import pytest

from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.forgotten import Admission, ForgottenList
from centra_assets.storage.lake import Lake
from centra_assets.sync.privacy_ops import FORGET_CUSTOMER
from centra_assets_tests.assets.platform import QUIET, Platform, changed_rows
from centra_assets_tests.privacy.conftest import Town, marts
from centra_assets_tests.privacy.person import TRACES
from centra_assets_tests.privacy.searching import in_events, in_lake, in_tables, traces

SALES = "select * from marts.daily_sales order by 1, 2, 3, 4"


def forget(platform: Platform, *customers: int) -> None:
    result = platform.definitions.resolve_job_def(FORGET_CUSTOMER).execute_in_process(
        instance=platform.instance,
        run_config={
            **QUIET,
            "ops": {"forget": {"config": {"customers": list(customers), "requested_by": "user: the test"}}},
        },
    )
    assert result.success


def test_a_forgotten_customer_is_nowhere_and_does_not_come_back(copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    instances = [town.platform.instance, platform.instance]
    held = list(in_tables(platform.database_url, TRACES))
    for place in ("core.orders", "core.order_addresses", "history.order_addresses", "core.customers", "core.shipments"):
        assert any(found.startswith(f"{place}:") for found in held), held
    assert {found.split("/")[0] for found in in_lake(platform, TRACES)} == {
        f"lake {name}"
        for name in ("orders", "customers", "newsletter_subscriptions", "shipments", "returns", "invoices")
    }
    assert not list(in_events(instances, TRACES))
    sales = platform.warehouse.query(SALES)
    counted = {table: platform.count(table) for table in ("customers", "orders", "order_lines", "order_addresses")}
    aside = platform.warehouse.query("select record_id from ops.quarantine")
    assert str(person.broken_order) in aside["record_id"].to_list()

    forget(platform, person.customer)
    assert traces(platform, TRACES, instances) == []
    assert {table: platform.count(table) for table in counted} == counted
    assert platform.warehouse.query(SALES).equals(sales)

    # Parsed again from raw, core is as it was left.
    with_rows = [changed_rows(result) for result in platform.refresh_everything()]
    assert traces(platform, TRACES, instances) == []
    # Centra still knows everything; what it says again is let in without the person.
    answer = httpx.get(f"{platform.sandbox.admin_url}/truth", timeout=60)
    assert answer.is_success
    assert with_rows == [{} for _ in with_rows]
    marts(platform)
    assert platform.warehouse.query(SALES).equals(sales)
    lake = Lake(str(platform.lake_folder))
    newest = pl.concat([lake.read("orders", lake.partitions("orders"))])
    assert set(map(str, person.orders)) <= set(newest["id"])


class Killed(BaseException):
    """What no handler of ours catches, as with a process that is gone."""


def test_a_run_that_is_killed_after_any_step_goes_on_to_the_same_end(copied, town: Town) -> None:
    whole, broken = copied().platform, copied().platform
    points: list[str] = []
    straight = _forgetting(whole)
    straight.interrupt = points.append
    straight.ask([town.person.customer], by="user: the test")
    (done,) = straight.carry_out()

    def kill(point: str) -> None:
        killed.append(point)
        raise Killed

    killed: list[str] = []
    _forgetting(broken).ask([town.person.customer], by="user: the test")
    for _ in range(len(points) + 1):
        attempt = _forgetting(broken)
        attempt.interrupt = kill
        try:
            (again,) = attempt.carry_out()
            break
        except Killed:
            continue
    else:
        pytest.fail("it never came to its end")
    assert killed == points
    assert {"find", "raw/orders", "core/orders", "inbox", "file of raw/orders"} <= set(points)
    assert traces(broken, TRACES, []) == []
    assert again.counts == done.counts
    assert again.state == done.state == "done"
    assert _everything(broken).equals(_everything(whole))


def _forgetting(platform: Platform) -> Forgetting:
    lake = Lake(str(platform.lake_folder), Admission(ForgottenList(platform.database_url)))
    return Forgetting(lake, platform.warehouse, platform.database_url)


def _everything(platform: Platform) -> pl.DataFrame:
    files = sorted(platform.lake_folder.rglob("*.parquet"))
    assert files
    frames = [
        pl.read_parquet(path).with_columns(file=pl.lit(str(path.relative_to(platform.lake_folder)))) for path in files
    ]
    return pl.concat(frames)
