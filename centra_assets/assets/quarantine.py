"""Whether so much of an entity is set aside that nothing may be computed from it. Who sets aside is storage's part.

A part that is missing from core is missing from every figure, and nobody sees it in the figure. So the contract says
how large it may be; above that, what is downstream waits.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from centra_assets.assets.tables import table_of
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.marts.model import Mart
from centra_assets.storage.quarantined import Part, Standing, standing_of_partitions
from centra_assets.storage.warehouse import Warehouse

# One or two broken orders of a quiet day are no sign of anything, whatever share of the day they are.
FEWEST_THAT_BLOCK = 3
# With the value "true" it tells a run to compute without what is set aside, however much that is.
ALLOW_QUARANTINED_TAG = "centra_assets/allow_quarantined"

_DAYS_TOLD = 5


class SourceBlockedError(CentraAssetsError):
    """So much of what the figures are computed from is in quarantine that they would be wrong."""

    code = "SOURCE_BLOCKED"
    remedy = (
        "See `centra-assets quarantine list`, mend the records in Centra, then `centra-assets quarantine retry`. To "
        'compute without them all the same, run with the tag centra_assets/allow_quarantined: "true".'
    )


def limit_of(entity: Entity) -> float:
    """The share of an entity's records that may be set aside: what the strictest of its contracts says."""
    return min(contract.quarantine_blocks_above for contract in entity.tables)


def is_over(part: Part, limit: float) -> bool:
    """Whether more is set aside than may be."""
    return part.aside >= FEWEST_THAT_BLOCK and part.share > limit


def partitions_over(standing: Standing, limit: float) -> dict[str, Part]:
    """The partitions of which more is set aside than may be."""
    return {key: part for key, part in standing.partitions.items() if is_over(part, limit)}


def told(part: Part) -> str:
    """A part in words."""
    return f"{part.aside} of {part.records} records ({part.share:.1%})"


@dataclass(frozen=True)
class Blockage:
    """An entity with too much set aside: as a `whole`, or of these partitions."""

    entity: Entity
    limit: float
    whole: Part | None = None
    partitions: Mapping[str, Part] = field(default_factory=dict)

    def of_day(self, day: str) -> str:
        """Why nothing is computed for a day (ISO); '' when this entity is no reason."""
        if self.whole is not None:
            return f"{told(self.whole)} of {self.entity.name} are in quarantine, more than {self.limit:.1%}"
        for partition, part in self.partitions.items():
            if self._concerns(partition, day):
                return f"{told(part)} of {self.entity.name} {partition} are in quarantine, more than {self.limit:.1%}"
        return ""

    def _concerns(self, partition: str, day: str) -> bool:
        """A day is of its own partition and of its month; a store, a pricelist or a warehouse is of every day."""
        if self.entity.axis is Axis.DAY:
            return partition == day
        return self.entity.axis is not Axis.MONTH or partition[:7] == day[:7]


def blockages(entities: Iterable[Entity], warehouse: Warehouse) -> Iterator[Blockage]:
    """Those of the entities with too much set aside. Costs a look into an empty table while nothing is."""
    for entity in entities:
        limit = limit_of(entity)
        found = standing_of_partitions(warehouse, entity.name, table_of(entity.tables[0]), limit=limit)
        over = partitions_over(found, limit)
        if is_over(found.whole, limit):
            yield Blockage(entity, limit, found.whole, over)
        elif over:
            yield Blockage(entity, limit, None, over)


def filling(tables: Iterable[str]) -> list[Entity]:
    """The entities whose core tables these are."""
    read = set(tables)
    return [entity for entity in ENTITIES if any(contract.table in read for contract in entity.tables)]


def sources_of(mart: Mart) -> list[Entity]:
    """The entities that a mart is computed from."""
    return filling(reads.table for reads in mart.reads)


def blocked_days(entities: Sequence[Entity], days: Collection[str], warehouse: Warehouse) -> dict[str, str]:
    """Those of the days (ISO) that may not be computed from these entities, each with the reason in words."""
    found = list(blockages(entities, warehouse)) if days else []
    reasons = {day: next(filter(None, (blockage.of_day(day) for blockage in found)), "") for day in sorted(days)}
    return {day: reason for day, reason in reasons.items() if reason}


def in_words(blocked: Mapping[str, str]) -> str:
    """The blocked days in a sentence, the first of them with their reasons."""
    shown = "; ".join(f"{day}: {reason}" for day, reason in list(blocked.items())[:_DAYS_TOLD])
    more = f"; and {len(blocked) - _DAYS_TOLD} more" if len(blocked) > _DAYS_TOLD else ""
    return f"{len(blocked)} days wait. {shown}{more}."


def refuse(what: str, blocked: Mapping[str, str]) -> SourceBlockedError:
    """The error to raise for them."""
    return SourceBlockedError(f"{what}: {in_words(blocked)}")
