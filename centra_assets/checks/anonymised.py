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
from centra_assets.privacy.links import Kind, Part, Reference, part_of
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
SELECT 'customer' AS kind, id, least(f.at, CASE WHEN c.is_anonymized THEN c._loaded_at END) < %(before)s AS is_due
FROM core.customers c LEFT JOIN ops.forgotten f ON f.kind = 'customer' AND f.reference = c.id::text
WHERE c.is_anonymized OR f.reference IS NOT NULL
UNION ALL
SELECT kind, reference::bigint, at < %(before)s FROM ops.forgotten WHERE kind = 'buyer'
ORDER BY 1 DESC, 2
"""
# What was delivered before somebody was forgotten is emptied then; what came later is as anonymous as Centra is.
_IN_INBOX = """
SELECT DISTINCT i.reference FROM ops.inbox i JOIN core.customers c ON c.id::text = i.reference
LEFT JOIN ops.forgotten f ON f.kind = 'customer' AND f.reference = i.reference
CROSS JOIN LATERAL (SELECT least(f.at, CASE WHEN c.is_anonymized THEN c._loaded_at END) AS at) AS known
WHERE i.entity = 'customers' AND i.via = '' AND i.element <> '{}' AND i.received_at < known.at AND known.at < %(before)s
UNION
SELECT i.reference FROM ops.inbox i JOIN ops.forgotten f ON f.kind = 'buyer' AND f.reference = i.reference
WHERE i.entity = 'accounts' AND i.via = 'buyers.id' AND i.element <> '{}' AND i.received_at < f.at AND f.at < %(before)s
ORDER BY 1
"""


@dataclass(frozen=True)
class Anonymised:
    """Who was anonymised in Centra or whom we were told to forget: who must be by now, and how many may wait."""

    due: list[Reference]
    waiting: int


def anonymised(warehouse: Warehouse, now: datetime) -> Anonymised:
    """Who they are by core."""
    rows = warehouse.query(_ANONYMISED, {"before": now - GRACE})
    due = [Reference(Kind(kind), str(number)) for kind, number in rows.filter("is_due").select("kind", "id").rows()]
    return Anonymised(due, rows.height - len(due))


def in_inbox(warehouse: Warehouse, now: datetime) -> list[str]:
    """People of whom the inbox still has what was delivered before, as `ops.inbox 17`."""
    return [f"ops.inbox {person}" for person in warehouse.query(_IN_INBOX, {"before": now - GRACE})["reference"]]


def remains(people: Collection[Reference], lake: Lake, warehouse: Warehouse) -> Iterator[str]:
    """Where something personal of these people is left, as `core.orders.other_comment 1017` or `raw/orders 1017`."""
    if not people:
        return
    found, holdings = Finder(lake, warehouse).find(people), Holdings(warehouse)
    for entity in LINKED:
        ids = found.records.get(entity.name, set())
        part = part_of(entity.name, people)
        if ids:
            for holding in holdings.of(entity):
                yield from _in_table(holding, ids, part, warehouse)
            yield from _in_raw(entity, ids, part, lake)


def _in_table(holding: Holding, ids: Collection[str], part: Part | None, warehouse: Warehouse) -> Iterator[str]:
    columns, whose = holding.to_erase(), holding.whose(part)
    if not columns or whose is None:
        return
    statement = sql.SQL("SELECT _record_id, {} FROM {} WHERE {} = ANY(%s) ORDER BY _record_id").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        holding.relation,
        whose,
    )
    rows = warehouse.query(statement.as_string(), [list(ids if part is None else part.ids)])
    for name in columns:
        values = rows.select("_record_id", name).drop_nulls().unique(maintain_order=True)
        left = [record for record, value in values.iter_rows() if not _STAND_IN.fullmatch(value)]
        yield from (f"{holding.name}.{name} {record}" for record in dict.fromkeys(left))


def _in_raw(entity: Entity, ids: Collection[str], part: Part | None, lake: Lake) -> Iterator[str]:
    """Records of which a file says more than it would if it were masked."""
    left: set[str] = set()
    for files in lake.all_files(entity.name).values():
        for record, payload in lake.rows(files, ids).select("id", "payload").drop_nulls().iter_rows():
            if record not in left and not _is_masked(entity, payload, part):
                left.add(record)
    yield from (f"raw/{entity.name} {record}" for record in pl.Series(sorted(left), dtype=pl.String))


def _is_masked(entity: Entity, payload: str, part: Part | None) -> bool:
    plain = _without_stand_ins(payload)
    return mask(entity, payload, part=part) == payload or mask(entity, plain, part=part) == plain


def _without_stand_ins(payload: str) -> str:
    return _STAND_IN_QUOTED.sub("null", payload)
