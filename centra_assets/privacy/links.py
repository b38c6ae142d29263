"""By what a record belongs to a customer or a buyer: references read from payloads. Knows no list of people."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import msgspec


class Kind(StrEnum):
    """What a reference names."""

    CUSTOMER = "customer"
    BUYER = "buyer"
    ORDER = "order"
    ORDER_LINE = "order_line"
    EMAIL = "email"


@dataclass(frozen=True)
class Link:
    """A path of an entity's payload (dots, through lists) and what the value there names."""

    path: str
    kind: Kind


class Reference(NamedTuple):
    """What a payload names: an id as text, or an e-mail address, folded."""

    kind: Kind
    value: str


# In this order what one entity hands on finds the records of the next.
BELONGS: Mapping[str, Sequence[Link]] = {
    "customers": (Link("id", Kind.CUSTOMER),),
    "accounts": (Link("buyers.id", Kind.BUYER),),
    "orders": (Link("customer.id", Kind.CUSTOMER), Link("buyer.id", Kind.BUYER), Link("number", Kind.ORDER)),
    "shipments": (
        Link("customer.id", Kind.CUSTOMER),
        Link("buyer.id", Kind.BUYER),
        Link("order.number", Kind.ORDER),
        Link("lines.orderLine.id", Kind.ORDER_LINE),
    ),
    "returns": (Link("order.number", Kind.ORDER), Link("lines.orderLine.id", Kind.ORDER_LINE)),
    # An invoice names its orders by their lines only.
    "invoices": (Link("lines.orderLine.id", Kind.ORDER_LINE),),
    # A subscription knows no customer.
    "newsletter_subscriptions": (Link("email", Kind.EMAIL),),
}

# Records that are somebody else's but for the elements of one list: the list, and what names whose an element is.
SHARED: Mapping[str, Link] = {"accounts": Link("buyers.id", Kind.BUYER)}

# What a record that belongs to somebody tells of the others that do; of a shared one only their own elements.
HANDS_ON: Mapping[str, Sequence[Link]] = {
    "customers": (Link("email", Kind.EMAIL),),
    "accounts": (Link("buyers.email", Kind.EMAIL),),
    "orders": (Link("number", Kind.ORDER), Link("lines.id", Kind.ORDER_LINE)),
}


@dataclass(frozen=True)
class Part:
    """The elements of a shared record's list that belong to certain people."""

    link: Link
    ids: frozenset[str]

    @property
    def name(self) -> str:
        """Of the list in a record."""
        return self.link.path.split(".")[0]

    def holds(self, element: str) -> bool:
        """Whether an element, as JSON, is one of theirs."""
        return any(text in self.ids for text in texts_at(element, self.link.path.split(".", 1)[1]))

    def of(self, payload: str) -> str:
        """The record with their elements and nothing else; of an unreadable one that is nothing."""
        record = _leniently(payload)
        elements = record.get(self.name) if isinstance(record, dict) else None
        own = [each for each in elements if self.holds(json.dumps(each))] if isinstance(elements, list) else []
        return json.dumps({self.name: own})


def part_of(entity: str, references: Iterable[Reference]) -> Part | None:
    """What belongs to the people among these references in a record of the entity; None where that is all of it."""
    link = SHARED.get(entity)
    if link is None:
        return None
    return Part(link, frozenset(reference.value for reference in references if reference.kind is link.kind))


def people(customers: Iterable[int] = (), buyers: Iterable[int] = ()) -> list[Reference]:
    """Customers and buyers by Centra's ids, each once, in order."""
    told = [Reference(Kind.CUSTOMER, str(number)) for number in sorted(set(customers))]
    return told + [Reference(Kind.BUYER, str(number)) for number in sorted(set(buyers))]


def named(references: Iterable[Reference]) -> str:
    """People as they are told of: `customers 17, 18 and buyer 3`."""
    by_kind: dict[Kind, list[str]] = {}
    for reference in references:
        by_kind.setdefault(reference.kind, []).append(reference.value)
    return " and ".join(_named(kind, ids) for kind, ids in by_kind.items())


def _named(kind: Kind, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 10} more" if len(ids) > 10 else ""
    return f"{kind}{'s' if len(ids) != 1 else ''} {', '.join(ids[:10])}{more}"


def folded(email: str) -> str:
    """An e-mail address as it is compared."""
    return email.strip().lower()


def reader(links: Sequence[Link]) -> Callable[[str], set[Reference]]:
    """A function from a payload to what it names at these links; of an unreadable payload that is nothing."""
    paths = [(tuple(link.path.split(".")), link.kind) for link in links]
    decode = _decoder(tuple(path for path, _ in paths))

    def read(payload: str) -> set[Reference]:
        try:
            record: Any = decode(payload)
        except (msgspec.MsgspecError, UnicodeError):
            record = _leniently(payload)
        return {Reference(kind, text) for path, kind in paths for text in _texts(record, path, kind)}

    return read


def texts_at(payload: str, path: str) -> list[str]:
    """The scalars at a path, as text."""
    return _texts(_leniently(payload), tuple(path.split(".")), None)


@cache
def _decoder(paths: tuple[tuple[str, ...], ...]) -> Callable[[str], Any]:
    """Decodes nothing but these paths: the rest of a record is skipped at the speed of a copy."""
    return msgspec.json.Decoder(_shape(paths)).decode


def _shape(paths: Iterable[tuple[str, ...]]) -> Any:
    below: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    fields: list[tuple[str, Any, Any]] = []
    for name, rests in below.items():
        inner: Any = _shape(rest for rest in rests if rest) if any(rests) else None
        told = int | str | None if inner is None else inner | list[inner] | None
        fields.append((name, told, None))
    return msgspec.defstruct("Part", fields)


def _texts(value: Any, path: tuple[str, ...], kind: Kind | None) -> list[str]:
    """The scalars at a path, as they are compared. Called for every record that comes in while anybody is forgotten."""
    for depth, name in enumerate(path):
        if isinstance(value, list):
            return [text for element in value for text in _texts(element, path[depth:], kind)]
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            return []
    if isinstance(value, list):
        return [text for element in value for text in _texts(element, (), kind)]
    if not isinstance(value, int | str) or isinstance(value, bool):
        return []
    text = folded(value) if kind is Kind.EMAIL and isinstance(value, str) else str(value)
    return [text] if text else []


def _leniently(payload: str) -> Any:
    """For a payload of another shape than it should have, such as an id that is a fraction."""
    try:
        return json.loads(payload)
    except ValueError:
        return None
