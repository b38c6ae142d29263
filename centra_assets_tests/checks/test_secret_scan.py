"""How raw is scanned for payment secrets: on from where the last scan ended, and never forgetting what it found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from centra_assets.checks.secret_scan import RawScan, in_raw
from centra_assets.storage.lake import SCHEMA, Lake
from centra_assets.storage.warehouse import Warehouse

CARD = "4111111111111111"
DAY = "2024-05-03"
FIRST = datetime(2024, 5, 3, tzinfo=UTC)


class Raw:
    """Raw orders of one day, and scans of them."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.lake, self._warehouse = Lake(str(folder)), Warehouse(database_url)

    def bring(self, record: str, comment: str, at: datetime) -> None:
        payload = f'{{"otherComment": "{comment}"}}'
        row = {"id": record, "updated_at": at, "payload": payload, "fetched_at": at, "source": "test"}
        rows = pl.DataFrame([row], schema=SCHEMA).with_columns(partition=pl.lit(DAY))
        self.lake.append_changes("orders", rows, run_id=f"run{record}", fetched_at=at)

    def merge(self, count: int) -> None:
        """What upkeep makes of the oldest files: one that is named like the newest of them."""
        files = self.lake.files("orders", DAY)[:count]
        self.lake.put(self.lake.named("changes", run_id="upkeep", like=files[-1]), self.lake.rows(files))
        self.lake.remove(files)

    def scan(self) -> RawScan:
        return in_raw("orders", self.lake, self._warehouse, run_id="scan")


@pytest.fixture
def raw(tmp_path: Path, database_url: str) -> Raw:
    return Raw(tmp_path, database_url)


def test_what_was_found_is_found_again_in_the_file_that_upkeep_merged_it_into(raw: Raw) -> None:
    raw.bring("1", f"pay with {CARD}", FIRST)
    raw.bring("2", "thank you", FIRST + timedelta(hours=1))
    # Newer by more than a fetch lasts: nothing of the third of May is looked at for being late.
    raw.bring("3", "hello", FIRST + timedelta(days=9))
    (found,) = raw.scan().found
    assert found == f"raw/orders/{DAY} 1 otherComment: card number"

    raw.merge(2)
    for _ in range(2):
        assert raw.scan().found == [found]

    raw.lake.remove(raw.lake.files("orders", DAY)[:1])
    assert raw.scan().found == []
