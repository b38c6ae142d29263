"""What holds for every entity of the registry: its documents can be asked, its tables are described and complete."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import polars as pl
import pytest
from graphql import DocumentNode, FieldNode, OperationDefinitionNode, Visitor, parse, validate, visit

from centra_assets.centra.complexity import cost
from centra_assets.centra.documents import Paging, Shape, operation_named, parsed, shape_of
from centra_assets.centra.nested import limited_lists
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.attributes import ATTRIBUTE_FRAGMENT, TRANSLATION_FRAGMENT
from centra_assets.entities.contract import Contract
from centra_assets.entities.model import CARRIED_COLUMNS, Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets_tests.entities.reading import read

# Raw answers of payment providers and other documents of free form, secrets, and numbers made into text.
NEVER_ASKED = re.compile(r"paramsJSON|password|formattedValue|conversionHTML", re.IGNORECASE)
# Names that hold personal data wherever they appear, of people: a warehouse's postal code is none.
PERSONAL = re.compile(
    r"(^|_)(e_?mail|first_name|last_name|phone(_number)?|cell_phone(_number)?|address_?[12]|user_ip|date_of_birth)$"
)
KEYED = {Axis.STORE, Axis.PRICELIST, Axis.WAREHOUSE}
# The widest band that Centra's documentation gives for a list.
WIDEST = 200
# The smallest bucket of complexity of any plan that was published, per ten seconds.
SMALLEST_BUCKET = 100_000

every_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
every_table = pytest.mark.parametrize(
    "contract", [contract for entity in ENTITIES for contract in entity.tables], ids=lambda contract: contract.table
)


def shape(entity: Entity, operation: str) -> Shape:
    return shape_of(bundled_schema(), operation_named(parsed(entity.document_text()), operation))


def record_type(entity: Entity, operation: str | None = None) -> pl.Struct:
    return response_type(bundled_schema(), entity.document_text(), operation or entity.operations[0]).dtype


def at(dtype: Any, path: str) -> Any:
    """The type at a dotted path, through lists."""
    for key in path.split("."):
        while isinstance(dtype, pl.List):
            dtype = dtype.inner
        dtype = {field.name: field.dtype for field in dtype.fields}[key]
    return dtype


def operations_of(document: DocumentNode) -> dict[str, OperationDefinitionNode]:
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode) and node.name is not None
    }


def variables_of(operation: OperationDefinitionNode) -> set[str]:
    return {definition.variable.name.value for definition in operation.variable_definitions}


def fields_asked(entity: Entity) -> set[str]:
    """Names of all fields in the document, whatever their aliases."""
    asked: set[str] = set()

    class Names(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            asked.add(node.name.value)

    visit(parse(entity.document_text()), Names())
    return asked


def test_there_are_entities() -> None:
    assert len(ENTITIES) >= 30
    assert sum(len(entity.tables) for entity in ENTITIES) >= 45


def test_names_of_entities_and_tables_are_used_once() -> None:
    names = Counter(entity.name for entity in ENTITIES)
    tables = Counter(contract.table for entity in ENTITIES for contract in entity.tables)
    assert [name for name, times in (names + tables).items() if times > 2] == []
    assert [name for name, times in names.items() if times > 1] == []
    assert [name for name, times in tables.items() if times > 1] == []


@every_entity
def test_documents_are_valid_against_the_schema(entity: Entity) -> None:
    assert validate(bundled_schema(), parse(entity.document_text())) == []


@every_entity
def test_a_document_holds_the_operations_that_are_used_and_no_others(entity: Entity) -> None:
    assert set(operations_of(parse(entity.document_text()))) == {*entity.operations, *entity.nested.values()}


@every_entity
def test_no_document_asks_for_what_must_never_be_asked(entity: Entity) -> None:
    asked = fields_asked(entity)
    assert asked
    assert [name for name in asked if NEVER_ASKED.search(name)] == []


@every_entity
def test_every_operation_asks_for_the_same_record(entity: Entity) -> None:
    types = {name: record_type(entity, name) for name in entity.operations}
    assert [name for name, dtype in types.items() if dtype != record_type(entity)] == []


@every_entity
def test_the_record_holds_what_the_entity_names_in_it(entity: Entity) -> None:
    for path in filter(None, (entity.record_id, entity.created_at, entity.updated_at)):
        assert not isinstance(at(record_type(entity), path), pl.Struct | pl.List)
    for path in entity.attribute_paths:
        assert isinstance(at(record_type(entity), path), pl.List)


@every_entity
def test_attributes_are_only_asked_for_where_they_can_be_left_out(entity: Entity) -> None:
    assert bool(entity.attributes_of) == bool(entity.attribute_paths)
    asked = {path for path in _paths(record_type(entity)) if path.split(".")[-1] == "attributes"}
    assert asked == set(entity.attribute_paths)


@every_entity
def test_shared_selections_are_written_the_shared_way(entity: Entity) -> None:
    text = entity.document_text()
    for fragment, path in ((ATTRIBUTE_FRAGMENT, "attributes"), (TRANSLATION_FRAGMENT, "translations")):
        asked = any(known.split(".")[-1] == path for known in _paths(record_type(entity)))
        assert (fragment in text) == asked


@every_entity
def test_operations_take_the_variables_of_their_axis(entity: Entity) -> None:
    for name, operation in operations_of(parse(entity.document_text())).items():
        variables = variables_of(operation)
        if name not in entity.operations:
            assert "id" in variables
        elif entity.axis in (Axis.DAY, Axis.MONTH):
            assert {"from", "to"} <= variables
            assert entity.created_at is not None
        elif entity.axis in KEYED:
            assert "key" in variables
        else:
            assert variables <= {"limit", "page", "first", "after"}


@every_entity
def test_a_nested_list_is_completed_or_asked_at_its_largest_limit(entity: Entity) -> None:
    for name in entity.operations:
        operation = operation_named(parsed(entity.document_text()), name)
        lists = limited_lists(bundled_schema(), operation, shape(entity, name).record_path)
        loose = {limited.name: limited.limit for limited in lists if limited.name not in entity.nested}
        assert [path for path, limit in loose.items() if limit < WIDEST] == []
        assert set(entity.nested) <= {limited.name for limited in lists}


@every_entity
def test_completions_ask_for_the_same_elements_as_the_record(entity: Entity) -> None:
    for path, name in entity.nested.items():
        assert shape(entity, name).paging is not Paging.SINGLE
        inside = at(record_type(entity), path)
        if isinstance(inside, pl.Struct):  # a connection
            inside = at(inside, "edges.node")
        element = inside.inner if isinstance(inside, pl.List) else inside
        assert element == record_type(entity, name)


@every_entity
def test_one_record_fits_into_the_smallest_quota(entity: Entity) -> None:
    for name in entity.operations:
        operation = operation_named(parsed(entity.document_text()), name)
        points = cost(bundled_schema(), operation, {"first": 1, "limit": 1, "page": 1, "key": 1})
        assert 0 < points <= SMALLEST_BUCKET


@every_table
def test_every_table_and_column_says_what_it_is(contract: type[Contract]) -> None:
    own = contract.__dict__.get("__doc__")
    assert own and own.strip().endswith(".")
    assert [name for name, column in contract.columns().items() if not (column.description or "").strip()] == []
    assert re.fullmatch("[a-z][a-z_]*", contract.table)
    assert [name for name in contract.column_names() if not re.fullmatch("[a-z][a-z0-9_]*", name)] == []


@every_table
def test_every_table_has_a_key_without_nulls(contract: type[Contract]) -> None:
    assert contract.primary_key()
    assert [name for name in contract.primary_key() if contract.columns()[name].nullable] == []


@every_table
def test_money_and_rates_are_decimals(contract: type[Contract]) -> None:
    assert [name for name, column in contract.columns().items() if column.dtype.is_float()] == []


@every_table
def test_amounts_stand_beside_their_currency(contract: type[Contract]) -> None:
    columns = contract.columns()
    amounts = [name for name, column in columns.items() if column.dtype == pl.Decimal(19, 4)]
    assert [name for name in amounts if not {"currency", f"{name}_currency"} & set(columns)] == []


@every_table
def test_names_and_addresses_of_people_are_marked_as_personal_data(contract: type[Contract]) -> None:
    assert [
        name
        for name, column in contract.columns().items()
        if PERSONAL.search(name) and not (column.metadata or {}).get("personal_data")
    ] == []


@every_entity
def test_what_a_column_names_as_its_source_is_asked_for(entity: Entity) -> None:
    # `address` stands for either of an order's two.
    asked = (
        fields_asked(entity) | {name for path in _paths(record_type(entity)) for name in path.split(".")} | {"address"}
    )
    for contract in entity.tables:
        for name, column in contract.columns().items():
            source = re.sub(r"\(.*?\)", "", str((column.metadata or {}).get("source", "")))
            assert set(re.findall(r"\w+", source)) <= asked, f"{contract.table}.{name}"


@every_entity
def test_no_records_give_every_table_with_its_columns(entity: Entity) -> None:
    result = read(entity)
    assert set(result.tables) == {contract.table for contract in entity.tables}
    for contract in entity.tables:
        assert result.tables[contract.table].columns == [*contract.column_names(), *CARRIED_COLUMNS]
        assert result.tables[contract.table].is_empty()


@every_entity
def test_a_record_with_nothing_but_ids_and_names_is_not_refused(entity: Entity) -> None:
    record = _bare(record_type(entity), entity.record_id, count(1))
    result = read(entity, record)
    assert result.quarantined["reasons"].to_list() == []
    assert result.tables[entity.tables[0].table].height == 1


@every_entity
def test_empty_lists_are_not_refused(entity: Entity) -> None:
    record = _with_empty_lists(_bare(record_type(entity), entity.record_id, count(1)))
    assert read(entity, record).quarantined["reasons"].to_list() == []


def _paths(dtype: Any, prefix: str = "") -> Iterator[str]:
    while isinstance(dtype, pl.List):
        dtype = dtype.inner
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            yield f"{prefix}{field.name}"
            yield from _paths(field.dtype, f"{prefix}{field.name}.")


# Scalars that identify; all others a token or an instance may lack.
IDENTIFYING = {"id", "number", "name", "key", "objectType", "field"}


def _bare(dtype: Any, record_id: str, ids: Iterator[int], path: str = "") -> Any:
    """A value of that type in which only what identifies is there; every list has one element."""
    if isinstance(dtype, pl.List):
        return [_bare(dtype.inner, record_id, ids, path)]
    if isinstance(dtype, pl.Struct):
        below = f"{path}." if path else ""
        return {field.name: _bare(field.dtype, record_id, ids, below + field.name) for field in dtype.fields}
    if path != record_id and path.split(".")[-1] not in IDENTIFYING:
        return None
    return next(ids) if dtype == pl.Int64 else str(next(ids))


def _with_empty_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: [] if isinstance(inner, list) else _with_empty_lists(inner) for key, inner in value.items()}
    return value
