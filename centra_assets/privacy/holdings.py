"""The tables that hold an entity's rows, by contract and as the database has them. Changes no row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from centra_assets.entities.contract import Contract
from centra_assets.entities.model import Entity
from centra_assets.privacy.links import Part
from centra_assets.privacy.paths import personal_columns, sources
from centra_assets.storage.ddl import HISTORY_COLUMNS
from centra_assets.storage.tables import SYSTEM_COLUMNS
from centra_assets.storage.warehouse import Warehouse

SCHEMAS = ("core", "history")
_OWN = {column.name for column in (*SYSTEM_COLUMNS, *HISTORY_COLUMNS)}

_COLUMNS = """
SELECT n.nspname::text || '.' || c.relname::text AS relation, a.attname::text AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname IN ('core', 'history') AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Holding:
    """One table in one schema, with the columns that it has."""

    schema: str
    contract: type[Contract]
    columns: frozenset[str]

    @property
    def name(self) -> str:
        """Such as `core.orders`."""
        return f"{self.schema}.{self.contract.table}"

    @property
    def relation(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.contract.table)

    def at(self, path: str) -> list[str]:
        """The columns that are read from a path of the payload."""
        told = self.contract.columns()
        return [
            name for name in told if name in self.columns and tuple(path.split(".")) in sources(self.contract, name)
        ]

    def whose(self, part: Part | None) -> sql.Composed | None:
        """What tells, as text, which rows are meant: their record, or what names the elements of the part; if any."""
        names = ["_record_id"] if part is None else self.at(part.link.path)
        return sql.SQL("{}::text").format(sql.Identifier(names[0])) if names else None

    def to_erase(self) -> list[str]:
        """The columns marked as personal data, and those that left the contract, of which nobody knows any more."""
        known = {*self.contract.columns(), *_OWN}
        marked = [name for name in personal_columns(self.contract) if name in self.columns]
        return [*marked, *sorted(self.columns - known)]


class Holdings:
    """What the database has of the entities' tables at one moment."""

    def __init__(self, warehouse: Warehouse) -> None:
        found: dict[str, set[str]] = {}
        for relation, name in warehouse.query(_COLUMNS).iter_rows():
            found.setdefault(relation, set()).add(name)
        self._columns: Mapping[str, frozenset[str]] = {key: frozenset(names) for key, names in found.items()}

    def has(self, table: str) -> bool:
        """Whether there is a table, such as `core.orders`."""
        return table in self._columns

    def of(self, entity: Entity, schemas: Sequence[str] = SCHEMAS) -> Iterator[Holding]:
        """The entity's tables that exist, those of core first."""
        for schema in schemas:
            for contract in entity.tables:
                columns = self._columns.get(f"{schema}.{contract.table}")
                if columns:
                    yield Holding(schema, contract, columns)
