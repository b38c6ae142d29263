"""Hand-made records through the real decoding, transform and contracts of an entity. No server, no lake."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from centra_assets.centra.decode import Decoded, decode_records
from centra_assets.centra.response_types import response_type
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.model import WHOLE, Axis, Entity, TransformContext
from centra_assets.entities.parse import Parsed, parse

FETCHED = datetime(2024, 3, 1, 12, tzinfo=UTC)
CONTEXT = TransformContext(time_zone=ZoneInfo("Europe/Stockholm"))
# A key of each kind of partition.
PARTITION = {
    Axis.NONE: WHOLE,
    Axis.DAY: "2024-03-01",
    Axis.MONTH: "2024-03-01",
    Axis.STORE: "1",
    Axis.PRICELIST: "1",
    Axis.WAREHOUSE: "1",
}
RAW_SCHEMA = {
    "id": pl.String,
    "updated_at": pl.Datetime("us", "UTC"),
    "payload": pl.String,
    "fetched_at": pl.Datetime("us", "UTC"),
    "source": pl.String,
    "partition": pl.String,
}


def read(
    entity: Entity, *records: dict[str, Any], context: TransformContext = CONTEXT, partition: str | None = None
) -> Parsed:
    """What parsing makes of these records; floats in them may be written as Decimal or number."""
    shape = response_type(bundled_schema(), entity.document_text(), entity.operations[0])

    def decode(payloads: pl.Series) -> Decoded:
        return decode_records(payloads, shape)

    raw = pl.DataFrame(
        [
            (str(place), None, _json(record), FETCHED, "test", partition or PARTITION[entity.axis])
            for place, record in enumerate(records)
        ],
        schema=RAW_SCHEMA,
        orient="row",
    )
    return parse(entity, raw, decode, context)


def table(entity: Entity, name: str, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of one table, business columns only, sorted by key; nothing may have been quarantined."""
    parsed = read(entity, *records)
    assert parsed.quarantined.is_empty(), parsed.quarantined["reasons"].to_list()
    contract = next(contract for contract in entity.tables if contract.table == name)
    frame = parsed.tables[name].select(contract.column_names()).sort(contract.primary_key())
    return frame.to_dicts()


def _json(record: dict[str, Any]) -> str:
    # A Decimal is written as the number it is, digit by digit, as Centra would.
    decimals: list[str] = []

    def mark(value: object) -> str:
        assert isinstance(value, Decimal)
        decimals.append(str(value))
        return f"decimal-{len(decimals) - 1}-"

    text = json.dumps(record, default=mark)
    for place, digits in enumerate(decimals):
        text = text.replace(f'"decimal-{place}-"', digits)
    return text
