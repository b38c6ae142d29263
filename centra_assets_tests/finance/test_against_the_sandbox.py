"""Workbooks of a sandbox's months through Dagster: every sum is core's by another query, and the shop's own truth."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest

from centra_assets.assets.workbook import CHECK, KEY, file_name
from centra_assets.checks.completeness import COMPLETE
from centra_assets.definitions import build_definitions
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import entity
from centra_assets.finance.month import Month
from centra_assets.finance.sheets import DIFFERENCES, SHEETS
from centra_assets.jobs import FINANCE_WORKBOOK, REFRESH_MARTS
from centra_assets.resources.outbox import OutboxResource
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.assets.platform import QUIET, Platform, materializations
from centra_assets_tests.finance.books import opened, summed, table

TODAY = datetime.now(UTC).date()
LAST = Month.holding(TODAY).before()
RUNNING = Month.holding(TODAY)
# From the month before, so that some of the refunds' orders are of it.
DAYS = (TODAY - LAST.before().first).days + 1

ENTITIES = ("orders", "returns", "stores", "markets", "currencies")
COUNTED = "status is distinct from 'CANCELLED' and is_internal is not true and is_waiting_for_payment is not true"


@dataclass
class Books(Platform):
    """A platform that hands over workbooks."""

    outbox: Path = field(default_factory=Path)

    @property
    def definitions(self) -> dg.Definitions:
        resources = {**self.resources, "outbox": OutboxResource(url=str(self.outbox))}
        return build_definitions(self.settings, resources=resources, entities=self.entities)

    def write(self, month: Month = LAST, *, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
        """The month's workbook, and its check."""
        return self.definitions.resolve_job_def(FINANCE_WORKBOOK).execute_in_process(
            instance=self.instance,
            tags={"dagster/partition": month.first.isoformat()},
            run_config=QUIET,
            raise_on_error=raise_on_error,
        )

    def file(self, month: Month = LAST) -> bytes:
        return (self.outbox / file_name(month)).read_bytes()

    def core(self, statement: str, month: Month = LAST) -> dict[str, Decimal]:
        """Sums by currency, by a query of the test's own; zero ones are left out."""
        found = self.warehouse.query(statement, {"first": month.first, "following": month.following})
        return {currency: Decimal(value) for currency, value in found.iter_rows() if value}


@pytest.fixture(scope="module")
def books(
    postgres_server: EmbeddedPostgres, sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Books]:
    """Two months and what has begun, loaded once for all tests; the last month's workbook is written."""
    folder = tmp_path_factory.mktemp("books")
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE finance_books TEMPLATE migrated")
    made = Books(
        sandbox=sandbox,
        database_url=postgres_server.url_of("finance_books"),
        lake_folder=folder / "lake",
        days=DAYS,
        partitions_per_run=DAYS,
        entities=[entity(name) for name in ENTITIES],
        outbox=folder / "out",
    )
    made.refresh_everything()
    made.write()
    yield made
    made.instance.dispose()
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE finance_books WITH (FORCE)")


@pytest.fixture(scope="module")
def sheets(books: Books) -> Mapping[str, list[dict[str, Any]]]:
    book = opened(books.file())
    return {sheet.title: table(book, sheet.title) for sheet in SHEETS}


def sums(rows: list[dict[str, Any]], column: str) -> dict[str, Decimal]:
    """The column's sums by currency, as the file has them; zero ones are left out."""
    found = {currency: summed(rows, column, currency) for currency in {row["Currency"] for row in rows}}
    return {currency: value for currency, value in found.items() if value}


IN_MONTH = "business_date >= %(first)s and business_date < %(following)s"


@pytest.mark.slow
def test_sales_and_certificates_are_the_orders_grand_totals(
    books: Books, sheets: Mapping[str, list[dict[str, Any]]]
) -> None:
    owed = books.core(f"select currency, sum(grand_total) from core.orders where {IN_MONTH} and {COUNTED} group by 1")
    counted = books.core(f"select currency, count(*) from core.orders where {IN_MONTH} and {COUNTED} group by 1")
    sold, paid = sums(sheets["Gift certificates"], "sold"), sums(sheets["Gift certificates"], "paid_with_tax")
    gross = sums(sheets["Sales"], "gross")
    assert {code: gross[code] + sold.get(code, 0) - paid.get(code, 0) for code in gross} == owed
    assert sums(sheets["Sales"], "orders") == counted
    assert owed


