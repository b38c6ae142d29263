"""A small shop whose hand-made records are in core, loaded as the platform loads them. No server and no lake."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Entity
from centra_assets.entities.orders import ORDERS
from centra_assets.entities.returns import RETURNS
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.refresh import refresh, stale
from centra_assets.storage.warehouse import LoadReport, RecordScope, TableBatch, Warehouse
from centra_assets_tests.entities.reading import CONTEXT, read

# Business days in the zone of the hand-made records, long past: nothing here depends on how old they are.
TODAY = datetime.now(CONTEXT.time_zone).date()
DAY, NEXT, LATER = (TODAY - timedelta(days=days) for days in (60, 59, 40))


def noon(day: date) -> str:
    """Twelve o'clock in the merchant's zone, as Centra writes it."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=CONTEXT.time_zone).isoformat()


class Shop:
    """Core and the mart of one database."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        warehouse.prepare([table_of(contract) for entity in (ORDERS, RETURNS) for contract in entity.tables])

    def order(self, record: Mapping[str, Any], *, tables: tuple[str, ...] = ()) -> LoadReport:
        """An order as it is now; `tables` are those that are loaded, all without."""
        return self._load(ORDERS, str(record["number"]), dict(record), tables)

    def goods_back(self, record: Mapping[str, Any]) -> LoadReport:
        """A return as it is now."""
        return self._load(RETURNS, str(record["id"]), dict(record), ())

    def refresh(self, *days: date) -> LoadReport:
        """The mart's days computed again; without any, all that are stale."""
        wanted = [day.isoformat() for day in days] or self.stale()
        return refresh(self.warehouse, DAILY_SALES, wanted, run_id="test")

    def stale(self) -> list[str]:
        """The days that wait to be computed again."""
        return stale(self.warehouse, DAILY_SALES, 1000)

    def rows(self, day: date) -> list[dict[str, Any]]:
        """What the mart says of a day."""
        found = self.warehouse.query(
            "select * from marts.daily_sales where business_date = %s order by store_id, market_id, currency", [day]
        )
        return found.to_dicts()

    def sold(self, day: date) -> dict[str, Any]:
        """The one row of a day."""
        (row,) = self.rows(day)
        return row

    def broken(self) -> dict[str, list[str]]:
        """What breaks the mart's promises, by name; empty when all is well."""
        failing = {rule.name: self.warehouse.query(rule.failures)["key"].to_list() for rule in DAILY_SALES.rules}
        return {name: keys for name, keys in failing.items() if keys}

    def _load(self, entity: Entity, record_id: str, record: dict[str, Any], only: tuple[str, ...]) -> LoadReport:
        day = datetime.fromisoformat(record["createdAt"]).astimezone(CONTEXT.time_zone).date()
        parsed = read(entity, record, partition=day.isoformat())
        assert parsed.quarantined.is_empty(), parsed.quarantined["reasons"].to_list()
        carried = {"_record_id": pl.lit(record_id), "_fetched_at": pl.lit(datetime.now(UTC))}
        batches = [
            TableBatch(table_of(contract), parsed.tables[contract.table].with_columns(**carried))
            for contract in entity.tables
            if not only or contract.table in only
        ]
        return self.warehouse.load(entity.name, batches, scope=RecordScope([record_id]), run_id="test")


def figures(row: Mapping[str, Any], *names: str) -> list[Decimal | int | None]:
    """The named columns of a row."""
    return [row[name] for name in names]
