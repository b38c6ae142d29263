"""Reads `ops.quarantine`: who is set aside and why, and how large a part of an entity that is. Sets nobody aside."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from psycopg import sql

from centra_assets.storage.tables import Table
from centra_assets.storage.warehouse import Warehouse

_LISTED = """
SELECT entity, record_id, partition, reasons::text AS reasons, fetched_at, first_seen, last_seen, run_id, times,
  raw_files
FROM ops.quarantine
WHERE (%(entity)s::text IS NULL OR entity = %(entity)s) AND (%(partition)s::text IS NULL OR partition = %(partition)s)
  AND (%(ids)s::text[] IS NULL OR record_id = ANY(%(ids)s))
ORDER BY entity, last_seen DESC, partition, record_id
"""
_ASIDE = "SELECT partition, count(*) AS records FROM ops.quarantine WHERE entity = %s GROUP BY 1 ORDER BY 1"
_THERE = "SELECT to_regclass(%s) IS NOT NULL AS there"
# A record in quarantine whose last good version is in core counts once.
_HELD = """
SELECT partition, count(*) AS records FROM (
  SELECT DISTINCT _partition AS partition, _record_id AS id FROM {table} {where}
  EXCEPT SELECT partition, record_id FROM ops.quarantine WHERE entity = %(entity)s
) held GROUP BY 1
"""
_SOME = """
SELECT count(*) AS records FROM (
  SELECT DISTINCT _partition, _record_id FROM (SELECT _partition, _record_id FROM {table} LIMIT %(rows)s) some_rows
) held
"""


@dataclass(frozen=True)
class Reason:
    """A rule that the record broke in a table, and with how many rows."""

    table: str
    rule: str
    rows: int

    def __str__(self) -> str:
        return f"{self.table}: {self.rule}" + (f" ({self.rows} rows)" if self.rows > 1 else "")


@dataclass(frozen=True)
class SetAside:
    """A record in quarantine. No value of it is known here.

    `raw_files` names files below the lake's URL: the row with its id and `fetched_at` is what Centra sent.
    """

    entity: str
    record_id: str
    partition: str
    reasons: Sequence[Reason]
    fetched_at: datetime
    first_seen: datetime
    last_seen: datetime
    run_id: str
    times: int
    raw_files: str

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from all others of its entity."""
        return self.record_id, self.partition


@dataclass(frozen=True)
class Part:
    """Records that are set aside, and those that are not; the latter are only counted where there are some aside."""

    aside: int = 0
    held: int = 0

    @property
    def records(self) -> int:
        """All of them."""
        return self.aside + self.held

    @property
    def share(self) -> float:
        """The part that is set aside, from 0 to 1."""
        return self.aside / self.records if self.aside else 0.0


@dataclass(frozen=True)
class Standing:
    """How much of an entity is set aside: as a whole, and of each partition that has any."""

    whole: Part = Part()
    partitions: Mapping[str, Part] = field(default_factory=dict)


def set_aside(
    warehouse: Warehouse,
    *,
    entity: str | None = None,
    partition: str | None = None,
    ids: Sequence[str] | None = None,
) -> list[SetAside]:
    """The records in quarantine, those of an entity together, the latest first."""
    values = {"entity": entity, "partition": partition, "ids": None if ids is None else list(ids)}
    return [
        SetAside(**{**row, "reasons": [Reason(**reason) for reason in json.loads(row["reasons"])]})
        for row in warehouse.query(_LISTED, values).iter_rows(named=True)
    ]


def standing(warehouse: Warehouse, entity: str, main: Table) -> Standing:
    """How much of an entity is set aside. `main` is its first table, which has a row for every record."""
    aside = _aside(warehouse, entity)
    if not aside:
        return Standing()
    held = _held(warehouse, entity, main)
    return Standing(
        Part(sum(aside.values()), sum(held.values())),
        {partition: Part(records, held.get(partition, 0)) for partition, records in aside.items()},
    )


def standing_of_partitions(warehouse: Warehouse, entity: str, main: Table, *, limit: float) -> Standing:
    """Like `standing`, without counting a whole table that is large enough to stay below the limit."""
    aside = _aside(warehouse, entity)
    if not aside:
        return Standing()
    total = sum(aside.values())
    held = _held(warehouse, entity, main, list(aside))
    partitions = {partition: Part(records, held.get(partition, 0)) for partition, records in aside.items()}
    # So many others make the share as small as it may be.
    enough = int(total * (1 - limit) / limit) + 1
    some = _some(warehouse, main, rows=4 * (enough + total)) - total
    if some >= enough:
        return Standing(Part(total, some), partitions)
    return Standing(Part(total, sum(_held(warehouse, entity, main).values())), partitions)


def _aside(warehouse: Warehouse, entity: str) -> dict[str, int]:
    return dict(warehouse.query(_ASIDE, [entity]).iter_rows())


def _held(warehouse: Warehouse, entity: str, main: Table, partitions: Sequence[str] | None = None) -> dict[str, int]:
    if not _is_there(warehouse, main):
        return {}
    where = sql.SQL("" if partitions is None else "WHERE _partition = ANY(%(partitions)s)")
    statement = sql.SQL(_HELD).format(table=sql.Identifier(main.schema, main.name), where=where)
    values = {"entity": entity, **({} if partitions is None else {"partitions": list(partitions)})}
    return dict(warehouse.query(statement.as_string(), values).iter_rows())


def _some(warehouse: Warehouse, main: Table, *, rows: int) -> int:
    if not _is_there(warehouse, main):
        return 0
    statement = sql.SQL(_SOME).format(table=sql.Identifier(main.schema, main.name))
    return cast(int, warehouse.query(statement.as_string(), {"rows": rows})["records"][0])


def _is_there(warehouse: Warehouse, main: Table) -> bool:
    return bool(warehouse.query(_THERE, [main.relation])["there"][0])
