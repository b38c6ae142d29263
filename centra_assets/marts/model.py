"""What a mart is: a contract, a statement that computes its days, and what it reads. No mart and no loading here."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from centra_assets.entities.contract import Contract
from centra_assets.marts.tables import table_from
from centra_assets.storage.tables import Table

SCHEMA = "marts"
# Every mart has this key column; its days are the partitions.
DAY = "business_date"


@dataclass(frozen=True)
class Reads:
    """A core table that a mart is computed from.

    A row that changes makes the days stale that its `column` names: a date, or `_partition` where the row has the day
    of its document; None where no change can matter. `crosses_days` says that these are not the partition's days.
    """

    table: str
    column: str | None
    crosses_days: bool = False


@dataclass(frozen=True)
class MartRule:
    """A promise of a mart: `failures` selects the keys of what breaks it as one text column `key`.

    Days with an open note are not up to date and must be left out by the query.
    """

    name: str
    failures: str
    meaning: str
    remedy: str


@dataclass(frozen=True)
class Mart:
    """A table of the schema `marts`, partitioned by business day.

    `<contract.table>.sql` in `package` selects the contract's columns for the days `%(days)s`, from the tables of
    `reads` and nothing else.
    """

    contract: type[Contract]
    description: str
    package: str
    reads: Sequence[Reads]
    rules: Sequence[MartRule] = ()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.contract.table

    @property
    def asset(self) -> str:
        """The asset's name, under which notes and loads of the mart are kept."""
        return f"{SCHEMA}/{self.name}"

    @cached_property
    def table(self) -> Table:
        """The table in PostgreSQL."""
        return table_from(self.contract, schema=SCHEMA)

    @cached_property
    def statement(self) -> str:
        """The SQL, as it stands beside the contract."""
        return (files(self.package) / f"{self.name}.sql").read_text(encoding="utf-8")
