"""Asks Centra for partitions of an entity and appends the answer to the lake. Free of Dagster; parses nothing."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import polars as pl

from centra_assets.assets.queries import attribute_paths_to_drop, query_of
from centra_assets.calendar import Calendar, contiguous
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.paging import Page
from centra_assets.centra.plans import PreparedQuery
from centra_assets.centra.pruning import Pruned
from centra_assets.entities.model import Axis, Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.storage.lake import SCHEMA, Lake, LakeWriter

_NOTHING = pl.DataFrame(schema=SCHEMA)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class UnsortedPagesError(CentraAssetsError):
    """Centra sent a record of a day that had been read to its end."""

    code = "PAGES_UNSORTED"
    remedy = "Run the partitions again; if it repeats, the instance ignores the sort order and Centra should be told."
    transient = True


class CreationTimeMissingError(CentraAssetsError):
    """A record of a dated entity says nothing readable about its creation time, so no partition can take it."""

    code = "CREATION_TIME_MISSING"
    remedy = "Give the token the permissions that the entity's document needs; `centra-assets doctor` lists them."


@dataclass
class PartitionExtract:
    """What one partition took: rows written and its share of what the API charged."""

    rows: int = 0
    requests: float = 0.0
    complexity: float = 0.0


@dataclass
class ExtractReport:
    """A whole extraction: per partition, and in sum."""

    partitions: dict[str, PartitionExtract]
    pruned: Sequence[Pruned] = ()
    requests: int = 0
    complexity: int = 0
    throttled: int = 0
    seconds: float = 0.0
    fetched_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def rows(self) -> int:
        """Records written to the lake."""
        return sum(partition.rows for partition in self.partitions.values())


class _Partitions:
    """The lake files being written. A file appears only when its partition was read to its end."""

    def __init__(self, lake: Lake, entity: Entity, keys: Sequence[str], run_id: str, fetched_at: datetime) -> None:
        self._lake, self._entity, self._run_id, self._fetched_at = lake, entity, run_id, fetched_at
        self._open: dict[str, tuple[LakeWriter, ExitStack]] = {}
        self._closed: set[str] = set()
        self.extracts = {key: PartitionExtract() for key in keys}

    def append(self, key: str, frame: pl.DataFrame) -> None:
        if key in self._closed:
            raise UnsortedPagesError(f"{self._entity.name}: a record of {key} came after that partition's end.")
        if key not in self._open:
            stack = ExitStack()
            writer = self._lake.writer(
                self._entity.name, key, kind="snapshot", run_id=self._run_id, fetched_at=self._fetched_at
            )
            self._open[key] = (stack.enter_context(writer), stack)
        self._open[key][0].append(frame)
        self.extracts[key].rows += frame.height

    def close(self, key: str) -> None:
        if key in self._closed:
            return
        if key not in self._open:
            # Nothing happened in this partition: an empty snapshot says so, and replaces what an older one held.
            self.append(key, _NOTHING)
        self._open.pop(key)[1].close()
        self._closed.add(key)

    def abort(self, error: BaseException) -> None:
        for _, stack in self._open.values():
            stack.__exit__(type(error), error, error.__traceback__)
        self._open.clear()


def extract(
    entity: Entity,
    keys: Sequence[str],
    *,
    client: BlockingClient,
    lake: Lake,
    calendar: Calendar,
    run_id: str,
    slices: int = 4,
) -> ExtractReport:
    """Read the partitions `keys` (WHOLE for an entity without an axis) and write a snapshot of each to the lake.

    Neighbouring days are asked for as one range in full pages and split here, so requests follow rows and not days.
    What was read to its end stays when a later partition fails. Raises the client's errors, UnsortedPagesError.
    """
    started, fetched_at = time.monotonic(), datetime.now(UTC)
    timed = entity.axis in (Axis.DAY, Axis.MONTH)
    groups = contiguous(entity.axis, keys, slices) if timed else [[key] for key in keys]
    partitions = _Partitions(lake, entity, keys, run_id, fetched_at)
    progress = [0] * len(groups)
    try:
        with client.measure(entity.name) as stats:
            edges = [_edges(entity, group, calendar) if timed else None for group in groups]
            query = client.prepare(query_of(entity, drop_paths=attribute_paths_to_drop(client, entity)))
            for index, page in client.stream(query, [_variables(entity, group, calendar) for group in groups]):
                split = list(_split(entity, groups[index], edges[index], page))
                for key, frame in split:
                    if timed and entity.sorted_by_creation and not _order_was_pruned(query):
                        place = groups[index].index(key)
                        for finished in groups[index][progress[index] : place]:
                            partitions.close(finished)
                        progress[index] = max(progress[index], place)
                    partitions.append(key, frame)
                _charge(partitions, split, groups[index], page)
            for group in groups:
                for key in group:
                    partitions.close(key)
    except BaseException as error:
        partitions.abort(error)
        raise
    return ExtractReport(
        partitions=partitions.extracts,
        pruned=tuple(query.pruned),
        requests=stats.requests,
        complexity=stats.complexity,
        throttled=stats.throttled,
        seconds=time.monotonic() - started,
        fetched_at=fetched_at,
    )


def _order_was_pruned(query: PreparedQuery) -> bool:
    """Whether the live schema lacks the order that the document asks for; then a day ends only with its range."""
    return any(item.argument == "sort" for item in query.pruned)


def _variables(entity: Entity, group: Sequence[str], calendar: Calendar) -> dict[str, Any]:
    if entity.axis in (Axis.DAY, Axis.MONTH):
        start, _ = calendar.window(entity.axis, group[0])
        _, end = calendar.window(entity.axis, group[-1])
        return {"from": start.isoformat(), "to": end.isoformat()}
    return {} if entity.axis is Axis.NONE else {"key": int(group[0])}


def instants(name: str) -> pl.Expr:
    """Centra's text of a moment as a moment, null where it cannot be read."""
    return pl.col(name).str.to_datetime(format="%+", time_unit="us", time_zone="UTC", strict=False)


