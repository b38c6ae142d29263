"""What is cut when the live schema or the token is poorer than the document."""

import pytest
from graphql import GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, build_schema, parse, validate, visit
from hypothesis import given, settings
from hypothesis import strategies as st

from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.errors import PermissionDeniedError, SchemaMismatchError
from centra_assets.centra.pruning import Cuts, PrunedOperation, coordinates_of, prune
from centra_assets.centra.schema import bundled_schema, bundled_sdl
from centra_assets_tests.centra.orders import DOCUMENT


def without(*lines: str) -> GraphQLSchema:
    """The bundled schema with the given pieces of text taken out."""
    sdl = bundled_sdl()
    for line in lines:
        assert line in sdl
        sdl = sdl.replace(line, "")
    return build_schema(sdl, assume_valid=True)


def pruned(
    live: GraphQLSchema, text: str = DOCUMENT, name: str = "Orders", *, drop: tuple[str, ...] = (), **denied: str
) -> PrunedOperation:
    operation = operation_named(parsed(text), name)
    way = shape_of(bundled_schema(), operation).record_path
    named = {coordinate.replace("__", "."): permission for coordinate, permission in denied.items()}
    dropped = {(*way, *path.split(".")) for path in drop}
    return prune(live, operation, Cuts(way, "number", named, dropped))


def records(selection: str) -> str:
    """A document that asks for orders with this selection."""
    return f"""query Q($first: Int!, $after: String) {{ orderConnection(first: $first, after: $after) {{
        pageInfo {{ endCursor hasNextPage }} edges {{ node {{ number {selection} }} }}
    }} }}"""


def reasons(result: PrunedOperation) -> dict[str, str]:
    return {entry.path: entry.reason for entry in result.pruned}


def test_nothing_is_cut_from_what_fits() -> None:
    result = pruned(bundled_schema())
    assert result.pruned == ()
    assert "customer" in result.text


def test_a_field_that_the_live_schema_lacks_is_left_out_and_reported() -> None:
    result = pruned(without("  isInternal: Boolean! # changelog\n"))
    assert "isInternal" not in result.text
    assert reasons(result) == {"isInternal": "the live schema lacks it (Order.isInternal)"}


def test_a_field_that_the_token_may_not_read_is_left_out_with_the_permission_it_needs() -> None:
    result = pruned(bundled_schema(), Order__userIP="Order.userIP:read")
    assert "userIP" not in result.text
    assert reasons(result) == {"userIP": "the token lacks Order.userIP:read"}


def test_a_parent_goes_when_nothing_is_left_in_it() -> None:
    result = pruned(bundled_schema(), MonetaryValue__value="X:read", Currency__code="Currency:read")
    assert set(reasons(result)) >= {"grandTotal", "grandTotal.value", "grandTotal.currency"}
    assert "grandTotal" not in result.text


def test_variables_and_fragments_that_are_no_longer_used_vanish() -> None:
    text = """
        query Q($first: Int!, $after: String, $country: Boolean!) {
          orderConnection(first: $first, after: $after) {
            pageInfo { hasNextPage endCursor } edges { node { number ...Extra } }
          }
        }
        fragment Extra on Order { billingAddress @include(if: $country) { city } }
    """
    result = pruned(bundled_schema(), text, "Q", Order__billingAddress="Order.billingAddress:read")
    assert "$country" not in result.text
    assert "fragment" not in result.text


def test_paths_that_are_not_wanted_are_dropped() -> None:
    result = pruned(bundled_schema(), drop=("grandTotal.currency", "paymentHistory"))
    assert "currency{" not in result.text
    assert "paymentHistory" not in result.text
    assert "grandTotal{value}" in result.text
    assert result.pruned == ()


def test_a_fragment_on_a_type_that_is_gone_takes_its_fields_along() -> None:
    text = records("... on Nowhere { a b }")
    assert reasons(pruned(bundled_schema(), text, "Q")) == {
        "a": "the live schema has no Nowhere here",
        "b": "the live schema has no Nowhere here",
    }


