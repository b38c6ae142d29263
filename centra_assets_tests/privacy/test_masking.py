"""A mask takes what the contracts mark, wherever it stands in a payload, and changes nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest

from centra_assets.assets.load import record_type
from centra_assets.assets.metadata import _paths, reads
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.privacy.links import BELONGS, HANDS_ON, SHARED, Kind, Part
from centra_assets.privacy.masking import UNREADABLE, mask
from centra_assets.privacy.paths import is_address, personal_columns, personal_paths, sources

ORDERS = entity("orders")

# Amounts that several columns are computed from; no other path of a person's record may be in no column.
AMOUNTS = {
    "grandTotalNet.value",
    "lines.lineValueNet.value",
    "lines.unitPriceNet.value",
    "totals.shippingTaxAdded.value",
    "totals.shippingTaxDeducted.value",
    "totals.shippingTaxIncluded.value",
}


def paths_of(found: Entity) -> list[str]:
    return _paths(record_type(found).dtype)


@pytest.mark.parametrize("name", [found.name for found in ENTITIES])
def test_every_marked_column_is_masked_where_the_record_has_it(name: str) -> None:
    found = entity(name)
    paths = [tuple(path.split(".")) for path in paths_of(found)]
    for contract in found.tables:
        for column in personal_columns(contract):
            assert sources(contract, column), f"{contract.table}.{column} does not say where it is read from"
            for source in sources(contract, column):
                places = [path for path in paths if _stands_for(source, path)]
                assert places, f"{contract.table}.{column}: no record has {'.'.join(source)}"
                for place in places:
                    masked = json.loads(mask(found, json.dumps(_record(place, "SECRET"))))
                    assert masked == _record(place, None)


@pytest.mark.parametrize("name", list(BELONGS))
def test_a_persons_record_has_no_text_that_nobody_judged(name: str) -> None:
    """Every path is read by a column, whose mark says what it is, or lies in an address that is masked."""
    found = entity(name)
    told = [
        source for contract in found.tables for column in contract.columns() for source in sources(contract, column)
    ]
    for path in paths_of(found):
        steps = tuple(path.split("."))
        masked = mask(found, json.dumps(_record(steps, "SECRET"))) == json.dumps(
            _record(steps, None), separators=(",", ":")
        )
        judged = any(_stands_for(source, steps) or steps[: len(source)] == source for source in told)
        assert masked or judged or path in AMOUNTS, f"{name}: {path} is in no column"


def test_numbers_and_everything_unmarked_stay_as_they_were_written() -> None:
    payload = (
        '{"number":17,"grandTotal":{"value":"1.10","x":1.10},"otherComment":"call Anna", '
        '"lines":[{"id":1,"comment":null,"n":1.500},{"id":2,"comment":"for Anna","n":2e3}]}'
    )
    masked = mask(ORDERS, payload)
    assert '"x":1.10' in masked
    assert '"n":1.500' in masked
    assert '"n":2e3' in masked
    assert "Anna" not in masked
    assert json.loads(masked, parse_float=Decimal) == json.loads(payload, parse_float=Decimal) | {
        "otherComment": None,
        "lines": [
            {"id": 1, "comment": None, "n": Decimal("1.500")},
            {"id": 2, "comment": None, "n": Decimal("2e3")},
        ],
    }


def test_what_was_masked_once_is_masked_no_more() -> None:
    masked = mask(ORDERS, '{"billingAddress":{"firstName":"Anna","country":{"code":"SE"}}}')
    assert json.loads(masked) == {"billingAddress": {"firstName": None, "country": {"code": "SE"}}}
    assert mask(ORDERS, masked) is masked


@pytest.mark.parametrize(
    "odd",
    [
        '{"billingAddress":"Anna, Storgatan 1"}',
        '{"billingAddress":["Anna"]}',
        '{"lines":"Anna"}',
        '{"lines":[["Anna"]]}',
    ],
)
def test_a_text_where_an_object_should_be_is_masked_whole(odd: str) -> None:
    assert "Anna" not in mask(ORDERS, odd)


@pytest.mark.parametrize("broken", ['{"otherComment":"Anna"', "Anna", "", '{"billingAddress":{"firstName":"Anna"'])
def test_of_a_payload_that_is_no_json_nothing_is_left(broken: str) -> None:
    assert mask(ORDERS, broken) == UNREADABLE


def test_addresses_are_masked_at_any_depth() -> None:
    accounts = entity("accounts")
    payload = {
        "buyers": [{"billingAddress": {"city": "Umeå", "country": {"code": "SE"}}}],
        "addressBook": [{"id": 1, "address": {"city": "Umeå", "country": {"code": "SE"}}}],
    }
    assert json.loads(mask(accounts, json.dumps(payload))) == {
        "buyers": [{"billingAddress": {"city": None, "country": {"code": "SE"}}}],
        "addressBook": [{"id": 1, "address": {"city": None, "country": {"code": "SE"}}}],
    }


def test_a_preview_shows_that_something_was_there() -> None:
    shown = mask(ORDERS, '{"otherComment":"Anna","internalComment":null}', "***")
    assert json.loads(shown) == {"otherComment": "***", "internalComment": None}


def test_what_links_records_to_customers_is_in_the_records_and_not_masked() -> None:
    for name, links in [*BELONGS.items(), *HANDS_ON.items()]:
        found = entity(name)
        for link in links:
            assert link.path in paths_of(found)
            if link.kind is not Kind.EMAIL:
                assert tuple(link.path.split(".")) not in set(personal_paths(found))


def test_of_a_shared_record_only_the_elements_of_one_person_are_masked() -> None:
    accounts = entity("accounts")
    payload = (
        '{"id":5,"internalComment":"call Bo","n":1.50,"buyers":[{"id":17,"email":"anna@shop","x":2e3,'
        '"billingAddress":{"city":"Ume\u00e5","country":{"code":"SE"}}},{"id":170,"email":"bo@shop"},7]}'
    )
    part = Part(SHARED["accounts"], frozenset({"17"}))
    assert mask(accounts, payload, part=part) == (
        '{"id":5,"internalComment":"call Bo","n":1.50,"buyers":[{"id":17,"email":null,"x":2e3,'
        '"billingAddress":{"city":null,"country":{"code":"SE"}}},{"id":170,"email":"bo@shop"},7]}'
    )
    for other in ('{"id":5,"buyers":null}', '{"id":5}', '{"id":5,"buyers":[{"id":170,"email":"bo@shop"}]}'):
        assert mask(accounts, other, part=part) is other


def test_no_other_entity_names_a_customer_an_order_or_its_lines() -> None:
    """A new entity that belongs to people must be told of in `links`."""
    leading = ("customer.id", "buyer.id", "buyers.id", "order.number", "orderLine.id", "customers.id", "orders.number")
    for found in ENTITIES:
        named = {path for path in paths_of(found) if path.endswith(leading)}
        told = {link.path for link in BELONGS.get(found.name, ())}
        assert named <= told, found.name


def _stands_for(source: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return reads(".".join(source), ".".join(path)) or (
        source[0] == "address"
        and any(is_address(step) and path[at + 1 :] == source[1:] for at, step in enumerate(path))
    )


def _record(path: tuple[str, ...], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value
