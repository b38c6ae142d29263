"""Who else has an e-mail address at present: in core, and in raw, where those are whom core did not take."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from centra_assets.privacy.holdings import Holdings
from centra_assets.privacy.links import HANDS_ON, SHARED, Kind, Reference, folded, reader
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse

# By entity. Of a buyer Centra does not say whether he was anonymised.
_IN_CORE = {
    "customers": (
        Kind.CUSTOMER,
        "core.customers",
        "id::text, email FROM core.customers WHERE NOT is_anonymized IS TRUE",
    ),
    "accounts": (Kind.BUYER, "core.buyers", "id::text, email FROM core.buyers WHERE true"),
}


@dataclass(frozen=True)
class Sharing:
    """Looks for people with certain addresses in one lake and one database. What it reads stays in its memory."""

    lake: Lake
    warehouse: Warehouse
    holdings: Holdings

    def others(self, emails: Collection[str], people: Collection[Reference]) -> set[tuple[Reference, str]]:
        """Who has one of these folded addresses and is not one of these people, and which."""
        meant, found = set(people), set[tuple[Reference, str]]()
        for entity in _IN_CORE if emails else ():
            told = [*self._in_core(entity), *self._in_raw(entity, emails)]
            found |= {(person, email) for person, email in told if email in emails and person not in meant}
        return found

    def _in_core(self, entity: str) -> Iterator[tuple[Reference, str]]:
        kind, table, rows = _IN_CORE[entity]
        if self.holdings.has(table):
            # Folded here: what is a blank, and a small letter, PostgreSQL sees otherwise.
            for number, email in self.warehouse.query(f"SELECT DISTINCT {rows} AND email IS NOT NULL").iter_rows():
                yield Reference(kind, number), folded(email)

    def _in_raw(self, entity: str, emails: Collection[str]) -> Iterator[tuple[Reference, str]]:
        """Those who had one of them in any version, as the newest of them says."""
        read = reader([link for link in HANDS_ON[entity] if link.kind is Kind.EMAIL])
        files = [file for part in self.lake.all_files(entity).values() for file in part]
        suspects: set[str] = set()
        for file in files:
            for record, payload in self.lake.rows([file]).select("id", "payload").drop_nulls().iter_rows():
                if any(reference.value in emails for reference in read(payload)):
                    suspects.add(record)
        newest: dict[str, tuple[datetime, str | None]] = {}
        for file in files if suspects else ():
            rows = self.lake.rows([file], suspects).select("id", "fetched_at", "payload")
            for record, at, payload in rows.iter_rows():
                if record not in newest or newest[record][0] <= at:
                    newest[record] = (at, payload)
        for _, payload in newest.values():
            yield from _people(entity, payload)


def _people(entity: str, payload: str | None) -> Iterator[tuple[Reference, str]]:
    try:
        record: Any = json.loads(payload or "null")
    except ValueError:
        return
    if not isinstance(record, dict):
        return
    link = SHARED.get(entity)
    each = [record] if link is None else record.get(link.path.split(".")[0])
    for person in each if isinstance(each, list) else ():
        if isinstance(person, dict) and isinstance(person.get("email"), str) and person.get("isAnonymized") is not True:
            yield Reference(_IN_CORE[entity][0], str(person.get("id"))), folded(person["email"])
