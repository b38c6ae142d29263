"""One batch of hints, from the inbox to the truth: claimed, resolved, fetched, applied, done. Knows no Dagster."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.centra.errors import AuthenticationError, EndpointError, FilterMissingError, PermissionDeniedError
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.hints import DIRECT
from centra_assets.entities.model import Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.failures import code_of, is_transient
from centra_assets.privacy.deliveries import is_about
from centra_assets.privacy.forgotten import Forgotten, ForgottenList, belonging
from centra_assets.privacy.links import BELONGS
from centra_assets.storage import inbox
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.following import Stale, noted_here
from centra_assets.storage.inbox import ClaimedHint, Drainer, State, Why
from centra_assets.storage.warehouse import DEFAULT_GUARD, OPEN_GUARD
from centra_assets.sync.apply import Applied, apply
from centra_assets.sync.lookup import Judged, Place, Resolved, fetch, judge, lookup_of, resolve
from centra_assets.sync.sweeping import Surroundings

_NOT_FOUND = "HINT_NOT_FOUND"
# So often a record is looked for that Centra does not show; it may show it a moment later.
_MOST_LOOKS = 3
# All of so many known records gone in a run, or more than _MOST_GONE and than half, are rather a fault than the truth.
_FEWEST_ALL_GONE = 5
_MOST_GONE = 20
# So often hints that fail together are halved, to find the one that fails the others: some culprits among hundreds.
_MOST_SPLITS = 30
# What is refused so is refused to every hint alike.
_ALIKE = (AuthenticationError, EndpointError, PermissionDeniedError)
_DELETIONS = ("delete", "deleted")
_PUT_BACK = "put back"
_LONGEST_WAIT = 1.0


class RecordsGoneError(CentraAssetsError):
    """Most of the records that hints spoke of are known to us, and Centra says that it has none of them."""

    code = "RECORDS_GONE"
    remedy = (
        "See whether the token still reads these objects; one restricted to a store does not see the others'. Records "
        "that are really gone are removed by the nightly reconciliation."
    )


@dataclass
class Followed:
    """What following the hints about one entity came to. `states` counts the hints by what became of them; `stale`
    are the days of marts that it touched.
    """

    entity: Entity
    source: str
    applied: Applied = field(default_factory=Applied)
    records: int = 0
    requests: int = 0
    complexity: int = 0
    states: Counter[str] = field(default_factory=Counter)
    stale: set[Stale] = field(default_factory=set)
    error: Exception | None = None

    @property
    def is_transient(self) -> bool:
        """Whether it failed for a reason that passes."""
        return is_transient(self.error)

    @property
    def code(self) -> str:
        """The error's code; '' without one."""
        return "" if self.error is None else code_of(self.error)


@dataclass
class Drained:
    """A batch: how many hints were claimed, what came of them per entity, and how many were not followed, by state."""

    claimed: int = 0
    followed: list[Followed] = field(default_factory=list)
    aside: dict[State, int] = field(default_factory=dict)


@dataclass
class _Ends:
    """What is to become of the hints about one entity: an end, or another try under a code."""

    states: dict[State, list[int]] = field(default_factory=dict)
    again: dict[str, list[int]] = field(default_factory=dict)

    def mark(self, cursor: Cursor[TupleRow], run_id: str) -> None:
        """Writes the ends, in the caller's transaction."""
        for state, ids in self.states.items():
            inbox.done(cursor, ids, run_id, state)


@dataclass
class _Sightings:
    """The known records of one entity that this run asked for and no deletion was told of; which of them are gone."""

    asked: set[Place] = field(default_factory=set)
    gone: set[Place] = field(default_factory=set)

    def note(self, asked: Collection[Place], gone: Collection[Place]) -> None:
        """Adds what one answer said. A record that is back is not gone."""
        self.asked.update(asked)
        self.gone.difference_update(asked)
        self.gone.update(gone)

    @property
    def are_credible(self) -> bool:
        """Whether records may be believed to be gone."""
        return is_credible(len(self.gone), len(self.asked))


def is_credible(gone: int, asked: int) -> bool:
    """Whether so many of the known records that were asked for by id may be believed to be gone."""
    return not (gone == asked >= _FEWEST_ALL_GONE or (gone > _MOST_GONE and 2 * gone > asked))


