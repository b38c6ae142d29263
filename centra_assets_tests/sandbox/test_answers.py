"""What fields say: amounts, dates, types, fragments. The compiled selections against graphql-core's own executor."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from graphql import GraphQLResolveInfo, OperationDefinitionNode, execute_sync, get_named_type, parse

import centra_assets.entities
from centra_assets.sandbox.amounts import monetary_reader
from centra_assets.sandbox.instants import print_instant

ENTITIES = Path(centra_assets.entities.__path__[0])


def _resolve(zone, base):
    """A resolver that knows the world's conventions and nothing of compiled selections."""

    def resolve(node, info: GraphQLResolveInfo, **args):
        if info.parent_type.name == "MonetaryValue":
            return monetary_reader(info.field_name, base)(node)
        value = getattr(node, info.field_name, None)
        value = value() if callable(value) else value
        if "includingTax" in info.parent_type.fields[info.field_name].args and value is not None:
            value = value.gross if args.get("includingTax", True) else value.net
        if "includeFullyCancelled" in args and not args["includeFullyCancelled"]:
            value = [line for line in value if line.quantity or not line.cancelledQuantity]
        if get_named_type(info.return_type).name == "DateTimeTz" and value is not None:
            value = print_instant(value, zone, args["format"])
        return value

    return resolve


def _decimals(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def test_a_compiled_selection_answers_as_graphql_cores_executor_does(shared):
    query = """
    query Q($with: Boolean!) {
      orders(limit: 40) {
        __typename number status created: createdAt updatedAt(format: "U") currencyBaseRate
        grandTotal { value currency { code } } net: grandTotal(includingTax: false) { value formattedValue }
        ...Sides
        lines(includeFullyCancelled: true) { id __typename taxPercent lineValue { value }
          ... on ProductOrderLine { productSize { id SKU } } product { id } product { name } }
        discountsApplied { value { value } ... on AppliedVoucherDiscount { voucher { id code } } }
        billingAddress @include(if: $with) { city country { code } }
        otherComment @skip(if: $with)
      }
    }
    fragment Sides on Order {
      store { id name } totals { quantity lineValues { value valueInCents } }
      ... on DirectToConsumerOrder { customer { id email } }
      ... on WholesaleOrder { account { id name } buyer { id } }
    }
    """
    answer = shared.post(query, **{"with": True})
    base = next(c for c in shared.sandbox.world.currencies if c.isBase)
    instance = shared.sandbox.instance

    class Root:
        orders = list(shared.sandbox.world.orders)[:40]

    expected = execute_sync(
        instance.schema.graphql,
        parse(query),
        root_value=Root(),
        variable_values={"with": True},
        field_resolver=_resolve(instance.zone, base),
        type_resolver=lambda value, info, kind: value.typename,
    )
    assert expected.errors is None
    # graphql-core turns decimals into binary fractions: compare as numbers, not as digits.
    ours = json.loads(answer.text)["data"]
    theirs = json.loads(json.dumps(expected.data, default=str))
    assert ours == theirs
    assert [list(order) for order in ours["orders"]] == [list(order) for order in theirs["orders"]]
    assert {order["__typename"] for order in ours["orders"]} <= {"DirectToConsumerOrder", "WholesaleOrder"}
    assert all("otherComment" not in order and "billingAddress" in order for order in ours["orders"])


@pytest.mark.parametrize("path", sorted(ENTITIES.glob("*/*.graphql")), ids=lambda path: path.stem)
def test_every_document_of_the_entities_is_answered(shared, path):
    text = path.read_text("utf-8")
    given = {"first": 20, "limit": 20, "page": 1, "id": 1, "key": 1}
    for operation in parse(text).definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        names = [definition.variable.name.value for definition in operation.variable_definitions]
        answer = shared.http.post(
            shared.sandbox.url,
            json={
                "query": text,
                "operationName": operation.name.value,
                "variables": {name: given[name] for name in names if name in given},
            },
            headers={"Authorization": f"Bearer {shared.token}"},
        )
        assert answer.status_code == 200
        assert "errors" not in answer.json(), answer.text[:300]


def test_amounts_are_exact_numbers_in_the_decimals_of_their_currency(shared):
    text = shared.post(
        "{ orders(limit: 200) { number grandTotal { value valueInCents currency { code denominator } } } }"
    ).text
    seen = set()
    for row in _decimals(text)["data"]["orders"]:
        total = row["grandTotal"]
        order = shared.sandbox.world.orders.get(int(row["number"]))
        assert total["value"] == order.grandTotal.gross.value
        assert total["value"] * total["currency"]["denominator"] == total["valueInCents"]
        seen.add(total["currency"]["code"])
    assert len(seen) > 2


def test_tax_is_in_or_out_as_asked_with_the_default_of_the_field(shared):
    fields = "a: grandTotal { value } b: grandTotal(includingTax: true) { value }"
    fields += " c: grandTotal(includingTax: false) { value }"
    rows = _decimals(shared.post(f"{{ orders(limit: 100) {{ {fields} }} }}").text)["data"]["orders"]
    assert all(row["a"] == row["b"] for row in rows)
    assert any(row["b"]["value"] > row["c"]["value"] for row in rows)
    invoices = (
        "{ invoices(limit: 100) { lines { a: unitPrice { value } b: unitPrice(includingTax: false) { value } } } }"
    )
    lines = [line for invoice in shared.data(invoices)["invoices"] for line in invoice["lines"]]
    assert lines
    assert all(line["a"] == line["b"] for line in lines)


def test_dates_carry_the_offset_of_the_instance_and_follow_their_format(shared):
    order = shared.sandbox.world.orders.rows()[0]
    fields = (
        'a: createdAt b: createdAt(format: "d/m/y H:i") c: createdAt(format: "U") d: createdAt(format: "Y-m-d\\\\TH")'
    )
    row = shared.data(f"{{ orders(where: {{number: {order.number}}}) {{ {fields} }} }}")["orders"][0]
    local = order.createdAt.astimezone(shared.sandbox.instance.zone)
    assert row == {
        "a": local.isoformat(),
        "b": local.strftime("%d/%m/%y %H:%M"),
        "c": str(int(order.createdAt.timestamp())),
        "d": local.strftime("%Y-%m-%dT%H"),
    }
    assert row["a"][-6:] in ("+01:00", "+02:00")


def test_counters_and_totals_agree_with_the_truth(shared):
    truth = shared.admin("truth")
    assert shared.data("{ counters { orders customers products } }")["counters"] == {
        "orders": truth["orders"]["count"],
        "customers": truth["customers"]["count"],
        "products": truth["products"]["count"],
    }
    shipments = shared.data("{ shipmentConnection(first: 1) { totalCount } }")["shipmentConnection"]
    assert shipments["totalCount"] == truth["shipments"]["count"]
