"""Whether anything personal is left of customers whom Centra has anonymised: core, history, raw, inbox. Keys only."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from psycopg import sql

from centra_assets.entities.model import Entity
from centra_assets.privacy.finding import LINKED, Finder
from centra_assets.privacy.holdings import Holding, Holdings
from centra_assets.privacy.masking import mask
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse

# So long may it take until they are forgotten here: the sensor `forgetting` asks within a minute.
GRACE = timedelta(days=1)

# What stands for a person who is no longer there, as Centra or we put it.
_WORD = r"[Aa]nonymi[sz]ed[\w.@+-]*"
_STAND_IN = re.compile(rf"\s*|{_WORD}|[-*xX._ ]+")
_STAND_IN_QUOTED = re.compile(rf'"(?:{_WORD})?"')

_ANONYMISED = """
SELECT id, least(f.at, CASE WHEN c.is_anonymized THEN c._loaded_at END) < %(before)s AS is_due FROM core.customers c
LEFT JOIN ops.forgotten f ON f.kind = 'customer' AND f.reference = c.id::text
WHERE c.is_anonymized OR f.reference IS NOT NULL ORDER BY id
"""
# What was delivered before somebody was forgotten is emptied then; what came later is as anonymous as Centra is.
_IN_INBOX = """
SELECT DISTINCT i.reference FROM ops.inbox i JOIN core.customers c ON c.id::text = i.reference
LEFT JOIN ops.forgotten f ON f.kind = 'customer' AND f.reference = i.reference
CROSS JOIN LATERAL (SELECT least(f.at, CASE WHEN c.is_anonymized THEN c._loaded_at END) AS at) AS known
WHERE i.entity = 'customers' AND i.via = '' AND i.element <> '{}' AND i.received_at < known.at AND known.at < %(before)s
ORDER BY 1
"""


@dataclass(frozen=True)
class Anonymised:
    """Customers whom Centra has anonymised or we were told to forget: who must be by now, and how many may wait."""

    due: list[int]
    waiting: int


def anonymised(warehouse: Warehouse, now: datetime) -> Anonymised:
    """Who they are by core."""
    rows = warehouse.query(_ANONYMISED, {"before": now - GRACE})
    due = rows.filter("is_due")["id"].to_list()
    return Anonymised(due, rows.height - len(due))


def in_inbox(warehouse: Warehouse, now: datetime) -> list[str]:
    """Customers of whom the inbox still has what was delivered before, as `ops.inbox 17`."""
    return [f"ops.inbox {customer}" for customer in warehouse.query(_IN_INBOX, {"before": now - GRACE})["reference"]]


def remains(customers: Collection[int], lake: Lake, warehouse: Warehouse) -> Iterator[str]:
    """Where something personal of these customers is left, as `core.orders.other_comment 1017` or `raw/orders 1017`."""
    if not customers:
        return
    found, holdings = Finder(lake, warehouse).find(customers), Holdings(warehouse)
    for entity in LINKED:
        ids = found.records.get(entity.name, set())
        if ids:
            for holding in holdings.of(entity):
                yield from _in_table(holding, ids, warehouse)
            yield from _in_raw(entity, ids, lake)


def _in_table(holding: Holding, ids: Collection[str], warehouse: Warehouse) -> Iterator[str]:
    columns = holding.to_erase()
    if not columns:
        return
    statement = sql.SQL("SELECT _record_id, {} FROM {} WHERE _record_id = ANY(%s) ORDER BY _record_id").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns), holding.relation
    )
    rows = warehouse.query(statement.as_string(), [list(ids)])
    for name in columns:
        values = rows.select("_record_id", name).drop_nulls().unique(maintain_order=True)
        left = [record for record, value in values.iter_rows() if not _STAND_IN.fullmatch(value)]
        yield from (f"{holding.name}.{name} {record}" for record in dict.fromkeys(left))


def _in_raw(entity: Entity, ids: Collection[str], lake: Lake) -> Iterator[str]:
    """Records of which a file says more than it would if it were masked."""
    left: set[str] = set()
    for files in lake.all_files(entity.name).values():
        for record, payload in lake.rows(files, ids).select("id", "payload").drop_nulls().iter_rows():
            if record not in left and not _is_masked(entity, payload):
                left.add(record)
    yield from (f"raw/{entity.name} {record}" for record in pl.Series(sorted(left), dtype=pl.String))


def _is_masked(entity: Entity, payload: str) -> bool:
    return mask(entity, payload) == payload or mask(entity, _without_stand_ins(payload)) == _without_stand_ins(payload)


def _without_stand_ins(payload: str) -> str:
    return _STAND_IN_QUOTED.sub("null", payload)
