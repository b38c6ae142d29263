"""Centra's published rule, on its own example and where it is silent."""

import pytest
from graphql import build_schema

from centra_assets.centra.complexity import cost, mutations
from centra_assets.centra.documents import operation_named, parsed
from centra_assets.centra.schema import bundled_schema


def points(text: str, **variables: int) -> int:
    return cost(bundled_schema(), operation_named(parsed(text), None), variables)


def test_the_worked_example_of_centras_page_costs_5550() -> None:
    schema = build_schema("""
        type Query { markets(limit: Int): [Market!]! }
        type Market { assignedToCountries(limit: Int): [Country!]! }
        type Country { states(limit: Int): [State!]! }
        type State { id: Int! }
    """)
    text = "{ markets(limit: 50) { assignedToCountries(limit: 10) { states(limit: 10) { id } } } }"
    assert cost(schema, operation_named(parsed(text), None), {}) == 5550


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ counters { __typename } }", 1),
        ("{ stores(limit: 7) { id name } }", 7),
        ("{ stores { id } }", 10),
        ("{ stores(limit: 2) { id ... on Store { name } } }", 2),
        ("{ warehouses(limit: 1) { stock(limit: 3) { freeToAllocateQuantity } } }", 1 + 3),
        ("{ warehouses(limit: 1) { stock(limit: 3) { physicalQuantity demandQuantity } } }", 1 + 3 * (1 + 2 + 2)),
        ("{ orderConnection(first: 5) { edges { node { number } } } }", 5),
        ("{ orderConnection(last: 5) { totalCount edges { cursor node { number grandTotal { value } } } } }", 10),
        ("{ orderConnection(first: 5) { pageInfo { hasNextPage } edges { node { number } } } }", 6),
    ],
)
def test_the_rule(text: str, expected: int) -> None:
    assert points(text) == expected


def test_a_limit_may_be_a_variable_or_its_default() -> None:
    assert points("query($n: Int!) { stores(limit: $n) { id } }", n=4) == 4
    assert points("query($n: Int = 6) { stores(limit: $n) { id } }") == 6


def test_every_aliased_mutation_counts_and_costs_about_a_hundred() -> None:
    text = """mutation($a: EventsConfirmInput!) {
        one: confirmEvents(input: $a) { userErrors { message } }
        two: confirmEvents(input: $a) { userErrors { message } }
    }"""
    operation = operation_named(parsed(text), None)
    assert mutations(bundled_schema(), operation) == 2
    assert cost(bundled_schema(), operation, {}) == 2 * (100 + 1 + 10)


def test_a_query_is_no_mutation() -> None:
    assert mutations(bundled_schema(), operation_named(parsed("{ stores { id } }"), None)) == 0
