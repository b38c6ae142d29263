"""The sales tables read from the sandbox over HTTP hold what the sandbox says it holds, to the last minor unit."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.decode import decode_records
from centra_assets.centra.documents import Query
from centra_assets.entities.accounts import ACCOUNTS
from centra_assets.entities.customers import CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS
from centra_assets.entities.invoices import INVOICES
from centra_assets.entities.model import Axis, Entity, TransformContext
from centra_assets.entities.orders import ORDERS
from centra_assets.entities.parse import Parsed, parse
from centra_assets.entities.returns import RETURNS
from centra_assets.entities.shipments import SHIPMENTS
from centra_assets.sandbox.serve import RunningSandbox

ENTITIES = (ORDERS, SHIPMENTS, RETURNS, INVOICES, CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS, ACCOUNTS)
# The default world reaches 15 months back from now.
SINCE, UNTIL = (datetime.now(UTC) + timedelta(days=days) for days in (-800, 2))


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Iterator[BlockingClient]:
    with connect(url=sandbox.url, token=sandbox.token) as connected:
        yield connected


@pytest.fixture(scope="module")
def fetched(client: BlockingClient) -> dict[str, Parsed]:
    """Every sales entity, whole, by its preferred operation."""
    return {entity.name: fetch(client, entity, entity.operations[:1]) for entity in ENTITIES}


def fetch(client: BlockingClient, entity: Entity, operations: tuple[str, ...]) -> Parsed:
    query = client.prepare(
        Query(
            text=entity.document_text(),
            operations=operations,
            record_id=entity.record_id,
            updated_at=entity.updated_at,
            created_at=entity.created_at,
            page_limit=entity.page_limit,
            nested=entity.nested,
        )
    )
    window = {"from": SINCE.isoformat(), "to": UNTIL.isoformat()} if entity.axis is Axis.DAY else {}
    pages = [page for _, page in client.stream(query, [window])]
    assert query.pruned == ()
    raw = pl.DataFrame(
        {
            "id": [record for page in pages for record in page.ids],
            "payload": [payload for page in pages for payload in page.payloads],
        },
        schema={"id": pl.String, "payload": pl.String},
    ).with_columns(
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("updated_at"),
        pl.lit(SINCE).dt.cast_time_unit("us").alias("fetched_at"),
        pl.lit("all").alias("partition"),
    )
    context = TransformContext(time_zone=ZoneInfo("Europe/Stockholm"))
    return parse(entity, raw, partial(decode_records, response=query.response), context)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_counts_and_sums_of_every_table_equal_the_truth(
    entity: Entity, fetched: dict[str, Parsed], sandbox: RunningSandbox
) -> None:
    truth: dict[str, Any] = dict(sandbox.world.truth(None, None))
    parsed = fetched[entity.name]
    assert parsed.quarantined["reasons"].to_list() == []
    compared = [contract.table for contract in entity.tables if contract.table in truth]
    assert compared, "nothing to compare"
    for table in compared:
        frame = parsed.tables[table]
        assert frame.height == truth[table]["count"], table
        assert frame.height > 0, table
        for column, told in truth[table]["sums"].items():
            expected = {code: Decimal(value) for code, value in told.items()}
            assert sums(frame, column, by_currency="" not in expected) == expected, f"{table}.{column}"


def sums(frame: pl.DataFrame, column: str, *, by_currency: bool) -> dict[str, Decimal]:
    """As the truth is told: per currency code, or under the empty code for plain numbers."""
    known = frame.filter(pl.col(column).is_not_null())
    if not by_currency:
        return {"": Decimal(known[column].sum())}
    key = "currency" if "currency" in frame.columns else "credit_limit_currency"
    return dict(known.group_by(key).agg(pl.col(column).sum()).iter_rows())


@pytest.mark.parametrize("entity", [e for e in ENTITIES if len(e.operations) > 1], ids=lambda entity: entity.name)
def test_the_second_way_to_the_records_brings_the_same_rows(
    entity: Entity, fetched: dict[str, Parsed], client: BlockingClient
) -> None:
    second = fetch(client, entity, entity.operations[1:])
    for contract in entity.tables:
        key, columns = contract.primary_key(), contract.column_names()
        one, other = (p.tables[contract.table].select(columns).sort(key) for p in (fetched[entity.name], second))
        assert one.equals(other), contract.table


def test_an_order_adds_up_from_its_lines_to_its_grand_total(fetched: dict[str, Parsed]) -> None:
    tables = fetched["orders"].tables
    lines = (
        tables["order_lines"]
        .filter("counts_in_totals")
        .group_by("order_number")
        .agg(pl.col("quantity", "line_value", "line_value_net").sum(), lines=pl.len())
    )
    discounts = tables["order_discounts"].group_by("order_number").agg(taken_off=pl.col("amount").sum())
    orders = (
        tables["orders"]
        .join(lines, left_on="number", right_on="order_number", suffix="_of_lines")
        .join(discounts, left_on="number", right_on="order_number", how="left")
    )
    assert orders.height == tables["orders"].height
    assert orders.filter(pl.col("quantity") != pl.col("quantity_of_lines")).height == 0
    assert orders.filter(pl.col("discounts") != pl.col("taken_off").fill_null(0)).height == 0
    # Of an order that costs nothing, no tax tells whether its prices include any.
    net = pl.col("line_values") == pl.col("line_value_net")
    gross = pl.col("line_values") == pl.col("line_value")
    right = (
        pl.when(pl.col("tax_added") != 0).then(net).when(pl.col("grand_total") != 0).then(gross).otherwise(net | gross)
    )
    assert orders.filter(~right).height == 0
    assert orders.filter(pl.col("grand_total") != 0).height > orders.height // 2
    parts = pl.col("line_values") + pl.col("shipping") + pl.col("handling") + pl.col("tax_added")
    owed = parts - pl.col("discounts") - pl.col("tax_deducted")
    assert orders.filter(pl.col("grand_total") != owed).height == 0


def test_a_payment_history_longer_than_a_page_of_it_is_read_to_its_end(
    fetched: dict[str, Parsed], sandbox: RunningSandbox
) -> None:
    longest = max(sandbox.world.tables["Order"], key=lambda order: len(order.paymentHistory))
    assert len(longest.paymentHistory) > 4, "the document asks for four"
    entries = fetched["orders"].tables["payments"].filter(pl.col("order_number") == longest.number)
    assert entries["id"].sort().to_list() == sorted(entry.id for entry in longest.paymentHistory)


def test_corrupt_orders_are_set_aside_and_all_others_are_read(make_sandbox: Callable[..., RunningSandbox]) -> None:
    broken = make_sandbox(own_world=True)
    corrupt = broken.world.faults.corrupt_orders(0.03, random.Random(7))
    with connect(url=broken.url, token=broken.token) as client:
        parsed = fetch(client, ORDERS, ("OrderConnection",))
        broken.world.faults.heal()
        healed = fetch(client, ORDERS, ("OrderConnection",))
    assert sorted(int(record) for record in parsed.quarantined["_record_id"]) == corrupt
    assert parsed.tables["orders"].height == parsed.records - len(corrupt)
    assert parsed.tables["order_lines"].filter(pl.col("order_number").is_in(corrupt)).height == 0
    assert healed.quarantined.height == 0