class HintFollower:
    """Follows hints for the length of a run. What was prepared for one batch serves the next.

    What was delivered with hints about people who are `listed` is emptied: it came after they were forgotten.
    """

    def __init__(
        self,
        around: Surroundings,
        entities: Sequence[Entity],
        *,
        listed: ForgottenList,
        is_followed: Callable[[ClaimedHint], bool] = lambda hint: True,
    ) -> None:
        self._around = around
        # Stock levels are found through the stock changes that moved them.
        self._entities = sorted(entities, key=lambda entity: entity.name == "stock")
        self._listed = listed
        self._is_followed = is_followed
        self._lookups: dict[str, PreparedQuery | None] = {}
        self._sightings: dict[str, _Sightings] = {entity.name: _Sightings() for entity in entities}

    def drain(self, drainer: Drainer, limit: int) -> Drained:
        """One batch of at most `limit` hints. An entity that fails has its hints put back and harms no other.

        Raises WarehouseUnavailableError: then nothing can be marked, and the next drainer starts over.
        """
        hints = drainer.claim(limit)
        forgotten = self._listed.current() if hints else Forgotten()
        # Whatever becomes of them.
        drainer.empty([hint.id for hint in hints if is_about(hint.entity, hint.via, hint.reference, forgotten)])
        names = {entity.name for entity in self._entities}
        aside: dict[State, list[int]] = {}
        by_entity: dict[str, list[ClaimedHint]] = {}
        for hint in hints:
            if hint.entity not in names:
                aside.setdefault("unknown", []).append(hint.id)
            elif not self._is_followed(hint):
                aside.setdefault("ignored", []).append(hint.id)
            else:
                by_entity.setdefault(hint.entity, []).append(hint)
        for state, ids in aside.items():
            drainer.finish(ids, state)
        return Drained(
            claimed=len(hints),
            followed=[
                self._follow(entity, by_entity[entity.name], drainer)
                for entity in self._entities
                if entity.name in by_entity
            ],
            aside={state: len(ids) for state, ids in aside.items()},
        )

    def batches(self, drainer: Drainer, *, limit: int, linger: float, longest: float) -> Iterator[Drained]:
        """Batch after batch, empty ones too, until nothing came for `linger` seconds, or for `longest` in all.

        Between two looks it waits for hints to be stored, and for no more than a second: a notice may be missed, and
        hints that were put back come without one.
        """
        begun = active = time.monotonic()
        while True:
            drained = self.drain(drainer, limit)
            yield drained
            now = time.monotonic()
            active = now if drained.claimed else active
            left = min(begun + longest, active + linger) - now
            if left <= 0:
                return
            if not drained.claimed:
                drainer.wait(min(left, _LONGEST_WAIT))

    def _follow(self, entity: Entity, hints: Sequence[ClaimedHint], drainer: Drainer) -> Followed:
        """The hints about one entity. Whatever goes wrong is kept in the outcome, and the hints are put back.

        Hints that fail together for good are followed by halves, until those that fail are alone.
        """
        outcome = Followed(entity, hints[0].source)
        parts, splits = [hints], 0
        with self._around.client.measure(entity.name) as stats:
            while parts:
                part = parts.pop()
                try:
                    self._put_back(self._followed(entity, part, outcome), drainer, outcome)
                except WarehouseUnavailableError:
                    raise
                except Exception as error:
                    if len(part) > 1 and splits < _MOST_SPLITS and not _hits_all(error):
                        splits += 1
                        middle = len(part) // 2
                        parts += [part[middle:], part[:middle]]
                        continue
                    # What passes must not hide what does not.
                    outcome.error = error if outcome.error is None or outcome.is_transient else outcome.error
                    failed = _Ends(again={code_of(error): [hint.id for hint in part]})
                    self._put_back(failed, drainer, outcome, "outage" if is_transient(error) else "failure")
        outcome.requests, outcome.complexity = stats.requests, stats.complexity
        return outcome

    def _put_back(self, ends: _Ends, drainer: Drainer, outcome: Followed, why: Why = "failure") -> None:
        """Counts the ends, and puts back what came to none."""
        for code, ids in ends.again.items():
            drainer.put_back(ids, code, why="look" if code == _NOT_FOUND else why)
            outcome.states[_PUT_BACK] += len(ids)
        outcome.states.update({state: len(ids) for state, ids in ends.states.items()})

    def _followed(self, entity: Entity, hints: Sequence[ClaimedHint], outcome: Followed) -> _Ends:
        """Follows them, and marks those that came to an end; the others are the caller's to put back."""
        around = self._around
        resolved = resolve(entity, hints, around.warehouse)
        query = self._lookup(entity) if resolved.records else None
        if query is None:
            resolved.sweep_instead()
        for partition in resolved.sweeps:
            around.state.ask_for([entity.name], partition=partition, reason="hint")
        judged = Judged()
        if query is not None:
            fetched = fetch(around.client, entity, resolved.wanted, calendar=around.calendar, query=query)
            judged = judge(entity, fetched, resolved, around.warehouse, around.lake)
        doubts = self._doubts(entity, resolved, judged, outcome)
        ends = _ends(hints, resolved, judged, doubts)
        withheld = _of_forgotten(entity, resolved, judged, self._listed.current())

        def finish(cursor: Cursor[TupleRow]) -> None:
            ends.mark(cursor, around.run_id)
            inbox.empty(cursor, withheld)
            outcome.stale |= noted_here(cursor)

        rows = judged.with_tombstones(judged.gone - doubts.keys())
        if rows.height:
            applied = apply(
                entity,
                rows,
                lake=around.lake,
                warehouse=around.warehouse,
                context=around.context,
                run_id=around.run_id,
                source=outcome.source,
                # Of the loss of a record, Centra's own word is proof enough.
                guard=OPEN_GUARD if rows["payload"].null_count() else DEFAULT_GUARD,
                within=finish,
            )
            outcome.applied = outcome.applied.and_then(applied)
            outcome.records += rows.height
        else:
            around.warehouse.transact(finish)
        return ends

    def _lookup(self, entity: Entity) -> PreparedQuery | None:
        """The question for its records by id; None where this instance cannot be asked so."""
        if entity.name not in self._lookups:
            try:
                self._lookups[entity.name] = lookup_of(self._around.client, entity)
            except FilterMissingError:
                self._lookups[entity.name] = None
        return self._lookups[entity.name]

    def _doubts(self, entity: Entity, resolved: Resolved, judged: Judged, outcome: Followed) -> Mapping[Place, str]:
        """The records that Centra does not have and that may still be there, with the code to look again under."""
        told = {place for place, spoken in resolved.records.items() if any(map(_tells_of_deletion, spoken))}
        sightings = self._sightings[entity.name]
        sightings.note(judged.known - told, judged.gone - told)
        missed = {
            place: _NOT_FOUND
            for place in (judged.gone | judged.unseen) - told
            if max(hint.looks for hint in resolved.records[place]) + 1 < _MOST_LOOKS
        }
        suspects = judged.gone - told
        if not suspects or sightings.are_credible:
            return missed
        refused = RecordsGoneError(
            f"{len(sightings.gone)} of {len(sightings.asked)} known records of {entity.name} were not found."
        )
        self._around.warehouse.refused(entity.name, refused, self._around.run_id)
        outcome.error = refused
        return missed | dict.fromkeys(suspects, RecordsGoneError.code)