def lake_rows(page: Page, *more: pl.Expr, source: str = "backfill") -> pl.DataFrame:
    """The page as rows of the lake, and whatever else is to be computed on the way: each query costs a millisecond."""
    texts = {
        "id": page.ids,
        "updated_at": page.updated_at,
        "payload": page.payloads,
        "created_at": page.created_at,
    }
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).select(
        "id",
        instants("updated_at"),
        "payload",
        # As a number: a literal moment would take Polars a query of its own.
        pl.lit((page.fetched_at - _EPOCH) // _MICROSECOND).cast(SCHEMA["fetched_at"]).alias("fetched_at"),
        pl.lit(source).alias("source"),
        *more,
    )


def _edges(entity: Entity, group: Sequence[str], calendar: Calendar) -> pl.Series:
    """Where the partitions of a group of neighbours begin, and where the last one ends."""
    bounds = [calendar.window(entity.axis, key)[0] for key in group] + [calendar.window(entity.axis, group[-1])[1]]
    return pl.Series("edges", [bound.astimezone(UTC) for bound in bounds]).dt.cast_time_unit("us")


def _split(
    entity: Entity, group: Sequence[str], edges: pl.Series | None, page: Page
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The page's records by partition key, in the page's order; what lies outside the group is dropped."""
    if edges is None:
        if page.ids:
            yield group[0], lake_rows(page)
        return
    created = instants("created_at")
    place = pl.lit(edges).search_sorted(created, side="right").cast(pl.Int64) - 1
    placed = lake_rows(page, pl.when(created.is_not_null()).then(place).alias("_place"))
    places = placed["_place"].to_list()
    unknown = places.count(None)
    if unknown:
        raise CreationTimeMissingError(f"{entity.name}: {unknown} records without a creation time.")
    runs = [(place, len(list(run))) for place, run in groupby(places)]
    if len(runs) > len(set(places)):
        # A partition's records do not lie side by side.
        for part in placed.partition_by("_place", maintain_order=True):
            if 0 <= part["_place"][0] < len(group):
                yield group[part["_place"][0]], part.drop("_place")
        return
    rows, begin = placed.drop("_place"), 0
    for place, length in runs:
        if 0 <= place < len(group):
            yield group[place], rows.slice(begin, length)
        begin += length


def _charge(
    partitions: _Partitions, split: Sequence[tuple[str, pl.DataFrame]], group: Sequence[str], page: Page
) -> None:
    """Share a page's cost out by rows; a page without rows is the first partition's."""
    total = sum(frame.height for _, frame in split)
    for key, share in [(key, frame.height / total) for key, frame in split] or [(group[0], 1.0)]:
        partitions.extracts[key].requests += share
        partitions.extracts[key].complexity += page.complexity * share
