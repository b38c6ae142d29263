"""What answers lacked, judged as a whole before any of it is buried. Who reads the answers is beside it."""

from collections.abc import Mapping, Sequence

import polars as pl

from centra_assets.assets.load import guard_of
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.warehouse import DEFAULT_GUARD, OPEN_GUARD
from centra_assets.sync.comparison import PLACE
from centra_assets.sync.counting import counted_by_us
from centra_assets.sync.lookup import fetch
from centra_assets.sync.sweeping import DATED, Sweep, is_collapse
from centra_assets.sync.tombstones import tombstones


class Missing:
    """The records that the answers of one sweep lacked, and of how many that should have been there.

    A token that lost its rights empties months or stores one by one, each with few enough records to be believed;
    only all of them together show what happened.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._gone: list[pl.DataFrame] = []
        self._known = 0
        self._partitions: set[str] = set()
        self._doubts: list[str] = []

    def add(self, partitions: Sequence[str], gone: pl.DataFrame, known: int) -> None:
        """Takes in that an answer about these partitions lacked `gone` (`id`, `partition`) of `known` records."""
        self._partitions.update(partitions)
        self._known += known
        if gone.height:
            self._gone.append(gone.select(PLACE))
            if is_collapse(gone.height, known, guard_of(self._sweep.entity)):
                self._doubts.append(f"from {partitions[0]} {gone.height} of {known}")

    def bury(self) -> int:
        """Makes tombstones of all of them; returns how many.

        They are asked for by id first, where Centra can be asked so: a reading may have missed one. Raises
        CollapseError, and buries none, where so much is missing that the answers are rather to be doubted.
        """
        self.refuse_collapse()
        if not self._gone:
            return 0
        sweep, gone = self._sweep, pl.concat(self._gone)
        asked_at = sweep.began_at
        if sweep.entity.id_filter is not None:
            found = fetch(sweep.around.client, sweep.entity, ids_by_partition(gone), calendar=sweep.around.calendar)
            asked_at = found.asked_at
            sweep.apply_found(found.rows)
            gone = gone.join(found.rows.select(PLACE), on=PLACE, how="anti")
        # All of them were judged; a load of nothing but tombstones would always look like a collapse to the guard.
        if gone.height:
            sweep.apply(tombstones(gone, asked_at), guard=OPEN_GUARD)
        return gone.height

    def refuse_collapse(self) -> None:
        """Raises CollapseError where a part, or all parts together, lack too much to be believed."""
        gone, name = sum(part.height for part in self._gone), self._sweep.entity.name
        if self._doubts:
            cause = f"Centra's answers lack records of {name}: {'; '.join(self._doubts[:3])}."
            raise self._refused(CollapseError(cause, counts={"missing": gone, "known": self._known}))
        if is_collapse(gone, self._known, DEFAULT_GUARD) or self._would_empty(gone):
            cause = f"{gone} of {self._known} records of {name} are missing in Centra's answers."
            raise self._refused(CollapseError(cause, counts={"missing": gone, "known": self._known}))

    def _refused(self, error: CollapseError) -> CollapseError:
        """The error, told to the trail."""
        around = self._sweep.around
        around.warehouse.refused(self._sweep.entity.name, error, around.run_id)
        return error

    def _would_empty(self, gone: int) -> bool:
        """Whether nothing would be left of the entity; days and months may become empty, all of them may not."""
        if gone == 0 or gone < self._known or self._sweep.entity.axis not in DATED:
            return False
        around, entity = self._sweep.around, self._sweep.entity
        others = [key for key in around.lake.partitions(entity.name) if key not in self._partitions]
        return not any(counted_by_us(around.warehouse, entity, others).values())


def ids_by_partition(rows: pl.DataFrame) -> Mapping[str, list[str]]:
    """The ids of rows of the lake, as they are asked for."""
    return {str(key): part["id"].to_list() for (key,), part in rows.group_by("partition")}
