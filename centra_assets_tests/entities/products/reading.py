"""Reads hand-made records as the platform does: JSON text, the document's type, transform, contracts. No claims."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from centra_assets.centra.complexity import cost
from centra_assets.centra.decode import Decoded, HeadKeys, PageReader, decode_records, exact_encoder
from centra_assets.centra.documents import operation_named, parsed, shape_of
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import Entity, TransformContext
from centra_assets.entities.parse import Parsed, parse

STOCKHOLM = TransformContext(time_zone=ZoneInfo("Europe/Stockholm"))
FETCHED = datetime(2024, 3, 1, 12, tzinfo=UTC)

Record = Mapping[str, Any]


def read(entity: Entity, *records: Record, partition: str = "1", operation: str | None = None) -> Parsed:
    """Parse the records; Decimal values travel as exact JSON numbers."""
    payloads = [exact_encoder.encode(record).decode() for record in records]
    raw = pl.DataFrame(
        {
            "id": [str(place) for place, _ in enumerate(payloads, start=1)],
            "updated_at": [None] * len(payloads),
            "payload": payloads,
            "fetched_at": [FETCHED] * len(payloads),
            "source": ["backfill"] * len(payloads),
            "partition": [partition] * len(payloads),
        },
        schema={
            "id": pl.String,
            "updated_at": pl.Datetime("us", "UTC"),
            "payload": pl.String,
            "fetched_at": pl.Datetime("us", "UTC"),
            "source": pl.String,
            "partition": pl.String,
        },
    )
    answer = response_type(bundled_schema(), entity.document_text(), operation or entity.operations[0])

    def decode(texts: pl.Series) -> Decoded:
        return decode_records(texts, answer)

    return parse(entity, raw, decode, STOCKHOLM)


def good(entity: Entity, *records: Record, partition: str = "1") -> Mapping[str, pl.DataFrame]:
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
