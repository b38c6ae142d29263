"""`out/finance_workbook` and its check. What the sheets hold and how they look is in `centra_assets.finance`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import Owner
from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, tell_partitions
from centra_assets.assets.plan import partition_keys
from centra_assets.assets.quarantine import ALLOW_QUARANTINED_TAG, blocked_days, filling, refuse
from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES
from centra_assets.finance.controls import compared, sums_of, unequal
from centra_assets.finance.errors import WorkbookUnreadableError
from centra_assets.finance.figures import READS, Figures, core_sums, figures
from centra_assets.finance.month import Month
from centra_assets.finance.outbox import Outbox
from centra_assets.finance.reread import rows_of
from centra_assets.finance.sheets import CONTROLS, SALES, SHEETS
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.partitions import partitions_definition
from centra_assets.resources.outbox import OutboxResource
from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.warehouse import Warehouse

KEY = dg.AssetKey(["out", "finance_workbook"])
GROUP = "finance"
FOLDER = "finance_workbook"
CHECK = "sums_equal_core"
# Workbooks that the check reads again, the newest: a year and the month before it.
CHECKED_MONTHS = 13
MONTHS_PER_RUN = 12
SHOWN_KEYS = 20

_FILE = re.compile(rf"{FOLDER}/(\d{{4}}-(?:0[1-9]|1[0-2]))\.xlsx")


def file_name(month: Month) -> str:
    """Where a month's workbook is in the outbox."""
    return f"{FOLDER}/{month.name}.xlsx"


def build_workbook_asset(calendar: Calendar) -> dg.AssetsDefinition:
    """The workbook, a file per month of the merchant's calendar."""

    @dg.asset(
        key=KEY,
        deps=_deps(),
        partitions_def=partitions_definition(Axis.MONTH, calendar),
        backfill_policy=dg.BackfillPolicy.multi_run(MONTHS_PER_RUN),
        group_name=GROUP,
        kinds={"excel", "pandas"},
        owners=[Owner.FINANCE.value],
        description=(
            "The month-end workbook for accountants, an .xlsx per month: sales by store, market and currency, VAT by "
            "country and rate, discounts, gift certificates as liability, payments by method, refunds, open "
            "differences. Every sheet keeps its contract and its sums are core's to the cent, or no file is written. "
            "As fresh as its last materialization: written on the third of the following month; a month that is not "
            "over may be written by hand and says that it is provisional."
        ),
        tags={"stage": "out"},
        retry_policy=TRANSIENT_RETRIES,
    )
    def finance_workbook(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, outbox: OutboxResource
    ) -> dg.MaterializeResult[None]:
        told: dict[str, Mapping[str, Any]] = {}
        with failures_told_apart():
            for key in partition_keys(context):
                if context.run.tags.get(ALLOW_QUARANTINED_TAG) != "true":
                    _refuse_blocked(warehouse.open(), Month.of(key))
                month = Month.of(key)
                reserved = [*month.reservations(calendar), *_gaps(context.instance, month, calendar)]
                told[key] = _hand_over(warehouse.open(), outbox.open(), month, "; ".join(reserved), calendar)
                context.log.info(f"{file_name(Month.of(key))}: {told[key]['bytes']} bytes.")
        tell_partitions(context, KEY, told, {})
        return dg.MaterializeResult()

    return finance_workbook


def _refuse_blocked(store: Warehouse, month: Month) -> None:
    """Raises SourceBlockedError where too much of the month is in quarantine for its sums to be booked."""
    blocked = blocked_days(filling(READS), month.days, store)
    if blocked:
        raise refuse(file_name(month), blocked)


def _gaps(instance: dg.DagsterInstance, month: Month, calendar: Calendar) -> list[str]:
    """Days of the month, before today, of which core was never loaded."""
    today = datetime.now(calendar.zone).date().isoformat()
    past = {day for day in month.days if calendar.start.isoformat() <= day < today}
    gaps = []
    for table in ("orders", "returns"):
        missing = past - instance.get_materialized_partitions(core_key(table))
        if missing:
            gaps.append(f"INCOMPLETE: {len(missing)} days of {table} were never loaded")
    return gaps


def _hand_over(store: Warehouse, outbox: Outbox, month: Month, reserved: str, calendar: Calendar) -> Mapping[str, Any]:
    """Compute, gate, write and publish one month; returns its metadata."""
    # pandas, dagster-pandas and xlsxwriter take longer to import than the whole code location may to load.
    from centra_assets.assets.workbook_types import gate
    from centra_assets.finance.frames import frame
    from centra_assets.finance.workbook import write

    computed = figures(store, month, reserved=reserved)
    frames = {sheet.name: gate(sheet, frame(sheet, computed.rows[sheet.name])) for sheet in (*SHEETS, CONTROLS)}
    content = write(computed, frames, about=_about(computed, calendar))
    path = outbox.publish(file_name(month), content)
    return {
        "path": dg.MetadataValue.path(path),
        "bytes": len(content),
        "status": computed.reserved or "final",
        # What dashboards may show differently for a moment; the file would change with it, so it is only told here.
        "days_waiting_in_daily_sales": computed.stale_days,
        "dagster/partition_row_count": sum(len(computed.rows[sheet.name]) for sheet in SHEETS),
        **{f"rows_{sheet.name}": len(computed.rows[sheet.name]) for sheet in SHEETS},
        **{
            f"sum_{row['control']}_{row['currency']}": f"{row['in_workbook']:f}"
            for row in computed.rows[CONTROLS.name]
            if row["in_workbook"] is not None
        },
        "totals": dg.MetadataValue.md(_preview(computed)),
    }