def test_an_unknown_sort_order_goes_and_the_known_one_stays() -> None:
    sdl = bundled_sdl().replace("createdAt_ASC", "creation_ASC")
    result = pruned(build_schema(sdl, assume_valid=True))
    assert "sort:[id_ASC]" in result.text
    assert result.pruned != ()


def test_a_nested_field_goes_rather_than_losing_an_argument_that_changes_its_value() -> None:
    text = records("grandTotal(includingTax: false) { value }")
    sdl = bundled_sdl().replace("grandTotal(includingTax: Boolean! = true)", "grandTotal")
    result = pruned(build_schema(sdl, assume_valid=True), text, "Q")
    assert set(reasons(result)) == {"grandTotal"}


def test_a_filter_that_the_live_schema_lacks_makes_the_operation_unusable() -> None:
    text = "query Q($limit: Int!, $page: Int!) { orders(where: {gone: 1}, limit: $limit, page: $page) { number } }"
    with pytest.raises(SchemaMismatchError, match="where"):
        pruned(bundled_schema(), text, "Q")


@pytest.mark.parametrize(
    "missing", ["  orderConnection(where", "  pageInfo: PageInfo!", "  endCursor: String # from-query\n"]
)
def test_without_the_way_to_the_records_the_operation_is_unusable(missing: str) -> None:
    sdl = "\n".join(line for line in bundled_sdl().split("\n") if not f"{line}\n".startswith(missing))
    with pytest.raises(SchemaMismatchError):
        pruned(build_schema(sdl, assume_valid=True))


def test_without_the_records_id_the_operation_is_unusable() -> None:
    with pytest.raises(PermissionDeniedError, match=r"Order\.number:read"):
        pruned(bundled_schema(), Order__number="Order.number:read")


def test_a_field_that_has_become_an_object_is_left_out() -> None:
    sdl = bundled_sdl().replace("  isInternal: Boolean! # changelog", "  isInternal: Store")
    assert set(reasons(pruned(build_schema(sdl, assume_valid=True)))) == {"isInternal"}


def test_a_refused_path_names_the_coordinates_of_every_fragment() -> None:
    operation = operation_named(parsed(DOCUMENT), "Orders")
    way = ("orderConnection", "edges", "node")
    assert coordinates_of(bundled_schema(), operation, (*way, "customer")) == ["DirectToConsumerOrder.customer"]
    assert coordinates_of(bundled_schema(), operation, ("userIP",)) == ["Order.userIP"]


GUARDED = sorted(
    {
        "Order.createdAt",
        "Order.updatedAt",
        "Order.userIP",
        "Order.isInternal",
        "Order.currencyBaseRate",
        "Order.grandTotal",
        "Order.paymentHistory",
        "MonetaryValue.value",
        "MonetaryValue.currency",
        "Currency.code",
        "PaymentHistoryEntry.id",
        "PaymentHistoryEntry.value",
        "DirectToConsumerOrder.customer",
        "Customer.id",
    }
)


@settings(max_examples=60, deadline=None)
@given(denied=st.sets(st.sampled_from(GUARDED)))
def test_whatever_is_denied_the_rest_is_a_valid_question(denied: set[str]) -> None:
    named = {coordinate.replace(".", "__"): "X:read" for coordinate in denied}
    result = pruned(bundled_schema(), **named)
    assert validate(bundled_schema(), parse(result.text)) == []
    left = {f"{parent}.{name}" for parent, name in _selected(result)}
    assert not left & denied


def _selected(result: PrunedOperation) -> set[tuple[str, str]]:

    info, found = TypeInfo(bundled_schema()), set()

    class Gather(Visitor):
        def enter_field(self, node: object, *_: object) -> None:
            parent = info.get_parent_type()
            if parent is not None:
                found.add((parent.name, node.name.value))  # type: ignore[attr-defined]

    visit(parse(result.text), TypeInfoVisitor(info, Gather()))
    return found
