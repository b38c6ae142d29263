"""Where hints lead: to records, which are fetched by id, or to a sweep. What comes of them is in `drain`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl
from psycopg import sql

from centra_assets.assets.queries import attribute_paths_to_drop, lookup_query
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.hints import DIRECT, LEDGER, PARTITION, WHOLE
from centra_assets.entities.model import WHOLE as UNDIVIDED
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import entity as entity_named
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.storage.inbox import ClaimedHint
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.holdings import held_records, tables_of
from centra_assets.sync.partitioning import PLACED_SCHEMA, frame_of, keys_of, placed
from centra_assets.sync.tombstones import tombstones

# Ids asked for at once; more are asked side by side.
_CHUNK = 100
# A record that core does not know is looked for under every store, pricelist or warehouse, if they are this few.
_MOST_KEYS = 8
# What an id can be at most: what a bigint holds.
_LARGEST_ID = 2**63 - 1
# The sweep of an entity as a whole, in ops.sweep_request.
EVERYTHING = ""

# A record and where to ask for it: the key of a store, pricelist or warehouse, UNDIVIDED for all other axes.
Place = tuple[str, str]

_LINES_OF_CHANGES = """
SELECT DISTINCT c.id::text AS reference, l.product_size_id::text AS id,
  coalesce(l.warehouse_id, c.warehouse_id)::text AS key
