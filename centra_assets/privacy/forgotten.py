"""The list of whom was forgotten, and the gate that masks their records before they enter the lake. Erases nothing."""

import hmac
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock

import polars as pl
import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.entities.registry import entity as entity_named
from centra_assets.privacy.links import BELONGS, HANDS_ON, SHARED, Kind, Reference, part_of, reader, texts_at
from centra_assets.privacy.masking import mask
from centra_assets.storage.failures import translated

# How old what a process knows of the list may be. Whoever was at work meanwhile is caught by a later look.
FRESH_SECONDS = 1.0

_STATE = "SELECT generation, key FROM ops.privacy_state"
_LIST = "SELECT kind, reference, at FROM ops.forgotten"
_ADD = """
INSERT INTO ops.forgotten (kind, reference, request_id)
SELECT kind, reference, %s FROM unnest(%s::text[], %s::text[]) AS t (kind, reference)
ON CONFLICT (kind, reference) DO UPDATE SET request_id = excluded.request_id, at = excluded.at
"""
_GROW = "UPDATE ops.privacy_state SET generation = generation + 1"


@dataclass(frozen=True)
class Forgotten:
    """The list at one moment: since when each reference is forgotten. E-mail addresses are keyed hashes."""

    key: bytes = b""
    since: Mapping[Kind, Mapping[str, datetime]] = field(default_factory=dict)

    def has(self, reference: Reference) -> bool:
        """Whether the reference is on the list."""
        return self.moment(reference) is not None

    def moment(self, reference: Reference) -> datetime | None:
        """Since when the reference is on the list."""
        held = self.since.get(reference.kind)
        return held.get(self.hashed(reference)) if held else None

    def people(self) -> Iterator[Reference]:
        """Whose elements of shared records are forgotten."""
        for kind in {link.kind for link in SHARED.values()}:
            for value in self.since.get(kind, ()):
                yield Reference(kind, value)

    def hashed(self, reference: Reference) -> str:
        """The reference as the list holds it."""
        if reference.kind is not Kind.EMAIL:
            return reference.value
        return hmac.new(self.key, reference.value.encode(errors="surrogatepass"), sha256).hexdigest()


def key_of(cursor: Cursor[TupleRow]) -> bytes:
    """The installation's own key."""
    row = cursor.execute(_STATE).fetchone()
    assert row is not None
    return bytes(row[1])


def remember(cursor: Cursor[TupleRow], references: Iterable[Reference], request_id: int) -> None:
    """Puts references on the list, in the cursor's transaction."""
    hashing, told = Forgotten(key_of(cursor)), sorted(references)
    if told:
        cursor.execute(_ADD, [request_id, [item.kind for item in told], [hashing.hashed(item) for item in told]])
        cursor.execute(_GROW)


def listed(cursor: Cursor[TupleRow]) -> Forgotten:
    """The list as the cursor's transaction sees it."""
    since: dict[Kind, dict[str, datetime]] = {}
    for kind, reference, at in cursor.execute(_LIST):
        since.setdefault(Kind(kind), {})[reference] = at
    return Forgotten(key_of(cursor), since)


class ForgottenList:
    """The list of one database, read again when it has grown; knows it for FRESH_SECONDS without asking."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._looked_at = float("-inf")
        self._generation: int | None = None
        self._held = Forgotten()

    def current(self) -> Forgotten:
        """The list. Raises storage's errors: without knowing it, nothing may be let in."""
        with self._lock:
            if time.monotonic() - self._looked_at >= FRESH_SECONDS:
                self._look()
            return self._held

    def add(self, references: Iterable[Reference]) -> None:
        """Puts on the list what the list itself led to, such as a new order of a forgotten customer."""
        with translated(), psycopg.connect(self._url, connect_timeout=10) as connection, connection.cursor() as cursor:
            remember(cursor, references, 0)
        with self._lock:
            self._looked_at = float("-inf")

    def _look(self) -> None:
        asked_at = time.monotonic()
        with translated(), psycopg.connect(self._url, connect_timeout=10) as connection:
            # One snapshot for both, so that a number never stands for less than it says.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            row = connection.execute(_STATE).fetchone()
            assert row is not None
            if row[0] != self._generation:
                with connection.cursor() as cursor:
                    self._generation, self._held = row[0], listed(cursor)
        self._looked_at = asked_at


class Admission:
    """The gate of the lake: records of forgotten people are let in without their personal data."""

    def __init__(self, listed: ForgottenList) -> None:
        self._listed = listed

    def __call__(self, entity: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of the lake (`payload` among others), masked where they belong to somebody forgotten."""
        if entity not in BELONGS or rows.is_empty():
            return rows
        forgotten = self._listed.current()
        if not forgotten.since:
            return rows
        payloads = rows["payload"].to_list()
        places = belonging(entity, payloads, forgotten)
        if not places:
            return rows
        found = entity_named(entity)
        handed: set[Reference] = set()
        hands_on = reader([link for link in HANDS_ON.get(entity, ()) if link.kind is not Kind.EMAIL])
        part = part_of(entity, forgotten.people())
        for place in places:
            handed |= {reference for reference in hands_on(payloads[place]) if not forgotten.has(reference)}
            payloads[place] = mask(found, payloads[place], part=part)
        if handed:
            self._listed.add(handed)
        return rows.with_columns(pl.Series("payload", payloads, dtype=pl.String))


def belonging(entity: str, payloads: Iterable[str | None], forgotten: Forgotten) -> list[int]:
    """The places of the payloads that belong to somebody on the list."""
    read = reader(BELONGS[entity])
    return [
        place
        for place, payload in enumerate(payloads)
        if payload is not None and _is_meant(payload, read(payload), forgotten)
    ]


def _is_meant(payload: str, references: Iterable[Reference], forgotten: Forgotten) -> bool:
    return any(
        reference.kind is not Kind.EMAIL or _is_older(payload, moment)
        for reference in references
        if (moment := forgotten.moment(reference)) is not None
    )


def _is_older(payload: str, forgotten_at: datetime) -> bool:
    """Whether a subscription was there when its address was forgotten; one made since then was made anew."""
    for text in texts_at(payload, "createdAt"):
        try:
            created = datetime.fromisoformat(text)
        except ValueError:
            continue
        return created.tzinfo is None or created <= forgotten_at
    return True
