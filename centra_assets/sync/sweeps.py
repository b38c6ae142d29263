"""Runs sweeps: which strategy, in which order, and what is noted at the end. How a strategy reads is beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from centra_assets.entities.model import Entity
from centra_assets.entities.registry import entity as entity_named
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

# How an entity is swept; None for one that is not.
SettingOf = Callable[[Entity], Setting | None]


def in_order(entities: Sequence[Entity]) -> list[Entity]:
    """The entities in the order in which they are swept."""
    return sorted(entities, key=lambda entity: _FAMILIES.index(entity.family))


def default_setting(entity: Entity) -> Setting:
    """The cheapest strategy that an entity can have."""
    possible = strategies_of(entity)
    return Setting(Strategy.LEDGER if Strategy.LEDGER in possible else possible[0])


@dataclass(frozen=True)
class _Asked:
    """What `ops.sweep_request` asks of one entity."""

    requests: Sequence[SweepRequest]

    @property
    def since(self) -> datetime | None:
        return first_of([request.since for request in self.requests])

    @property
    def partitions(self) -> list[str]:
        return list(dict.fromkeys(request.partition for request in self.requests if request.partition))


def run_sweeps(
    entities: Sequence[Entity],
    around: Surroundings,
    *,
    setting_of: SettingOf = default_setting,
    since: datetime | None = None,
    budget: timedelta = _BUDGET,
) -> Iterator[Outcome]:
    """Sweeps the entities one after the other; what came of each as soon as it is over.

    Single partitions that somebody asked for are swept as well, also those of other entities. An entity that fails
    holds up no other: its error is in its outcome. What is no error of ours is raised when all the others are done.
    Raises WarehouseUnavailableError at once.
    """
    asked: dict[str, list[SweepRequest]] = {}
    for request in around.state.requests():
        asked.setdefault(request.entity, []).append(request)
    listed = {entity.name for entity in entities}
    beside = [entity_named(name) for name, held in asked.items() if name not in listed and _Asked(held).partitions]
    unexpected: list[Exception] = []
    for entity in in_order([*entities, *beside]):
        wanted = _Asked(asked.get(entity.name, []))
        try:
            yield from _swept(entity, around, setting_of(entity), wanted, since, budget, whole=entity.name in listed)
        except WarehouseUnavailableError:
            raise
        except Exception as error:
            around.log.error("%s could not be swept: %s", entity.name, type(error).__name__)
            unexpected.append(error)
    if unexpected:
        raise unexpected[0]


def _swept(
    entity: Entity,
    around: Surroundings,
    setting: Setting | None,
    asked: _Asked,
    since: datetime | None,
    budget: timedelta,
    *,
    whole: bool,
) -> Iterator[Outcome]:
    if setting is None:
        around.log.info("%s is not swept: it is switched off.", entity.name)
        around.state.settle([request.id for request in asked.requests])
        return
    is_done = True
    # A snapshot of the whole has every partition in it.
    for partition in () if whole and setting.strategy is Strategy.SNAPSHOT else asked.partitions:
        outcome = sweep_one(entity, around, Setting(Strategy.SNAPSHOT), partial(_one, key=partition))
        is_done &= _is_over(outcome)
        yield outcome
    if whole:
        begin = first_of([since, asked.since])
        outcome = sweep_one(entity, around, setting, lambda sweep: _whole(sweep, begin, budget))
        is_done &= _is_over(outcome)
        if _is_over(outcome):
            note = partial(sync_state.checked, entity=entity.name, strategy=setting.strategy, run_id=around.run_id)
            around.warehouse.transact(partial(note, detail=outcome.detail()))
        yield outcome
    if is_done:
        around.state.settle([request.id for request in asked.requests if whole or request.partition])


def sweep_one(entity: Entity, around: Surroundings, setting: Setting, work: Callable[[Sweep], None]) -> Outcome:
    """One piece of work on one entity, measured and logged."""
    sweep = Sweep(entity, around, setting)
    outcome = measured(sweep, lambda: work(sweep))
    if isinstance(outcome.error, WarehouseUnavailableError):
        raise outcome.error
    (around.log.error if outcome.error else around.log.info)(outcome.line())
    if outcome.error:
        around.log.error(str(outcome.error))
    return outcome


def _is_over(outcome: Outcome) -> bool:
    """Whether there is no sense in doing it again at once: it came to its end, or fails for good."""
    return outcome.is_finished or (outcome.error is not None and not outcome.error.transient)


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