def _of_forgotten(entity: Entity, resolved: Resolved, judged: Judged, forgotten: Forgotten) -> list[int]:
    """The hints that led to records of people on the list."""
    if not forgotten.since or entity.name not in BELONGS:
        return []
    theirs = set(judged.rows["id"].gather(belonging(entity.name, judged.rows["payload"], forgotten)))
    return [hint.id for (record, _), spoken in resolved.records.items() if record in theirs for hint in spoken]


def _ends(hints: Sequence[ClaimedHint], resolved: Resolved, judged: Judged, doubts: Mapping[Place, str]) -> _Ends:
    """What is to become of each hint. One that leads to several records ends when any of them could be judged, unless
    one that we know is in doubt.
    """
    ended: dict[int, State] = {hint.id: "failed" for hint in resolved.nowhere}
    retried: dict[int, str] = {}
    firmly: set[int] = set()
    for place, spoken in resolved.records.items():
        for hint in spoken:
            if place in doubts:
                retried[hint.id] = doubts[place]
                firmly.update([hint.id] if place in judged.gone else [])
            elif ended.get(hint.id) != "done":
                ended[hint.id] = "outside" if place in judged.outside else "done"
    ended.update({hint.id: "done" for spoken in resolved.sweeps.values() for hint in spoken})
    ends = _Ends()
    for hint in hints:
        if hint.id in ended and hint.id not in firmly:
            ends.states.setdefault(ended[hint.id], []).append(hint.id)
        else:
            ends.again.setdefault(retried[hint.id], []).append(hint.id)
    return ends


def _tells_of_deletion(hint: ClaimedHint) -> bool:
    """Whether it says that the record itself was deleted, and not a part of it."""
    return hint.via == DIRECT and hint.action.lower() in _DELETIONS


def _hits_all(error: Exception) -> bool:
    """Whether the cause cannot be one of the hints."""
    return is_transient(error) or isinstance(error, _ALIKE)
