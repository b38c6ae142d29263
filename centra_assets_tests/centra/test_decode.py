"""Numbers arrive exactly as they were sent, and a bad record fails alone."""

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.centra.decode import HeadKeys, PageReader, decode_records, exact_decoder, exact_encoder
from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.errors import ResponseShapeError
from centra_assets.centra.response_types import ResponseType, response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets_tests.centra.orders import DOCUMENT

MONEY = ResponseType(
    pl.Struct({"id": pl.Int64, "note": pl.String, "total": pl.Struct({"value": pl.String})}), frozenset({"value"})
)


def decoded(response: ResponseType, *payloads: str | None) -> pl.Series:
    result = decode_records(pl.Series(payloads, dtype=pl.String), response)
    assert result.undecodable == []
    return result.records


@pytest.mark.parametrize(
    "number",
    [
        "12.50",
        "0",
        "-7",
        "1e3",
        "1E+3",
        "1.0e-5",
        "12345678901234567.89",
        "0.10000000000000001",
        "-0.00",
        "99999999999999999999",
    ],
)
def test_a_number_is_kept_digit_by_digit(number: str) -> None:
    records = decoded(MONEY, f'{{"id": 1, "total": {{"value": {number}}}}}', f'{{"id":1,"total":{{"value":{number}}}}}')
    assert [record["total"]["value"] for record in records] == [number, number]


@given(
    amounts=st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4), min_size=1, max_size=5),
    note=st.text() | st.sampled_from(['"value":12', '\\"value\\":12', 'x"value": 12.50,', "\\", '"value":']),
)
def test_amounts_and_texts_survive_whatever_the_texts_look_like(amounts: list[Decimal], note: str) -> None:
    payloads = [
        json.dumps({"id": 1, "note": note, "total": {"value": "@"}}).replace('"@"', format(amount, "f"))
        for amount in amounts
        if "@" not in note
    ]
    records = decoded(MONEY, *payloads)
    for record, amount in zip(records, amounts, strict=False):
        assert Decimal(record["total"]["value"]) == amount
        assert record["note"] == note


def test_an_int_that_shares_its_key_with_a_float_is_still_a_whole_number() -> None:
    shared = ResponseType(
        pl.Struct({"total": pl.Struct({"value": pl.String}), "sizes": pl.List(pl.Struct({"value": pl.Int64}))}),
        frozenset({"value"}),
    )
    records = decoded(shared, '{"total":{"value":1.50},"sizes":[{"value":3},{"value":null}]}')
    assert records.dtype == shared.dtype
    assert records.to_list() == [{"total": {"value": "1.50"}, "sizes": [{"value": 3}, {"value": None}]}]


def test_an_int64_is_exact_as_a_number_and_as_text() -> None:
    big = ResponseType(pl.Struct({"id": pl.String}), frozenset())
    records = decoded(big, '{"id":9223372036854775807}', '{"id":"9223372036854775807"}')
    assert [record["id"] for record in records] == ["9223372036854775807"] * 2


def test_what_was_pruned_or_deleted_is_null() -> None:
    assert decoded(MONEY, '{"id":1}', None, '{"id":2,"extra":[1]}').to_list() == [
        {"id": 1, "note": None, "total": None},
        None,
        {"id": 2, "note": None, "total": None},
    ]


@given(bad=st.sets(st.integers(0, 40), max_size=6))
def test_payloads_that_do_not_fit_fail_alone(bad: set[int]) -> None:
    payloads = ['{"id":{}}' if place in bad else f'{{"id":{place}}}' for place in range(41)]
    result = decode_records(pl.Series(payloads), MONEY)
    assert result.undecodable == sorted(bad)
    assert [record and record["id"] for record in result.records] == [
        None if place in bad else place for place in range(41)
    ]


def test_many_payloads_keep_their_order_and_their_places() -> None:
    payloads = [f'{{"id":{place}}}' for place in range(2_500)]
    payloads[1_700] = '{"id":[]}'
    result = decode_records(pl.Series(payloads), MONEY)
    assert result.undecodable == [1_700]
    assert result.records.struct.field("id").drop_nulls().to_list() == [n for n in range(2_500) if n != 1_700]


def test_no_payloads_are_no_records() -> None:
    assert decode_records(pl.Series([], dtype=pl.String), MONEY).records.dtype == MONEY.dtype


def test_the_type_of_a_record_follows_from_schema_and_document() -> None:
    response = response_type(bundled_schema(), DOCUMENT, "Orders")
    assert response.dtype.to_schema() == {
        "number": pl.Int64(),
        "createdAt": pl.String(),
        "updatedAt": pl.String(),
        "userIP": pl.String(),
        "isInternal": pl.Boolean(),
        "currencyBaseRate": pl.String(),
        "grandTotal": pl.Struct({"value": pl.String, "currency": pl.Struct({"code": pl.String})}),
        "paymentHistory": pl.List(pl.Struct({"id": pl.Int64, "value": pl.Struct({"value": pl.String})})),
        "customer": pl.Struct({"id": pl.Int64}),
    }
    assert response.float_keys == {"value", "currencyBaseRate"}


def test_aliases_name_the_fields_and_fragments_are_merged() -> None:
    text = """query Q($first: Int!) { orderConnection(first: $first) { edges { node {
        net: grandTotal(includingTax: false) { value }
        ... on WholesaleOrder { __typename customer: account { id } }
        ... on DirectToConsumerOrder { customer { email } }
    } } } }"""
    assert response_type(bundled_schema(), text, "Q").dtype.to_schema() == {
        "net": pl.Struct({"value": pl.String}),
        "__typename": pl.String(),
        "customer": pl.Struct({"id": pl.String, "email": pl.String}),
    }


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_record_that_is_rewritten_keeps_its_numbers(number: Decimal) -> None:
    text = f'{{"value":{number}}}'
    assert exact_decoder.decode(exact_encoder.encode(exact_decoder.decode(text)))["value"] == number


def reader(text: str, record_id: str = "id") -> PageReader:
    return PageReader(shape_of(bundled_schema(), operation_named(parsed(text), None)), HeadKeys(record_id))


NESTED = """query($key: Int!, $limit: Int!, $page: Int!) {
    pricelists(where: {id: [$key]}) { prices(limit: $limit, page: $page) { product { id } } }
}"""


def test_records_below_a_parent_are_found_and_a_parent_that_is_gone_has_none() -> None:
    split = reader(NESTED, "product.id")
    page = split.split(split.decoder.decode(b'{"data":{"pricelists":[{"prices":[{"product":{"id":7}}]}]}}').data)
    assert (page.ids, page.payloads, page.longest) == (["7"], ['{"product":{"id":7}}'], 1)
    assert split.split(split.decoder.decode(b'{"data":{"pricelists":[]}}').data).ids == []


@pytest.mark.parametrize("body", [b'{"data":null}', b'{"data":{}}', b"{}"])
def test_a_list_that_is_missing_does_not_pass_for_an_empty_one(body: bytes) -> None:
    split = reader(NESTED)
    with pytest.raises(ResponseShapeError):
        split.split(split.decoder.decode(body).data)


def test_a_single_object_that_does_not_exist_is_no_record() -> None:
    split = reader("query($id: Int!) { return(id: $id) { id } }")
    assert split.split(split.decoder.decode(b'{"data":{"return":null}}').data).ids == []
    assert split.split(split.decoder.decode(b'{"data":{"return":{"id":5}}}').data).ids == ["5"]
