"""How the sync fares: every figure is what `ops` says, an hour stands once it is over, and the page names the worst."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import dagster as dg
import polars as pl
import psycopg
import pytest

from centra_assets.assets.health import HEALTH_KEY, numbers, page, swept_by
from centra_assets.centra.memory import PostgresMemory
from centra_assets.centra.statistics import ClientStats
from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import SYNC_HEALTH
from centra_assets.marts.sync_health import KEPT, TABLE, refresh_health
from centra_assets.resources.storage import WarehouseResource
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync_config import SyncConfig
from centra_assets_tests.assets.platform import QUIET

STRATEGIES = {"orders": "updated", "customers": "updated"}
EVERY_10M = {
    name: SyncConfig.model_validate({"entities": {name: {"sweep": {"strategy": "updated", "every": "10m"}}}}).of(name)
    for name in STRATEGIES
}


class Ops:
    """What the platform would have written into `ops`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.warehouse = Warehouse(url)
        # The running hour, and a moment in the middle of the one before.
        self.hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self.before = self.hour - timedelta(minutes=30)

    def execute(self, statement: LiteralString, *values: Any) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, values)

    def loaded(self, entity: str, at: datetime, *, inserted: int = 0, updated: int = 0, deleted: int = 0) -> None:
        self.execute(
            "INSERT INTO ops.load_log (at, entity, table_name, run_id, partitions, inserted, updated, unchanged, "
            "deleted, quarantined, seconds) VALUES (%s, %s, 'a_table', 'run', 1, %s, %s, 5, %s, 0, 0.1)",
            at,
            entity,
            inserted,
            updated,
            deleted,
        )

    def hint(self, entity: str, state: str, *, came: datetime, done: datetime | None = None) -> None:
        self.execute(
            "INSERT INTO ops.inbox (received_at, source, channel, delivery, position, entity, via, object_type, "
            "action, reference, element, state, done_at) "
            "VALUES (%s, 'webhook', 'shop', gen_random_uuid()::text, 0, %s, '', 'order', 'update', '1', '{}', %s, %s)",
            came,
            entity,
            state,
            done,
        )

    def aside(self, entity: str, record: str) -> None:
        self.execute(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, "
            "run_id) VALUES (%s, %s, 'p', '[]', now(), now(), now(), 'run')",
            entity,
            record,
        )

    def swept(self, entity: str, *, over: datetime, fresh: datetime | None, strategy: str = "updated") -> None:
        """A sweep that was over then; the last one that did not fail ended at `fresh`."""
        self.execute(
            "INSERT INTO ops.sync_state (entity, partition, strategy, checked_at, fresh_at) "
            "VALUES (%s, '', %s, %s, %s) ON CONFLICT (entity, partition, strategy) DO UPDATE "
            "SET checked_at = excluded.checked_at, fresh_at = excluded.fresh_at",
            entity,
            strategy,
            over,
            fresh,
        )

    def refreshed(self) -> pl.DataFrame:
        return refresh_health(self.warehouse, STRATEGIES).standing

    def row(self, entity: str, hour: datetime | None = None) -> Mapping[str, Any]:
        (row,) = self.warehouse.query(
            "SELECT * FROM marts.sync_health WHERE entity = %s AND hour = %s", [entity, hour or self.hour]
        ).iter_rows(named=True)
        return row


@pytest.fixture
def ops(database_url: str) -> Ops:
    # A test that meets the turn of the hour would look for its rows in the wrong one.
    while (now := datetime.now(UTC)).minute == 59 and now.second >= 50:
        time.sleep(0.5)
    return Ops(database_url)


def test_an_entity_that_was_never_loaded_is_told_as_such_and_not_as_fresh(ops: Ops) -> None:
    ops.refreshed()
    row = ops.row("orders")
    assert (row["lag_seconds"], row["checked_at"], row["changed_at"]) == (None, None, None)
    assert row["measured_at"] is not None
    assert numbers(ops.refreshed(), {})["entities_never_loaded"] == 2


def minutes(row: Mapping[str, Any]) -> int:
    return int(row["lag_seconds"]) // 60


