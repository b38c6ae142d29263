"""What the claims about the catalogue, displays, prices, stock and purchasing look at. Decoding is in reading.py."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from centra_assets.centra.complexity import cost
from centra_assets.centra.decode import HeadKeys, PageReader
from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import Entity
from centra_assets.entities.parse import Parsed
from centra_assets_tests.entities.reading import read


def good(entity: Entity, *records: dict[str, Any], partition: str | None = None) -> Mapping[str, pl.DataFrame]:
    """The tables, when none of the records may be set aside."""
    parsed_records = read(entity, *records, partition=partition)
    assert parsed_records.quarantined.is_empty(), parsed_records.quarantined["reasons"].to_list()
    return parsed_records.tables


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The named columns' values, row by row."""
    return frame.select(columns).rows()


def points_per_record(entity: Entity, operation: str, **variables: int) -> int:
    """What one more record adds to the cost of a page."""

    def points(size: int) -> int:
        chosen = operation_named(parsed(entity.document_text()), operation)
        return cost(bundled_schema(), chosen, {"first": size, "limit": size, "page": 1, **variables})

    return points(11) - points(10)


def broken_rules(result: Parsed) -> Sequence[str]:
    """The rules that the quarantined records broke."""
    return sorted(
        {reason["rule"] for reasons in result.quarantined["reasons"] for reason in msgspec.json.decode(reasons)}
    )


def page_reader(entity: Entity) -> PageReader:
    """What splits the answers to the entity's preferred operation into records."""
    operation = operation_named(parsed(entity.document_text()), entity.operations[0])
    keys = HeadKeys(entity.record_id, entity.updated_at, entity.created_at)
    return PageReader(shape_of(bundled_schema(), operation), keys)
