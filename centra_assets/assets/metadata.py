"""What the UI shows of assets: column schemas, lineage, counts and costs. Never a value out of a row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from centra_assets.assets.extract import ExtractReport, PartitionExtract
from centra_assets.assets.load import CoreReport, record_type
from centra_assets.assets.tables import table_of
from centra_assets.centra.pruning import Pruned
from centra_assets.entities.contract import Contract, one_line
from centra_assets.entities.model import Entity
from centra_assets.storage.tables import SYSTEM_COLUMNS, Table

_ARGUMENTS = re.compile(r"\([^)]*\)")

LAKE_COLUMNS = (  # of every raw asset
    dg.TableColumn("id", "text", "Centra's id of the record (the number, for orders)."),
    dg.TableColumn("updated_at", "timestamp with time zone", "When Centra last changed it, where it says so."),
    dg.TableColumn("payload", "json", "The record as Centra sent it; null when it was deleted."),
    dg.TableColumn("fetched_at", "timestamp with time zone", "When it was fetched; the last fetch wins."),
    dg.TableColumn("source", "text", "What asked for it: a backfill, a sweep, a webhook or an event."),
)


def raw_key(entity: Entity) -> dg.AssetKey:
    """`raw/<entity>`."""
    return dg.AssetKey(["raw", entity.name])


def core_key(table: str) -> dg.AssetKey:
    """`core/<table>`."""
    return dg.AssetKey(["core", table])


def holds_personal_data(contracts: Iterable[type[Contract]]) -> bool:
    """Whether any column of these tables is marked as personal data."""
    return any(column.personal_data for contract in contracts for column in table_of(contract).columns)


def _paths(dtype: pl.DataType | type[pl.DataType], prefix: str = "") -> list[str]:
    if isinstance(dtype, pl.List):
        return _paths(dtype.inner, prefix)
    if isinstance(dtype, pl.Struct):
        return [path for field in dtype.fields for path in _paths(field.dtype, f"{prefix}.{field.name}".lstrip("."))]
    return [prefix]


def raw_payload_schema(entity: Entity) -> dg.TableSchema:
    """The lake's columns, then every field that the document asks for, as `payload.<path>`.

    Told by the run and not by the definition: it needs Centra's schema, which takes longer to parse than all
    definitions take to load.
    """
    fields = [dg.TableColumn(f"payload.{path}", "json", "As Centra sent it.") for path in _record_paths(entity)]
    return dg.TableSchema(columns=[*LAKE_COLUMNS, *fields])


def _record_paths(entity: Entity) -> list[str]:
    return _paths(record_type(entity).dtype)


def core_column_schema(contract: type[Contract]) -> dg.TableSchema:
    """A core table's columns with descriptions, as they stand in PostgreSQL."""
    return table_schema(table_of(contract))


