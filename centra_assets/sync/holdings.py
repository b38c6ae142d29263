"""What core shows of single records: whether it holds them, where, and as of when. Changes no row."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import polars as pl
from psycopg import sql

from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Entity
from centra_assets.storage.tables import Table
from centra_assets.storage.warehouse import Warehouse

_SCHEMA = pl.Schema({"id": pl.String(), "partition": pl.String(), "fetched_at": pl.Datetime("us", "UTC")})

_OF_TABLE = """
SELECT _record_id AS id, _partition AS partition, _fetched_at AS fetched_at FROM {} WHERE _record_id = ANY(%(ids)s)
"""
_ASIDE = sql.SQL(
    "SELECT record_id, partition, fetched_at FROM ops.quarantine WHERE entity = %(entity)s AND record_id = ANY(%(ids)s)"
)
_LATEST = "SELECT id, partition, max(fetched_at) AS fetched_at FROM ({}) held GROUP BY id, partition"


# Looking whether a table fits costs as much as loading a record, and what fits a contract goes on to do so.
_READY: WeakKeyDictionary[Warehouse, set[str]] = WeakKeyDictionary()


def tables_of(entity: Entity, warehouse: Warehouse) -> list[Table]:
    """The entity's core tables, which exist and fit from now on."""
    tables = [table_of(contract) for contract in entity.tables]
    ready = _READY.setdefault(warehouse, set())
    if entity.name not in ready:
        warehouse.prepare(tables)
        ready.add(entity.name)
    return tables


def held_records(entity: Entity, ids: Sequence[str], warehouse: Warehouse) -> pl.DataFrame:
    """`id`, `partition`, `fetched_at` of those records of which core or quarantine has anything, as fetched last.

    The stock of one size has a row for every warehouse.
    """
    tables = tables_of(entity, warehouse)
    parts = [sql.SQL(_OF_TABLE).format(sql.Identifier(table.schema, table.name)) for table in tables]
    statement = sql.SQL(_LATEST).format(sql.SQL(" UNION ALL ").join([*parts, _ASIDE]))
    found = warehouse.query(statement.as_string(), {"ids": list(ids), "entity": entity.name})
    return found.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
