"""What a query costs by Centra's published rule, and what it needs."""

import pytest
from graphql import parse

from centra_assets.sandbox.analysis import Reading
from centra_assets.sandbox.schema import live_schema


def _cost(text, **variables):
    (operation,) = parse(text).definitions
    return Reading(live_schema(), operation, {}).complexity(variables)


def test_the_worked_example_of_the_docs_costs_5550():
    text = "{ markets(limit: 50) { assignedToCountries(limit: 10) { states(limit: 10) { id } } } }"
    assert _cost(text) == 5550


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ orders(limit: 7) { number status } }", 7),
        ("{ attributeTypes { name } }", 10),
        ("{ order(id: 1) { number } }", 1),
        ("{ orderConnection(first: 5) { totalCount edges { cursor node { number } } } }", 5),
        ("{ orderConnection(last: 5) { pageInfo { endCursor } edges { node { store { id } } } } }", 5 * 2 + 1),
        ("{ orders(limit: 1) { lines { id } } }", 1 + 10),
        ("{ productSizes(limit: 1) { stock(limit: 4) { freeToAllocateQuantity } } }", 1 + 4),
        ("{ productSizes(limit: 1) { stock(limit: 4) { physicalQuantity demandQuantity } } }", 1 + 4 * 5),
        ("{ productSizes(limit: 1) { stockTotals { availableQuantity } } }", 1 + 1 + 2),
        ("{ products(limit: 2) { ... on Product { brand { id } } } }", 2 * 2),
        ("{ __schema { types { name } } }", 0),
        ("mutation { confirmEvents(input: {eventsIds: [1]}) { events { id } } }", 100 + 1 + 10),
    ],
)
def test_points_follow_the_rule(text, points):
    assert _cost(text.replace("order(id: 1)", 'order(id: "1")')) == points


def test_a_limit_in_a_variable_counts_as_given():
    assert _cost("query Q($n: Int!) { orders(limit: $n) { number } }", n=33) == 33


def test_every_aliased_mutation_counts():
    one = "confirmEvents(input: {eventsIds: []}) { __typename }"
    text = f"mutation {{ a: {one} b: {one} }}"
    (operation,) = parse(text).definitions
    assert Reading(live_schema(), operation, {}).mutations == 2


@pytest.mark.parametrize(
    ("coordinate", "permission"),
    [
        ("Query.orderConnection", "Order:read"),
        ("Query.orderPaymentHistory", "PaymentHistory:read"),
        ("Query.taxGroup", "TaxRule:read"),
        ("Query.displayItems", "Display:read"),
        ("Query.rateLimits", None),
        ("WholesaleOrder.billingAddress", "Order.billingAddress:read"),
        ("Order.country", None),
        ("DirectToConsumerOrder.customer", "Customer:read"),
        ("ProductSize.stockTotals", "ProductSize.stockTotals:read"),
        ("Mutation.confirmEvents", "Event:write"),
    ],
)
def test_permissions_come_from_the_schemas_comments(coordinate, permission):
    assert live_schema().permission(*coordinate.split(".")) == permission
