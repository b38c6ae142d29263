"""Was last month's workbook handed over? Whether its sums are still core's is `sums_equal_core`'s to say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.metadata import core_key
from centra_assets.assets.workbook import KEY
from centra_assets.calendar import Calendar
from centra_assets.checks.completeness import COMPLETE, Found, partitions_in
from centra_assets.checks.standing import told
from centra_assets.entities.model import Axis
from centra_assets.finance.month import Month
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.warehouse import Warehouse

# A daemon that was away starts the run when it is back, and the run may wait behind others.
_GRACE = timedelta(hours=3)

# An installation that was not there in the month, or came after the moment, was never to write it. Bounded by the month
# on both sides, the index on subject and time leads to the first such load at once.
_WAS_LOADED = """
SELECT EXISTS (
  SELECT FROM ops.audit WHERE subject = %(subject)s AND kind = 'load' AND outcome = 'done'
    AND at >= %(first)s AND at < %(due)s AND partition >= %(first_day)s AND partition < %(following_day)s
)
"""

Clock = Callable[[], datetime]


def build_workbooks_check(calendar: Calendar, *, clock: Clock = lambda: datetime.now(UTC)) -> dg.AssetChecksDefinition:
    """`partitions_are_complete` on the finance workbook; its owner is the asset's, so alerts go to finance."""
    key = dg.AssetCheckKey(KEY, COMPLETE)

    @dg.multi_asset_check(
        name="complete_workbooks",
        specs=[
            dg.AssetCheckSpec(
                key.name,
                asset=key.asset_key,
                description=described(
                    "The workbook of the last month was written when it was due (`missing`: it was not), and no "
                    "month's last attempt has failed (`failed`). Not asked for: a month that was not over when the "
                    "installation began, or whose first days lie before the data begin.",
                    "open the newest run of the job finance_workbook, mend what it died of, and materialize "
                    "out/finance_workbook for the named months; see that the schedule month_end_workbook is on.",
                ),
            )
        ],
        retry_policy=TRANSIENT_RETRIES,
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with failures_told_apart():
            return _judged(key, context.instance, warehouse.open(), calendar, clock())

    return check


def _judged(
    key: dg.AssetCheckKey, instance: dg.DagsterInstance, store: Warehouse, calendar: Calendar, now: datetime
) -> dg.AssetCheckResult:
    left = partitions_in(dg.AssetPartitionStatus.FAILED, KEY, Axis.MONTH, calendar, instance)
    failed = [Month.of(month).name for month in left]
    month = last_due(calendar, now)
    is_missing = (
        month.name not in failed
        and month.first >= calendar.start
        and not _is_written(month, calendar, instance)
        and _was_loaded(month, calendar, store)
    )
    missing = [month.name] if is_missing else []
    return told(key, Found(missing, failed).keys(), missing=len(missing), failed=len(failed), last_month_due=month.name)


def last_due(calendar: Calendar, now: datetime) -> Month:
    """The newest month whose workbook should be there by now."""
    month = Month.holding(now.astimezone(calendar.zone).date()).before()
    return month if month.due(calendar.zone) + _GRACE <= now else month.before()


def _is_written(month: Month, calendar: Calendar, instance: dg.DagsterInstance) -> bool:
    """Whether it was written when it was over: before, it was provisional."""
    _, over = calendar.window(Axis.MONTH, month.first.isoformat())
    wanted = dg.AssetRecordsFilter(
        asset_key=KEY, asset_partitions=[month.first.isoformat()], after_timestamp=over.timestamp()
    )
    return bool(instance.fetch_materializations(wanted, limit=1).records)


def _was_loaded(month: Month, calendar: Calendar, store: Warehouse) -> bool:
    first, _ = calendar.window(Axis.DAY, month.first.isoformat())
    values = {
        "subject": core_key("orders").to_user_string(),
        "first": first,
        "due": month.due(calendar.zone),
        "first_day": month.first.isoformat(),
        "following_day": month.following.isoformat(),
    }
    return bool(store.query(_WAS_LOADED, values).item())
