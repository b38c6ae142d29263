"""What a run of `incremental_sync` gathers between two tellings, and the marts that follow. Follows no hint itself."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg

from centra_assets.assets.failures import failed_of
from centra_assets.assets.quarantine import blocked_days, in_words, sources_of
from centra_assets.entities.model import Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.failures import translated
from centra_assets.marts.model import Mart
from centra_assets.marts.refresh import refresh
from centra_assets.sync.drain import Drained, Followed
from centra_assets.sync.sweeping import Surroundings
from centra_assets.sync.telling import mart_materializations, materializations

# Days of a mart that a run computes at once; what is left stays noted, and the sensor of stale days sees to it.
_MOST_DAYS = 31


class Account:
    """Changes on their way to Dagster's event log. Events cost milliseconds each, so batches are told together."""

    def __init__(self, context: dg.OpExecutionContext, around: Surroundings, marts: Sequence[Mart]) -> None:
        self._context, self._around, self._marts = context, around, marts
        self._changes: dict[tuple[str, str], Followed] = {}
        self._states: Counter[str] = Counter()
        self._failures: dict[str, CentraAssetsError] = {}

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to settle."""
        return bool(self._changes)

    def add(self, drained: Drained) -> None:
        """Takes a batch in, and says in the log what went wrong in it."""
        self._states.update(drained.aside)
        for followed in drained.followed:
            self._states.update(followed.states)
            if followed.error is not None:
                self._note_failure(followed.entity, followed)
            if followed.applied.raw or followed.applied.tables:
                self._add_changes(followed)

    def settle(self) -> None:
        """Brings the marts up to date with what was added since the last time, and tells Dagster of all of it."""
        changes, self._changes = list(self._changes.values()), {}
        if not changes:
            return
        events: list[dg.AssetMaterialization] = []
        for followed in changes:
            events += materializations(
                followed.entity,
                followed.applied,
                source=followed.source,
                requests=followed.requests,
                complexity=followed.complexity,
            )
        stale = set().union(*(followed.stale for followed in changes))
        for mart in self._marts:
            events += self._refreshed(mart, sorted(day for asset, day in stale if asset == mart.asset))
        for event in events:
            self._context.log_event(event)

    def close(self) -> None:
        """Says what became of the hints. Raises Failure where something failed that will not pass by itself."""
        told = ", ".join(f"{count} {state}" for state, count in sorted(self._states.items()))
        self._context.log.info(f"Hints: {told or 'none'}.")
        if self._failures:
            causes = "; ".join(f"{name}: {error}" for name, error in sorted(self._failures.items()))
            raise failed_of(list(self._failures.values()), f"Some hints could not be followed. {causes}")

    def _add_changes(self, followed: Followed) -> None:
        key = (followed.entity.name, followed.source)
        held = self._changes.setdefault(key, Followed(followed.entity, followed.source))
        held.applied = held.applied.and_then(followed.applied)
        held.requests += followed.requests
        held.complexity += followed.complexity
        held.stale |= followed.stale
        aside = sum(followed.applied.quarantined.values())
        if aside:
            self._context.log.warning(f"{aside} records of {followed.entity.name} are in ops.quarantine.")

    def _note_failure(self, entity: Entity, followed: Followed) -> None:
        assert followed.error is not None
        # The text of an error that is not ours may quote a record.
        cause = translated(followed.error)
        if followed.is_transient:
            self._context.log.warning(f"{entity.name}: {cause} Its hints are tried again.")
            return
        self._context.log.error(f"{entity.name}: {cause}")
        self._failures[entity.name] = cause

    def _refreshed(self, mart: Mart, stale: Sequence[str]) -> Sequence[dg.AssetMaterialization]:
        """The mart's days that this run made stale, computed; what does not work out stays noted as stale."""
        days = [day for day in stale if self._around.calendar.has_day(day)][-_MOST_DAYS:]
        try:
            blocked = blocked_days(sources_of(mart), days, self._around.warehouse)
            if blocked:
                self._context.log.warning(f"{mart.asset}: {in_words(blocked)}")
            days = [day for day in days if day not in blocked]
            if not days:
                return ()
            report = refresh(self._around.warehouse, mart, days, run_id=self._around.run_id)
        except CentraAssetsError as error:
            if not error.transient:
                self._failures[mart.asset] = error
            self._context.log.warning(f"{mart.asset} stays stale for now: {error}")
            return ()
        return list(mart_materializations(mart, report))
