"""Which deliveries in the inbox speak of people on the list, and what empties them. Follows no hint."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.entities.hints import DIRECT
from centra_assets.privacy.forgotten import Forgotten
from centra_assets.privacy.links import BELONGS, Kind, Reference, folded
from centra_assets.storage import inbox

# An address that is written somewhere in a text; what cannot be in one ends it.
_ADDRESS = re.compile(r"[^\s@<>()\[\]{}\"'\\,;:=?&/|]+@[^\s@<>()\[\]{}\"'\\,;:=?&/|]+")
# What a field is called that names a record, whatever an unknown delivery speaks of.
_NAMES_A_RECORD = re.compile(r"(?i)(id|number|no|reference|customer|buyer|user|consumer|order|object)s?$")
_IDS = (Kind.CUSTOMER, Kind.BUYER, Kind.ORDER)

# Of hints that lead to records it is known whom they are about; an address may be in any.
_TELLING = """
SELECT id, entity = '', element::text FROM ops.inbox
WHERE element <> '{}' AND (entity = '' OR element::text ~* '@|%40')
"""


def is_about(entity: str, via: str, reference: str, forgotten: Forgotten) -> bool:
    """Whether the hint names somebody on the list, or an order of theirs, by itself."""
    return any(
        forgotten.has(Reference(link.kind, reference))
        for link in BELONGS.get(entity, ())
        if link.kind is not Kind.EMAIL and via == (link.path if "." in link.path else DIRECT)
    )


def erase_in_deliveries(cursor: Cursor[TupleRow], forgotten: Forgotten) -> int:
    """Empties deliveries that hold the e-mail address of somebody on the list; and those of types that no entity
    stands for which hold their id or an order's. Returns how many. Nothing is read from what is emptied.
    """
    found: list[int] = []
    with cursor.connection.cursor(name="deliveries") as rows:
        rows.itersize = 5000
        for number, is_unknown, element in rows.execute(_TELLING):
            if _tells_of_somebody(json.loads(element), "", forgotten, with_ids=is_unknown):
                found.append(number)
    return inbox.empty(cursor, found)


def _tells_of_somebody(value: Any, name: str, forgotten: Forgotten, *, with_ids: bool) -> bool:
    if isinstance(value, dict):
        inner: Iterator[tuple[str, Any]] = iter(value.items())
    elif isinstance(value, list):
        inner = ((name, each) for each in value)
    else:
        return _names_somebody(value, name, forgotten, with_ids=with_ids)
    return any(_tells_of_somebody(each, key, forgotten, with_ids=with_ids) for key, each in inner)


def _names_somebody(value: Any, name: str, forgotten: Forgotten, *, with_ids: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value)
    if with_ids and _NAMES_A_RECORD.search(name) and any(forgotten.has(Reference(kind, text)) for kind in _IDS):
        return True
    told = unquote(text)
    return "@" in told and any(
        forgotten.has(Reference(Kind.EMAIL, folded(address.strip(".!")))) for address in _ADDRESS.findall(told)
    )