@pytest.mark.slow
def test_tax_is_what_the_orders_hold(books: Books, sheets: Mapping[str, list[dict[str, Any]]]) -> None:
    without = (
        "not exists (select from core.order_discounts d where d.order_number = o.number and d.is_payment_like) "
        "and not exists (select from core.order_lines l where l.order_number = o.number "
        "and l.line_type = 'gift_certificate')"
    )
    statement = f"select currency, sum({{}}) from core.orders o where {IN_MONTH} and {COUNTED}"
    for column, held in (("net", "grand_total_net"), ("tax", "tax_total"), ("gross", "grand_total")):
        told = sums(sheets["VAT"], column)
        assert told == sums(sheets["Sales"], column)
        # Where no certificate was bought or used, tax is as plain as that.
        touched = set(books.core(f"{statement.format(1)} and not ({without}) group by 1"))
        plain = books.core(f"{statement.format(held)} group by 1")
        assert {code: told[code] for code in told if code not in touched} == {
            code: plain[code] for code in plain if code not in touched
        }


@pytest.mark.slow
def test_discounts_payments_and_refunds_are_cores(books: Books, sheets: Mapping[str, list[dict[str, Any]]]) -> None:
    listed = books.core(
        "select o.currency, sum(d.amount) from core.orders o join core.order_discounts d on d.order_number = o.number "
        f"where {IN_MONTH} and {COUNTED} and d.kind <> 'credit' group by 1"
    )
    assert sums(sheets["Discounts"], "amount") == listed
    moved = "select currency, sum({}) from core.payments where {} and is_internal is not true and {} group by 1"
    captured = books.core(moved.format("amount", IN_MONTH, "direction = 'in'"))
    assert sums(sheets["Payments"], "captured") == captured
    refunded = books.core(moved.format("amount", IN_MONTH, "entry_type like 'REFUND%%' and direction = 'out'"))
    # Refunds of orders that are older than the data are known from their returns alone.
    older = books.core(
        "select currency, sum(amount) from (select distinct on (payment_id) * from core.return_refunds e "
        f"where {IN_MONTH} and direction = 'out' and not exists (select from core.payments p where p.id = e.payment_id)"
        ") known group by 1"
    )
    both = {code: refunded.get(code, 0) + older.get(code, 0) for code in {*refunded, *older}}
    assert sums(sheets["Refunds"], "amount") == both


@pytest.mark.slow
def test_refunds_are_on_their_own_day_whatever_the_month_of_the_order(
    books: Books, sheets: Mapping[str, list[dict[str, Any]]]
) -> None:
    days = books.warehouse.query(
        "select p.id, p.business_date, o.business_date as ordered from core.payments p "
        "join core.orders o on o.number = p.order_number "
        f"where p.{IN_MONTH.replace('and ', 'and p.')} and p.direction = 'out' and p.is_internal is not true",
        {"first": LAST.first, "following": LAST.following},
    )
    told = {row["Payment id"]: (row["Refund date"].date(), row["Order date"]) for row in sheets["Refunds"]}
    assert all(LAST.first <= refunded < LAST.following for refunded, _ in told.values())
    for number, refunded, ordered in days.iter_rows():
        assert (told[number][0], told[number][1].date()) == (refunded, ordered)


@pytest.mark.slow
def test_orders_are_as_many_as_the_shops_own_truth(books: Books, sheets: Mapping[str, list[dict[str, Any]]]) -> None:
    def told(first: date) -> Mapping[str, Any]:
        begin, _ = books.calendar.window(Axis.DAY, first.isoformat())
        answer = httpx.get(f"{books.sandbox.admin_url}/truth", params={"from": begin.isoformat()}, timeout=60)
        found: Mapping[str, Any] = answer.json()["orders"]
        return found

    whole, later = told(LAST.first), told(LAST.following)
    others = books.core(f"select 'orders', count(*) from core.orders where {IN_MONTH} and not ({COUNTED})")
    orders = sum(sums(sheets["Sales"], "orders").values())
    assert orders + others.get("orders", 0) == whole["count"] - later["count"]


@pytest.mark.slow
def test_every_open_difference_is_of_a_described_kind_and_holds_keys_only(
    books: Books, sheets: Mapping[str, list[dict[str, Any]]]
) -> None:
    found = sheets["Open differences"]
    assert {row["Kind"] for row in found} <= set(DIFFERENCES)
    waiting = books.core(
        f"select 'orders', count(*) from core.orders where {IN_MONTH} and is_waiting_for_payment "
        "and status is distinct from 'CANCELLED' and is_internal is not true"
    )
    told = [row for row in found if row["Kind"] == "waiting_for_payment"]
    assert len(told) == waiting.get("orders", 0)
    assert all(str(row["Key"]).isdigit() for row in found)


@pytest.mark.slow
def test_the_same_data_is_the_same_file(books: Books) -> None:
    before = books.file()
    books.write()
    assert books.file() == before
    assert [path.name for path in (books.outbox / "finance_workbook").iterdir()] == [f"{LAST.name}.xlsx"]


