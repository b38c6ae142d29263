"""Runs sweeps: which strategy, in which order, and what is noted at the end. How a strategy reads is beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from centra_assets.centra.blocking import BlockingClient
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.entities.stock_changes import STOCK_CHANGES
from centra_assets.failures import is_transient, translated
from centra_assets.storage import sync_state
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.sync_state import SweepRequest
from centra_assets.sync.snapshots import sweep_partition, sweep_snapshots, sweep_window
from centra_assets.sync.stock_ledger import sweep_ledger
from centra_assets.sync.sweeping import DATED, Outcome, Setting, Surroundings, Sweep, first_of, measured
from centra_assets.sync.updates import sweep_updates
from centra_assets.sync_config import Strategy, strategies_of

# What others refer to comes before them; stock last, for its ledger is what all the others say.
_FAMILIES = (
    "reference",
    "products",
    "displays",
    "prices",
    "promotions",
    "accounts",
    "customers",
    "orders",
    "shipments",
    "returns",
    "invoices",
    "purchasing",
    "stock_changes",
    "stock",
)
_BUDGET = timedelta(minutes=5)
# A ledger must be up to date before it is followed.
_LEDGER_FIRST = Setting(Strategy.WINDOW, window_days=1)

# How an entity is swept; None leaves it to `default_setting`.
SettingOf = Callable[[Entity], Setting | None]


def in_order(entities: Sequence[Entity]) -> list[Entity]:
    """The entities in the order in which they are swept."""
    return sorted(entities, key=lambda entity: _FAMILIES.index(entity.family))


def default_setting(entity: Entity) -> Setting:
    """The cheapest strategy that an entity can have."""
    possible = strategies_of(entity)
    return Setting(Strategy.LEDGER if Strategy.LEDGER in possible else possible[0])


def run_sweeps(
    entities: Sequence[Entity],
    around: Surroundings,
    *,
    known: Sequence[Entity] = ENTITIES,
    setting_of: SettingOf = default_setting,
    client_of: Callable[[Entity], BlockingClient] | None = None,
    since: datetime | None = None,
    budget: timedelta = _BUDGET,
) -> Iterator[Outcome]:
    """Sweeps the entities one after the other; what came of each as soon as it is over.

    `client_of` chooses by priority who asks. Single partitions that somebody asked for are swept as well, also those of
    others of the `known` entities. An entity that fails holds up no other: its error is in its outcome. What is no
    error of ours is raised when all the others are done, WarehouseUnavailableError at once.
    """
    asked: dict[str, list[SweepRequest]] = {}
    for request in around.state.requests():
        asked.setdefault(request.entity, []).append(request)
    listed = {entity.name for entity in entities}
    beside = [each for each in known if each.name not in listed and _partitions(asked.get(each.name, []))]
    unexpected: list[Exception] = []
    for entity in in_order([*entities, *beside]):
        here = around if client_of is None else replace(around, client=client_of(entity))
        run = _EntityRun(entity, here, setting_of(entity) or default_setting(entity), asked.get(entity.name, []))
        try:
            yield from run.partitions(is_whole=entity.name in listed)
            if entity.name in listed:
                if run.setting.strategy is Strategy.LEDGER and STOCK_CHANGES.name not in listed:
                    # By a mark of its own: it looks less far back than the entity's own sweep.
                    yield sweep_one(STOCK_CHANGES, here, _LEDGER_FIRST, sweep_window, named=Strategy.LEDGER)
                yield run.whole(since, budget)
            run.settle()
        except WarehouseUnavailableError:
            raise
        except Exception as error:
            around.log.error("%s could not be swept: %s", entity.name, translated(error))
            unexpected.append(error)
    if unexpected:
        raise unexpected[0]


class _EntityRun:
    """What one run does about one entity, and which requests that settles."""

    def __init__(
        self, entity: Entity, around: Surroundings, setting: Setting, requests: Sequence[SweepRequest]
    ) -> None:
        self._entity, self._around, self.setting, self._requests = entity, around, setting, requests
        self._settled: list[int] = []
        self._is_over = True
        self._has_more = False

    def partitions(self, *, is_whole: bool) -> Iterator[Outcome]:
        """Reads the partitions that were asked for, unless a snapshot of the whole has them all."""
        if not (is_whole and self.setting.strategy is Strategy.SNAPSHOT):
            for partition in _partitions(self._requests):
                setting = Setting(Strategy.SNAPSHOT)
                yield self._done(sweep_one(self._entity, self._around, setting, partial(_one, key=partition)))
        self._settled += [request.id for request in self._requests if request.partition]

    def whole(self, since: datetime | None, budget: timedelta) -> Outcome:
        """Sweeps the entity as it is set, and notes that it was done."""
        begin = first_of([since, *(request.since for request in self._requests)])
        work = partial(_whole, since=begin, budget=budget)
        outcome = self._done(sweep_one(self._entity, self._around, self.setting, work))
        if _is_over(outcome):
            name, strategy = self._entity.name, self.setting.strategy
            note = partial(sync_state.checked, entity=name, strategy=strategy, run_id=self._around.run_id)
            self._around.warehouse.transact(partial(note, detail=outcome.detail()))
        self._settled += [request.id for request in self._requests if not request.partition]
        self._has_more = not outcome.is_finished and outcome.error is None
        return outcome

    def settle(self) -> None:
        """Forgets the requests that were carried out; a sweep whose time was over is asked for anew."""
        if (self._is_over or self._has_more) and self._settled:
            self._around.state.settle(self._settled)
        if self._has_more:
            self._around.state.ask_for([self._entity.name], reason="its time was over before its end")

    def _done(self, outcome: Outcome) -> Outcome:
        self._is_over &= _is_over(outcome)
        return outcome


def _partitions(requests: Sequence[SweepRequest]) -> list[str]:
    return list(dict.fromkeys(request.partition for request in requests if request.partition))


def sweep_one(
    entity: Entity, around: Surroundings, setting: Setting, work: Callable[[Sweep], None], *, named: str | None = None
) -> Outcome:
    """One piece of work on one entity, measured and logged; `named` where it is no sweep by the setting's strategy."""
    sweep = Sweep(entity, around, setting)
    # A plain text: an enum, even one of texts, is nothing that Dagster keeps in metadata.
    sweep.outcome.strategy = str(named or sweep.outcome.strategy)
    outcome = measured(sweep, lambda: work(sweep))
    if isinstance(outcome.error, WarehouseUnavailableError):
        raise outcome.error
    (around.log.error if outcome.error else around.log.info)(outcome.line())
    if outcome.error:
        around.log.error(str(outcome.error))
    return outcome


def _is_over(outcome: Outcome) -> bool:
    """Whether there is no sense in doing it again at once: it came to its end, or fails for good."""
    return outcome.is_finished or (outcome.error is not None and not is_transient(outcome.error))


def _one(sweep: Sweep, key: str) -> None:
    if key in sweep.keys_to_ask() or sweep.entity.axis in DATED:
        sweep_partition(sweep, key)
    else:
        sweep.note("a partition that is no longer there was asked for")


def _whole(sweep: Sweep, since: datetime | None, budget: timedelta) -> None:
    match sweep.setting.strategy:
        case Strategy.UPDATED:
            sweep_updates(sweep, since, budget=budget)
        case Strategy.WINDOW:
            sweep_window(sweep, since)
        case Strategy.LEDGER:
            sweep_ledger(sweep, since)
        case _:
            sweep_snapshots(sweep)
