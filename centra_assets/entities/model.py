"""What an entity is: how to ask for it, how it is partitioned, which tables it fills. No fetching and no storing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from zoneinfo import ZoneInfo

import polars as pl

from centra_assets.entities.contract import Contract


class Axis(StrEnum):
    """What the partitions of an entity's raw asset run over."""

    NONE = "none"
    DAY = "day"
    MONTH = "month"
    STORE = "store"
    PRICELIST = "pricelist"
    WAREHOUSE = "warehouse"


# Key of the single partition of an entity whose axis is NONE.
WHOLE = "all"

# Columns that a transform receives with every record and hands on with every row.
CARRIED_COLUMNS = ("_record_id", "_partition", "_source_updated_at", "_fetched_at")


@dataclass(frozen=True)
class TransformContext:
    """What a transform may know besides its records.

    `time_zone` is the merchant's own; business days are cut in it.
    """

    time_zone: ZoneInfo


Transform = Callable[[pl.DataFrame, TransformContext], Mapping[str, pl.DataFrame]]


@dataclass(frozen=True)
class Entity:
    """One kind of Centra object: one raw asset `raw/<name>` and the core tables parsed from it.

    `package` holds `<document>.graphql`. Its `operations` ask for the same records, the preferred one first; the
    client uses the first whose root field the live schema has. How an operation is paged follows from its variables:
    `$first`/`$after` a connection, `$limit`/`$page` a list, neither a single answer.

    For the axes DAY and MONTH an operation declares `$from: DateTimeTz, $to: DateTimeTz` (half open; the caller
    drops what lies outside) and sorts by creation time, then id, or says that it cannot. For STORE, PRICELIST and
    WAREHOUSE it declares `$key: Int!`, the id, which is also the partition key.

    `record_id` and `updated_at` are field names (aliases) at the top of every record; `created_at` is needed for DAY,
    MONTH. Objects without an id of their own: `record_id` may be a dotted path to one that tells them apart within
    the partition (`productSize.id`), or empty, and then it is a digest of the payload.

    `transform` gets one row per record: `record` (struct, the document's full type; what was pruned is null) and
    CARRIED_COLUMNS, and returns a frame per table with the contract's columns and CARRIED_COLUMNS.
    """

    name: str
    family: str
    description: str
    package: str
    document: str
    operations: Sequence[str]
    axis: Axis
    tables: Sequence[type[Contract]]
    transform: Transform
    record_id: str = "id"
    # The field of Centra's filter that takes record ids; None where records cannot be asked for by id.
    id_filter: str | None = "id"
    created_at: str | None = None
    # Whether records come in order of creation, so that a day is at its end when a later one has begun.
    sorted_by_creation: bool = True
    updated_at: str | None = None
    # Largest page that Centra's documentation allows for the paged field.
    page_limit: int = 200
    # Response paths (dots) of nested lists asked with a limit -> operation that reads one record's whole list by
    # `$id`, `$limit`, `$page`. A nested list that fills its limit is completed with it.
    nested: Mapping[str, str] = field(default_factory=dict)
    # Object types (AttributeObjectType) whose attributes the record selects. With none defined, not asked.
    attributes_of: Sequence[str] = ()
    # Response paths (dots) of the selections to drop when the instance defines no attributes of those types.
    attribute_paths: Sequence[str] = ()

    def document_text(self) -> str:
        """The GraphQL document, as it stands beside the entity's code."""
        return (files(self.package) / f"{self.document}.graphql").read_text(encoding="utf-8")
