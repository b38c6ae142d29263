"""Raw records, parsed as a load would parse them, held against core field by field. Names fields, never values."""

import json
from collections import defaultdict
from collections.abc import Mapping

import polars as pl
from psycopg import sql

from centra_assets.assets.load import parse_raw, record_type
from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Entity, TransformContext
from centra_assets.storage.tables import Table
from centra_assets.storage.warehouse import Warehouse

_OURS = "SELECT {columns}, _record_id, _partition FROM {table} WHERE _record_id = ANY(%s) AND _partition = ANY(%s)"
_ASIDE = "SELECT record_id FROM ops.quarantine WHERE entity = %s AND record_id = ANY(%s)"
_RECORD = ["_record_id", "_partition"]
_SUFFIX = "__ours"


def differing(
    entity: Entity, raw: pl.DataFrame, warehouse: Warehouse, context: TransformContext
) -> Mapping[str, list[str]]:
    """Record id -> what of it differs, as `table.column`, or `table: row missing` and `table: row too many`.

    `raw` are lake rows with `partition`, one per record; without a payload the record should be gone. What is in
    quarantine, or belongs there, keeps its last good version in core and is not compared.
    """
    parsed = parse_raw(entity, raw, record_type(entity), context)
    aside = warehouse.query(_ASIDE, [entity.name, raw["id"].to_list()])["record_id"].cast(pl.String)
    judged = raw.filter(~pl.col("id").is_in(pl.concat([aside, parsed.quarantined["_record_id"]]).implode()))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for contract in entity.tables:
        table = table_of(contract)
        theirs = parsed.tables[table.name].filter(pl.col("_record_id").is_in(judged["id"].implode()))
        ours = _held(table, judged, warehouse, theirs.schema)
        for record, what in _compared(table, theirs.select(ours.columns), ours):
            found[record].append(what)
    return {record: sorted(set(what)) for record, what in sorted(found.items())}


def _held(table: Table, judged: pl.DataFrame, warehouse: Warehouse, schema: pl.Schema) -> pl.DataFrame:
    statement = sql.SQL(_OURS).format(
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns),
        table=sql.Identifier(table.schema, table.name),
    )
    partitions = judged["partition"].unique().to_list()
    rows = warehouse.query(statement.as_string(), [judged["id"].to_list(), partitions])
    # One id may be a record of several partitions, as the stock of a size is.
    places = judged.select(_record_id="id", _partition="partition")
    rows = rows.with_columns(pl.col(_RECORD).cast(pl.String)).join(places, on=_RECORD, how="semi")
    return rows.select(pl.col(name).cast(schema[name]) for name in rows.columns)


def _compared(table: Table, theirs: pl.DataFrame, ours: pl.DataFrame) -> list[tuple[str, str]]:
    """(record, what) of all that differs, each kind once per record."""
    sides = [side.with_columns(_is_there=pl.lit(True)) for side in (_plain(table, theirs), _plain(table, ours))]
    both = sides[0].join(sides[1], on=list(table.key), how="full", suffix=_SUFFIX, coalesce=True, nulls_equal=True)
    both = both.with_columns(_record=pl.coalesce("_record_id", f"_record_id{_SUFFIX}"))
    lacks, extra = pl.col(f"_is_there{_SUFFIX}").is_null(), pl.col("_is_there").is_null()
    signs = {f"{table.name}: row missing": lacks, f"{table.name}: row too many": extra}
    for column in table.columns:
        if column.name not in table.key:
            differs = pl.col(column.name).ne_missing(pl.col(f"{column.name}{_SUFFIX}"))
            signs[f"{table.name}.{column.name}"] = differs & ~lacks & ~extra
    flags = both.select("_record", *[sign.alias(what) for what, sign in signs.items()])
    return [(str(record), what) for what in signs for record in flags.filter(pl.col(what))["_record"].unique()]


def _plain(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """JSON documents in one spelling: PostgreSQL orders keys and spaces as it likes."""
    documents = [column.name for column in table.columns if column.type == "jsonb"]
    return rows.with_columns(pl.col(name).map_elements(_spelled, return_dtype=pl.String) for name in documents)


def _spelled(document: str) -> str:
    return json.dumps(json.loads(document), sort_keys=True)