def test_a_sweep_that_found_nothing_is_the_freshest_news_and_a_load_of_one_record_is_none(ops: Ops) -> None:
    now = datetime.now(UTC)
    ops.loaded("orders", now - timedelta(hours=5), updated=2)
    ops.refreshed()
    # Before the first sweep nothing else is known.
    assert minutes(ops.row("orders")) == 300
    ops.swept("orders", over=now - timedelta(minutes=20), fresh=now - timedelta(minutes=20))
    # Nor does what another strategy found, such as a reconciliation of some days.
    ops.swept("orders", over=now, fresh=now, strategy="reconcile")
    ops.loaded("orders", now - timedelta(minutes=1), updated=1)
    ops.refreshed()
    row = ops.row("orders")
    assert minutes(row) == 20
    assert (row["fresh_at"], row["changed_at"]) == (now - timedelta(minutes=20), now - timedelta(minutes=1))
    assert row["checked_at"] == now
    assert ops.row("customers")["lag_seconds"] is None


def test_a_sweep_that_failed_makes_nothing_fresh(ops: Ops) -> None:
    now = datetime.now(UTC)
    ops.loaded("orders", now - timedelta(minutes=50), inserted=1)
    ops.refreshed()
    assert minutes(ops.row("orders")) == 50
    ops.swept("orders", over=now, fresh=None)
    told = page(ops.refreshed(), EVERY_10M)
    assert (ops.row("orders")["fresh_at"], ops.row("orders")["lag_seconds"]) == (None, None)
    assert "| orders | no sweep ever worked |" in told
    ops.swept("orders", over=now, fresh=now - timedelta(minutes=40))
    assert "| orders | 40 m, late |" in page(ops.refreshed(), EVERY_10M)


def test_an_installation_of_before_gets_the_column_and_keeps_its_hours(ops: Ops) -> None:
    earlier = replace(TABLE, columns=[column for column in TABLE.columns if column.name != "fresh_at"])
    ops.warehouse.prepare([earlier])
    ops.execute(
        "INSERT INTO marts.sync_health (entity, hour, measured_at, lag_seconds, _record_id, _partition, _fetched_at, "
        "_loaded_at) VALUES ('orders', %s, %s, 77, 'orders', 'p', now(), now())",
        ops.hour - timedelta(hours=1),
        ops.before,
    )
    ops.swept("orders", over=datetime.now(UTC), fresh=datetime.now(UTC))
    ops.refreshed()
    assert ops.row("orders")["fresh_at"] is not None
    over = ops.row("orders", ops.hour - timedelta(hours=1))
    assert (over["lag_seconds"], over["fresh_at"]) == (77, None)


def test_hints_are_counted_in_the_hour_in_which_they_ended(ops: Ops) -> None:
    now = datetime.now(UTC)
    ops.hint("orders", "waiting", came=now - timedelta(minutes=7))
    ops.hint("orders", "waiting", came=now - timedelta(minutes=1))
    ops.hint("orders", "done", came=ops.before, done=ops.before)
    ops.hint("orders", "done", came=ops.before, done=now)
    ops.hint("orders", "failed", came=now - timedelta(days=3), done=now)
    ops.hint("orders", "ignored", came=now, done=now)
    ops.refreshed()
    row = ops.row("orders")
    assert (row["hints_waiting"], row["hints_done"], row["hints_failed"]) == (2, 1, 1)
    assert 7 * 60 <= row["oldest_hint_seconds"] < 8 * 60
    assert ops.row("orders", ops.hour - timedelta(hours=1))["hints_done"] == 1


def test_rows_quarantine_and_the_price_of_the_api_are_counted_per_entity(ops: Ops) -> None:
    ops.loaded("orders", datetime.now(UTC), inserted=3, updated=2)
    ops.loaded("orders", datetime.now(UTC), deleted=1)
    ops.aside("orders", "1")
    ops.aside("orders", "2")
    ops.refreshed()
    row = ops.row("orders")
    assert (row["rows_inserted"], row["rows_updated"], row["rows_deleted"]) == (3, 2, 1)
    assert row["records_quarantined"] == 2
    assert ops.row("customers")["rows_inserted"] == 0


async def _spend(memory: PostgresMemory, stats: ClientStats, times: int) -> None:
    for _ in range(times):
        await memory.add_spent("shop.example", "orders", stats)


def test_what_the_client_spent_adds_up_within_the_hour(ops: Ops) -> None:
    stats = ClientStats(requests=2, complexity=700, retries=1, throttled=1, seconds_waited=4.4)
    asyncio.run(_spend(PostgresMemory(ops.url), stats, 3))
    ops.refreshed()
    row = ops.row("orders")
    assert [row[f"api_{name}"] for name in ("requests", "complexity", "retries", "throttled", "seconds_waited")] == [
        6,
        2100,
        3,
        3,
        13,
    ]


