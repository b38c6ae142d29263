"""Every entity read from the sandbox over HTTP by the real client: its tables hold what the sandbox says is true."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
import polars as pl
import pytest

from centra_assets.assets.queries import query_of
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.decode import Decoded, decode_records
from centra_assets.centra.documents import Query
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.parse import Parsed, parse
from centra_assets.entities.promotions import CAMPAIGNS
from centra_assets.entities.registry import ENTITIES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.entities.reading import CONTEXT, PARTITION, RAW_SCHEMA

# Wider than any sandbox's world.
WINDOW = {"from": "1990-01-01T00:00:00+00:00", "to": "2190-01-01T00:00:00+00:00"}
KEYS = {Axis.STORE: "stores", Axis.PRICELIST: "pricelists", Axis.WAREHOUSE: "warehouses"}


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Iterator[BlockingClient]:
    with connect(url=sandbox.url, token=sandbox.token) as connected:
        yield connected


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Mapping[str, Any]:
    answer = httpx.get(f"{sandbox.admin_url}/truth", timeout=60)
    answer.raise_for_status()
    told: Mapping[str, Any] = answer.json()
    return told


def fetched(client: BlockingClient, entity: Entity, query: Query | None = None) -> Parsed:
    """All there is of an entity, parsed."""
    requests: Sequence[Mapping[str, Any]] = [{}]
    partitions = [PARTITION[entity.axis]]
    if entity.axis in (Axis.DAY, Axis.MONTH):
        requests = [WINDOW]
    elif entity.axis in KEYS:
        answer = client.execute(f"{{ {KEYS[entity.axis]}(limit: 100) {{ id }} }}")
        requests = [{"key": row["id"]} for row in answer.data[KEYS[entity.axis]]]
        partitions = [str(request["key"]) for request in requests]
    rows = [
        (record_id, None, payload, page.fetched_at, "test", partitions[index])
        for index, page in client.stream(query or query_of(entity), requests)
        for record_id, payload in zip(page.ids, page.payloads, strict=True)
    ]
    shape = response_type(bundled_schema(), entity.document_text(), entity.operations[0])

    def decode(payloads: pl.Series) -> Decoded:
        return decode_records(payloads, shape)

    return parse(entity, pl.DataFrame(rows, schema=RAW_SCHEMA, orient="row"), decode, CONTEXT)


def sums(frame: pl.DataFrame, column: str) -> dict[str, Decimal]:
    """The sum of a column where it is not zero: of an amount per currency, of a count under no currency."""
    if not frame.schema[column].is_decimal():
        return not_zero({"": Decimal(frame[column].sum())})
    beside = f"{column}_currency"
    currency = beside if beside in frame.columns else "currency"
    return not_zero(dict(frame.drop_nulls(column).group_by(currency).agg(pl.col(column).sum()).iter_rows()))


def not_zero(told: Mapping[str, Any]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in told.items() if Decimal(amount)}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_tables_hold_what_the_sandbox_says_is_true(
    entity: Entity, client: BlockingClient, truth: Mapping[str, Any]
) -> None:
    parsed = fetched(client, entity)
    assert parsed.quarantined["reasons"].to_list() == []
    for table in (contract.table for contract in entity.tables):
        frame = parsed.tables[table]
        assert frame.height == truth[table]["count"], table
        for column, told in truth[table]["sums"].items():
            assert sums(frame, column) == not_zero(told), column
        for column, told in truth[table]["values"].items():
            counted = frame.drop_nulls(column).group_by(pl.col(column).cast(pl.String)).len()
            assert dict(counted.iter_rows()) == told, column
        for column, told in truth[table]["instants"].items():
            assert frame[column].dt.epoch("s").sum() == told, column


def test_the_sandbox_knows_the_truth_of_every_table(truth: Mapping[str, Any]) -> None:
    assert set(truth) == {contract.table for entity in ENTITIES for contract in entity.tables}
    # The shop translates products and displays, and no variant.
    assert [table for table, told in truth.items() if not told["count"]] == ["product_variant_translations"]


def test_a_campaign_of_hundreds_of_variants_is_read_to_its_end(client: BlockingClient) -> None:
    variants = fetched(client, CAMPAIGNS).tables["campaign_variants"]
    most = variants.group_by("campaign_id").len()["len"].max()
    # More than the document asks for at once, so the rest was completed.
    assert isinstance(most, int)
    assert most > 50
    assert variants["id"].is_unique().all()


def test_campaigns_are_the_same_along_the_path_that_was_seen(client: BlockingClient) -> None:
    query = query_of(CAMPAIGNS)
    along_stores = Query(
        text=query.text,
        operations=("CampaignsOfStores",),
        record_id=query.record_id,
        updated_at=query.updated_at,
        created_at=query.created_at,
        page_limit=query.page_limit,
        nested=query.nested,
    )
    expected, found = fetched(client, CAMPAIGNS), fetched(client, CAMPAIGNS, along_stores)
    for contract in CAMPAIGNS.tables:
        columns, key = contract.column_names(), contract.primary_key()
        wanted = expected.tables[contract.table].select(columns).sort(key)
        assert found.tables[contract.table].select(columns).sort(key).equals(wanted)