def _about(computed: Figures, calendar: Calendar) -> Sequence[tuple[str, str]]:
    """What opens the summary."""
    newest = computed.newest.astimezone(calendar.zone) if computed.newest else None
    return [
        ("Month", f"{computed.month.first.isoformat()} to {computed.month.days[-1]}"),
        ("Status", computed.reserved or "Final, unless the check sums_equal_core says that core has changed since"),
        ("Merchant's time zone", f"{calendar.zone}: days and the month are cut in it"),
        ("Base currency", computed.base_currency or "not known"),
        ("Computed from data up to", f"{newest:%Y-%m-%d %H:%M:%S %z}" if newest else "nothing happened in the month"),
        ("Data begin on", calendar.start.isoformat()),
        ("Days", "Sales, discounts and certificates: the order's day. Payments and refunds: the day the money moved"),
        ("Not known", "What payment providers keep as their fee: Centra does not have it"),
        ("Signs", "Amounts are positive and their column or type says what they are; reductions are below zero"),
    ]


def _preview(computed: Figures) -> str:
    """The sums of the sales as a Markdown table."""
    controls = {(row["control"], row["currency"]): row["in_workbook"] for row in computed.rows[CONTROLS.name]}
    shown = ("orders", "gross", "net", "tax", "discount", "shipping", "payments", "refunds")
    lines = [f"| currency | {' | '.join(shown)} |", f"|---|{'---:|' * len(shown)}"]
    for currency in sorted({currency for _, currency in controls}):
        values = [_shown(controls.get((name, currency), 0), computed.decimals.get(currency, 2)) for name in shown]
        lines.append(f"| {currency} | {' | '.join(values)} |")
    if not computed.rows[SALES.name]:
        lines.append("\nNothing was sold.")
    return "\n".join(lines)


def _shown(value: Any, decimals: int) -> str:
    if value is None:
        return "not known"
    return f"{value:,.{decimals}f}" if value != int(value) else f"{int(value):,}"


def _deps() -> Sequence[dg.AssetDep]:
    """The core tables and the mart, month from days; money moves on days of its own, so of it all days."""
    days = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    deps = [dg.AssetDep(mart_key(DAILY_SALES), partition_mapping=days)]
    for entity in ENTITIES:
        for table in [contract.table for contract in entity.tables if contract.table in READS]:
            if entity.axis is not Axis.DAY:
                deps.append(dg.AssetDep(core_key(table)))
            elif table in ("payments", "return_refunds"):
                deps.append(dg.AssetDep(core_key(table), partition_mapping=dg.AllPartitionMapping()))
            else:
                deps.append(dg.AssetDep(core_key(table), partition_mapping=days))
    return deps


def build_workbook_check(calendar: Calendar) -> dg.AssetChecksDefinition:
    """Reads the files that were handed over and compares them with core as it is now."""

    @dg.asset_check(
        asset=KEY,
        name=CHECK,
        description=described(
            "The workbooks of the last months that are over, read back from their files, have core's sums: orders, "
            "sales, tax, VAT, discounts, gift certificates, payments, refunds, per currency. If not, core has changed "
            "since they were written, or a file was edited.",
            "compare the month's open differences, and "
            "materialize out/finance_workbook for the named months again before they are booked.",
        ),
        retry_policy=TRANSIENT_RETRIES,
    )
    def check(warehouse: WarehouseResource, outbox: OutboxResource) -> dg.AssetCheckResult:
        with failures_told_apart():
            return _judged(warehouse.open(), outbox.open(), calendar)

    return check


def _judged(store: Warehouse, outbox: Outbox, calendar: Calendar) -> dg.AssetCheckResult:
    today = datetime.now(calendar.zone).date()
    failing: list[str] = []
    # A program that has a workbook open keeps a file of its own beside it.
    named = [_FILE.fullmatch(name) for name in outbox.names(FOLDER, ".xlsx")]
    months = [Month.of(found[1]) for found in named if found]
    over = [month for month in months if month.following <= today][-CHECKED_MONTHS:]
    for month in over:
        try:
            written = sums_of(rows_of(outbox.read(file_name(month))))
        except WorkbookUnreadableError:
            failing.append(f"{month.name} cannot be read")
            continue
        failing += [f"{month.name} {what}" for what in unequal(compared(written, core_sums(store, month)))]
    return dg.AssetCheckResult(
        passed=not failing,
        metadata={
            "failures": len(failing),
            "failing_keys": failing[:SHOWN_KEYS],
            "months_compared": [month.name for month in over],
            "months_not_over": [month.name for month in months if month.following > today],
        },
    )