def test_an_hour_that_is_over_is_completed_and_keeps_how_things_stood(ops: Ops) -> None:
    ops.refreshed()
    ops.aside("orders", "1")
    # As if the last look had been half an hour before the hour's end.
    last = ops.hour - timedelta(hours=1)
    ops.execute("DELETE FROM marts.sync_health WHERE hour < %s", ops.hour)
    ops.execute(
        "UPDATE marts.sync_health SET hour = %s, measured_at = %s, lag_seconds = 77, hints_waiting = 4",
        last,
        ops.before,
    )
    ops.loaded("orders", ops.before + timedelta(minutes=20), updated=9)
    ops.refreshed()
    over, running = ops.row("orders", last), ops.row("orders")
    assert over["rows_updated"] == 9
    assert (over["lag_seconds"], over["hints_waiting"], over["records_quarantined"]) == (77, 4, 0)
    assert over["measured_at"] == ops.before
    assert (running["rows_updated"], running["records_quarantined"]) == (0, 1)


def test_hours_in_which_nobody_looked_have_their_counts_and_nothing_else(ops: Ops) -> None:
    ops.refreshed()
    ops.execute("DELETE FROM marts.sync_health WHERE hour < %s", ops.hour)
    ops.execute("UPDATE marts.sync_health SET hour = hour - interval '5 hours'")
    ops.loaded("orders", ops.hour - timedelta(hours=2), inserted=4)
    ops.refreshed()
    unseen = ops.row("orders", ops.hour - timedelta(hours=2))
    assert unseen["rows_inserted"] == 4
    assert (unseen["measured_at"], unseen["lag_seconds"], unseen["hints_waiting"]) == (None, None, None)


def test_a_second_refresh_finds_the_same(ops: Ops) -> None:
    ops.loaded("orders", datetime.now(UTC), inserted=3)
    ops.refreshed()
    first = ops.row("orders")
    ops.refreshed()
    timed = {"measured_at", "lag_seconds", "_fetched_at", "_loaded_at"}
    second = ops.row("orders")
    assert {key: value for key, value in first.items() if key not in timed} == {
        key: value for key, value in second.items() if key not in timed
    }
    assert ops.warehouse.query("SELECT count(*) FROM history.sync_health").item() == 0


def test_what_is_too_old_goes_and_what_is_not_stays(ops: Ops) -> None:
    ops.refreshed()
    for age in (KEPT - timedelta(days=1), KEPT + timedelta(days=1)):
        ops.execute(
            "INSERT INTO marts.sync_health (entity, hour, _record_id, _partition, _fetched_at, _loaded_at) "
            "VALUES ('orders', %s, 'orders', 'old', now(), now())",
            ops.hour - age,
        )
        ops.execute(
            "INSERT INTO ops.api_spending VALUES ('shop', 'orders', %s, 1, 1, 0, 0, 0)",
            ops.hour - age,
        )
    assert refresh_health(ops.warehouse, STRATEGIES).dropped == 1
    left = ops.warehouse.query("SELECT min(hour) AS hour FROM marts.sync_health")["hour"][0]
    assert left == ops.hour - KEPT + timedelta(days=1)
    assert ops.warehouse.query("SELECT count(*) FROM ops.api_spending").item() == 1


def places(told: str) -> list[str]:
    """The first cells of the page's lines, from the top."""
    lines = [line for line in told.splitlines() if line.startswith(("| orders", "| customers"))]
    return [" | ".join(line.split(" | ")[:3]).rstrip() for line in lines]


def test_the_page_puts_what_needs_somebody_first_then_what_is_furthest_behind(ops: Ops) -> None:
    ops.loaded("orders", datetime.now(UTC) - timedelta(hours=8))
    ops.loaded("customers", datetime.now(UTC) - timedelta(minutes=3))
    assert places(page(ops.refreshed(), EVERY_10M)) == [
        "| orders | 8 h, stale | every 10m",
        "| customers | 3 m | every 10m",
    ]
    # Nobody wants to know how fresh it is: it is only further behind, and what is in quarantine goes first.
    ops.aside("customers", "9")
    assert places(page(ops.refreshed(), {})) == ["| customers | 3 m |", "| orders | 8 h |"]
    # Late is something that needs somebody, as much as quarantine does.
    assert places(page(ops.refreshed(), EVERY_10M))[0] == "| orders | 8 h, stale | every 10m"


