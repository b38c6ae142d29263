"""An installation that alerts, for tests of its sensor: jobs and checks that fail on demand, a mailbox, a pager."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg

from centra_assets.alerts.model import Kind
from centra_assets.alerts.settings import AlertSettings
from centra_assets.assets.failures import failures_told_apart
from centra_assets.checks.build import NOT_MATERIALIZED
from centra_assets.errors import CentraAssetsError
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.alerts import AlertWatch, build_alerts_sensor
from centra_assets_tests.alerts.conditions import WORDING
from centra_assets_tests.alerts.endpoint import Endpoint
from centra_assets_tests.alerts.mailbox import Mailbox

SECRET = "anna.svensson@example.com +46 70 123 45 67"
DAYS = dg.DailyPartitionsDefinition(start_date="2024-03-01", end_date="2024-03-20")


class BrokenError(CentraAssetsError):
    """The shop is shut."""

    code = "TEST_SHOP_SHUT"
    remedy = "Open it."


@dataclass
class Shop:
    """What the jobs and checks of these tests find when they look."""

    error: Exception | None = None
    is_sound: bool = True
    is_empty: bool = False
    later_error: Exception | None = None
    check_error: Exception | None = None
    holds_back: bool = False
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


SHOP = Shop()


@dg.op
def look() -> None:
    """Fails as the shop does."""
    with failures_told_apart():
        if SHOP.error:
            raise SHOP.error


@dg.job
def nightly() -> None:
    look()


@dg.job
def hourly() -> None:
    look()


@dg.asset(
    key=["core", "orders"],
    owners=["team:commerce"],
    group_name="orders",
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def orders() -> None:
    """Orders, if the shop is open."""
    with failures_told_apart():
        if SHOP.error:
            raise SHOP.error


@dg.asset(
    key=["core", "payments"],
    deps=[orders],
    owners=["team:finance"],
    group_name="payments",
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def payments() -> None:
    """What is computed after orders, if it can be."""
    with failures_told_apart():
        if SHOP.later_error:
            raise SHOP.later_error


@dg.asset_check(asset=["core", "orders"], blocking=True, description="What should be so: Nothing is set aside.")
def nothing_is_set_aside() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not SHOP.holds_back)


@dg.asset_check(asset=["core", "orders"], description="What should be so: Totals add up. What to do: mend the order.")
def totals_add_up() -> dg.AssetCheckResult:
    with failures_told_apart():
        if SHOP.check_error:
            raise SHOP.check_error
    failing = [] if SHOP.is_sound else [SECRET, SECRET]
    found = {NOT_MATERIALIZED: ["orders"]} if SHOP.is_empty else {"failures": len(failing), "failing_keys": failing}
    return dg.AssetCheckResult(passed=SHOP.is_sound, severity=SHOP.severity, metadata=found)


DEFINITIONS = dg.Definitions(
    assets=[orders, payments],
    asset_checks=[totals_add_up, nothing_is_set_aside],
    jobs=[
        nightly,
        hourly,
        dg.define_asset_job("checks", selection=dg.AssetSelection.checks(totals_add_up)),
        dg.define_asset_job("aside", selection=dg.AssetSelection.checks(nothing_is_set_aside)),
        dg.define_asset_job("every_check", selection=dg.AssetSelection.all_asset_checks()),
        dg.define_asset_job("load", selection=dg.AssetSelection.assets(orders, payments)),
    ],
    executor=dg.in_process_executor,
)
# A channel that does not answer is told of later than these tests last.
WAITS = {Kind.DELIVERY: {"hold": "1h"}}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Desk:
    """An installation: an instance of Dagster, a database, a mailbox, an endpoint, and the sensor between them."""

    instance: dg.DagsterInstance
    database_url: str
    mailbox: Mailbox
    endpoint: Endpoint
    settings: AlertSettings
    ahead: timedelta = timedelta(0)
    expires_at: date | None = None
    shop: Shop = field(default_factory=lambda: SHOP)

    def tick(self) -> str:
        """One evaluation, by a new process as it were."""
        watch = AlertWatch(
            self.settings,
            WORDING,
            owners={"orders": "commerce"},
            token_expires_at=self.expires_at,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=DEFINITIONS.get_repository_def(),
            resources={"warehouse": WarehouseResource(database_url=self.database_url)},
        )
        told = build_alerts_sensor(watch)(context)
        assert isinstance(told, dg.SkipReason)
        return str(told.skip_message)

    def run(self, job: str = "nightly", **options: Any) -> dg.ExecuteInProcessResult:
        """A run of a job, whatever becomes of it."""
        definition = DEFINITIONS.resolve_job_def(job)
        return definition.execute_in_process(instance=self.instance, raise_on_error=False, run_config=QUIET, **options)

    def materialize(
        self, first: str, last: str = "", assets: Sequence[dg.AssetsDefinition] = (orders,)
    ) -> dg.ExecuteInProcessResult:
        """A run of the assets themselves, for a day or a range of days."""
        job = DEFINITIONS.resolve_implicit_global_asset_job_def()
        span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return job.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config=QUIET,
            partition_key=None if last else first,
            tags=span if last else None,
            asset_selection=[asset.key for asset in assets],
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()


Make = Callable[..., Desk]