@pytest.mark.slow
def test_metadata_tell_sums_rows_and_place_and_no_customer(books: Books) -> None:
    (metadata,) = materializations(books.write(), KEY).values()
    assert metadata["path"].value == str(books.outbox / file_name(LAST))
    assert metadata["bytes"].value == len(books.file())
    assert metadata["status"].value == "final"
    gross = books.core(f"select currency, sum(grand_total) from core.orders where {IN_MONTH} and {COUNTED} group by 1")
    for code, value in gross.items():
        assert Decimal(str(metadata[f"sum_grand_totals_{code}"].value)) == value
        assert f"| {code} |" in str(metadata["totals"].value)
    assert "@" not in str(metadata)


@pytest.mark.slow
def test_the_check_reads_the_file_again_and_says_when_core_has_changed(books: Books) -> None:
    passed = {found.check_name: found for found in books.write().get_asset_check_evaluations() if found.passed}
    # Who writes a month that was missing sees at once that it no longer is.
    assert set(passed) == {CHECK, COMPLETE}
    assert LAST.name in str(passed[CHECK].metadata["months_compared"].value)
    number = books.warehouse.query(
        f"select min(number) as number, min(currency) as currency from core.orders where {IN_MONTH} and {COUNTED}",
        {"first": LAST.first, "following": LAST.following},
    )["number"][0]
    change = "update core.orders set grand_total = grand_total + %s where number = %s"
    books.warehouse.transact(lambda cursor: cursor.execute(change, [Decimal("0.01"), number]))
    try:
        (failed,) = checked(books)
        assert not failed.passed
        assert any("grand_totals" in str(key) for key in failed.metadata["failing_keys"].value)
    finally:
        books.warehouse.transact(lambda cursor: cursor.execute(change, [Decimal("-0.01"), number]))
    beside = books.outbox / file_name(LAST.before())
    beside.write_bytes(b"not a workbook")
    (books.outbox / "finance_workbook" / f"~${LAST.name}.xlsx").write_bytes(b"a program's own")
    (unreadable,) = checked(books)
    assert unreadable.metadata["failing_keys"].value == [f"{LAST.before().name} cannot be read"]
    for path in (beside, books.outbox / "finance_workbook" / f"~${LAST.name}.xlsx"):
        path.unlink()
    (again,) = checked(books)
    assert again.passed


def checked(books: Books) -> list[dg.AssetCheckEvaluation]:
    """The check alone, of files as they are."""
    job = books.definitions.resolve_implicit_global_asset_job_def()
    result = job.get_subset(asset_selection=set(), asset_check_selection={dg.AssetCheckKey(KEY, CHECK)})
    return result.execute_in_process(instance=books.instance, run_config=QUIET).get_asset_check_evaluations()


@pytest.mark.slow
def test_a_month_that_is_not_over_says_that_it_is_provisional(books: Books) -> None:
    (metadata,) = materializations(books.write(RUNNING), KEY).values()
    assert "PROVISIONAL" in str(metadata["status"].value)
    assert "PROVISIONAL" in opened(books.file(RUNNING))["Summary"]["A1"].value
    (books.outbox / file_name(RUNNING)).unlink()


@pytest.mark.slow
def test_a_month_of_which_days_were_never_loaded_says_so(books: Books) -> None:
    # An installation that knows nothing of the loads that filled this database.
    with dg.DagsterInstance.ephemeral() as instance:
        (metadata,) = materializations(replace(books, instance=instance).write(), KEY).values()
    days = len(LAST.days)
    assert str(metadata["status"].value).startswith(f"INCOMPLETE: {days} days of orders were never loaded")
    (whole,) = materializations(books.write(), KEY).values()
    assert whole["status"].value == "final"


@pytest.mark.slow
def test_broken_sums_are_refused_and_the_file_before_stays(books: Books, tmp_path: Path) -> None:
    shutil.copytree(books.outbox, tmp_path / "kept")
    # The sheet sums amounts by their direction, the control signed amounts.
    change = "update core.payments set signed_amount = signed_amount + %s where id = %s"
    payment = books.warehouse.query(
        f"select min(id) as id from core.payments where {IN_MONTH} and direction = 'in' and is_internal is not true",
        {"first": LAST.first, "following": LAST.following},
    )["id"][0]
    books.warehouse.transact(lambda cursor: cursor.execute(change, [Decimal("424242.42"), payment]))
    try:
        result = books.write(raise_on_error=False)
    finally:
        books.warehouse.transact(lambda cursor: cursor.execute(change, [Decimal("-424242.42"), payment]))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    told = str(failure.event_specific_data)
    assert "WORKBOOK_REFUSED" in told
    assert "the_sums_are_equal" in told
    assert "424242" not in told
    assert books.file() == (tmp_path / "kept" / file_name(LAST)).read_bytes()
    assert REFRESH_MARTS in {job.name for job in books.definitions.jobs or ()}