def test_what_was_never_loaded_and_a_queue_that_is_stuck_need_somebody_before_what_is_only_behind(ops: Ops) -> None:
    ops.loaded("orders", datetime.now(UTC) - timedelta(hours=8))
    ops.loaded("customers", datetime.now(UTC))
    ops.hint("customers", "waiting", came=datetime.now(UTC) - timedelta(days=2))
    first, second = places(page(ops.refreshed(), {}))
    assert first.startswith("| customers") and second.startswith("| orders")
    ops.execute("DELETE FROM ops.load_log WHERE entity = 'customers'")
    ops.execute("DELETE FROM marts.sync_health")
    assert places(page(ops.refreshed(), EVERY_10M)) == [
        "| customers | never loaded | every 10m",
        "| orders | 8 h, stale | every 10m",
    ]


def test_numbers_that_plot_are_sums_and_the_worst(ops: Ops) -> None:
    ops.loaded("orders", datetime.now(UTC) - timedelta(hours=2), inserted=5)
    ops.loaded("customers", datetime.now(UTC), updated=1)
    ops.hint("customers", "waiting", came=datetime.now(UTC) - timedelta(minutes=5))
    told = numbers(ops.refreshed(), EVERY_10M)
    assert (told["entities_late"], told["entities_never_loaded"]) == (1, 0)
    assert told["lag_seconds_longest"] == told["lag_seconds_orders"] >= 7_200
    assert told["rows_changed_24h"] == 6
    assert told["hints_waiting"] == 1
    assert told["oldest_hint_seconds"] >= 300
    assert all(isinstance(value, int) for value in told.values())


def test_a_year_of_traffic_is_measured_within_a_second(ops: Ops) -> None:
    ops.execute(
        "INSERT INTO ops.load_log (at, entity, table_name, run_id, partitions, inserted, updated, unchanged, deleted, "
        "quarantined, seconds) SELECT now() - n * interval '1 minute', 'orders', 't', 'r', 1, mod(n, 2), 0, 1, 0, 0, 0 "
        "FROM generate_series(1, 200000) n"
    )
    ops.execute(
        "INSERT INTO ops.inbox (received_at, source, channel, delivery, position, entity, via, object_type, action, "
        "reference, element, state, done_at) SELECT at, 'webhook', 's', at::text, 0, 'orders', '', 'order', 'u', '1', "
        "'{}', 'done', at FROM generate_series(now() - interval '35 days', now(), interval '1 minute') AS at"
    )
    every = {entity.name: "updated" for entity in ENTITIES}
    ops.execute("ANALYZE ops.load_log, ops.inbox")
    refresh_health(ops.warehouse, every)
    took = []
    for _ in range(3):
        started = time.monotonic()
        assert refresh_health(ops.warehouse, every).written == len(every)
        took.append(time.monotonic() - started)
    # The machine is shared: the quickest of some is the query's own time.
    assert min(took) < 1


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_the_job_materializes_the_asset_with_a_page_and_numbers(ops: Ops, instance: dg.DagsterInstance) -> None:
    definitions = build_definitions(Settings(), resources={"warehouse": WarehouseResource(database_url=ops.url)})
    ops.loaded("orders", datetime.now(UTC), inserted=3)
    result = definitions.resolve_job_def(SYNC_HEALTH).execute_in_process(instance=instance, run_config=QUIET)
    assert result.success
    (event,) = [event for event in result.all_events if event.is_step_materialization]
    told = event.materialization.metadata
    assert event.materialization.asset_key == HEALTH_KEY
    assert "| orders |" in str(told["health"].value)
    assert told["rows_changed_24h"].value == 3
    assert told["entities"].value == len(ENTITIES)


def test_how_often_an_entity_is_swept_is_told_as_sync_yaml_has_it() -> None:
    def told(**sweep: Any) -> str:
        return swept_by(SyncConfig.model_validate({"entities": {"orders": {"sweep": sweep}}}).of("orders"))

    assert told(strategy="updated", every="10m") == "every 10m"
    assert told(strategy="snapshot", cron="15 3 * * *") == "at 15 3 * * *"
    assert told(strategy="none") == "never"
