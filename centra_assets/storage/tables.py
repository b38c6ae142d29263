"""What a warehouse table is made of. The contracts that tables come from live with the entities."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """One column: `type` is PostgreSQL's name for it, such as `numeric(19,4)` or `timestamp with time zone`."""

    name: str
    type: str
    nullable: bool = True
    description: str = ""
    personal_data: bool = False


# Every core table ends with these, filled by the machinery and not by a transform.
SYSTEM_COLUMNS: tuple[Column, ...] = (
    Column("_record_id", "text", nullable=False, description="Id of the raw record that the row was read from."),
    Column("_partition", "text", nullable=False, description="Partition key of that raw record."),
    Column(
        "_source_updated_at",
        "timestamp with time zone",
        description="When Centra last changed the record, where it says so.",
    ),
    Column("_fetched_at", "timestamp with time zone", nullable=False, description="When the record was fetched."),
    Column("_loaded_at", "timestamp with time zone", nullable=False, description="When the row was last written."),
)


@dataclass(frozen=True)
class Follower:
    """An asset that is computed from a table by the days in one of its date columns."""

    asset: str
    column: str


@dataclass(frozen=True)
class Table:
    """A core table and its twin of superseded rows in `history`.

    `columns` are the business columns in order; `key` names the primary key among them. `follows` are the assets whose
    days a load notes as stale when it changes a row of them.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str]
    description: str = ""
    schema: str = "core"
    indexes: Sequence[Sequence[str]] = field(default=())
    follows: Sequence[Follower] = field(default=())

    @property
    def relation(self) -> str:
        """The quoted name, as PostgreSQL's `regclass` reads it."""
        return f'"{self.schema}"."{self.name}"'
