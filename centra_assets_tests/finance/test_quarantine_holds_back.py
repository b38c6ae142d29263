"""No workbook of a month with a day of which too much is in quarantine, unless somebody knows and says so."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from centra_assets.assets.quarantine import ALLOW_QUARANTINED_TAG
from centra_assets.assets.workbook import build_workbook_asset
from centra_assets.calendar import Calendar
from centra_assets.resources.outbox import OutboxResource
from centra_assets.resources.storage import WarehouseResource
from centra_assets_tests.assets.platform import QUIET
from centra_assets_tests.finance.books import Books

CALENDAR = Calendar(date(2024, 1, 1), ZoneInfo("Europe/Stockholm"))
MONTH, DAY = "2024-05-01", "2024-05-17"

_HELD = """
INSERT INTO core.orders (number, _record_id, _partition, _fetched_at, _loaded_at)
SELECT n, n::text, '2024-03-01', now(), now() FROM generate_series(1, 1000) AS n
"""
_ASIDE = """
INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, run_id)
SELECT 'orders', 'broken ' || n, %s, '[]', now(), now(), now(), 'test' FROM generate_series(1, 5) AS n
"""


@pytest.mark.parametrize(
    ("day", "knowing", "written"),
    [(DAY, False, False), (DAY, True, True), ("2024-04-30", False, True), ("2024-06-01", False, True)],
)
def test_a_month_waits_for_its_own_days(
    books: Books, database_url: str, tmp_path: Path, day: str, knowing: bool, written: bool
) -> None:
    books.warehouse.transact(lambda cursor: cursor.execute(_HELD))
    books.warehouse.transact(lambda cursor: cursor.execute(_ASIDE, [day]))
    result = dg.materialize(
        [build_workbook_asset(CALENDAR)],
        partition_key=MONTH,
        instance=dg.DagsterInstance.ephemeral(),
        resources={
            "warehouse": WarehouseResource(database_url=database_url),
            "outbox": OutboxResource(url=str(tmp_path)),
        },
        run_config=QUIET,
        tags={ALLOW_QUARANTINED_TAG: "true"} if knowing else {},
        raise_on_error=False,
    )
    assert result.success == written
    assert bool(list(tmp_path.rglob("*.xlsx"))) == written
    if not written:
        failure = result.failure_data_for_node("out__finance_workbook")
        assert failure is not None and failure.user_failure_data is not None
        assert f"{DAY}: 5 of 5 records (100.0%) of orders {DAY}" in str(failure.user_failure_data.description)
