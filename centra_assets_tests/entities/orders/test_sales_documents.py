"""What the documents of the sales families ask for and what they cost."""

import graphql
import pytest

from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.accounts import ACCOUNTS
from centra_assets.entities.addresses import ADDRESS_FRAGMENT
from centra_assets.entities.attributes import ATTRIBUTE_FRAGMENT
from centra_assets.entities.customers import CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS
from centra_assets.entities.invoices import INVOICES
from centra_assets.entities.model import Entity
from centra_assets.entities.orders import ORDERS
from centra_assets.entities.returns import RETURNS
from centra_assets.entities.shipments import SHIPMENTS
from centra_assets_tests.entities.sales_records import points_per_record

SALES = (ORDERS, SHIPMENTS, RETURNS, INVOICES, CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS, ACCOUNTS)


def test_a_complete_order_costs_at_most_110_points() -> None:
    assert [points_per_record(ORDERS, operation) for operation in ORDERS.operations] == [109, 109]


def test_attributes_cost_120_points_more_and_only_where_they_are_asked_for() -> None:
    with_them = points_per_record(ORDERS, "OrderConnection", attributes=True)
    assert with_them - points_per_record(ORDERS, "OrderConnection") == 120


@pytest.mark.parametrize("entity", SALES, ids=lambda entity: entity.name)
def test_every_operation_fits_the_schema_and_is_paged_at_its_records(entity: Entity) -> None:
    document = parsed(entity.document_text())
    assert graphql.validate(bundled_schema(), document) == []
    for name in (*entity.operations, *entity.nested.values()):
        shape = shape_of(bundled_schema(), operation_named(document, name))
        assert shape.size_variable in {"first", "limit"}


@pytest.mark.parametrize("entity", SALES, ids=lambda entity: entity.name)
def test_every_page_of_a_sales_entity_costs_what_its_document_says(entity: Entity) -> None:
    points = {operation: points_per_record(entity, operation) for operation in entity.operations}
    assert len(set(points.values())) == 1, "both ways to the records ask for the same"
    assert f"costs {next(iter(points.values()))} points" in entity.document_text()


@pytest.mark.parametrize("entity", SALES, ids=lambda entity: entity.name)
@pytest.mark.parametrize("fragment", [ADDRESS_FRAGMENT, ATTRIBUTE_FRAGMENT], ids=["address", "attribute"])
def test_shared_selections_are_the_same_in_every_document(entity: Entity, fragment: str) -> None:
    first_line = fragment.splitlines()[0]
    assert (first_line in entity.document_text()) == (fragment in entity.document_text())


@pytest.mark.parametrize("entity", SALES, ids=lambda entity: entity.name)
def test_what_nobody_needs_is_never_asked_for(entity: Entity) -> None:
    asked = {node.value for node in _names(entity)}
    assert asked.isdisjoint({"paramsJSON", "userIP", "formattedValue", "password", "pdfUrl"})


def _names(entity: Entity) -> list[graphql.NameNode]:
    found: list[graphql.NameNode] = []

    class Collect(graphql.Visitor):
        def enter_name(self, node: graphql.NameNode, *_: object) -> None:
            found.append(node)

    graphql.visit(parsed(entity.document_text()), Collect())
    return found