FROM core.stock_changes c JOIN core.stock_change_lines l ON l.stock_change_id = c.id
WHERE c.id = ANY(%s::bigint[]) AND l.product_size_id IS NOT NULL
"""


@dataclass
class Resolved:
    """Where the hints about one entity lead: to records, to sweeps of a partition or of EVERYTHING, or nowhere."""

    records: dict[Place, list[ClaimedHint]] = field(default_factory=dict)
    sweeps: dict[str, list[ClaimedHint]] = field(default_factory=dict)
    nowhere: list[ClaimedHint] = field(default_factory=list)

    def leads_to(self, place: Place, hints: Iterable[ClaimedHint]) -> None:
        """Notes that hints speak of a record."""
        self.records.setdefault(place, []).extend(hints)

    def asks_for(self, partition: str, hints: Iterable[ClaimedHint]) -> None:
        """Notes that hints say no more than that something of a partition changed."""
        self.sweeps.setdefault(partition, []).extend(hints)

    def sweep_instead(self) -> None:
        """Leads what was to be asked for by id to a sweep of the whole."""
        for spoken in self.records.values():
            self.asks_for(EVERYTHING, spoken)
        self.records.clear()

    @property
    def wanted(self) -> dict[str, list[str]]:
        """The record ids by key."""
        by_key: dict[str, list[str]] = {}
        for record_id, key in self.records:
            by_key.setdefault(key, []).append(record_id)
        return by_key


@dataclass(frozen=True)
class Fetched:
    """What Centra said: the records as PLACED_SCHEMA; `missing` are those it does not have; `outside` exist and were
    created before the merchant's first day, so no partition takes them. Asked at `asked_at` or later.
    """

    rows: pl.DataFrame
    missing: frozenset[Place]
    outside: frozenset[Place]
    asked_at: datetime


@dataclass(frozen=True)
class Judged:
    """What an answer says of the records that were asked for. `known` are those that core or the lake has, found or
    not. Of those that Centra does not have, `gone` are known and `unseen` are not. `graves` has the tombstones of all
    that are gone, and as `key` the second half of their place.
    """

    rows: pl.DataFrame = field(default_factory=PLACED_SCHEMA.to_frame)
    graves: pl.DataFrame = field(default_factory=lambda: PLACED_SCHEMA.to_frame().with_columns(key=pl.lit("")))
    known: frozenset[Place] = frozenset()
    gone: frozenset[Place] = frozenset()
    unseen: frozenset[Place] = frozenset()
    outside: frozenset[Place] = frozenset()

    def with_tombstones(self, places: Collection[Place]) -> pl.DataFrame:
        """The rows, and the tombstones of these of the records that are gone."""
        return pl.concat([self.rows, _at(self.graves, places).drop("key")])


def resolve(entity: Entity, hints: Sequence[ClaimedHint], warehouse: Warehouse) -> Resolved:
    """Where the hints about this entity lead, as far as core knows. Each ends in at least one place."""
    resolved = Resolved()
    by_way: dict[str, dict[str, list[ClaimedHint]]] = {}
    for hint in hints:
        if can_be_id(hint.reference) or hint.via == WHOLE or _is_text(entity, hint.via):
            by_way.setdefault(hint.via, {}).setdefault(hint.reference, []).append(hint)
        else:
            resolved.nowhere.append(hint)
    for via, references in by_way.items():
        if via == WHOLE:
            resolved.asks_for(EVERYTHING, _all(references))
        elif via == PARTITION:
            for reference, spoken in references.items():
                resolved.asks_for(reference, spoken)
        elif entity.id_filter is None:
            resolved.asks_for(EVERYTHING, _all(references))
        elif via == DIRECT:
            _directly(entity, references, warehouse, resolved)
        elif via == LEDGER:
            _through(references, _lines_of(references, warehouse), resolved)
        else:
            _through(references, _rows_with(entity, via, references, warehouse), resolved)
    return resolved


def can_be_id(reference: str) -> bool:
    """Whether Centra and core take this for an id, written as they write it; one that is none fails all others that
    are asked for with it."""
    return reference.isascii() and reference.isdecimal() and _fits(reference)


def _fits(digits: str) -> bool:
    return len(digits) <= len(str(_LARGEST_ID)) and int(digits) <= _LARGEST_ID and str(int(digits)) == digits


def lookup_of(client: BlockingClient, entity: Entity) -> PreparedQuery | None:
    """The question for records of an entity by id, for this instance; None where Centra cannot be asked so."""
    query = lookup_query(entity, drop_paths=attribute_paths_to_drop(client, entity))
    return None if query is None else client.prepare(query)


def fetch(
    client: BlockingClient,
    entity: Entity,
    wanted: Mapping[str, Collection[str]],
    *,
    calendar: Calendar,
    query: PreparedQuery | None = None,
) -> Fetched:
    """The records of these ids as they are now. `wanted` is by key; other axes than stores, pricelists, warehouses
    have none, and whatever stands in its place is not asked with. `query` saves preparing it again.

    Raises the client's errors, and CreationTimeMissingError.
    """
    asked_at = datetime.now(UTC)
    query = query or lookup_of(client, entity)
    if query is None:
        raise ValueError(f"{entity.name} cannot be asked for by id.")
    chunks = [(key, chunk) for key, ids in _by_key(entity, wanted).items() for chunk in _chunks(ids)]
    frames = [PLACED_SCHEMA.to_frame()]
    found: set[Place] = set()
    homed: set[Place] = set()
    for place, page in client.stream(query, [_variables(entity, key, chunk) for key, chunk in chunks]):
        key, _ = chunks[place]
        rows = placed(entity, frame_of(page, source="lookup"), calendar, key)
        frames.append(rows)
        found.update((record_id, key) for record_id in page.ids)
        homed.update((record_id, key) for record_id in rows["id"])
    asked = {(record_id, key) for key, chunk in chunks for record_id in chunk}
    return Fetched(pl.concat(frames), frozenset(asked - found), frozenset(found - homed), asked_at)


def judge(entity: Entity, fetched: Fetched, resolved: Resolved, warehouse: Warehouse, lake: Lake) -> Judged:
    """Tells records that are gone, where core or the lake has them, from those that nobody knows yet."""
    held = held_records(entity, [record_id for record_id, _ in resolved.records], warehouse)
    held = _with_key(entity, held.select("id", "partition"))
    strangers = fetched.missing - set(held.select("id", "key").iter_rows())
    if strangers:
        # Core loads them later, from raw, and would show them as if they lived.
        held = pl.concat([held, _at(_with_key(entity, _in_lake(entity, strangers, lake)), strangers)])
    known = frozenset(held.select("id", "key").iter_rows()) & resolved.records.keys()
    gone = known & fetched.missing
    graves = _with_key(entity, tombstones(_at(held, gone), fetched.asked_at))
    return Judged(fetched.rows, graves, known, gone, fetched.missing - gone, fetched.outside)


def _with_key(entity: Entity, held: pl.DataFrame) -> pl.DataFrame:
    return held.with_columns(key=pl.col("partition") if entity.axis in DYNAMIC_AXES else pl.lit(UNDIVIDED))


def _at(held: pl.DataFrame, places: Collection[Place]) -> pl.DataFrame:
    """The rows of these places, by `id` and `key`."""
    return held.filter(pl.Series([place in places for place in held.select("id", "key").iter_rows()], dtype=pl.Boolean))


def _in_lake(entity: Entity, places: Collection[Place], lake: Lake) -> pl.DataFrame:
    """`id` and `partition` of those of these records that live in the lake."""
    if entity.axis in DYNAMIC_AXES:
        wanted: dict[str, list[str]] = {}
        for record_id, key in places:
            wanted.setdefault(key, []).append(record_id)
    else:
        ids = [record_id for record_id, _ in places]
        wanted = dict.fromkeys(lake.partitions(entity.name), ids)
    return lake.known(entity.name, wanted).select("id", "partition")


def _by_key(entity: Entity, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Collection[str]]:
    if entity.axis in DYNAMIC_AXES:
        return wanted
    return {UNDIVIDED: {record_id for ids in wanted.values() for record_id in ids}}


def _chunks(ids: Collection[str]) -> Iterable[list[str]]:
    listed = sorted(ids)
    return (listed[begin : begin + _CHUNK] for begin in range(0, len(listed), _CHUNK))


def _variables(entity: Entity, key: str, ids: Sequence[str]) -> dict[str, object]:
    return {"ids": ids, "key": int(key)} if entity.axis in DYNAMIC_AXES else {"ids": ids}


def _all(references: Mapping[str, Sequence[ClaimedHint]]) -> list[ClaimedHint]:
    return [hint for spoken in references.values() for hint in spoken]


def _directly(
    entity: Entity, references: Mapping[str, Sequence[ClaimedHint]], warehouse: Warehouse, resolved: Resolved
) -> None:
    """References that are record ids. Where the id does not tell under which key to ask, core does, or all are."""
    keyed = entity.axis in DYNAMIC_AXES
    homes: dict[str, list[str]] = {}
    if keyed:
        for record_id, key in held_records(entity, list(references), warehouse).select("id", "partition").iter_rows():
            homes.setdefault(record_id, []).append(key)
    everywhere = keys_of(entity, warehouse) if keyed and references.keys() - homes.keys() else [UNDIVIDED]
    for reference, spoken in references.items():
        keys = homes.get(reference, everywhere)
        if reference in homes or 0 < len(keys) <= _MOST_KEYS:
            for key in keys:
                resolved.leads_to((reference, key), spoken)
        else:
            resolved.asks_for(EVERYTHING, spoken)


def _through(
    references: Mapping[str, Sequence[ClaimedHint]], found: Iterable[tuple[str, str, str | None]], resolved: Resolved
) -> None:
    """References that core leads on from, as (reference, record id, key). From the others only a sweep does."""
    followed: set[str] = set()
    for reference, record_id, key in found:
        if key is not None:
            resolved.leads_to((record_id, key), references[reference])
            followed.add(reference)
    for reference in references.keys() - followed:
        resolved.asks_for(EVERYTHING, references[reference])


def _rows_with(
    entity: Entity, via: str, references: Iterable[str], warehouse: Warehouse
) -> list[tuple[str, str, str | None]]:
    """The records that own the rows of `table` with one of these values in `column`, for `via` `table.column`."""
    name, column = via.split(".")
    table = next(table for table in tables_of(entity, warehouse) if table.name == name)
    # An id fits a bigint, but not every column that holds ids is one.
    asked = sql.SQL("text" if _is_text(entity, via) else "bigint")
    statement = sql.SQL(
        "SELECT DISTINCT {column}::text, _record_id, _partition FROM {table} WHERE {column} = ANY(%s::{asked}[])"
    ).format(column=sql.Identifier(column), table=sql.Identifier(table.schema, name), asked=asked)
    keyed = entity.axis in DYNAMIC_AXES
    rows = warehouse.query(statement.as_string(), [list(references)]).iter_rows()
    return [(reference, record_id, key if keyed else UNDIVIDED) for reference, record_id, key in rows]


def _is_text(entity: Entity, via: str) -> bool:
    """Whether `via` leads through a column that takes any text."""
    name, _, column = via.partition(".")
    tables = (table_of(contract) for contract in entity.tables if contract.table == name)
    return any(known.type == "text" for table in tables for known in table.columns if known.name == column)


def _lines_of(references: Iterable[str], warehouse: Warehouse) -> list[tuple[str, str, str | None]]:
    """The stock levels that stock changes moved: sizes in warehouses."""
    tables_of(entity_named("stock_changes"), warehouse)
    return list(warehouse.query(_LINES_OF_CHANGES, [list(references)]).iter_rows())
