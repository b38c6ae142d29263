"""Do core's figures equal Centra's own? Counts and sums of the last days, counts of older months, samples in full.

What changed since the last sweep is on its way and no difference; what seems different is read once more before it is
judged. Nothing is mended here: sweeps and reconciliations do that, and this says whether they did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

import dagster as dg
import polars as pl
from psycopg import sql

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.metadata import core_key
from centra_assets.assets.tables import table_of
from centra_assets.calendar import Calendar, contiguous
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.errors import AuthenticationError, CentraError
from centra_assets.centra.plans import PreparedQuery
from centra_assets.checks import figures
from centra_assets.checks.field_differences import differing
from centra_assets.checks.standing import SHOWN_KEYS
from centra_assets.entities.model import WHOLE, Axis, Entity, TransformContext
from centra_assets.resources.centra import CentraResource
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.lake import Lake
from centra_assets.storage.sync_state import SyncState
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.counting import counted_by_us, counters_of, total_count
from centra_assets.sync.lookup import fetch
from centra_assets.sync.sweeping import DATED, keys_between
from centra_assets.sync_config import SyncConfig

AGREES = "agrees_with_centra"

# Days of which every record is held against Centra's list; older months are counted.
DAYS = {Axis.DAY: 7, Axis.MONTH: 31}
# Records that are read whole: a sample of everything, and at most so many of those that seem different.
SAMPLE, MOST_DOUBTFUL = 10, 200
_GONE = "Centra does not have it"
# They follow the stock and the clock, and move no record's time of change: as of the last reading, and meant to be.
_MOVE_ALONE = frozenset({"product_sizes.quantity", "invoices.is_overdue"})
# How long before its end a sweep may have passed a record that changed then.
_OVERLAP = timedelta(minutes=15)


@dataclass
class Agreement:
    """What a look at one entity found. Keys and names of fields, counts and sums; no other value."""

    groups: pl.DataFrame = field(default_factory=lambda: pl.DataFrame())
    months: list[str] = field(default_factory=list)
    records: dict[str, list[str]] = field(default_factory=dict)
    compared: int = 0
    sampled: int = 0
    on_their_way: int = 0
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    complexity: int = 0
    # Whether Centra tells when a record changed, so that a change of a moment ago is known as such.
    is_timed: bool = True
    # Why it could not be compared.
    refused: str | None = None

    def failing(self) -> list[str]:
        """Groups, months, then records, each with what differs."""
        groups = [
            f"{group['day']} store {group['store']} {group['currency'] or '-'}: {group['records_ours']} of "
            f"{group['records']} records, {group['amount_ours']} of {group['amount']}"
            for group in self.groups.iter_rows(named=True)
        ]
        records = [f"{record}: {', '.join(what)}" for record, what in self.records.items()]
        refused = [f"not compared: {self.refused}"] if self.refused else []
        return [*refused, *groups, *self.months, *records]

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """A warning where it may be news: deleted since the last reconciliation, or changed nobody knows when."""
        may_be_news = not self.is_timed or all(what == [_GONE] for what in self.records.values())
        is_sure = self.refused is not None or self.months or not may_be_news
        return dg.AssetCheckSeverity.ERROR if is_sure else dg.AssetCheckSeverity.WARN


def build_source_checks(
    entities: Sequence[Entity], calendar: Calendar, sync: SyncConfig
) -> list[dg.AssetChecksDefinition]:
    """`agrees_with_centra` on the first core table of every entity whose records can be asked for by day or by id."""
    by_key = {
        dg.AssetCheckKey(core_key(entity.tables[0].table), AGREES): entity
        for entity in entities
        if entity.axis in DATED or entity.id_filter is not None
    }
    if not by_key:
        return []

    @dg.multi_asset_check(
        name="against_centra",
        specs=[_spec(key, entity) for key, entity in by_key.items()],
        can_subset=True,
        retry_policy=TRANSIENT_RETRIES,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, centra: CentraResource, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        if context.run.asset_selection:
            # Runs that load are many, and a parse of the lake must not cost a request. Alone, it is asked by anybody.
            context.log.info(f"{AGREES} asks Centra and is left to the nightly job, or to a run of its own.")
            return
        with failures_told_apart(), centra.client() as client:
            look = Look(client, lake.open(), warehouse.open(), SyncState(warehouse.database_url), calendar, sync)
            chosen = [key for key in by_key if key in context.selected_asset_check_keys]
            # All or nothing: a step that is tried again evaluates no check twice.
            results = [_judged(key, look.at(by_key[key], seed=context.run.run_id)) for key in chosen]
        yield from results

    return [checks]


def _spec(key: dg.AssetCheckKey, entity: Entity) -> dg.AssetCheckSpec:
    counted = (
        f"Counts and sums by {entity.axis}, store and currency of the last {DAYS[entity.axis]} days are Centra's own, "
        "older months have as many records, and "
        if entity.axis in DATED
        else ""
    )
    return dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        additional_deps=[core_key(contract.table) for contract in entity.tables[1:]],
        description=described(
            f"{counted}{SAMPLE} records read again are the same in every field. What changed since the last sweep is "
            "left out.",
            "run `reconcile` for the entity; what differs afterwards was changed in Centra without moving its time of "
            "change: materialize raw and core of the named days.",
        ),
    )


def _judged(key: dg.AssetCheckKey, found: Agreement) -> dg.AssetCheckResult:
    failing = found.failing()
    counts = {"records_compared": found.compared, "records_sampled": found.sampled, "on_their_way": found.on_their_way}
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not failing,
        severity=found.severity,
        metadata={
            "failures": len(failing),
            "failing_keys": failing[:SHOWN_KEYS],
            **counts,
            "api_requests": found.requests,
            "api_complexity": found.complexity,
            **({"notes": found.notes} if found.notes else {}),
        },
    )


class Look:
    """Looks at Centra's figures and at ours, entity by entity."""

    def __init__(
        self,
        client: BlockingClient,
        lake: Lake,
        warehouse: Warehouse,
        state: SyncState,
        calendar: Calendar,
        sync: SyncConfig,
    ) -> None:
        self._client, self._lake, self._warehouse = client, lake, warehouse
        self._state, self._calendar, self._sync = state, calendar, sync

    def at(self, entity: Entity, seed: str) -> Agreement:
        """What there is to say of one entity; of one that was never loaded, or that Centra refuses, only that.

        Raises the client's transient errors, and that the token is dead.
        """
        found = Agreement(is_timed=entity.updated_at is not None)
        loaded = self._lake.partitions(entity.name)
        if not loaded:
            found.notes.append("nothing was ever loaded, and so nothing compared")
            return found
        self._warehouse.prepare([table_of(contract) for contract in entity.tables])
        with self._client.measure(entity.name) as stats:
            try:
                self._compare(entity, loaded, seed, found)
            except AuthenticationError:
                raise
            except CentraError as error:
                if error.transient:
                    raise
                found.refused = error.code
        found.requests, found.complexity = stats.requests, stats.complexity
        return found

    def _compare(self, entity: Entity, loaded: Sequence[str], seed: str, found: Agreement) -> None:
        settled = self._settled(entity, loaded)
        if entity.axis in DATED:
            self._compare_figures(entity, loaded, settled, found)
        if entity.id_filter is not None:
            self._compare_sample(entity, settled, seed, found)

    def _settled(self, entity: Entity, loaded: Sequence[str]) -> datetime:
        """What changed before this was here when the last sweep had ended; before the first, when raw was read."""
        mark = self._state.mark(entity.name, str(self._sync.of(entity.name).sweep.strategy))
        read = self._lake.newest_snapshots(entity.name, loaded).values()
        return (mark.fresh_at or min(read, default=datetime.now(UTC))) - _OVERLAP

    def _compare_figures(self, entity: Entity, loaded: Sequence[str], settled: datetime, found: Agreement) -> None:
        days, census = self._recent(entity, loaded), figures.census_of(self._client, entity)
        if days:
            self._compare_recent(entity, days, census, settled, found)
        self._compare_months(entity, [key for key in loaded if not days or key < days[0]], census, found)

    def _compare_months(self, entity: Entity, older: Sequence[str], census: PreparedQuery, found: Agreement) -> None:
        months = [list(of) for run in contiguous(entity.axis, older, 1) for _, of in groupby(run, lambda key: key[:7])]
        for keys in months:
            counts = self._counts(entity, census, keys)
            if counts is not None and counts[0] != counts[1]:
                # Counted twice before it is told: something may have come or gone in between.
                counts = self._counts(entity, census, keys)
            if counts is not None and counts[0] != counts[1]:
                found.months.append(f"{keys[0]} to {keys[-1]}: {counts[1]} of {counts[0]} records")

    def _recent(self, entity: Entity, loaded: Sequence[str]) -> list[str]:
        """The last days that somebody has read, or that sweeps keep since; what is missing is another check's."""
        now = datetime.now(UTC)
        days = keys_between(entity, self._calendar, now - timedelta(days=DAYS[entity.axis]), now)
        whole = self._lake.newest_snapshots(entity.name, loaded)
        return [key for key in days if key in whole or (whole and key > max(whole))]

    def _compare_recent(
        self, entity: Entity, days: Sequence[str], census: PreparedQuery, settled: datetime, found: Agreement
    ) -> None:
        # Ours first: what comes in between is on its way and newer than the last sweep.
        ours, aside = figures.ours(entity, self._warehouse, days), figures.aside(entity, self._warehouse)
        theirs = self._listed(entity, census, days)
        ours, theirs = (side.filter(~pl.col("id").is_in(aside.implode())) for side in (ours, theirs))
        found.compared = theirs.height
        doubtful = figures.doubtful(theirs, ours)
        late = set(theirs.filter(_changed_at() > settled)["id"]) & set(doubtful)
        wrong = self._wrong(entity, [record for record in doubtful if record not in late], settled, found)
        found.records |= wrong
        found.on_their_way += len(late)
        cleared = set(doubtful) - set(wrong)
        ours, theirs = (side.filter(~pl.col("id").is_in(list(cleared))) for side in (ours, theirs))
        found.groups = figures.groups_that_differ(theirs, ours)
        self._compare_counters(entity, days, census, found)

    def _listed(self, entity: Entity, census: PreparedQuery, days: Sequence[str]) -> pl.DataFrame:
        parts = [
            figures.theirs(self._client, entity, census, self._window(entity, run), self._calendar)
            for run in contiguous(entity.axis, days, 1)
        ]
        return pl.concat(parts).filter(pl.col("day").is_in(list(days)))

    def _window(self, entity: Entity, keys: Sequence[str]) -> dict[str, object]:
        begin, end = (
            self._calendar.window(entity.axis, keys[0])[0],
            self._calendar.window(entity.axis, keys[-1])[1],
        )
        return {"from": begin.isoformat(), "to": end.isoformat()}

    def _wrong(
        self, entity: Entity, doubtful: Sequence[str], settled: datetime, found: Agreement
    ) -> dict[str, list[str]]:
        """What is still different when it is read once more, by record; what nobody reads again stays doubtful."""
        again, rest = list(doubtful[:MOST_DOUBTFUL]), doubtful[MOST_DOUBTFUL:]
        wrong = {record: ["not read again: too many differ"] for record in rest}
        if not again:
            return wrong
        if entity.id_filter is None:
            return {**wrong, **{record: ["differs from Centra's list"] for record in again}}
        return {**wrong, **self._differing(entity, {WHOLE: again}, settled, found)}

    def _differing(
        self, entity: Entity, wanted: Mapping[str, Sequence[str]], settled: datetime, found: Agreement
    ) -> dict[str, list[str]]:
        """Records read whole from Centra and held against core; those that changed lately are on their way."""
        answer = fetch(self._client, entity, wanted, calendar=self._calendar)
        rows = answer.rows.filter((pl.col("updated_at") <= settled).fill_null(True))
        found.on_their_way += answer.rows.height - rows.height
        context = TransformContext(time_zone=self._calendar.zone)
        # Of forgotten customers we hold what the lake admits, and that is as it should be.
        rows = self._lake.admitted(entity.name, rows)
        wrong = _lasting(differing(entity, rows, self._warehouse, context)) if rows.height else {}
        gone = [record for record, _ in answer.missing]
        held = self._still_held(entity, gone) if gone else []
        return {**wrong, **{record: [_GONE] for record in held}}

    def _still_held(self, entity: Entity, ids: Sequence[str]) -> list[str]:
        table = table_of(entity.tables[0])
        statement = sql.SQL("SELECT DISTINCT _record_id AS id FROM {} WHERE _record_id = ANY(%s) ORDER BY 1").format(
            sql.Identifier(table.schema, table.name)
        )
        return self._warehouse.query(statement.as_string(), [list(ids)])["id"].to_list()

    def _counts(self, entity: Entity, census: PreparedQuery, keys: Sequence[str]) -> tuple[int, int] | None:
        theirs = total_count(self._client, census, self._window(entity, keys))
        return None if theirs is None else (theirs, sum(counted_by_us(self._warehouse, entity, keys).values()))

    def _compare_counters(self, entity: Entity, days: Sequence[str], census: PreparedQuery, found: Agreement) -> None:
        """Centra's second opinion of its own list. Where they disagree it is Centra's affair, and only told."""
        begin, end = self._calendar.window(entity.axis, days[0])[0], datetime.now(UTC)
        counters = counters_of(self._client, entity, begin, end)
        listed = total_count(self._client, census, {"from": begin.isoformat(), "to": end.isoformat()})
        if counters is not None and listed is not None and counters != listed:
            found.notes.append(f"Centra's counters say {counters} since {days[0]}, its list {listed}")

    def _compare_sample(self, entity: Entity, settled: datetime, seed: str, found: Agreement) -> None:
        """Some records of any age, others every time, read whole."""
        table = table_of(entity.tables[0])
        statement = sql.SQL(
            "SELECT _record_id AS id, _partition AS key FROM {} GROUP BY 1, 2 ORDER BY md5(_record_id || %s) LIMIT {}"
        ).format(sql.Identifier(table.schema, table.name), sql.Literal(SAMPLE))
        chosen = self._warehouse.query(statement.as_string(), [seed])
        chosen = chosen.filter(~pl.col("id").is_in(figures.aside(entity, self._warehouse).implode()))
        if chosen.is_empty():
            return
        by_key = {str(key): part["id"].to_list() for (key,), part in chosen.group_by("key")}
        found.sampled = chosen.height
        found.records |= self._differing(entity, by_key, settled, found)


def _lasting(found: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What differs, without what moves by itself."""
    kept = {record: [what for what in told if what not in _MOVE_ALONE] for record, told in found.items()}
    return {record: told for record, told in kept.items() if told}


def _changed_at() -> pl.Expr:
    """When a record last changed, as far as Centra tells."""
    return pl.coalesce("updated_at", "created_at")
