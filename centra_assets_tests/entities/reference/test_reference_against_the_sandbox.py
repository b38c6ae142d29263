"""Reference data from the sandbox: trees and links agree with each other, whatever the token or the instance lacks."""

from collections.abc import Callable, Iterator

import httpx
import polars as pl
import pytest

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.entities.model import Entity
from centra_assets.entities.reference import (
    ALLOCATION_RULES,
    CATEGORIES,
    COUNTRIES,
    FOLDERS,
    MARKETS,
    PRICELISTS,
    WAREHOUSES,
)
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.entities.test_against_the_sandbox import fetched


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Iterator[BlockingClient]:
    with connect(url=sandbox.url, token=sandbox.token) as connected:
        yield connected


@pytest.mark.parametrize(
    ("entity", "kind", "links"), [(CATEGORIES, "category", "category_children"), (FOLDERS, "folder", "folder_children")]
)
def test_a_tree_reads_the_same_from_above_and_from_below(
    client: BlockingClient, entity: Entity, kind: str, links: str
) -> None:
    tables = fetched(client, entity).tables
    nodes = tables[entity.tables[0].table]
    from_below = nodes.drop_nulls(f"parent_{kind}_id").select(f"parent_{kind}_id", "id").rows()
    from_above = tables[links].select(f"{kind}_id", f"child_{kind}_id").rows()
    assert sorted(from_below) == sorted(from_above)
    assert from_below
    assert nodes.filter(nodes[f"parent_{kind}_id"].is_null())[f"is_top_{kind}"].all()


def test_countries_of_markets_and_pricelists_are_known_countries(client: BlockingClient) -> None:
    countries = fetched(client, COUNTRIES).tables
    known = set(countries["countries"].select("id", "code").rows())
    markets = fetched(client, MARKETS).tables["market_countries"]
    pricelists = fetched(client, PRICELISTS).tables["pricelist_countries"]
    for links in (markets, pricelists):
        assert not links.is_empty()
        assert set(links.select("country_id", "country_code").rows()) <= known
    states = countries["country_states"].group_by("country_id").len()
    counted = dict(countries["countries"].select("id", "total_states").filter(pl.col("total_states") > 0).rows())
    assert dict(states.rows()) == counted


def test_allocation_rules_rank_known_warehouses(client: BlockingClient) -> None:
    rules = fetched(client, ALLOCATION_RULES).tables
    warehouses = set(fetched(client, WAREHOUSES).tables["warehouses"]["id"])
    priorities = rules["allocation_rule_priorities"]
    assert set(priorities["warehouse_id"]) <= warehouses
    assert set(priorities["allocation_rule_id"]) <= set(rules["allocation_rules"]["id"])
    assert not priorities.is_empty()


def test_a_token_that_may_not_read_comments_and_rules_still_reads_markets(
    make_sandbox: Callable[..., RunningSandbox],
) -> None:
    sandbox = make_sandbox()
    order = {"permissions": ["Market:read", "Store:read", "Attribute:read"]}
    token = httpx.post(f"{sandbox.admin_url}/tokens", json=order).raise_for_status().json()["token"]
    with connect(url=sandbox.url, token=token) as client:
        parsed = fetched(client, MARKETS)
    markets = parsed.tables["markets"]
    assert parsed.quarantined.is_empty()
    assert markets["comment"].null_count() == markets["allocation_rule_id"].null_count() == markets.height > 0
    assert markets["store_id"].null_count() == 0
    assert parsed.tables["market_countries"].is_empty()


def test_an_instance_without_an_inferred_field_loses_that_column_and_nothing_else(
    make_sandbox: Callable[..., RunningSandbox],
) -> None:
    sandbox = make_sandbox()
    removed = ["Category.parentCategory"]
    httpx.post(f"{sandbox.admin_url}/schema", json={"removed": removed}).raise_for_status()
    with connect(url=sandbox.url, token=sandbox.token) as client:
        tables = fetched(client, CATEGORIES).tables
    assert tables["categories"]["parent_category_id"].null_count() == tables["categories"].height > 0
    assert tables["category_children"].height > 0
