"""The analysts' roles: what PostgreSQL itself lets a person read who logs in under one of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from centra_assets.commands.roles import run_roles
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.marts.registry import MARTS, core_table
from centra_assets.marts.sync_health import TABLE as SYNC_HEALTH
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.grants import ANALYST, ANALYST_PERSONAL
from centra_assets.storage.migrate import upgrade
from centra_assets.storage.tables import Column, Table
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.commands.environment import installed_at

KNOWN = [core_table(contract) for known in ENTITIES for contract in known.tables]
KNOWN += [*[mart.table for mart in MARTS], SYNC_HEALTH]
ANNA, BO = "anna_reads", "bo_reads_all"


@pytest.fixture
def people(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The roles, applied by the command, and a person in each of them."""
    installed_at(monkeypatch, database_url=database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        try:
            Warehouse(database_url).prepare(KNOWN)
            assert run_roles(apply=True) == 0
            for name, role in ((ANNA, ANALYST), (BO, ANALYST_PERSONAL)):
                connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pass' IN ROLE {role}")
            yield database_url
        finally:
            for name in (ANNA, BO, ANALYST_PERSONAL, ANALYST):
                connection.execute(f"DROP OWNED BY {name}")
                connection.execute(f"DROP ROLE {name}")


def reading(url: str, name: str, statement: str) -> bool:
    """Whether the person may run the statement. Logged in as that person, not as somebody who became it."""
    with psycopg.connect(url, user=name, password="pass") as connection:
        assert connection.info.user == name
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True


def test_an_analyst_reads_everything_but_personal_data(people: str) -> None:
    assert reading(people, ANNA, "SELECT number, customer_id, grand_total, _fetched_at FROM core.orders")
    assert reading(people, ANNA, "SELECT country_code FROM history.order_addresses")
    assert reading(people, ANNA, "SELECT * FROM marts.daily_sales")
    assert reading(people, ANNA, "SELECT * FROM marts.sync_health")
    for personal in (
        "SELECT email FROM core.customers",
        "SELECT other_comment FROM core.orders",
        "SELECT city FROM history.order_addresses",
        "SELECT * FROM core.customers",
        "SELECT count(*) FROM core.customers WHERE email LIKE 'a%'",
        "SELECT value FROM core.order_attributes",
    ):
        assert not reading(people, ANNA, personal), personal


def test_one_who_is_granted_personal_data_reads_that_as_well(people: str) -> None:
    assert reading(people, BO, "SELECT id, email, city FROM core.customers JOIN core.customer_addresses USING (email)")
    assert reading(people, BO, "SELECT * FROM core.customers")
    assert reading(people, BO, "SELECT * FROM history.orders")


def test_nobody_of_them_writes_or_sees_the_platforms_own_state(people: str) -> None:
    for name in (ANNA, BO):
        for statement in (
            "SELECT count(*) FROM ops.inbox",
            "SELECT count(*) FROM ops.forgotten",
            "SELECT key FROM ops.privacy_state",
            "DELETE FROM core.orders",
            "UPDATE core.orders SET status = 'X'",
            "INSERT INTO marts.daily_sales SELECT * FROM marts.daily_sales",
            "CREATE TABLE core.mine (id int)",
            "CREATE TABLE public.mine (id int)",
        ):
            assert not reading(people, name, statement), statement


def test_new_tables_and_columns_follow_by_themselves(people: str) -> None:
    warehouse = Warehouse(people)
    id_ = Column("id", "bigint", nullable=False)
    warehouse.prepare([Table("toys", [id_], key=("id",))])
    assert reading(people, ANNA, "SELECT id, _record_id FROM core.toys")
    colour, owner = Column("colour", "text"), Column("owner", "text", personal_data=True)
    warehouse.prepare([Table("toys", [id_, colour, owner], key=("id",))])
    assert reading(people, ANNA, "SELECT colour FROM core.toys")
    assert not reading(people, ANNA, "SELECT owner FROM core.toys")
    assert not reading(people, ANNA, "SELECT owner FROM history.toys")
    assert reading(people, BO, "SELECT owner FROM history.toys")


def test_a_mark_that_comes_later_takes_the_right_away_and_so_does_leaving_the_contract(people: str) -> None:
    warehouse = Warehouse(people)
    id_ = Column("id", "bigint", nullable=False)
    warehouse.prepare([Table("toys", [id_, Column("owner", "text")], key=("id",))])
    assert reading(people, ANNA, "SELECT owner FROM core.toys")
    warehouse.prepare([Table("toys", [id_, Column("owner", "text", personal_data=True)], key=("id",))])
    assert not reading(people, ANNA, "SELECT owner FROM core.toys")
    warehouse.prepare([Table("toys", [id_], key=("id",))])
    assert not reading(people, BO, "SELECT owner FROM core.toys")


def test_applying_again_changes_nothing(people: str) -> None:
    assert run_roles(apply=True) == 0
    assert reading(people, ANNA, "SELECT number FROM core.orders")
    assert not reading(people, ANNA, "SELECT other_comment FROM core.orders")


def test_without_the_roles_tables_are_prepared_as_ever(database_url: str) -> None:
    assert Warehouse(database_url).prepare([core_table(entity("customers").tables[0])])


def test_what_is_printed_runs_as_it_is_in_a_database_of_any_state_and_does_the_same_as_applying(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without_roles: None
) -> None:
    installed_at(monkeypatch, database_url=database_url)
    warehouse = Warehouse(database_url)
    customers = core_table(entity("customers").tables[0])
    # None, a part of one, and all of them: a column of the contract is missing in the second.
    states = [], [replace(customers, columns=[c for c in customers.columns if c.name != "email"])], KNOWN
    for tables in states:
        warehouse.prepare(tables)
        printed = printed_by(capsys, apply=False)
        with psycopg.connect(database_url) as connection:
            connection.execute(printed)
            by_hand = held_rights(connection)
            connection.rollback()
            assert run_roles(apply=True) == 0
            assert held_rights(connection) == by_hand
            assert len({table for table, *_ in by_hand}) == 2 * len(tables)
        said = capsys.readouterr().out
        assert ("tables are not there yet" in said) is (tables is not KNOWN)
        assert ("-- " in printed) is (tables is not KNOWN)


def test_before_the_first_migration_only_the_roles_are_made_and_the_rest_is_asked_for(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without_roles: None
) -> None:
    installed_at(monkeypatch, database_url=empty_url)
    printed = printed_by(capsys, apply=False)
    assert "-- Not there: core, history, marts, ops. Run `centra-assets migrate`, then this again." in printed
    with psycopg.connect(empty_url) as connection:
        connection.execute(printed)
    assert run_roles(apply=True) == 0
    upgrade(empty_url)
    assert "Not there" not in printed_by(capsys, apply=False).partition("\n-- ")[0]


def test_tables_that_the_first_load_makes_are_readable_without_the_command(
    database_url: str, monkeypatch: pytest.MonkeyPatch, without_roles: None
) -> None:
    installed_at(monkeypatch, database_url=database_url)
    assert run_roles(apply=True) == 0
    Warehouse(database_url).prepare([core_table(entity("customers").tables[0])])
    with psycopg.connect(database_url) as connection:
        rights = held_rights(connection)
        assert ("core.customers", "id", ANALYST) in rights
        assert ("history.customers", "email", ANALYST_PERSONAL) in rights
        assert ("core.customers", "email", ANALYST) not in rights
        (enters,) = connection.execute("SELECT has_schema_privilege(%s, 'core', 'usage')", [ANALYST]).fetchone() or ()
        assert enters


def test_the_command_prints_plain_and_personal_columns_apart(people: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = printed_by(capsys, apply=False)
    grants = [line for line in printed.splitlines() if line.startswith("GRANT SELECT") and '"core"."customers"' in line]
    assert len(grants) == 2
    plain, personal = grants
    assert '"email"' not in plain
    assert '"store_id"' in plain
    assert '"email"' in personal
    assert plain.rstrip(";").endswith(f'"{ANALYST}"')
    assert personal.rstrip(";").endswith(f'"{ANALYST_PERSONAL}"')


@pytest.fixture
def without_roles(postgres_server: EmbeddedPostgres) -> Iterator[None]:
    """Roles belong to the whole server: whatever the test made of them is gone after it."""
    yield
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^(test|unmigrated)' AND datallowconn"
        ).fetchall():
            with psycopg.connect(postgres_server.url_of(name), autocommit=True) as within:
                within.execute(f"DROP OWNED BY {ANALYST}, {ANALYST_PERSONAL}")
        connection.execute(f"DROP ROLE {ANALYST_PERSONAL}, {ANALYST}")


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE unmigrated_roles")
        try:
            yield postgres_server.url_of("unmigrated_roles")
        finally:
            connection.execute("DROP DATABASE unmigrated_roles WITH (FORCE)")


def printed_by(capsys: pytest.CaptureFixture[str], *, apply: bool) -> str:
    capsys.readouterr()
    assert run_roles(apply=apply) == 0
    return capsys.readouterr().out


def held_rights(connection: psycopg.Connection[Any]) -> set[tuple[str, str, str]]:
    """Which column of which table is granted to which role."""
    rows = connection.execute(
        "SELECT table_schema || '.' || table_name, column_name, grantee FROM information_schema.column_privileges"
        " WHERE grantee = ANY(%s)",
        [[ANALYST, ANALYST_PERSONAL]],
    )
    return set(rows.fetchall())
