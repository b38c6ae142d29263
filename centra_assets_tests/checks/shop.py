"""A whole shop in core, read over HTTP without any run of Dagster, and what the rules say of it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psycopg

from centra_assets.assets.queries import query_of
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import connect
from centra_assets.centra.plans import PreparedQuery
from centra_assets.checks.rules import RULES, Rule
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.lake import Lake
from centra_assets.storage.sync_state import SyncState
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.apply import apply
from centra_assets.sync.holdings import held_records, tables_of
from centra_assets.sync.lookup import fetch, lookup_of
from centra_assets.sync.partitioning import frame_of, keys_of, placed
from centra_assets.sync.snapshots import sweep_partition
from centra_assets.sync.sweeping import Surroundings, Sweep
from centra_assets.sync.sweeps import default_setting
from centra_assets.sync.tombstones import tombstones

# GraphQL's kinds of records -> the entities that read them.
READ_BY: Mapping[str, tuple[str, ...]] = {
    "LowestPrice": ("lowest_prices",),
    "Price": ("prices",),
    "ProductVariant": ("product_variant_details",),
    "PurchaseOrderDelivery": ("deliveries",),
    "Stock": ("stock",),
    "Country": ("countries",),
}


@dataclass
class Shop:
    """A sandbox's world, loaded from its first day on."""

    sandbox: RunningSandbox
    around: Surroundings
    # Records that core has as they were broken.
    stale: list[Mapping[str, Any]] = field(default_factory=list)
    lookups: dict[str, PreparedQuery | None] = field(default_factory=dict)

    def load(self) -> None:
        """Reads everything."""
        for known in ENTITIES:
            tables_of(known, self.around.warehouse)
            query = self.around.prepared(known, query_of)
            assert query is not None
            frames = [rows for key in keys_of(known, self.around.warehouse) for rows in self._pages(known, query, key)]
            if frames:
                self._apply(known, pl.concat(frames))
        self._read_the_ledger()

    def corrupt(self, faults: Iterable[str]) -> set[str]:
        """Heals, breaks these promises instead, and reads again what that touches; returns the tables of it."""
        self._tell(heal=True)
        touched = [record for fault in faults for record in self._tell(fault=fault)["touched"]]
        assert touched
        tables = self._read_again([*self.stale, *touched])
        self.stale = touched
        return tables

    def heal(self) -> None:
        """Mends all that is broken, and reads it again."""
        self._tell(heal=True)
        self._read_again(self.stale)
        self.stale = []

    def _tell(self, **order: Any) -> Any:
        answer = httpx.post(f"{self.sandbox.admin_url}/corrupt", json=order, timeout=30)
        assert answer.status_code == 200, f"{order}: {answer.text}"
        return answer.json()

    def _read_again(self, touched: Iterable[Mapping[str, Any]]) -> set[str]:
        """Reads records again, by id where Centra can be asked so; returns the tables that they are in."""
        read: set[str] = set()
        wanted: dict[str, dict[str, set[str]]] = {}
        for record in touched:
            name = READ_BY.get(record["type"], (_plural(record["type"]),))[0]
            wanted.setdefault(name, {}).setdefault(str(record["within"] or "all"), set()).add(str(record["id"]))
        for name, ids in wanted.items():
            known = entity(name)
            read.update(contract.table for contract in known.tables)
            if name not in self.lookups:
                self.lookups[name] = lookup_of(self.around.client, known)
            query = self.lookups[name]
            if query is None:
                for key in ids:
                    sweep_partition(Sweep(known, self.around, default_setting(known)), key)
            else:
                self._look_up(known, query, ids)
        self._read_the_ledger()
        return read

    def _read_the_ledger(self) -> None:
        """As the sweeps do all the time: no level is newer than what moved it."""
        newest = "SELECT id FROM core.stock_changes ORDER BY _fetched_at DESC LIMIT 1"
        statement = f"UPDATE core.stock_changes SET _fetched_at = clock_timestamp() WHERE id = ({newest})"
        self.around.warehouse.transact(lambda cursor: cursor.execute(statement))

    def failing(self, tables: Collection[str] | None = None) -> dict[str, set[str]]:
        """The rules that are broken, with the keys that they name; of those only that read one of the tables."""
        rules = [rule for rule in RULES if tables is None or not {rule.table, *rule.tables}.isdisjoint(tables)]
        found: dict[str, set[str]] = {}
        for rule, key in self.around.warehouse.query(_failures(rules)).iter_rows():
            found.setdefault(rule, set()).add(key)
        return found

    def _look_up(self, known: Entity, query: PreparedQuery, ids: Mapping[str, Collection[str]]) -> None:
        found = fetch(self.around.client, known, ids, calendar=self.around.calendar, query=query)
        gone = held_records(known, [record_id for record_id, _ in found.missing], self.around.warehouse)
        self._apply(known, pl.concat([found.rows, tombstones(gone, found.asked_at)]))

    def _pages(self, known: Entity, query: PreparedQuery, key: str) -> Iterator[pl.DataFrame]:
        variables: dict[str, Any] = {}
        if known.axis in (Axis.DAY, Axis.MONTH):
            end = self.sandbox.clock.now() + timedelta(days=1)
            variables = {"from": "1970-01-01T00:00:00+00:00", "to": end.isoformat()}
        elif known.axis in DYNAMIC_AXES:
            variables = {"key": int(key)}
        for _, page in self.around.client.stream(query, [variables]):
            yield placed(known, frame_of(page, source="test"), self.around.calendar, key)

    def _apply(self, known: Entity, rows: pl.DataFrame) -> None:
        apply(
            known,
            rows,
            lake=self.around.lake,
            warehouse=self.around.warehouse,
            context=self.around.context,
            run_id=self.around.run_id,
            source="test",
        )


@contextmanager
def open_shop(server: EmbeddedPostgres, sandbox: RunningSandbox, folder: Path, calendar: Calendar) -> Iterator[Shop]:
    """A shop in a database of its own, with everything loaded."""
    name = folder.name.replace("-", "_")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        url = server.url_of(name)
        try:
            with connect(url=sandbox.url, token=sandbox.token) as client:
                around = Surroundings(client, Lake(str(folder)), Warehouse(url), SyncState(url), calendar, "test")
                shop = Shop(sandbox, around)
                shop.load()
                yield shop
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _failures(rules: Iterable[Rule]) -> Any:
    # One question for all: two hundred round trips would be most of a test's time.
    return " union all ".join(f"select '{rule.full_name}' as rule, key from ({rule.failures}) f" for rule in rules)


def _plural(kind: str) -> str:
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).removeprefix("_")
    return f"{words[:-1]}ies" if re.search("[^aeiou]y$", words) else f"{words}s"