def table_schema(table: Table) -> dg.TableSchema:
    """A table's columns with descriptions, as they stand in PostgreSQL."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=[column.name] == list(table.key)
                ),
                tags={"pii": ""} if column.personal_data else {},
            )
            for column in (*table.columns, *SYSTEM_COLUMNS)
        ],
        constraints=dg.TableConstraints(other=[f"PRIMARY KEY ({', '.join(table.key)})"]),
    )


def column_lineage(entity: Entity, contract: type[Contract]) -> dg.TableColumnLineage:
    """Which fields of the raw record each core column was read from; derived columns point at the payload."""
    known = set(_record_paths(entity))
    depends: dict[str, list[dg.TableColumnDep]] = {}
    for name, column in contract.columns().items():
        source = str((column.metadata or {}).get("source", ""))
        matches = sorted(path for path in known if source and reads(source, path))
        names = [f"payload.{path}" for path in matches] or ["payload"]
        depends[name] = [dg.TableColumnDep(raw_key(entity), column_name) for column_name in names]
    for carried, source in (("_record_id", "id"), ("_source_updated_at", "updated_at"), ("_fetched_at", "fetched_at")):
        depends[carried] = [dg.TableColumnDep(raw_key(entity), source)]
    return dg.TableColumnLineage(depends)


def reads(source: str, path: str, *, above: bool = False) -> bool:
    """Whether a column's `source` is the response path or holds it; with `above`, also whether it lies below the path.

    Arguments in a source tell readers of the dictionary which of two values it is; they are no part of the path. The
    source `address` stands for whichever address the row was read from, such as `shippingAddress`.
    """
    named = _ARGUMENTS.sub("", source).split(".")
    steps = path.split(".")
    together = zip(named, steps, strict=False)
    return (above or len(named) <= len(steps)) and all(
        step == name or (name == "address" and step.endswith("Address")) for name, step in together
    )


def pruned_metadata(pruned: Sequence[Pruned]) -> dict[str, Any]:
    """What could not be asked, and why; nothing when all was asked."""
    if not pruned:
        return {"columns_pruned": 0}
    lines = "\n".join(f"- `{item.path}`: {item.reason}" for item in pruned)
    return {"columns_pruned": len(pruned), "pruned": dg.MetadataValue.md(lines)}


def extract_metadata(report: ExtractReport) -> dict[str, Any]:
    """A raw materialization in sum; keys are stable, so that they plot."""
    return {
        "rows_run": report.rows,
        "api_requests_run": report.requests,
        "api_complexity_run": report.complexity,
        "api_throttled": report.throttled,
        "seconds": round(report.seconds, 3),
        **pruned_metadata(report.pruned),
    }


def partition_extract_metadata(extracted: PartitionExtract) -> dict[str, Any]:
    """A raw partition: its rows and its share of the API's price."""
    return {
        "dagster/partition_row_count": extracted.rows,
        "api_requests": round(extracted.requests, 3),
        "api_complexity": round(extracted.complexity, 1),
    }


def partition_load_metadata(report: CoreReport, table: str, partition: str) -> dict[str, Any]:
    """A core partition: rows held, and what the load did to them."""
    counts = report.by_partition.get(table, {}).get(partition)
    return {
        "dagster/partition_row_count": report.rows.get(table, {}).get(partition, 0),
        "rows_inserted": counts.inserted if counts else 0,
        "rows_updated": counts.updated if counts else 0,
        "rows_unchanged": counts.unchanged if counts else 0,
        "rows_deleted": counts.deleted if counts else 0,
        "records_quarantined": report.quarantined.get(partition, 0),
    }


def tell_partitions(
    context: dg.AssetExecutionContext,
    asset_key: dg.AssetKey,
    each: Mapping[str, Mapping[str, Any]],
    once: Mapping[str, Any],
) -> None:
    """Metadata per partition; what concerns the whole run goes to its last partition only.

    Every partition is an event of its own, and schema and lineage are a hundred times longer than its counts. The UI
    shows them from the latest materialization.
    """
    last = next(reversed(each))
    for key, values in each.items():
        context.add_asset_metadata({**values, **(once if key == last else {})}, asset_key=asset_key, partition_key=key)


def describe_raw(entity: Entity) -> str:
    """What one record of the raw asset is, where it comes from, how fresh it is."""
    axis = {"none": "kept as one snapshot"}.get(entity.axis, f"partitioned by {entity.axis}")
    return (
        f"{entity.description} One row is one object as Centra's Integration API sent it, appended and never "
        f"changed; {axis}. As fresh as the last materialization of its partition."
    )


def describe_core(entity: Entity, contract: type[Contract]) -> str:
    """What one row of the core table is, where it comes from, how fresh it is."""
    return (
        f"{one_line(contract.__doc__)} Parsed from raw/{entity.name}; upserted into `core.{contract.table}`, with "
        f"superseded versions in `history.{contract.table}`. As fresh as the raw partition that it was read from."
    )
