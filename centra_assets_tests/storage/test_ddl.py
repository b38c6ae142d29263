"""Tables follow their contracts as far as nothing can be lost, and say what they did."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.storage.column_types import normalised, widens
from centra_assets.storage.errors import SchemaChangeRefusedError, WarehouseRefusedError
from centra_assets.storage.tables import Column, Table
from centra_assets.storage.warehouse import PartitionScope, Warehouse
from centra_assets_tests.storage.shop import ORDERS, batch, order

DAY = PartitionScope(["2025-03-01"])


def with_column(table: Table, name: str, type_: str, **changes: object) -> Table:
    others = [column for column in table.columns if column.name != name]
    return replace(table, columns=[*others, Column(name, type_, **changes)])  # type: ignore[arg-type]


def column_types(warehouse: Warehouse, schema: str, table: str) -> dict[str, tuple[str, bool]]:
    found = warehouse.query(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = (%s || '.' || %s)::regclass AND attnum > 0",
        [schema, table],
    )
    return {name: (kind, not_null) for name, kind, not_null in found.rows()}


@pytest.fixture
def database(database_url: str) -> Warehouse:
    return Warehouse(database_url)


def test_a_table_and_its_history_are_created_with_descriptions(database: Warehouse) -> None:
    assert database.prepare([ORDERS]) == ["core.orders: created"]
    columns = column_types(database, "core", "orders")
    assert columns["number"] == ("bigint", True)
    assert columns["grand_total"] == ("numeric(19,4)", False)
    assert columns["_partition"] == ("text", True)
    assert column_types(database, "history", "orders")["_valid_to"] == ("timestamp with time zone", True)
    described = "SELECT obj_description('core.orders'::regclass), col_description('core.orders'::regclass, 1)"
    assert database.query(described).row(0) == ("One row per order.", "Order number.")


def test_preparing_twice_does_nothing_and_takes_no_lock(database: Warehouse, database_url: str) -> None:
    database.prepare([ORDERS])
    with psycopg.connect(database_url) as reader:
        reader.execute("LOCK TABLE core.orders IN SHARE MODE")
        assert database.prepare([ORDERS]) == []


def test_personal_data_is_marked_in_the_comment(database: Warehouse) -> None:
    database.prepare([with_column(ORDERS, "email", "text", description="E-mail.", personal_data=True)])
    comment = database.query("SELECT col_description('core.orders'::regclass, 4)").item()
    assert comment == "E-mail. [personal data]"


def test_a_new_column_is_added_as_nullable_even_when_the_contract_wants_it(database: Warehouse) -> None:
    database.prepare([ORDERS])
    database.load("orders", [batch(ORDERS, [order(1)])], scope=DAY, run_id="run")
    wider = with_column(ORDERS, "market", "text", nullable=False)
    assert database.prepare([wider]) == ["core.orders.market: added"]
    assert column_types(database, "core", "orders")["market"] == ("text", False)
    assert database.prepare([wider]) == []


def test_a_column_that_left_the_contract_is_kept_and_reported_once(database: Warehouse) -> None:
    before = with_column(ORDERS, "legacy", "text", nullable=False)
    database.prepare([before])
    database.load("orders", [batch(before, [{**order(1), "legacy": "kept"}])], scope=DAY, run_id="run")
    assert database.prepare([ORDERS]) == ["core.orders.legacy: left the contract, kept with its data"]
    assert database.prepare([ORDERS]) == []
    database.load("orders", [batch(ORDERS, [order(1), order(2)])], scope=DAY, run_id="run")
    assert database.query("SELECT legacy FROM core.orders ORDER BY number")["legacy"].to_list() == ["kept", None]


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("integer", "bigint", 7),
        ("bigint", "numeric(23,4)", 7),
        ("numeric(19,4)", "numeric(23,8)", Decimal("1.2345")),
        ("varchar(5)", "varchar(9)", "abc"),
        ("varchar(5)", "text", "abc"),
    ],
)
def test_a_wider_type_keeps_what_is_there(
    database: Warehouse, database_url: str, old: str, new: str, value: object
) -> None:
    before = with_column(ORDERS, "extra", old)
    database.prepare([before])
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO core.orders (number, extra, _record_id, _partition, _fetched_at, _loaded_at)"
            " VALUES (1, %s, '1', 'p', now(), now())",
            [value],
        )
    changes = database.prepare([with_column(ORDERS, "extra", new)])
    assert changes == [f"core.orders.extra: widened from {normalised(old)} to {normalised(new)}"]
    assert database.query("SELECT extra FROM core.orders").item() == value
    assert column_types(database, "history", "orders")["extra"][0] == normalised(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bigint", "integer"),
        ("numeric(19,4)", "numeric(19,8)"),
        ("numeric(19,4)", "numeric(21,2)"),
        ("bigint", "numeric(19,4)"),
        ("text", "varchar(5)"),
        ("date", "timestamptz"),
        ("text", "jsonb"),
        ("bigint", "text"),
    ],
)
def test_a_change_that_could_lose_something_is_refused_and_nothing_is_changed(
    database: Warehouse, old: str, new: str
) -> None:
    database.prepare([with_column(ORDERS, "extra", old)])
    changed = with_column(with_column(ORDERS, "harmless", "text"), "extra", new)
    with pytest.raises(SchemaChangeRefusedError, match=r"core\.orders\.extra") as caught:
        database.prepare([changed])
    assert caught.value.remedy in str(caught.value)
    assert "harmless" not in column_types(database, "core", "orders")


def test_another_key_is_refused(database: Warehouse) -> None:
    database.prepare([ORDERS])
    with pytest.raises(SchemaChangeRefusedError, match=r"key \(number\) .* \(number, status\)"):
        database.prepare([replace(ORDERS, key=("number", "status"))])


def test_a_column_that_may_be_null_now_is_let_be_null(database: Warehouse) -> None:
    database.prepare([with_column(ORDERS, "extra", "text", nullable=False)])
    assert database.prepare([with_column(ORDERS, "extra", "text")]) == ["core.orders.extra: may be null now"]


def test_a_new_index_is_made_even_with_a_long_name(database: Warehouse) -> None:
    long = with_column(ORDERS, "a" * 60, "date")
    database.prepare([long])
    database.prepare([replace(long, indexes=(("a" * 60,), ("status", "number")))])
    names = database.query("SELECT indexname FROM pg_indexes WHERE tablename = 'orders' AND schemaname = 'core'")
    assert "orders__status__number" in names["indexname"].to_list()
    assert len(names) == 5
    assert database.prepare([replace(long, indexes=(("a" * 60,), ("status", "number")))]) == []


def test_indexes_survive_the_first_load(database: Warehouse) -> None:
    database.prepare([ORDERS])
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'core' ORDER BY 1"
    before = database.query(indexes)
    database.load("orders", [batch(ORDERS, [order(1)])], scope=DAY, run_id="run")
    assert database.query(indexes).equals(before)
    assert before.height == 3


def test_a_name_that_is_no_type_never_reaches_the_database() -> None:
    with pytest.raises(ValueError, match="not the name of a column type"):
        normalised("text; DROP TABLE orders")


_TYPES = st.sampled_from(["smallint", "integer", "bigint", "numeric", "character varying", "text", "date"]) | st.builds(
    lambda precision, scale: f"numeric({precision},{min(precision, scale)})", st.integers(1, 38), st.integers(0, 12)
)


@given(_TYPES, _TYPES, _TYPES)
def test_widening_twice_is_widening(first: str, second: str, third: str) -> None:
    if widens(first, second) and widens(second, third):
        assert widens(first, third)


def test_dates_survive_a_query(database: Warehouse) -> None:
    answer = database.query("SELECT DATE '2025-03-01' AS day, 1.50::numeric AS price, '{\"a\": 1.10}'::jsonb AS doc")
    assert answer.row(0) == (date(2025, 3, 1), Decimal("1.50"), '{"a": 1.10}')


def test_a_query_cannot_write(database: Warehouse) -> None:
    with pytest.raises(WarehouseRefusedError, match=r"ReadOnlySqlTransaction \(25006\)"):
        database.query("CREATE TABLE core.mine (a int)")
