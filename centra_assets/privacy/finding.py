"""Finds what belongs to customers and buyers, in raw and in core: records and references to them. Changes nothing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psycopg import sql

from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.privacy.forgotten import Forgotten, belonging
from centra_assets.privacy.holdings import Holding, Holdings
from centra_assets.privacy.links import BELONGS, HANDS_ON, Kind, Link, Part, Reference, folded, part_of, reader
from centra_assets.privacy.sharing import Sharing
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse

# In the order of BELONGS; a platform may be wired with fewer.
LINKED: tuple[Entity, ...] = tuple(entity for name in BELONGS for entity in ENTITIES if entity.name == name)

_SET_ASIDE = "SELECT record_id FROM ops.quarantine WHERE entity = %s AND record_id = ANY(%s)"


@dataclass
class Found:
    """What belongs to the people: by which references it is recognised, and the records of each entity.

    `others` are people who have an e-mail address with one of them in common; what is known by such an address only is
    theirs as well and not among the records.
    """

    references: set[Reference] = field(default_factory=set)
    records: dict[str, set[str]] = field(default_factory=dict)
    others: set[Reference] = field(default_factory=set)


class Finder:
    """Looks through everything of one lake and one database. Personal data stays in its memory."""

    def __init__(self, lake: Lake, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._holdings = Holdings(warehouse)

    def find(self, people: Collection[Reference]) -> Found:
        """Everything that belongs to these people, in whatever version and place. Raises storage's errors."""
        found = Found(set(people))
        for entity in LINKED:
            ids = self._in_raw(entity, found.references) | self._in_tables(entity, found.references)
            found.records[entity.name] = ids
            handed = self._handed_on(entity, ids, part_of(entity.name, people))
            found.references |= self._unshared(handed, people, found)
        return found

    def unknown(self, people: Collection[Reference]) -> list[Reference]:
        """Those of whom nothing is known: no table, nothing in quarantine and no file of raw names them.

        Raw is read through only for those whom the tables do not know.
        """
        left = set(people)
        for look in (self._known_to_tables, self._known_to_quarantine, self._known_to_raw):
            for entity in LINKED if left else ():
                left -= look(entity, left)
        return sorted(left)

    def _known_to_tables(self, entity: Entity, people: Collection[Reference]) -> set[Reference]:
        known: set[Reference] = set()
        for link in BELONGS[entity.name]:
            ids = [int(person.value) for person in people if person.kind is link.kind]
            for holding in self._holdings.of(entity) if ids else ():
                for column in holding.at(link.path):
                    statement = sql.SQL("SELECT DISTINCT {0} AS id FROM {1} WHERE {0} = ANY(%s)").format(
                        sql.Identifier(column), holding.relation
                    )
                    found = self._warehouse.query(statement.as_string(), [ids])["id"]
                    known |= {Reference(link.kind, str(number)) for number in found}
        return known

    def _known_to_quarantine(self, entity: Entity, people: Collection[Reference]) -> set[Reference]:
        aside = self._warehouse.query(_SET_ASIDE, [entity.name, [person.value for person in people]])["record_id"]
        return people_of(entity, set(aside)) & set(people)

    def _known_to_raw(self, entity: Entity, people: Collection[Reference]) -> set[Reference]:
        links = [link for link in BELONGS[entity.name] if any(person.kind is link.kind for person in people)]
        if not links:
            return set()
        read, meant, known = reader(links), set(people), set[Reference]()
        for files in self._lake.all_files(entity.name).values():
            for file in files:
                rows = self._lake.rows([file]).select("id", "payload")
                # A record that is gone has no payload, and an id all the same.
                known |= people_of(entity, set(rows["id"])) & meant
                for payload in rows["payload"].drop_nulls():
                    known |= read(payload) & meant
        return known

    def _in_raw(self, entity: Entity, references: Iterable[Reference]) -> set[str]:
        if not {link.kind for link in BELONGS[entity.name]} & {reference.kind for reference in references}:
            return set()
        # Whatever is on this list is on it as of now, so that every subscription is older.
        listed = _unkeyed(references)
        ids: set[str] = set()
        for files in self._lake.all_files(entity.name).values():
            for file in files:
                rows = self._lake.rows([file]).select("id", "payload")
                places = belonging(entity.name, rows["payload"], listed)
                ids.update(rows["id"].gather(places))
        return ids

    def _in_tables(self, entity: Entity, references: Collection[Reference]) -> set[str]:
        ids: set[str] = set()
        for link in BELONGS[entity.name]:
            values = [reference.value for reference in references if reference.kind is link.kind]
            for holding in self._holdings.of(entity) if values else ():
                for column in holding.at(link.path):
                    ids.update(self._records_with(holding, column, link.kind, values))
        return ids

    def _records_with(self, holding: Holding, column: str, kind: Kind, values: list[str]) -> list[str]:
        name = sql.Identifier(column)
        if kind is Kind.EMAIL:
            # Folded here: what is a blank, and a small letter, PostgreSQL sees otherwise.
            statement = sql.SQL("SELECT DISTINCT _record_id AS id, {0} AS email FROM {1} WHERE {0} IS NOT NULL")
            rows = self._warehouse.query(statement.format(name, holding.relation).as_string())
            meant = set(values)
            return [record for record, email in rows.iter_rows() if folded(email) in meant]
        statement = sql.SQL("SELECT DISTINCT _record_id AS id FROM {} WHERE {} = ANY(%s::bigint[])")
        ids = [int(value) for value in values if value.isdecimal()]
        return self._warehouse.query(statement.format(holding.relation, name).as_string(), [ids])["id"].to_list()

    def _handed_on(self, entity: Entity, ids: Collection[str], part: Part | None) -> set[Reference]:
        links = HANDS_ON.get(entity.name, ())
        if not links or not ids:
            return set()
        handed: set[Reference] = set()
        read = reader(links)
        for files in self._lake.all_files(entity.name).values():
            for file in files:
                for payload in self._lake.rows([file], ids)["payload"].drop_nulls():
                    handed |= read(payload if part is None else part.of(payload))
        for link in links:
            handed |= self._handed_on_by_tables(entity, link, ids, part)
        return handed

    def _handed_on_by_tables(
        self, entity: Entity, link: Link, ids: Collection[str], part: Part | None
    ) -> set[Reference]:
        handed: set[Reference] = set()
        for holding in self._holdings.of(entity):
            whose = holding.whose(part)
            for column in holding.at(link.path) if whose is not None else ():
                statement = sql.SQL(
                    "SELECT DISTINCT {0}::text AS told FROM {1} WHERE {2} = ANY(%s) AND {0} IS NOT NULL"
                ).format(sql.Identifier(column), holding.relation, whose)
                meant = ids if part is None else part.ids
                told = self._warehouse.query(statement.as_string(), [list(meant)])["told"].to_list()
                handed |= {Reference(link.kind, folded(text) if link.kind is Kind.EMAIL else text) for text in told}
        return {reference for reference in handed if reference.value}

    def _unshared(self, handed: set[Reference], people: Collection[Reference], found: Found) -> set[Reference]:
        """What they hand on without the addresses that somebody else, who is not forgotten, has as well."""
        emails = {reference.value for reference in handed if reference.kind is Kind.EMAIL}
        others = Sharing(self._lake, self._warehouse, self._holdings).others(emails, people)
        found.others |= {person for person, _ in others}
        kept = {email for _, email in others}
        return {reference for reference in handed if reference.kind is not Kind.EMAIL or reference.value not in kept}


def people_of(entity: Entity, ids: Iterable[str]) -> set[Reference]:
    """Whom records of an entity are themselves; nobody, where its records are no people."""
    kinds = {link.kind for link in BELONGS[entity.name] if link.path == "id"}
    return {Reference(kind, number) for kind in kinds for number in ids}


def _unkeyed(references: Iterable[Reference]) -> Forgotten:
    """A list for one search, whose addresses are hashed with a key of no importance."""
    moment = datetime.max.replace(tzinfo=UTC)
    since: dict[Kind, dict[str, datetime]] = {}
    listed = Forgotten(b"", since)
    for reference in references:
        since.setdefault(reference.kind, {})[listed.hashed(reference)] = moment
    return listed
