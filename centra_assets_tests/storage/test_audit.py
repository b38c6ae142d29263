"""The trail: what is written stands, nobody changes or removes it, and every load leaves what it did in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from centra_assets.logs import working_on
from centra_assets.storage import changes
from centra_assets.storage.audit import AuditEntry, AuditFilter, AuditRecord, find, local_actor, write
from centra_assets.storage.errors import BatchShapeError, CollapseError
from centra_assets.storage.warehouse import OPEN_GUARD, PartitionScope, RecordScope, Warehouse
from centra_assets_tests.storage.shop import LINES, ORDERS, batch, line, order, quarantined

ENTRY = AuditEntry(kind="load", subject="core/orders", actor="sensor:inbox", outcome="done", counts={"updated": 3})
DAY, NEXT = "2025-03-01", "2025-03-02"


def noted(url: str, *entries: AuditEntry) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        write(cursor, entries)


def trail(url: str, **wanted: Any) -> list[AuditRecord]:
    """The entries that fit, oldest first."""
    return find(url, AuditFilter(**wanted), 1_000)[::-1]


@pytest.fixture
def shop(database_url: str) -> Warehouse:
    """A warehouse in the hands of a sensor."""
    ready = Warehouse(database_url, actor="sensor:inbox")
    ready.prepare([ORDERS, LINES])
    return ready


def load(shop: Warehouse, *orders: dict[str, Any], scope: Any = None, run: str = "run", **given: Any) -> None:
    scope = scope or PartitionScope(sorted({row["_partition"] for row in orders}) or [DAY])
    shop.load("orders", [batch(ORDERS, orders)], scope=scope, run_id=run, **given)


class TestWhatStands:
    def test_an_entry_stands_if_what_it_tells_of_stands(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            with connection.cursor() as cursor:
                write(cursor, [ENTRY])
            connection.rollback()
            with connection.cursor() as cursor:
                write(cursor, [ENTRY, ENTRY])
            connection.commit()
        assert [(entry.subject, entry.actor, entry.counts) for entry in trail(database_url)] == [
            ("core/orders", "sensor:inbox", {"updated": 3})
        ] * 2

    def test_an_entry_is_read_as_it_was_written(self, database_url: str) -> None:
        told = AuditEntry(
            kind="forget",
            subject="customer 1017",
            actor="command:forget by somebody",
            outcome="begun",
            run_id="a-run",
            partition="2",
            fields=("email", "a,b"),
            before="b4",
            after="af",
            counts={"rows": 12},
            request_id="r-1",
            detail={"places": ["core"]},
        )
        noted(database_url, told)
        (found,) = trail(database_url)
        assert {name: getattr(found, name) for name in vars(told)} == {**vars(told), "fields": ["email", "a,b"]}

    def test_nothing_written_is_nothing(self, database_url: str) -> None:
        noted(database_url)
        assert trail(database_url) == []


class TestWhoeverTries:
    """The table's owner has no superuser's rights here; the superuser is refused as well."""

    @pytest.fixture(params=["owner", "superuser"])
    def session(self, request: pytest.FixtureRequest, database_url: str) -> Iterator[psycopg.Connection[Any]]:
        noted(database_url, ENTRY)
        role = f"keeper_{database_url.rsplit('/', 1)[-1].split('?')[0]}"
        with psycopg.connect(database_url, autocommit=True) as connection:
            if request.param == "owner":
                name = sql.Identifier(role)
                connection.execute(sql.SQL("CREATE ROLE {}").format(name))
                connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA ops TO {}").format(name))
                connection.execute(sql.SQL("ALTER TABLE ops.audit OWNER TO {}").format(name))
                connection.execute(sql.SQL("SET ROLE {}").format(name))
            yield connection
            connection.execute("RESET ROLE")
            if request.param == "owner":
                connection.execute("ALTER TABLE ops.audit OWNER TO CURRENT_USER")
                connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
                connection.execute(sql.SQL("DROP ROLE {}").format(name))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ops.audit SET actor = 'x'",
            "UPDATE ops.audit SET actor = 'x' WHERE false",
            "DELETE FROM ops.audit",
            "DELETE FROM ONLY ops.audit WHERE id = 1",
            "TRUNCATE ops.audit",
            "MERGE INTO ops.audit USING (SELECT 1 AS id) t ON audit.id = t.id WHEN MATCHED THEN DELETE",
            "MERGE INTO ops.audit USING (SELECT 1 AS id) t ON audit.id = t.id WHEN MATCHED THEN UPDATE SET actor = 'x'",
            "INSERT INTO ops.audit (id, kind, subject, actor, outcome) OVERRIDING SYSTEM VALUE "
            "VALUES (1, 'load', 's', 'x', 'done') ON CONFLICT (id) DO UPDATE SET actor = 'x'",
            "WITH gone AS (DELETE FROM ops.audit RETURNING *) SELECT count(*) FROM gone",
        ],
    )
    def test_nobody_changes_or_removes_an_entry(
        self, session: psycopg.Connection[Any], statement: LiteralString
    ) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added to"):
            session.execute(statement)
        assert session.execute("SELECT actor FROM ops.audit").fetchall() == [("sensor:inbox",)]

    def test_a_replicas_session_is_refused_as_well(self, database_url: str) -> None:
        noted(database_url, ENTRY)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM ops.audit")

    def test_nobody_writes_an_entry_into_the_past(self, session: psycopg.Connection[Any]) -> None:
        session.execute(
            "INSERT INTO ops.audit (at, kind, subject, actor, outcome) "
            "VALUES (now() - interval '1 year', 'load', 'core/orders', 'x', 'done')"
        )
        row = session.execute("SELECT max(at) > now() - interval '1 hour', count(*) FROM ops.audit").fetchone()
        assert row == (True, 2)

    def test_with_another_owner_the_platform_adds_and_cannot_even_drop(self, database_url: str) -> None:
        role = f"platform_{database_url.rsplit('/', 1)[-1].split('?')[0]}"
        with psycopg.connect(database_url, autocommit=True) as connection:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
            try:
                connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA ops TO {}").format(name))
                connection.execute(sql.SQL("GRANT SELECT, INSERT ON ops.audit TO {}").format(name))
                connection.execute(sql.SQL("SET ROLE {}").format(name))
                with connection.cursor() as cursor:
                    write(cursor, [ENTRY])
                for statement in (
                    "DROP TABLE ops.audit",
                    "ALTER TABLE ops.audit DISABLE TRIGGER ALL",
                    "DROP TRIGGER audit_is_append_only ON ops.audit",
                    "CREATE RULE quietly AS ON INSERT TO ops.audit DO INSTEAD NOTHING",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)
            finally:
                connection.execute("RESET ROLE")
                connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
                connection.execute(sql.SQL("DROP ROLE {}").format(name))
        assert len(trail(database_url)) == 1

    def test_the_key_is_for_its_owner_only(self, database_url: str) -> None:
        role = f"reader_{database_url.rsplit('/', 1)[-1].split('?')[0]}"
        with psycopg.connect(database_url, autocommit=True) as connection:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
            try:
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA ops TO {}").format(name))
                connection.execute(sql.SQL("SET ROLE {}").format(name))
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="audit_key"):
                    connection.execute("SELECT key FROM ops.audit_key")
            finally:
                connection.execute("RESET ROLE")
                connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
                connection.execute(sql.SQL("DROP ROLE {}").format(name))


class TestLoads:
    def test_a_load_tells_what_who_and_how_much_by_table_and_partition(
        self, shop: Warehouse, database_url: str
    ) -> None:
        rows = [order(1), order(2), order(3, partition=NEXT)]
        batches = [batch(ORDERS, rows), batch(LINES, [line(10, 1)])]
        shop.load("orders", batches, scope=PartitionScope([DAY, NEXT]), run_id="run-1")
        told = {(entry.subject, entry.partition): entry for entry in trail(database_url)}
        assert {place: entry.counts["inserted"] for place, entry in told.items()} == {
            ("core/order_lines", DAY): 1,
            ("core/orders", DAY): 2,
            ("core/orders", NEXT): 1,
        }
        for entry in told.values():
            assert (entry.kind, entry.actor, entry.run_id, entry.outcome) == ("load", "sensor:inbox", "run-1", "done")
            assert (entry.before, entry.fields) == (None, [])
            assert entry.after

    def test_a_load_that_changes_nothing_leaves_no_entry(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2))
        before = len(trail(database_url))
        load(shop, order(1, minutes=5), order(2, minutes=5))
        load(shop, order(1, minutes=9), scope=RecordScope(["1"]))
        assert len(trail(database_url)) == before == 1

    def test_a_change_names_its_fields_and_only_those(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2), order(3, partition=NEXT))
        changed = [order(1, "SHIPPED", minutes=5), order(2, total="12", minutes=5)]
        load(shop, *changed, order(3, "HELD", partition=NEXT, minutes=5), run="later")
        fields = {entry.partition: entry.fields for entry in trail(database_url, run="later")}
        assert fields == {DAY: ["status", "grand_total"], NEXT: ["status"]}

    def test_a_value_that_was_null_is_a_changed_field(self, shop: Warehouse, database_url: str) -> None:
        load(shop, {**order(1), "status": None})
        load(shop, order(1, minutes=5), run="later")
        (entry,) = trail(database_url, run="later")
        assert entry.fields == ["status"]

    @pytest.mark.parametrize("by_record", [True, False])
    def test_deletions_and_insertions_name_no_fields(self, shop: Warehouse, database_url: str, by_record: bool) -> None:
        load(shop, order(1), order(2))
        scope = RecordScope(["1", "3"]) if by_record else PartitionScope([DAY])
        load(shop, order(3, minutes=5), *([] if by_record else [order(2, minutes=5)]), scope=scope, run="later")
        (entry,) = trail(database_url, run="later")
        assert entry.counts == {"inserted": 1, "updated": 0, "deleted": 1}
        assert entry.fields == []
        assert entry.before
        assert entry.after

    def test_hashes_of_partitions_make_a_chain(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2))
        load(shop, order(1, "SHIPPED", minutes=5), order(2, minutes=5))
        load(shop, order(1, minutes=9), order(2, minutes=9))
        first, second, third = trail(database_url)
        assert {entry.detail["hashes"] for entry in (first, second, third)} == {"partition"}
        assert (first.before, second.before, third.before) == (None, first.after, second.after)
        # Back to what it was.
        assert third.after == first.after != second.after

    def test_single_records_have_hashes_of_the_rows_that_changed(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2))
        load(shop, order(1, "SHIPPED", minutes=5), scope=RecordScope(["1"]))
        load(shop, order(1, minutes=9), scope=RecordScope(["1"]))
        load(shop, order(1, "SHIPPED", minutes=12), scope=RecordScope(["1"]))
        _, there, back, again = trail(database_url)
        assert there.detail["hashes"] == "rows"
        assert (back.before, back.after) == (there.after, there.before)
        assert (again.before, again.after) == (there.before, there.after)
        assert there.before != there.after

    def test_a_new_record_among_known_ones_is_in_the_hash(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1))
        scope = RecordScope(["1", "2"])
        load(shop, order(1, "SHIPPED", minutes=5), order(2, minutes=5), scope=scope)
        load(shop, order(1, minutes=9), order(2, "HELD", minutes=9), scope=scope)
        load(shop, order(1, "SHIPPED", minutes=12), order(2, minutes=12), scope=scope)
        _, arrived, _, again = trail(database_url)
        assert arrived.counts == {"inserted": 1, "updated": 1, "deleted": 0}
        # As many rows of the same content, but one of them went another way into the table.
        assert arrived.after
        assert again.after
        assert arrived.before != again.before

    def test_of_very_many_rows_some_are_looked_at_and_the_entry_says_so(
        self, shop: Warehouse, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "MOST_ROWS", 50)
        homes = [DAY] * 60 + [NEXT] * 3
        load(shop, *[order(number, partition=home) for number, home in enumerate(homes)])
        edited = [order(number, "SHIPPED", partition=home, minutes=5) for number, home in enumerate(homes)]
        load(shop, *edited, run="later")
        before = {entry.partition: entry.after for entry in trail(database_url, run="run")}
        told = {entry.partition: entry for entry in trail(database_url, run="later")}
        assert set(told) == {DAY, NEXT}
        for home, entry in told.items():
            assert entry.fields == ["status"]
            assert entry.detail == {"hashes": "partition", "fields_of_rows": 25}
            assert entry.before == before[home] != entry.after

    def test_a_row_that_moves_is_told_where_it_arrives(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2))
        load(shop, order(2, partition=NEXT, minutes=5), run="later")
        (entry,) = trail(database_url, run="later")
        assert (entry.partition, entry.fields, entry.counts["updated"]) == (NEXT, ["_partition"], 1)

    def test_hashes_are_of_this_installation(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), run="first")
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE ops.audit_key SET key = decode(repeat('07', 32), 'hex')")
        load(shop, scope=PartitionScope([DAY]), guard=OPEN_GUARD)
        load(shop, order(1, minutes=5), run="second")
        (first,), (second,) = trail(database_url, run="first"), trail(database_url, run="second")
        assert first.after != second.after

    def test_no_value_is_in_the_trail(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(4711, "anna@example.com", "1234.56"))
        load(shop, order(4711, "bo@example.com", "65.4321", minutes=5), scope=RecordScope(["4711"]))
        told = " ".join(str(vars(entry)) for entry in trail(database_url))
        for hidden in ("anna", "bo@", "1234.56", "65.4321", str(Decimal("65.4321"))):
            assert hidden not in told

    def test_what_stays_in_quarantine_is_no_change(self, shop: Warehouse, database_url: str) -> None:
        load(shop, order(1), order(2))
        load(
            shop, order(1, minutes=5), scope=PartitionScope([DAY]), quarantined=quarantined(("2", DAY, 5)), run="later"
        )
        assert trail(database_url, run="later") == []

    def test_the_request_under_way_is_told(self, shop: Warehouse, database_url: str) -> None:
        with working_on(request="7f3a"):
            load(shop, order(1))
        load(shop, order(2, partition=NEXT))
        assert [entry.request_id for entry in trail(database_url)] == ["7f3a", ""]

    def test_a_transaction_that_is_undone_leaves_no_entry(self, shop: Warehouse, database_url: str) -> None:
        def fails(_: object) -> None:
            raise RuntimeError("killed here")

        with pytest.raises(RuntimeError):
            load(shop, order(1), within=fails)
        assert trail(database_url) == []


class TestRefusals:
    def test_a_collapse_is_told_although_nothing_of_the_load_stands(self, shop: Warehouse, database_url: str) -> None:
        load(shop, *[order(number) for number in range(150)])
        with pytest.raises(CollapseError):
            load(shop, scope=PartitionScope([DAY]), run="refused")
        (entry,) = trail(database_url, run="refused")
        assert (entry.outcome, entry.subject, entry.actor) == ("refused", "core/orders", "sensor:inbox")
        assert entry.counts == {"deleted": 150}
        assert entry.detail == {"code": "STORAGE_COLLAPSE", "entity": "orders"}

    def test_a_load_that_cannot_be_is_told_as_failed(self, shop: Warehouse, database_url: str) -> None:
        with pytest.raises(BatchShapeError):
            load(shop, order(1), scope=PartitionScope([NEXT]))
        (entry,) = trail(database_url)
        assert (entry.outcome, entry.subject) == ("failed", "orders")
        assert entry.detail["code"] == "STORAGE_BATCH_SHAPE"


class TestQuestions:
    def test_each_narrows_and_the_newest_come_first(self, database_url: str) -> None:
        noted(
            database_url,
            ENTRY,
            AuditEntry("forget", "customer 7", "command:forget by op", "begun", run_id="run-abc"),
            AuditEntry("load", "core/orders", "schedule:nightly", "refused", partition=DAY),
        )
        assert [entry.actor for entry in find(database_url, AuditFilter(), 2)] == [
            "schedule:nightly",
            "command:forget by op",
        ]
        for wanted, expected in (
            ({"kind": "forget"}, ["customer 7"]),
            ({"run": "run-a"}, ["customer 7"]),
            ({"actor": "schedule"}, ["core/orders"]),
            ({"outcome": "refused"}, ["core/orders"]),
            ({"partition": DAY}, ["core/orders"]),
            ({"subjects": ["core/orders"]}, ["core/orders", "core/orders"]),
            ({"subjects": []}, []),
        ):
            assert [entry.subject for entry in trail(database_url, **wanted)] == expected, wanted

    def test_since_counts_in_and_until_does_not(self, database_url: str) -> None:
        noted(database_url, ENTRY)
        (entry,) = trail(database_url)
        assert trail(database_url, since=entry.at, until=entry.at + timedelta(microseconds=1)) == [entry]
        assert trail(database_url, until=entry.at) == []
        assert trail(database_url, since=entry.at + timedelta(microseconds=1)) == []
        assert entry.at <= datetime.now(UTC)


def test_a_command_says_who_asked() -> None:
    assert local_actor("forget").startswith("command:forget")
